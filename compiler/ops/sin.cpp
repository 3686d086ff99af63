// The sine, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef sin_op() {
  return {
      .name = "sin",
      .signature = "sin(x)",
      .formula = "sin x, x in radians; NaN at infinities",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::sin(x); }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.multiply(g.dy(), g.op("cos", {g.in(0)}))); },
      .lower = math_function("sin", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
