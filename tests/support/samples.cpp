// The samples of the primitives as graphs and tensors.
#include "tests/support/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nnc::test {

Tensor draw(const SampleOperand& operand, std::mt19937& random, int turn) {
  Tensor tensor = Tensor::zeros(operand.type);
  const std::int64_t count = element_count(operand.type.shape);
  for (std::int64_t i = 0; i < count; ++i) {
    double value = 0;
    if (!operand.values.empty()) {
      value = operand.values.at(static_cast<std::size_t>((i + turn) % count));
    } else {
      value = std::uniform_real_distribution<double>(operand.low, operand.high)(random);
    }
    if (is_float(operand.type.element)) {
      tensor.floats()[static_cast<std::size_t>(i)] = round_to(operand.type.element, value);
    } else {
      tensor.integers()[static_cast<std::size_t>(i)] =
          Tensor::scalar(operand.type.element, std::floor(value)).integers()[0];
    }
  }
  return tensor;
}

std::vector<Tensor> draw(const Sample& sample, std::mt19937& random, int turn) {
  std::vector<Tensor> tensors;
  for (const SampleOperand& operand : sample.operands) tensors.push_back(draw(operand, random, turn));
  return tensors;
}

Graph sample_graph(const OpDef& def, const Sample& sample) {
  Graph graph;
  graph.name = def.name;
  std::vector<Value*> operands;
  for (std::size_t i = 0; i < sample.operands.size(); ++i) {
    operands.push_back(graph.input(fmt::format("x{}", i), sample.operands[i].type));
  }
  const Op* op = graph.add(def, operands, sample.attributes);
  for (std::size_t i = 0; i < op->results.size(); ++i) {
    graph.outputs.push_back({fmt::format("y{}", i), op->results[i].get()});
  }
  return graph;
}

std::map<std::string, Tensor> named(const std::vector<Tensor>& tensors, char letter) {
  std::map<std::string, Tensor> result;
  for (std::size_t i = 0; i < tensors.size(); ++i) result[fmt::format("{}{}", letter, i)] = tensors[i];
  return result;
}

double difference(const Tensor& actual, const Tensor& expected) {
  const double infinite = std::numeric_limits<double>::infinity();
  if (actual.type != expected.type) return infinite;
  if (!is_float(actual.type.element)) return actual == expected ? 0 : infinite;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < expected.floats().size(); ++i) {
    const double a = actual.floats()[i], b = expected.floats()[i];
    if (std::isnan(a) != std::isnan(b) || std::isinf(a) != std::isinf(b) || (std::isinf(a) && a != b)) return infinite;
    if (!std::isfinite(b)) continue;
    largest = std::max(largest, std::abs(b));
    difference = std::max(difference, std::abs(a - b));
  }
  return difference == 0 ? 0 : largest == 0 ? difference : difference / largest;
}

}  // namespace nnc::test
