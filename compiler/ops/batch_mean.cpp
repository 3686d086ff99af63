// The mean over the examples of a batch: add_batch makes a reduction of it. In the graph of one example it is the
// value.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef batch_mean_op() {
  return {
      .name = "batch_mean",
      .signature = "batch_mean(x)",
      .formula = "mean of x over the examples",
      .operands_min = 1,
      .operands_max = 1,
      .traits = BeforeBatch,
      .infer = float_elementwise,
      .evaluate = [](const Op&, Operands in) -> std::vector<Tensor> { return {*in[0]}; },
      .samples = {{.what = "plain", .operands = {f32({2, 3})}, .differentiable = false}},
  };
}

}  // namespace nnc::ops
