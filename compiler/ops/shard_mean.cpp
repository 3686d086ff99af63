// The mean over the shards of a batch: cut_shards makes a loop over the shards of what it is the mean of. In the graph
// of one shard it is the value.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef shard_mean_op() {
  return {
      .name = "shard_mean",
      .signature = "shard_mean(x)",
      .formula = "mean of x over the shards of the batch, added in their order",
      .operands_min = 1,
      .operands_max = 1,
      .traits = BeforeShards,
      .infer = float_elementwise,
      .evaluate = [](const Op&, Operands in) -> std::vector<Tensor> { return {*in[0]}; },
      .samples = {{.what = "plain", .operands = {f32({2, 3})}, .differentiable = false}},
  };
}

}  // namespace nnc::ops
