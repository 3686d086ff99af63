// Bounds of rounding: what is computed in f32 lies within them, and what is wrong does not.
#include "compiler/graph/error_bound.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor f32(Shape shape, std::vector<double> values) {
  return {{ElementType::F32, std::move(shape)}, std::move(values)};
}

// One operation on given operands.
Bounded bounded(const std::string& name, const std::vector<Bounded>& operands, const Attributes& attributes = {}) {
  Graph graph;
  std::vector<Value*> inputs;
  std::vector<const Bounded*> values;
  for (const Bounded& operand : operands) {
    inputs.push_back(graph.input("x" + std::to_string(inputs.size()), operand.value.type));
    values.push_back(&operand);
  }
  return evaluate_bounded(*graph.add(op_def(name), inputs, attributes), values).at(0);
}

double error_of(const Bounded& value, std::size_t i = 0) { return value.error.empty() ? 0 : value.error.at(i); }

TEST_CASE("what the type holds is exact") {
  const Bounded x{f32({3}, {1.5, -2, 3}), {}};
  CHECK(bounded("negate", {x}).error.empty());
  CHECK(bounded("maximum", {x, x}).error.empty());
  Attributes axes;
  axes.set("axes", std::vector<std::int64_t>{0});
  CHECK(bounded("reduce_max", {x}, axes).error.empty());
  // Of integers, all is.
  const Bounded n{{{ElementType::I32, {2}}, std::vector<std::int64_t>{7, -3}}, {}};
  CHECK(bounded("multiply", {n, n}).error.empty());
  // 2^24 + 1 has a bit more than f32.
  Attributes to;
  to.set("to", ElementType::F32);
  const Bounded large{{{ElementType::I32, {1}}, std::vector<std::int64_t>{16777217}}, {}};
  CHECK(error_of(bounded("cast", {large}, to)) == 1);
}

TEST_CASE("a constant is what its type makes of it") {
  Graph graph;
  const Value* tenth = graph.constant(f32({}, {0.1}));
  const Bounded value = evaluate_bounded(*tenth->producer, {}).at(0);
  CHECK(value.value.floats()[0] == static_cast<double>(0.1f));
  CHECK(value.error.empty());
}

TEST_CASE("a cancellation keeps the error of what is cancelled") {
  const Bounded a{f32({1}, {1}), {}}, b{f32({1}, {1e-8}), {}};
  const Bounded sum = bounded("add", {a, b});
  const Bounded rest = bounded("subtract", {sum, a});
  CHECK(rest.value.floats()[0] == doctest::Approx(1e-8));
  const double in_f32 = static_cast<double>((1.0f + 1e-8f) - 1.0f);
  CHECK(std::abs(in_f32 - rest.value.floats()[0]) <= error_of(rest));
  CHECK(error_of(rest) < 3e-7);
  // The square of 0, give or take, is not 0 exactly.
  const Bounded zero{f32({1}, {0}), {1e-3}};
  CHECK(error_of(bounded("multiply", {zero, zero})) == doctest::Approx(1e-6));
}

TEST_CASE("an error becomes what the slope makes of it, and at a jump the jump") {
  const Bounded x{f32({2}, {20, 0.5}), {1e-6, 1e-6}};
  const Bounded y = bounded("exp", {x});
  CHECK(error_of(y) == doctest::Approx(std::exp(20) * (1e-6 + 4e-7)).epsilon(0.01));
  CHECK(error_of(bounded("floor", {x}), 0) == 1);
  CHECK(error_of(bounded("floor", {x}), 1) == 0);
  const Bounded half{f32({2}, {20, 0.4}), {}};
  CHECK(error_of(bounded("less", {half, x}), 0) == 1);
  CHECK(error_of(bounded("less", {half, x}), 1) == 0);
  // Where the root may have no value, nothing is known.
  const Bounded zero{f32({1}, {0}), {1e-6}};
  CHECK(error_of(bounded("sqrt", {zero})) == kInfinity);
}

TEST_CASE("what is beyond the range of the type is infinite, as in the type") {
  const Bounded x{f32({2}, {100, -100}), {}};
  CHECK(bounded("exp", {x}).value.floats()[0] == kInfinity);
  const Bounded one{f32({2}, {1, 1}), {}};
  CHECK(bounded("divide", {one, bounded("exp", {x})}).value.floats()[0] == 0);
}

// Sums in f32 of random products: inside; with one product of a thousand left out: outside.
TEST_CASE("sums of products") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> draw(-1, 1);
  Attributes spec;
  spec.set("spec", std::string("k,k->"));
  for (const std::int64_t count : {1, 3, 64, 1000, 5000}) {
    CAPTURE(count);
    for (int repeat = 0; repeat < 20; ++repeat) {
      Bounded a{Tensor::zeros({ElementType::F32, {count}}), {}}, b = a;
      float sum = 0, plain = 0;
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        const float x = static_cast<float>(draw(random)), y = static_cast<float>(draw(random));
        a.value.floats()[k] = static_cast<double>(x);
        b.value.floats()[k] = static_cast<double>(y);
        sum = std::fma(x, y, sum);
        plain += x * y;
      }
      const Bounded y = bounded("contraction", {a, b}, spec);
      const double exact = y.value.floats()[0];
      CHECK(std::abs(static_cast<double>(sum) - exact) <= error_of(y));
      CHECK(std::abs(static_cast<double>(plain) - exact) <= error_of(y));
      const double product = std::abs(a.value.floats()[0] * b.value.floats()[0]);
      if (product > 0.05 && count <= 1000) CHECK(product > error_of(y));
    }
  }
}

// Each addition of the same number rounds the same way, as long as the sum has the same exponent.
TEST_CASE("sums of equal numbers") {
  Attributes spec;
  spec.set("spec", std::string("k,k->"));
  for (const std::int64_t count : {100, 5000, 200000}) {
    CAPTURE(count);
    float sum = 0;
    for (std::int64_t k = 0; k < count; ++k) sum += 0.1f;
    const Bounded a{Tensor::filled({ElementType::F32, {count}}, static_cast<double>(0.1f)), {}};
    const Bounded one{Tensor::filled({ElementType::F32, {count}}, 1), {}};
    const Bounded y = bounded("contraction", {a, one}, spec);
    CHECK(std::abs(static_cast<double>(sum) - y.value.floats()[0]) <= error_of(y));
  }
}

TEST_CASE("partial sums that may overflow have no bound") {
  const Bounded a{f32({3}, {3e38, 3e38, -6e37}), {}}, one{f32({3}, {1, 1, 1}), {}};
  Attributes spec;
  spec.set("spec", std::string("k,k->"));
  CHECK(error_of(bounded("contraction", {a, one}, spec)) == kInfinity);
}

}  // namespace
}  // namespace nnc
