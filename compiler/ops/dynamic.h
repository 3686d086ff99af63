// Parts of a tensor at starts that are values: what dynamic_slice and dynamic_update share.
#pragma once

#include <string>
#include <vector>

#include "compiler/ops/op.h"

namespace nnc::ops {

// The operands from `first` on are one integer for each axis of x, and `part` lies within x; "" if so.
std::string check_part(const OpView& op, const Shape& x, const Shape& part, std::size_t first);
// The flat place in x of each element of the part, its starts clamped so that it fits.
std::vector<std::int64_t> part_places(const Shape& x, const Shape& part, std::span<const Tensor* const> starts);
// The starts among `operands`, from `first` on, with a 0 for the batch axis before them; the rest of a batched
// operation.
std::vector<Value*> with_batch_start(BatchContext& context, std::vector<Value*> operands, std::size_t first);

}  // namespace nnc::ops
