// The hyperbolic tangent, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef tanh_op() {
  return {
      .name = "tanh",
      .signature = "tanh(x)",
      .formula = "tanh x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::tanh(x); }),
      .gradient =
          [](GradientBuilder& g) {
            Value* slope = g.subtract(g.like(g.out(), 1), g.multiply(g.out(), g.out()));
            g.to(0, g.multiply(g.dy(), slope));
          },
      .lower = math_function("tanh", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
