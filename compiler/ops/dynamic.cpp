// Parts of a tensor at starts that are values.
#include "compiler/ops/dynamic.h"

#include "compiler/ops/rows.h"
#include "compiler/ops/support.h"

namespace nnc::ops {

std::string check_part(const OpView& op, const Shape& x, const Shape& part, std::size_t first) {
  if (part.size() != x.size() || op.inputs.size() != first + x.size()) {
    return fmt::format("{} needs one start and one extent for each axis", to_string(x));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Type& start = op.inputs[first + i]->type;
    if (!is_integer(start.element) || !start.shape.empty()) return "a start must be one integer";
    if (part[i] < 0 || part[i] > x[i]) return fmt::format("{} is no part of {}", to_string(part), to_string(x));
  }
  return "";
}

std::vector<std::int64_t> part_places(const Shape& x, const Shape& part, std::span<const Tensor* const> starts) {
  const Shape strides = row_major_strides(x);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    offset += clamped(*starts[i], x[i] - part[i] + 1)[0] * strides[i];
  }
  return strided_offsets(part, strides, offset);
}

std::vector<Value*> with_batch_start(BatchContext& context, std::vector<Value*> operands, std::size_t first) {
  operands.push_back(context.builder.constant(Tensor::scalar(ElementType::I32, 0)));
  operands.insert(operands.end(), context.inputs.begin() + static_cast<std::ptrdiff_t>(first), context.inputs.end());
  return operands;
}

}  // namespace nnc::ops
