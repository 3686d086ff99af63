// The value, through which no gradient flows. Removed by differentiate.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef stop_gradient_op() {
  return {
      .name = "stop_gradient",
      .signature = "stop_gradient(x)",
      .formula = "x; its gradient is zero",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise | BeforeDifferentiate,
      .infer = same_shape_and_type,
      .evaluate = [](const Op&, Operands in) -> std::vector<Tensor> { return {*in[0]}; },
      .gradient = [](GradientBuilder&) {},
      .samples = {{.what = "plain", .operands = {f32({2, 3})}, .differentiable = false}},
  };
}

}  // namespace nnc::ops
