// The natural logarithm, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef log_op() {
  return {
      .name = "log",
      .signature = "log(x)",
      .formula = "ln x; ln 0 = -inf, NaN below 0",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::log(x); }),
      .gradient = [](GradientBuilder& g) { g.to(0, g.divide(g.dy(), g.in(0))); },
      .lower = math_function("log", "a"),
      .samples = {{.what = "positive", .operands = {f32({2, 3}, 0.1, 4)}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {0, -0.0, -1, kInfinity, kNaN, 1})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
