#include "compiler/commands/draws.h"

namespace nnc {

std::uint64_t Draws::bits() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double Draws::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
}

std::int64_t Draws::below(std::int64_t bound) {
  return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(bound));
}

Tensor random_tensor(Draws& draws, const Type& type, IntegerRange range) {
  Tensor tensor = Tensor::zeros(type);
  if (is_float(type.element)) {
    for (double& number : tensor.floats()) number = round_to(type.element, draws.uniform(-1, 1));
  } else {
    for (std::int64_t& number : tensor.integers()) {
      number = wrap_to(type.element, range.low + draws.below(range.high - range.low + 1));
    }
  }
  return tensor;
}

std::map<std::string, Tensor> random_inputs(Draws& draws, const Graph& graph) {
  std::map<std::string, Tensor> inputs;
  for (const Value* input : graph.inputs) {
    const Attributes& attributes = input->producer->attributes;
    inputs[attributes.text("name")] = random_tensor(draws, input->type, integer_range(graph, *input));
  }
  return inputs;
}

}  // namespace nnc
