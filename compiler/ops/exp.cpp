// The exponential, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef exp_op() {
  return {
      .name = "exp",
      .signature = "exp(x)",
      .formula = "e^x; exp(-inf) = 0, what overflows is inf, NaN passes",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::exp(x); }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.multiply(g.dy(), g.out())); },
      .lower = math_function("exp", "a"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 200, -200})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
