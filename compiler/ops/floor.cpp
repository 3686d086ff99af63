// The largest integer that is not above x, elementwise; its gradient is zero.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef floor_op() {
  return {
      .name = "floor",
      .signature = "floor(x)",
      .formula = "largest integer <= x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::floor(x); }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return floor(a);"),
      .samples = {{.what = "between integers", .operands = {f32_values({5}, {-1.7, -0.2, 0.4, 1.6, 2.8})}},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {-kInfinity, kInfinity, kNaN, -0.0, 100, -100})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
