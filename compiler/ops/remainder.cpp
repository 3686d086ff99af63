// What floor_divide leaves, elementwise: the sign is the divisor's, as Python's %.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) return a;
  if (b == -1) return 0;  // the least integer % -1 overflows
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

}  // namespace

OpDef remainder_op() {
  return {
      .name = "remainder",
      .signature = "remainder(a, b)",
      .formula = "a - b floor_divide(a, b): has the sign of b; a where b = 0",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = integer_elementwise,
      .evaluate =
          map_binary(nullptr, floor_remainder, [](std::uint64_t a, std::uint64_t b) { return b == 0 ? a : a % b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body(R"(
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
      .samples = {{.what = "signs",
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
