// What a division rounded down leaves, elementwise: the sign is the divisor's, as Python's %. Exact for floats.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) return a;
  if (b == -1) return 0;  // the least integer % -1 overflows
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double floor_rest(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(rest, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

}  // namespace

OpDef remainder_op() {
  return {
      .name = "remainder",
      .signature = "remainder(a, b)",
      .formula = "a - b floor(a / b): has the sign of b; of integers a where b = 0",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate =
          map_binary(floor_rest, floor_remainder, [](std::uint64_t a, std::uint64_t b) { return b == 0 ? a : a % b; }),
      .gradient =
          [](GradientBuilder& g) {
            if (!is_float(g.out()->type.element)) return;
            g.to(0, g.dy());
            Value* quotient = g.op("floor", {g.divide(g.in(0), g.in(1))});
            if (g.needs(1)) g.to(1, g.negate(g.multiply(g.dy(), quotient)));
          },
      .lower = elementwise_body("return remainder(a, b);", R"(
    using T = ElementOf<V>;
    const V zero{}, one = splat<V>(T(1));
    V by = select(b == zero, one, b);
    if constexpr (T(-1) < T(0)) by = select(b == splat<V>(T(-1)), one, by);
    V rest = static_cast<V>(a % by);
    if constexpr (T(-1) < T(0)) {
      const auto differs = logical_and(rest != zero, (rest < zero) != (b < zero));
      rest = select(differs, wrapping_add(rest, b), rest);
    }
    return select(b == zero, a, rest);)"),
      .samples = {{.what = "floats", .operands = {f32({2, 3}), f32({2, 3}, 0.3, 0.4)}},
                  {.what = "far apart, special cases",
                   .operands = {f32_values({10}, {1e30, -1e30, 7, -7, 0, -0.0, kInfinity, 3, -3, kNaN}),
                                f32_values({10}, {3e-20, 3e-20, -2, 2, -1, 1, 2, 0, kInfinity, 1})},
                   .differentiable = false},
                  {.what = "signs",
                   .operands = {operand(ElementType::I32, {6}, {7, -7, 7, -7, 6, -6}),
                                operand(ElementType::I32, {6}, {2, 2, -2, -2, 3, 3})},
                   .differentiable = false},
                  {.what = "by zero and overflow",
                   .operands = {operand(ElementType::I32, {3}, {5, 0, -2147483648.0}),
                                operand(ElementType::I32, {3}, {0, 0, -1})},
                   .differentiable = false},
                  {.what = "near overflow",
                   .operands = {operand(ElementType::I32, {2}, {2147483646, -2147483647}),
                                operand(ElementType::I32, {2}, {2147483647, -2147483648.0})},
                   .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {4}, {0x1p63, 3, 0x1.8p63, 5}),
                                operand(ElementType::U64, {4}, {3, 0x1p63, 0x1p63, 5})},
                   .differentiable = false},
                  {.what = "unsigned",
                   .operands = {operand(ElementType::U8, {3}, {200, 7, 255}),
                                operand(ElementType::U8, {3}, {7, 200, 255})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
