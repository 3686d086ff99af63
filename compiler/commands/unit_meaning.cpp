#include "compiler/commands/unit_meaning.h"

namespace nnc {

std::map<std::string, Tensor> evaluate_function(const UnitFunction& function,
                                                const std::map<std::string, Tensor>& inputs,
                                                std::map<std::string, Tensor>& states, bool round_to_type) {
  for (const State& state : function.graph.states) states.emplace(state.name, Tensor::zeros(state.value->type));
  const Evaluation evaluation = evaluate(function.graph, inputs, states, {.round_to_type = round_to_type});
  for (const auto& [name, value] : evaluation.next_states) states[name] = value;
  if (function.name == "prepare") {
    for (const auto& [name, value] : evaluation.outputs) states[name] = value;
  }
  return evaluation.outputs;
}

Tensor seed_tensor(std::uint64_t seed) {
  Tensor key = Tensor::zeros({ElementType::U32, {2}});
  key.integers() = {static_cast<std::int64_t>(seed & 0xffffffffu), static_cast<std::int64_t>(seed >> 32)};
  return key;
}

}  // namespace nnc
