#include "compiler/probes.h"

#include <map>
#include <set>

#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// Adds what depends on the inputs, in the bodies of loops too.
void add_dependents(const Graph& graph, const std::set<const Value*>& inputs, std::set<const Value*>& to) {
  const std::set<const Value*> found = dependents(graph, inputs);
  to.insert(found.begin(), found.end());
  for (const std::unique_ptr<Op>& op : graph.ops) {
    // What is carried from step to step depends on all that comes in.
    if (op->graphs.empty() || op->results.empty() || found.count(op->result()) == 0) continue;
    for (const std::unique_ptr<Graph>& body : op->graphs) {
      add_dependents(*body, {body->inputs.begin(), body->inputs.end()}, to);
    }
  }
}

// All values that depend on an example.
std::set<const Value*> per_example(const Graph& graph) {
  std::set<const Value*> inputs;
  for (const Value* input : graph.inputs) {
    if (input->producer->attributes.flag("per_example")) inputs.insert(input);
  }
  std::set<const Value*> result;
  add_dependents(graph, inputs, result);
  return result;
}

// Of a result of a loop that stacks a value of its body: that value; else null.
const Value* stacked(const Value* value) {
  const Op& op = *value->producer;
  if (op.def->name != "scan" || value->result < op.attributes.integer("carries")) return nullptr;
  return op.graphs[0]->outputs[static_cast<std::size_t>(value->result)].value;
}

// Whether the elements are those of a value that is shown, or of an input or state, in another arrangement.
bool only_arranges(const Value* value, const std::set<const Value*>& shown) {
  while (shown.count(value) == 0) {
    const OpDef& def = *value->producer->def;
    if (def.has(Leaf)) return true;
    if (const Value* inner = stacked(value)) {
      value = inner;
      continue;
    }
    if (!def.has(Movement) || value->producer->inputs.size() != 1) return false;
    value = value->producer->inputs[0];
  }
  return true;
}

// Whether each element of y depends on that element of x and on no other number of the example.
bool is_elementwise(const Value* y, const Value* x, const std::set<const Value*>& of_example) {
  if (x == nullptr || !is_float(x->type.element) || y == x) return false;
  std::vector<const Value*> left = {y};
  std::set<const Value*> seen;
  bool reaches = false;
  while (!left.empty()) {
    const Value* value = left.back();
    left.pop_back();
    reaches = reaches || value == x;
    if (value == x || of_example.count(value) == 0 || !seen.insert(value).second) continue;
    if (!value->producer->def->has(Elementwise)) return false;
    left.insert(left.end(), value->producer->inputs.begin(), value->producer->inputs.end());
  }
  return reaches;
}

// A graph, and the loops that lead to it from outside.
struct Home {
  Graph* graph = nullptr;
  std::vector<Op*> loops;
};
using Homes = std::map<const Value*, Home>;

void add_homes(const Home& home, Homes& homes) {
  for (const std::unique_ptr<Op>& op : home.graph->ops) {
    for (const std::unique_ptr<Value>& result : op->results) homes.emplace(result.get(), home);
    for (const std::unique_ptr<Graph>& body : op->graphs) {
      Home inner{body.get(), home.loops};
      inner.loops.push_back(op.get());
      add_homes(inner, homes);
    }
  }
}

// A value of the body of a loop, one a step along a new first axis, as a value outside.
Value* outside(Value* value, const Home& home) {
  for (std::vector<Op*>::const_reverse_iterator loop = home.loops.rbegin(); loop != home.loops.rend(); ++loop) {
    Op& op = **loop;
    Graph& body = *op.graphs[0];
    const std::int64_t carries = op.attributes.integer("carries");
    const std::int64_t place = static_cast<std::int64_t>(op.results.size());
    body.outputs.push_back({"y" + std::to_string(place - carries), value});
    Type type = value->type;
    type.shape.insert(type.shape.begin(), op.attributes.integer("length"));
    op.results.push_back(std::make_unique<Value>(Value{type, &op, static_cast<int>(place), ""}));
    value = op.results.back().get();
  }
  return value;
}

}  // namespace

std::string value_name(std::size_t i) { return "value:" + std::to_string(i); }
std::string slope_name(std::size_t i) { return "slope:" + std::to_string(i); }

std::vector<Probe> add_probes(Graph& graph, const std::vector<ModelCall>& calls) {
  const std::set<const Value*> of_example = per_example(graph);
  Homes homes;
  add_homes({&graph, {}}, homes);
  std::set<const Value*> shown;
  std::vector<Probe> probes;
  graph.outputs.clear();
  for (const ModelCall& call : calls) {
    const bool is_wanted = is_float(call.result->type.element) && of_example.count(call.result) != 0;
    if (!is_wanted || only_arranges(call.result, shown)) continue;
    shown.insert(call.result);
    const Home& home = homes.at(call.result);
    GraphBuilder builder(*home.graph, call.result->producer->origin);
    Value* const value = outside(builder.cast(call.result, ElementType::F32), home);
    graph.outputs.push_back({value_name(probes.size()), value});
    Probe probe{call.name, call.function, value->type.shape, false};
    if (is_elementwise(call.result, call.argument, of_example)) {
      probe.has_slope = true;
      Value* slope = builder.op("gradient", {call.result, builder.like(call.result, 1), call.argument});
      graph.outputs.push_back({slope_name(probes.size()), outside(builder.cast(slope, ElementType::F32), home)});
    }
    probes.push_back(probe);
    home.graph->sort();
  }
  graph.sort();
  return probes;
}

void drop_constant_slopes(Graph& graph, std::vector<Probe>& probes) {
  const std::set<const Value*> of_example = per_example(graph);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Value* slope = graph.find_output(slope_name(i));
    if (slope == nullptr || of_example.count(slope) != 0 || splat_value(slope) == 0.0) continue;
    probes[i].has_slope = false;
    std::erase_if(graph.outputs, [&](const Output& output) { return output.name == slope_name(i); });
  }
  remove_dead(graph);
}

}  // namespace nnc
