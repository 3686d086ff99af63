// The cosine, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef cos_op() {
  return {
      .name = "cos",
      .signature = "cos(x)",
      .formula = "cos x, x in radians; NaN at infinities",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::cos(x); }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.negate(g.multiply(g.dy(), g.op("sin", {g.in(0)})))); },
      .lower = math_function("cos", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
