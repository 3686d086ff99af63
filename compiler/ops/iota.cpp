// The index along an axis.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_iota(const OpView& op) {
  const Shape& shape = op.attributes.integers("shape");
  const std::int64_t axis = op.attributes.integer("axis");
  const ElementType element = op.attributes.get<ElementType>("element");
  if (axis < 0 || axis >= static_cast<std::int64_t>(shape.size())) {
    return error(fmt::format("axis {} is not an axis of {}", axis, to_string(shape)));
  }
  if (element == ElementType::Bool) return error("an index is no bool");
  return {{{element, shape}}, ""};
}

std::vector<Tensor> evaluate_iota(const Op& op, Operands) {
  Tensor y = Tensor::zeros(op.result()->type);
  const std::size_t axis = static_cast<std::size_t>(op.attributes.integer("axis"));
  Shape strides(y.type.shape.size());
  strides[axis] = 1;
  const std::vector<std::int64_t> index = strided_offsets(y.type.shape, strides);
  if (is_float(y.type.element)) {
    std::copy(index.begin(), index.end(), y.floats().begin());
  } else {
    y.integers() = index;
    wrap(y);
  }
  return {std::move(y)};
}

Attributes attributes_of(Shape shape, std::int64_t axis, ElementType element) {
  return with(with(with({}, "shape", std::move(shape)), "axis", axis), "element", element);
}

}  // namespace

OpDef iota_op() {
  return {
      .name = "iota",
      .signature = "iota()",
      .formula = "the index along the axis",
      .attributes = {{"shape", AttributeKind::Integers, "shape of the result"},
                     {"axis", AttributeKind::Integer, "the axis that counts"},
                     {"element", AttributeKind::Element, "element type of the result"}},
      .infer = infer_iota,
      .evaluate = evaluate_iota,
      .lower = {.family = Family::Special, .flops = 0},
      .samples = {{.what = "integers", .attributes = attributes_of({2, 3}, 1, ElementType::I32)},
                  {.what = "floats", .attributes = attributes_of({4}, 0, ElementType::F32)}},
  };
}

}  // namespace nnc::ops
