// The sign of x, elementwise: 1, -1, or x itself where it is 0 or NaN. Its gradient is zero.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef sign_op() {
  return {
      .name = "sign",
      .signature = "sign(x)",
      .formula = "1 above 0, -1 below; 0 and NaN pass",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return x > 0   ? 1
                                                  : x < 0 ? -1
                                                          : x; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return select(a > V{}, splat<V>(1), select(a < V{}, splat<V>(-1), a));"),
      .samples = {{.what = "plain", .operands = {f32({2, 3})}},
                  {.what = "zeros, infinite, NaN",
                   .operands = {f32_values({5}, {0, -0.0, kInfinity, -kInfinity, kNaN})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
