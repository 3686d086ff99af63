// The sign of x, elementwise: 1, -1, or x itself where it is 0 or NaN. Its gradient is zero.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef sign_op() {
  return {
      .name = "sign",
      .signature = "sign(x)",
      .formula = "1 above 0, -1 below; 0 and NaN pass",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        static const Evaluate kSign = map_unary([](double x) { return x > 0   ? 1
                                                                      : x < 0 ? -1
                                                                              : x; },
                                                [](std::uint64_t x) {
                                                  const bool is_negative = static_cast<std::int64_t>(x) < 0;
                                                  return is_negative ? ~std::uint64_t{0} : std::uint64_t{x != 0};
                                                });
        static const Evaluate kIsSome = map_unary(nullptr, [](std::uint64_t x) { return std::uint64_t{x != 0}; });
        return (in[0]->type.element == ElementType::U64 ? kIsSome : kSign)(op, in);
      },
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body(R"(
    using T = ElementOf<V>;
    const V above = select(a > V{}, splat<V>(T(1)), a);
    if constexpr (T(-1) < T(0)) {
      return select(a < V{}, splat<V>(T(-1)), above);
    } else {
      return above;
    })"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "integers", .operands = {i32({5}, -3, 3)}, .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {3}, {0x1p63, 3, 0})},
                   .differentiable = false},
                  {.what = "zeros, infinite, NaN",
                   .operands = {f32_values({5}, {0, -0.0, kInfinity, -kInfinity, kNaN})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
