// The bits of integers moved to lower places, elementwise; copies of the sign fill the places of signed ones.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef shift_right_op() {
  return {
      .name = "shift_right",
      .signature = "shift_right(a, b)",
      .formula = "floor(a / 2^b); the sign alone is left (-1 or 0) where b is negative or not below the number of bits",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = integer_elementwise,
      .evaluate = map_binary(
          nullptr, [](std::int64_t a, std::int64_t b) { return a >> (b < 0 || b > 63 ? 63 : b); },
          [](std::uint64_t a, std::uint64_t b) { return b > 63 ? 0 : a >> b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body(R"(
    using T = ElementOf<V>;
    constexpr T bits = static_cast<T>(8 * sizeof(T));
    if constexpr (T(-1) < T(0)) {
      const V inside = select(b < splat<V>(bits), b, splat<V>(T(bits - 1)));
      return static_cast<V>(a >> select(b < V{}, splat<V>(T(bits - 1)), inside));
    } else {
      const V by = select(b < splat<V>(bits), b, V{});
      return select(by == b, static_cast<V>(a >> by), V{});
    })"),
      .samples = {{.what = "signs and widths",
                   .operands = {operand(ElementType::I32, {7}, {5, -5, 5, -5, 1, -1, 1073741824}),
                                operand(ElementType::I32, {7}, {1, 1, -1, -1, 31, 40, 1})},
                   .differentiable = false},
                  {.what = "bytes",
                   .operands = {operand(ElementType::U8, {4}, {255, 128, 5, 9}),
                                operand(ElementType::U8, {4}, {1, 7, 8, 255})},
                   .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {2}, {0x1p63, 3}), operand(ElementType::U64, {2}, {62, 63})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
