// |x|, elementwise; the gradient at 0 is 0.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef abs_op() {
  return {
      .name = "abs",
      .signature = "abs(x)",
      .formula = "|x|; -0 gives 0, integers wrap",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        static const Evaluate kMagnitude =
            map_unary([](double x) { return std::abs(x); },
                      [](std::uint64_t x) { return static_cast<std::int64_t>(x) < 0 ? 0 - x : x; });
        // Numbers of u64 beyond 2^63 are not negative.
        return in[0]->type.element == ElementType::U64 ? std::vector<Tensor>{*in[0]} : kMagnitude(op, in);
      },
      .gradient =
          [](GradientBuilder& g) {
            Value* zero = g.zeros_like(g.in(0));
            Value* below = g.select(g.op("less", {g.in(0), zero}), g.negate(g.dy()), zero);
            g.to(0, g.select(g.op("less", {zero, g.in(0)}), g.dy(), below));
          },
      .lower = elementwise_body("return absolute(a);"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "integers", .operands = {i32({3}, -9, 9)}, .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {2}, {0x1p63, 3})},
                   .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::I32, {5}, {-2147483648.0, 2147483647, 0, 1, -1})},
                   .differentiable = false},
                  {.what = "kink",
                   .operands = {f32_values({4}, {0, -0.0, kNaN, -kInfinity})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
