// -x, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef negate_op() {
  return {
      .name = "negate",
      .signature = "negate(x)",
      .formula = "-x; integers wrap",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate = map_unary([](double x) { return -x; }, [](std::uint64_t x) { return 0 - x; }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.negate(g.dy())); },
      .lower = elementwise_body("return -a;", "return wrapping_subtract(V{}, a);"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "integers", .operands = {i32({3}, -9, 9)}, .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::I32, {5}, {-2147483648.0, 2147483647, 0, 1, -1})},
                   .differentiable = false},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
