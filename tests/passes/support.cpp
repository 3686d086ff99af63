// What the tests of the passes share. See support.h.
#include "tests/passes/support.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "compiler/graph/verify.h"

namespace nnc {

Tensor tensor_of(const Shape& shape, std::vector<double> values) {
  Tensor tensor;
  tensor.type.shape = shape;
  tensor.data = std::move(values);
  return tensor;
}

Tensor random_tensor(const Type& type, std::mt19937& random, double low, double high) {
  Tensor tensor = Tensor::zeros(type);
  if (is_float(type.element)) {
    std::uniform_real_distribution<double> uniform(low, high);
    for (double& value : tensor.floats()) value = round_to(type.element, uniform(random));
  } else {
    std::uniform_int_distribution<std::int64_t> uniform(0, type.element == ElementType::Bool ? 1 : 3);
    for (std::int64_t& value : tensor.integers()) value = uniform(random);
  }
  return tensor;
}

Values random_inputs(const Graph& graph, unsigned seed) {
  std::mt19937 random(seed);
  Values values;
  for (const Value* input : graph.inputs) {
    values[input->producer->attributes.text("name")] = random_tensor(input->type, random);
  }
  return values;
}

Values random_states(const Graph& graph, unsigned seed) {
  std::mt19937 random(seed + 1000);
  Values values;
  for (const State& state : graph.states) values[state.name] = random_tensor(state.value->type, random, 0.5, 1.5);
  return values;
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double difference(const Tensor& a, const Tensor& b) {
  if (a.type != b.type) return kInfinity;
  double largest = 1, worst = 0;
  for (std::int64_t i = 0; i < element_count(a.type.shape); ++i) {
    const double x = a.at(i), y = b.at(i);
    if (std::isnan(x) != std::isnan(y)) return kInfinity;
    if (x == y || std::isnan(x)) continue;
    largest = std::max({largest, std::abs(x), std::abs(y)});
    worst = std::max(worst, std::abs(x - y));
  }
  return std::isinf(largest) ? kInfinity : worst / largest;
}

double difference(const Values& a, const Values& b) {
  if (a.size() != b.size()) return kInfinity;
  double worst = 0;
  for (const auto& [name, value] : a) {
    if (!b.count(name)) return kInfinity;
    worst = std::max(worst, difference(value, b.at(name)));
  }
  return worst;
}

}  // namespace

double difference(const Evaluation& a, const Evaluation& b) {
  return std::max(difference(a.outputs, b.outputs), difference(a.next_states, b.next_states));
}

double difference(const Graph& a, const Graph& b, unsigned seed) {
  const Values inputs = random_inputs(a, seed), states = random_states(a, seed);
  return difference(evaluate(a, inputs, states), evaluate(b, inputs, states));
}

Graph check_pass(const Graph& graph, const std::function<void(Graph&)>& pass, double tolerance, unsigned seed) {
  Graph changed = graph.clone();
  pass(changed);
  CHECK(verify(changed) == "");
  CHECK(difference(graph, changed, seed) <= tolerance);
  return changed;
}

int count(const Graph& graph, std::string_view name) {
  int found = 0;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    found += op->def->name == name;
    for (const std::unique_ptr<Graph>& inner : op->graphs) found += count(*inner, name);
  }
  return found;
}

}  // namespace nnc
