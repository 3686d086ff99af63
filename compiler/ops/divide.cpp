// The quotient of floats, elementwise; integers have floor_divide.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef divide_op() {
  return {
      .name = "divide",
      .signature = "divide(a, b)",
      .formula = "a / b as IEEE 754 says",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_binary([](double a, double b) { return a / b; }),
      .gradient =
          [](GradientBuilder& g) {
            Value* slope = g.divide(g.dy(), g.in(1));
            if (g.needs(0)) g.to(0, slope);
            if (g.needs(1)) g.to(1, g.negate(g.multiply(slope, g.out())));
          },
      .lower = elementwise_body("return a / b;"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}), f32({2, 3}, 0.5, 2)}},
                  {.what = "by zero",
                   .operands = {f32_values({3}, {1, 0, -1}), f32_values({3}, {0, 0, -0.0})},
                   .differentiable = false}},
      .tolerance = {.relative = 1.2e-07},
  };
}

}  // namespace nnc::ops
