// What the passes share: one sweep of rewriting over a graph, and small questions about values. See rewrite.h.
#include "compiler/passes/rewrite.h"

#include <fmt/format.h>

#include <cstring>

namespace nnc {

bool rewrite(Graph& graph, const RewriteRule& rule) {
  std::vector<std::unique_ptr<Op>> old = std::move(graph.ops);
  graph.ops.clear();
  std::map<const Value*, Value*> replaced;
  auto current = [&](Value* value) {
    auto found = replaced.find(value);
    return found == replaced.end() ? value : found->second;
  };
  // Kept to the end, since `replaced` knows their results by address.
  std::vector<std::unique_ptr<Op>> buried;
  for (std::unique_ptr<Op>& op : old) {
    for (Value*& input : op->inputs) input = current(input);
    GraphBuilder builder(graph, op->origin);
    std::vector<Value*> results = rule(builder, *op);
    if (results.empty()) {
      graph.ops.push_back(std::move(op));
      continue;
    }
    for (std::size_t i = 0; i < op->results.size(); ++i) {
      Value* result = op->result(static_cast<int>(i));
      if (results.at(i)->type != result->type) {
        throw InternalError(fmt::format("{} of type {} rewritten as {}", op->def->name, to_string(result->type),
                                        to_string(results[i]->type)));
      }
      if (results[i]->name.empty()) results[i]->name = result->name;
      replaced[result] = results[i];
    }
    buried.push_back(std::move(op));
  }
  for (Output& output : graph.outputs) output.value = current(output.value);
  for (State& state : graph.states) {
    if (state.next) state.next = current(state.next);
  }
  return !buried.empty();
}

void for_each_subgraph(Graph& graph, const std::function<void(Graph&)>& pass) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (const std::unique_ptr<Graph>& inner : op->graphs) pass(*inner);
  }
}

Op* clone_op(Graph& to, const Op& op, std::vector<Value*> inputs) {
  std::vector<std::unique_ptr<Graph>> graphs;
  for (const std::unique_ptr<Graph>& inner : op.graphs) graphs.push_back(std::make_unique<Graph>(inner->clone()));
  Op* copy = to.add(*op.def, std::move(inputs), op.attributes, op.origin, std::move(graphs));
  for (std::size_t i = 0; i < op.results.size(); ++i) copy->results[i]->name = op.results[i]->name;
  return copy;
}

std::vector<Value*> inline_graph(Graph& to, const Graph& body, const std::vector<Value*>& inputs) {
  std::map<const Value*, Value*> map;
  for (std::size_t i = 0; i < body.inputs.size(); ++i) map[body.inputs[i]] = inputs.at(i);
  for (const std::unique_ptr<Op>& op : body.ops) {
    if (map.count(op->results.empty() ? nullptr : op->result())) continue;
    std::vector<Value*> operands;
    for (Value* input : op->inputs) operands.push_back(map.at(input));
    Op* copy = clone_op(to, *op, std::move(operands));
    for (std::size_t i = 0; i < op->results.size(); ++i) map[op->results[i].get()] = copy->results[i].get();
  }
  std::vector<Value*> outputs;
  for (const Output& output : body.outputs) outputs.push_back(map.at(output.value));
  return outputs;
}

std::set<const Value*> dependents(const Graph& graph, std::set<const Value*> seeds) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    bool depends = false;
    for (const Value* input : op->inputs) depends = depends || seeds.count(input);
    if (!depends) continue;
    for (const std::unique_ptr<Value>& result : op->results) seeds.insert(result.get());
  }
  return seeds;
}

std::map<const Value*, std::vector<Op*>> users(const Graph& graph) {
  std::map<const Value*, std::vector<Op*>> found;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (const Value* input : op->inputs) found[input].push_back(op.get());
  }
  return found;
}

bool is_op(const Value* value, std::string_view name) { return value->producer && value->producer->def->name == name; }

std::string source_name(const Value* value) {
  while (value->name.empty() && (is_op(value, "transpose") || is_op(value, "reshape") || is_op(value, "broadcast"))) {
    value = value->producer->inputs[0];
  }
  return is_op(value, "state") ? value->producer->attributes.text("name") : value->name;
}

const Tensor* constant_value(const Value* value) {
  return is_op(value, "constant") ? &value->producer->attributes.get<Tensor>("value") : nullptr;
}

std::optional<double> splat_value(const Value* value) {
  if (is_op(value, "broadcast") || is_op(value, "reshape")) return splat_value(value->producer->inputs[0]);
  const Tensor* tensor = constant_value(value);
  if (!tensor || element_count(tensor->type.shape) == 0) return std::nullopt;
  return tensor->is_splat() ? std::optional<double>(tensor->at(0)) : std::nullopt;
}

ScanView::ScanView(const Op& scan)
    : op(scan),
      body(*scan.graphs.at(0)),
      length(scan.attributes.integer("length")),
      carries(static_cast<std::size_t>(scan.attributes.integer("carries"))),
      sequences(static_cast<std::size_t>(scan.attributes.integer("sequences"))),
      fixed(scan.inputs.size() - carries - sequences),
      stacked(scan.results.size() - carries),
      reverse(scan.attributes.flag("reverse")) {}

namespace {

Value* body_input(Graph& body, char letter, std::size_t number, const Type& type) {
  return body.input(fmt::format("{}{}", letter, number), type);
}

// The inputs of a body stand in the order carries, sequences, fixed, whatever the order in which they were asked for.
void order_inputs(Graph& body) {
  std::vector<Value*> ordered;
  for (char letter : {'c', 'x', 'f'}) {
    for (Value* input : body.inputs) {
      if (input->producer->attributes.text("name")[0] == letter) ordered.push_back(input);
    }
  }
  body.inputs = std::move(ordered);
  body.sort();
}

}  // namespace

Value* ScanBuilder::carry(Value* initial) {
  carries_.push_back(initial);
  return body_input(*body_, 'c', carries_.size() - 1, initial->type);
}

Value* ScanBuilder::sequence(Value* stacked) {
  sequences_.push_back(stacked);
  Type type = stacked->type;
  type.shape.erase(type.shape.begin());
  return body_input(*body_, 'x', sequences_.size() - 1, type);
}

Value* ScanBuilder::fixed(Value* value) {
  fixed_.push_back(value);
  return body_input(*body_, 'f', fixed_.size() - 1, value->type);
}

std::vector<Value*> ScanBuilder::finish(GraphBuilder& builder, std::int64_t length, bool reverse) {
  for (std::size_t i = 0; i < next_.size(); ++i) body_->outputs.push_back({fmt::format("c{}", i), next_[i]});
  for (std::size_t i = 0; i < stacked_.size(); ++i) body_->outputs.push_back({fmt::format("y{}", i), stacked_[i]});
  order_inputs(*body_);
  std::vector<Value*> operands = carries_;
  operands.insert(operands.end(), sequences_.begin(), sequences_.end());
  operands.insert(operands.end(), fixed_.begin(), fixed_.end());
  Attributes attributes;
  attributes.set("length", length);
  attributes.set("carries", static_cast<std::int64_t>(carries_.size()));
  attributes.set("sequences", static_cast<std::int64_t>(sequences_.size()));
  attributes.set("reverse", reverse);
  std::vector<std::unique_ptr<Graph>> graphs;
  graphs.push_back(std::move(body_));
  return builder.op_all("scan", std::move(operands), std::move(attributes), std::move(graphs));
}

}  // namespace nnc
