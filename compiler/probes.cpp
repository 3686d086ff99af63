#include "compiler/probes.h"

#include <set>

#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// All values that depend on an example.
std::set<const Value*> per_example(const Graph& graph) {
  std::set<const Value*> inputs;
  for (const Value* input : graph.inputs) {
    if (input->producer->attributes.flag("per_example")) inputs.insert(input);
  }
  return dependents(graph, inputs);
}

// Whether the elements are those of a value that is shown, or of an input or state, in another arrangement.
bool only_arranges(const Value* value, const std::set<const Value*>& shown) {
  while (shown.count(value) == 0) {
    const OpDef& def = *value->producer->def;
    if (def.has(Leaf)) return true;
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

}  // namespace

std::string value_name(std::size_t i) { return "value:" + std::to_string(i); }
std::string slope_name(std::size_t i) { return "slope:" + std::to_string(i); }

std::vector<Probe> add_probes(Graph& graph, const std::vector<ModelCall>& calls) {
  const std::set<const Value*> of_example = per_example(graph);
  std::set<const Value*> shown;
  std::vector<Probe> probes;
  GraphBuilder builder(graph);
  graph.outputs.clear();
  for (const ModelCall& call : calls) {
    const bool is_wanted = is_float(call.result->type.element) && of_example.count(call.result) != 0;
    if (!is_wanted || only_arranges(call.result, shown)) continue;
    shown.insert(call.result);
    builder.set_origin(call.result->producer->origin);
    graph.outputs.push_back({value_name(probes.size()), builder.cast(call.result, ElementType::F32)});
    Probe probe{call.name, call.function, call.result->type.shape, false};
    if (is_elementwise(call.result, call.argument, of_example)) {
      probe.has_slope = true;
      Value* slope = builder.op("gradient", {call.result, builder.like(call.result, 1), call.argument});
      graph.outputs.push_back({slope_name(probes.size()), builder.cast(slope, ElementType::F32)});
    }
    probes.push_back(probe);
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
