// The nearest integer, elementwise, to even at ties; its gradient is zero.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef round_op() {
  return {
      .name = "round",
      .signature = "round(x)",
      .formula = "nearest integer, to even at ties",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_unary([](double x) { return std::nearbyint(x); }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return round(a);"),
      .samples = {{.what = "between integers", .operands = {f32_values({5}, {-1.7, -0.2, 0.4, 1.6, 2.8})}},
                  {.what = "ties",
                   .operands = {f32_values({6}, {-1.5, -0.5, 0.5, 1.5, 2.5, 8388609})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
