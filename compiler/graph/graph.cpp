// Building, copying and editing a graph. What an operation means is not known here: that is its OpDef.
#include "compiler/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "compiler/ops/op.h"

namespace nnc {
namespace {

constexpr std::array<std::string_view, 6> kStateKinds = {"parameter", "statistic", "optimizer",
                                                         "counter",   "recurrent", "prepared"};

Attributes leaf_attributes(const std::string& name, const Type& type) {
  Attributes attributes;
  attributes.set("name", name);
  attributes.set("element", type.element);
  attributes.set("shape", type.shape);
  return attributes;
}

}  // namespace

std::string_view name(StateKind kind) { return kStateKinds[static_cast<std::size_t>(kind)]; }

bool parse_state_kind(std::string_view text, StateKind& kind) {
  const auto found = std::find(kStateKinds.begin(), kStateKinds.end(), text);
  if (found == kStateKinds.end()) return false;
  kind = static_cast<StateKind>(found - kStateKinds.begin());
  return true;
}

Op* Graph::add(const OpDef& def, std::vector<Value*> operands, Attributes attributes, Origin origin,
               std::vector<std::unique_ptr<Graph>> graphs) {
  const Inferred inferred = infer(def, operands, attributes, graphs);
  if (!inferred.error.empty()) throw InternalError(fmt::format("{}: {}", def.name, inferred.error));
  std::unique_ptr<Op> op = std::make_unique<Op>();
  op->def = &def;
  op->inputs = std::move(operands);
  op->attributes = std::move(attributes);
  op->graphs = std::move(graphs);
  op->origin = std::move(origin);
  for (std::size_t i = 0; i < inferred.types.size(); ++i) {
    op->results.push_back(
        std::make_unique<Value>(Value{inferred.types[i], op.get(), static_cast<int>(i), std::string()}));
  }
  if (def.name == "input") inputs.push_back(op->result());
  if (def.name == "state") {
    State entry{op->attributes.text("name"), StateKind::Parameter, op->result(), nullptr};
    parse_state_kind(op->attributes.text("kind"), entry.kind);
    states.push_back(std::move(entry));
  }
  ops.push_back(std::move(op));
  return ops.back().get();
}

Value* Graph::input(const std::string& input_name, const Type& type, bool per_example, Origin origin) {
  Attributes attributes = leaf_attributes(input_name, type);
  attributes.set("per_example", per_example);
  attributes.set("classes", std::int64_t{0});
  Value* value = add(op_def("input"), {}, std::move(attributes), std::move(origin))->result();
  value->name = is_added_by_nnc(input_name) ? input_name.substr(1) : input_name;
  return value;
}

Value* Graph::state(const std::string& state_name, const Type& type, StateKind kind, Origin origin) {
  Attributes attributes = leaf_attributes(state_name, type);
  attributes.set("kind", std::string(nnc::name(kind)));
  return add(op_def("state"), {}, std::move(attributes), std::move(origin))->result();
}

Value* Graph::constant(Tensor value, Origin origin) {
  Attributes attributes;
  attributes.set("value", std::move(value));
  return add(op_def("constant"), {}, std::move(attributes), std::move(origin))->result();
}

Graph Graph::clone(std::map<const Value*, Value*>* map) const {
  Graph copy;
  copy.name = name;
  std::map<const Value*, Value*> own;
  std::map<const Value*, Value*>& to = map != nullptr ? *map : own;
  for (const std::unique_ptr<Op>& op : ops) {
    std::unique_ptr<Op> twin = std::make_unique<Op>();
    twin->def = op->def;
    twin->attributes = op->attributes;
    twin->origin = op->origin;
    for (const Value* operand : op->inputs) twin->inputs.push_back(to.at(operand));
    for (const std::unique_ptr<Graph>& graph : op->graphs) {
      twin->graphs.push_back(std::make_unique<Graph>(graph->clone(&to)));
    }
    for (const std::unique_ptr<Value>& value : op->results) {
      twin->results.push_back(std::make_unique<Value>(Value{value->type, twin.get(), value->result, value->name}));
      to[value.get()] = twin->results.back().get();
    }
    copy.ops.push_back(std::move(twin));
  }
  for (const Value* input : inputs) copy.inputs.push_back(to.at(input));
  for (const State& each : states) {
    copy.states.push_back({each.name, each.kind, to.at(each.value), each.next == nullptr ? nullptr : to.at(each.next)});
  }
  for (const Output& each : outputs) copy.outputs.push_back({each.name, to.at(each.value)});
  return copy;
}

void Graph::replace_uses(Value* from, Value* to) {
  for (const std::unique_ptr<Op>& op : ops) std::replace(op->inputs.begin(), op->inputs.end(), from, to);
  for (State& each : states) {
    if (each.next == from) each.next = to;
  }
  for (Output& each : outputs) {
    if (each.value == from) each.value = to;
  }
}

// Depth first from each operation in its present order, so that what need not move does not. Inputs and states come
// first, in the order of the signature.
void Graph::sort() {
  std::vector<Op*> roots;
  for (const Value* input : inputs) roots.push_back(input->producer);
  for (const State& each : states) roots.push_back(each.value->producer);
  for (const std::unique_ptr<Op>& op : ops) roots.push_back(op.get());

  std::map<Op*, std::unique_ptr<Op>> owned;
  for (std::unique_ptr<Op>& op : ops) {
    Op* key = op.get();
    owned[key] = std::move(op);
  }
  ops.clear();
  std::set<const Op*> entered;
  std::vector<std::pair<Op*, std::size_t>> stack;  // an operation and its next operand to visit
  for (Op* root : roots) {
    if (entered.insert(root).second) stack.push_back({root, 0});
    while (!stack.empty()) {
      auto& [op, next] = stack.back();
      if (next < op->inputs.size()) {
        Op* producer = op->inputs[next++]->producer;
        if (entered.insert(producer).second) {
          stack.push_back({producer, 0});
        } else if (owned.at(producer) != nullptr &&
                   std::any_of(stack.begin(), stack.end(), [&](const auto& each) { return each.first == producer; })) {
          throw InternalError("the graph has a cycle");
        }
      } else {
        ops.push_back(std::move(owned.at(op)));
        stack.pop_back();
      }
    }
  }
}

State* Graph::find_state(std::string_view state_name) {
  const auto found = std::find_if(states.begin(), states.end(), [&](const State& s) { return s.name == state_name; });
  return found == states.end() ? nullptr : &*found;
}

Value* Graph::find_output(std::string_view output_name) {
  const auto found =
      std::find_if(outputs.begin(), outputs.end(), [&](const Output& o) { return o.name == output_name; });
  return found == outputs.end() ? nullptr : found->value;
}

std::map<const Value*, int> use_counts(const Graph& graph) {
  std::map<const Value*, int> counts;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (const std::unique_ptr<Value>& value : op->results) counts[value.get()];
    for (const Value* operand : op->inputs) ++counts[operand];
  }
  for (const State& each : graph.states) {
    if (each.next != nullptr) ++counts[each.next];
  }
  for (const Output& each : graph.outputs) ++counts[each.value];
  return counts;
}

}  // namespace nnc
