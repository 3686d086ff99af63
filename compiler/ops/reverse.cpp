// Axes read backwards.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::vector<Tensor> evaluate_reverse(const Op& op, Operands in) {
  const Type& type = op.result()->type;
  Shape strides = row_major_strides(type.shape);
  std::int64_t offset = 0;
  for (std::int64_t axis : op.attributes.integers("axes")) {
    const std::size_t i = static_cast<std::size_t>(axis);
    offset += (type.shape[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  return {take_strided(*in[0], type, strides, offset)};
}

}  // namespace

OpDef reverse_op() {
  return {
      .name = "reverse",
      .signature = "reverse(x)",
      .formula = "element i of an axis is element n - 1 - i of x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"axes", AttributeKind::Integers, "the axes read backwards"}},
      .infer = [](const OpView& op) -> Inferred {
        return {{op.type(0)}, check_axes(op.attributes.integers("axes"), op.shape(0).size())};
      },
      .evaluate = evaluate_reverse,
      .gradient = [](GradientBuilder& g) { g.to(0, g.op("reverse", {g.dy()}, g.op_of().attributes)); },
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const std::vector<std::int64_t> axes = shift_axes(context.op.attributes.integers("axes"));
        return {context.builder.op("reverse", {context.inputs[0]}, with({}, "axes", axes))};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "one axis", .operands = {f32({2, 3})}, .attributes = with({}, "axes", Shape{1})},
                  {.what = "two axes", .operands = {f32({2, 3, 4})}, .attributes = with({}, "axes", Shape{0, 2})}},
  };
}

}  // namespace nnc::ops
