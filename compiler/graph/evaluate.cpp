// Evaluates a graph operation by operation; a value is dropped after its last use.
#include "compiler/graph/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/ops/op.h"

namespace nnc {
namespace {

const Tensor& given(const std::map<std::string, Tensor>& tensors, const Op& op, std::string_view what) {
  const std::string& name = op.attributes.text("name");
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw InternalError(fmt::format("evaluate: no {} '{}'", what, name));
  if (found->second.type != op.result()->type) {
    throw InternalError(fmt::format("evaluate: {} '{}' is {}, expected {}", what, name, to_string(found->second.type),
                                    to_string(op.result()->type)));
  }
  return found->second;
}

void round_elements(Tensor& tensor) {
  if (!is_float(tensor.type.element)) return;
  for (double& x : tensor.floats()) x = round_to(tensor.type.element, x);
}

bool has_any(const std::set<const Value*>& set, const std::vector<std::unique_ptr<Value>>& values) {
  return std::any_of(values.begin(), values.end(),
                     [&](const std::unique_ptr<Value>& value) { return set.count(value.get()) != 0; });
}

// The input or state of that name, and all that is computed from it.
std::set<const Value*> dependents(const Graph& graph, const std::string& name) {
  std::set<const Value*> found;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    const bool is_leaf = op->def->name == "input" || op->def->name == "state";
    const bool depends = is_leaf ? op->attributes.text("name") == name
                                 : std::any_of(op->inputs.begin(), op->inputs.end(),
                                               [&](const Value* operand) { return found.count(operand) != 0; });
    if (!depends) continue;
    for (const std::unique_ptr<Value>& value : op->results) found.insert(value.get());
  }
  return found;
}

}  // namespace

std::vector<Tensor> evaluate(const Op& op, const std::vector<const Tensor*>& operands) {
  if (!op.def->evaluate) throw InternalError(fmt::format("{} has no value of its own", op.def->name));
  return op.def->evaluate(op, operands);
}

Evaluation evaluate(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                    const std::map<std::string, Tensor>& states, const EvaluateOptions& options) {
  Evaluation result;
  std::map<const Value*, int> uses = use_counts(graph);
  // Where each value is: with the caller, in the evaluation before, or in result.values.
  std::map<const Value*, const Tensor*> places;
  const std::set<const Value*> changed =
      options.before == nullptr ? std::set<const Value*>{} : dependents(graph, options.changed);
  const bool copies_leaves = options.keep_values || options.round_to_type;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (options.before != nullptr && !has_any(changed, op->results)) {
      for (const std::unique_ptr<Value>& value : op->results) {
        places[value.get()] = &options.before->values.at(value.get());
      }
      continue;
    }
    std::vector<Tensor> tensors;
    if (op->def->name == "input" || op->def->name == "state") {
      const Tensor& leaf = op->def->name == "input" ? given(inputs, *op, "input") : given(states, *op, "state");
      places[op->result()] = &leaf;
      if (copies_leaves) tensors = {leaf};
    } else {
      std::vector<const Tensor*> operands;
      for (const Value* operand : op->inputs) operands.push_back(places.at(operand));
      tensors = evaluate(*op, operands);
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (options.round_to_type) round_elements(tensors[i]);
      const Value* value = op->results[i].get();
      places[value] = &(result.values[value] = std::move(tensors[i]));
    }
    if (options.keep_values) continue;
    for (const Value* operand : op->inputs) {
      if (--uses.at(operand) == 0) result.values.erase(operand);
    }
    for (const std::unique_ptr<Value>& value : op->results) {
      if (uses.at(value.get()) == 0) result.values.erase(value.get());
    }
  }
  for (const Output& output : graph.outputs) result.outputs[output.name] = *places.at(output.value);
  for (const State& state : graph.states) {
    if (state.next != nullptr) result.next_states[state.name] = *places.at(state.next);
  }
  if (!options.keep_values) result.values.clear();
  return result;
}

}  // namespace nnc
