// The quotient of integers rounded down, elementwise, as Python's //.
//
// A divisor of 0 gives 0, so that no machine traps; remainder then is a.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(a));
  const std::int64_t whole = a / b;
  return a % b != 0 && (a % b < 0) != (b < 0) ? whole - 1 : whole;
}

}  // namespace

OpDef floor_divide_op() {
  return {
      .name = "floor_divide",
      .signature = "floor_divide(a, b)",
      .formula = "a / b rounded down; 0 where b = 0; the least integer divided by -1 wraps",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = integer_elementwise,
      .evaluate =
          map_binary(nullptr, floor_quotient, [](std::uint64_t a, std::uint64_t b) { return b == 0 ? 0 : a / b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body(R"(
    using T = ElementOf<V>;
    const V zero{}, one = splat<V>(T(1));
    V by = select(b == zero, one, b);
    if constexpr (T(-1) < T(0)) by = select(b == splat<V>(T(-1)), one, by);
    V whole = static_cast<V>(a / by);
    if constexpr (T(-1) < T(0)) {
      const V rest = static_cast<V>(a - whole * by);
      const auto is_above = logical_and(rest != zero, (rest < zero) != (b < zero));
      whole = select(is_above, wrapping_subtract(whole, one), whole);
      whole = select(b == splat<V>(T(-1)), wrapping_subtract(zero, a), whole);
    }
    return select(b == zero, zero, whole);)"),
      .samples = {{.what = "signs",
                   .operands = {operand(ElementType::I32, {6}, {7, -7, 7, -7, 6, -6}),
                                operand(ElementType::I32, {6}, {2, 2, -2, -2, 3, 3})},
                   .differentiable = false},
                  {.what = "by zero and overflow",
                   .operands = {operand(ElementType::I32, {3}, {5, 0, -2147483648.0}),
                                operand(ElementType::I32, {3}, {0, 0, -1})},
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
