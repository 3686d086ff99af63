// The bits of integers moved to higher places, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef shift_left_op() {
  return {
      .name = "shift_left",
      .signature = "shift_left(a, b)",
      .formula = "a 2^b, wrapping; 0 where b is negative or not below the number of bits",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = integer_elementwise,
      .evaluate =
          [](const Op& op, Operands in) {
            static const auto kShift = [](std::int64_t a, std::int64_t b) {
              return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << b);
            };
            return map_binary(nullptr, kShift)(op, in);
          },
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body(R"(
    using T = ElementOf<V>;
    constexpr T bits = static_cast<T>(8 * sizeof(T));
    V by = select(b < splat<V>(bits), b, V{});
    if constexpr (T(-1) < T(0)) by = select(b < V{}, V{}, by);
    const V moved = from_modular<V>(modular(a) << modular(by));
    return select(by == b, moved, V{});)"),
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
