// Evaluates a graph operation by operation; a value is dropped after its last use.
#include "compiler/graph/evaluate.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

std::vector<Tensor> evaluate(const Op& op, const std::vector<const Tensor*>& operands) {
  if (!op.def->evaluate) throw InternalError(fmt::format("{} has no value of its own", op.def->name));
  return op.def->evaluate(op, operands);
}

Evaluation evaluate(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                    const std::map<std::string, Tensor>& states, const EvaluateOptions& options) {
  Evaluation result;
  std::map<const Value*, int> uses = use_counts(graph);
  std::map<const Value*, Tensor>& values = result.values;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    std::vector<Tensor> tensors;
    if (op->def->name == "input") {
      tensors = {given(inputs, *op, "input")};
    } else if (op->def->name == "state") {
      tensors = {given(states, *op, "state")};
    } else {
      std::vector<const Tensor*> operands;
      for (const Value* operand : op->inputs) operands.push_back(&values.at(operand));
      tensors = evaluate(*op, operands);
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (options.round_to_type) round_elements(tensors[i]);
      values[op->results[i].get()] = std::move(tensors[i]);
    }
    if (options.keep_values) continue;
    for (const Value* operand : op->inputs) {
      if (--uses.at(operand) == 0) values.erase(operand);
    }
    for (const std::unique_ptr<Value>& value : op->results) {
      if (uses.at(value.get()) == 0) values.erase(value.get());
    }
  }
  for (const Output& output : graph.outputs) result.outputs[output.name] = values.at(output.value);
  for (const State& state : graph.states) {
    if (state.next != nullptr) result.next_states[state.name] = values.at(state.next);
  }
  if (!options.keep_values) values.clear();
  return result;
}

}  // namespace nnc
