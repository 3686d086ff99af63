// Rows of a table chosen by index: what gather and scatter_add share.
#pragma once

#include <vector>

#include "compiler/ops/op.h"

namespace nnc::ops {

// Each index clamped to [0, count) as the number that it is, in row-major order.
std::vector<std::int64_t> clamped(const Tensor& index, std::int64_t count);
// Batched tables one after the other: row i of example b is row b * count + i. `index` has the batch axis.
Value* index_in_all(BatchContext& context, Value* index, std::int64_t count);
// Axis `from` of x moved to `to`, the others keep their order.
Value* move_axis(GraphBuilder& g, Value* x, std::size_t from, std::size_t to);

}  // namespace nnc::ops
