// The error function, elementwise: GELU is made of it.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef erf_op() {
  return {
      .name = "erf",
      .signature = "erf(x)",
      .formula = "2/sqrt(pi) times the integral of exp(-t^2) from 0 to x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::erf(x); }),
      .gradient =
          [](GradientBuilder& g) {
            constexpr double kTwoOverRootPi = 1.1283791670955126;
            Value* bell = g.op("exp", {g.negate(g.multiply(g.in(0), g.in(0)))});
            g.to(0, g.multiply(g.dy(), g.multiply(g.like(bell, kTwoOverRootPi), bell)));
          },
      .lower = math_function("erf", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
