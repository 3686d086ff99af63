// a to the power of b, elementwise. The gradient with respect to b is 0 where a is not above 0.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

// By squaring, modulo 2^64.
std::uint64_t natural_power(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 1;
  for (; b != 0; b >>= 1, a *= a) {
    if ((b & 1) != 0) result *= a;
  }
  return result;
}

std::int64_t whole_power(std::int64_t a, std::int64_t b) {
  if (b < 0) return a == 1 || (a == -1 && b % 2 == 0) ? 1 : a == -1 ? -1 : 0;
  return static_cast<std::int64_t>(natural_power(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
}

}  // namespace

OpDef power_op() {
  return {
      .name = "power",
      .signature = "power(a, b)",
      .formula =
          "a^b with C's special cases (0^0 = 1); NaN for a < 0 and fractional b; the gradient by b is 0 where a <= 0; "
          "integers wrap, and round toward zero where b < 0 (0 where a = 0)",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate = map_binary([](double a, double b) { return std::pow(a, b); }, whole_power, natural_power),
      .gradient =
          [](GradientBuilder& g) {
            Value* zero = g.zeros_like(g.dy());
            Value* one = g.like(g.dy(), 1);
            if (g.needs(0)) {
              // b a^(b-1), but 0 for b = 0, where a = 0 would give 0 times infinity.
              Value* slope = g.multiply(g.in(1), g.op("power", {g.in(0), g.subtract(g.in(1), one)}));
              g.to(0, g.multiply(g.dy(), g.select(g.op("equal", {g.in(1), zero}), zero, slope)));
            }
            if (g.needs(1)) {
              Value* is_positive = g.op("less", {zero, g.in(0)});
              Value* logarithm = g.op("log", {g.select(is_positive, g.in(0), one)});
              g.to(1, g.multiply(g.dy(), g.select(is_positive, g.multiply(g.out(), logarithm), zero)));
            }
          },
      .lower = math_function("power", "a, b", R"(
    using T = ElementOf<V>;
    V result = splat<V>(T(1)), factor = a;
    for (int bit = 0; bit < static_cast<int>(8 * sizeof(T)); ++bit) {
      const V is_set = static_cast<V>(static_cast<V>(b >> bit) & splat<V>(T(1)));
      result = select(is_set != V{}, wrapping_multiply(result, factor), result);
      factor = wrapping_multiply(factor, factor);
    }
    if constexpr (T(-1) < T(0)) {
      const V odd = static_cast<V>(b & splat<V>(T(1)));
      const V of_minus_one = select(odd != V{}, a, splat<V>(T(1)));
      const V below = select(a == splat<V>(T(-1)), of_minus_one, select(a == splat<V>(T(1)), a, V{}));
      result = select(b < V{}, below, result);
    }
    return result;)"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}, 0.2, 3), f32({2, 3})}},
                  {.what = "integers",
                   .operands = {operand(ElementType::I32, {8}, {3, -2, 7, 2, 1, -1, -1, 0}),
                                operand(ElementType::I32, {8}, {4, 3, 0, -1, -5, -5, -4, -2})},
                   .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::U8, {3}, {3, 2, 255}), operand(ElementType::U8, {3}, {6, 8, 255})},
                   .differentiable = false},
                  {.what = "special cases",
                   .operands = {f32_values({6}, {0, 0, -2, -2, kNaN, kInfinity}),
                                f32_values({6}, {0, -1, 3, 0.5, 0, -1})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
