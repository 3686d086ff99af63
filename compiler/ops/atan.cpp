// The inverse of the tangent, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef atan_op() {
  return {
      .name = "atan",
      .signature = "atan(x)",
      .formula = "the angle in [-pi/2, pi/2] whose tangent is x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::atan(x); }),
      .gradient =
          [](GradientBuilder& g) {
            Value* one = g.like(g.dy(), 1);
            g.to(0, g.divide(g.dy(), g.add(one, g.multiply(g.in(0), g.in(0)))));
          },
      .lower = math_function("atan", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({8},
                                           {-kInfinity, kInfinity, kNaN, -0.0, 1e-30, -1e30, 0.41421357, 2.4142137})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
