// The square root, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef sqrt_op() {
  return {
      .name = "sqrt",
      .signature = "sqrt(x)",
      .formula = "square root; NaN below 0; the gradient at 0 is inf",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::sqrt(x); }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.divide(g.dy(), g.add(g.out(), g.out()))); },
      .lower = elementwise_body("return sqrt(a);"),
      .samples = {{.what = "positive", .operands = {f32({2, 3}, 0.1, 4)}},
                  {.what = "extremes",
                   .operands = {f32_values({5}, {0, -0.0, -1, kInfinity, kNaN})},
                   .differentiable = false}},
      .tolerance = {.relative = 1.2e-07},
  };
}

}  // namespace nnc::ops
