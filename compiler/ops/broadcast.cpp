// Repeats a tensor along new axes. All broadcasting is explicit.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_broadcast(const OpView& op) {
  const Shape& shape = op.attributes.integers("shape");
  const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
  const std::string wrong = check_axes(axes, shape.size());
  if (!wrong.empty()) return error(wrong);
  if (axes.size() != op.shape(0).size()) {
    return error(fmt::format("'axes' has {} entries for {}", axes.size(), to_string(op.shape(0))));
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (shape[static_cast<std::size_t>(axes[i])] != op.shape(0)[i]) {
      return error(
          fmt::format("{} does not lie on axes {} of {}", to_string(op.shape(0)), to_string(axes), to_string(shape)));
    }
  }
  return {{{op.type(0).element, shape}}, ""};
}

std::vector<Tensor> evaluate_broadcast(const Op& op, Operands in) {
  const Type& type = op.result()->type;
  const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
  const Shape own = row_major_strides(in[0]->type.shape);
  Shape strides(type.shape.size());
  for (std::size_t i = 0; i < axes.size(); ++i) strides[static_cast<std::size_t>(axes[i])] = own[i];
  return {take_strided(*in[0], type, strides)};
}

Attributes to(Shape shape, std::vector<std::int64_t> axes) {
  return with(with({}, "shape", std::move(shape)), "axes", std::move(axes));
}

}  // namespace

OpDef broadcast_op() {
  return {
      .name = "broadcast",
      .signature = "broadcast(x)",
      .formula = "result axis axes[i] is axis i of x, of the same extent; the other axes repeat it",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"shape", AttributeKind::Integers, "shape of the result"},
                     {"axes", AttributeKind::Integers, "for each axis of x its place; they ascend"}},
      .infer = infer_broadcast,
      .evaluate = evaluate_broadcast,
      .gradient =
          [](GradientBuilder& g) {
            const std::vector<std::int64_t>& axes = g.op_of().attributes.integers("axes");
            g.to(0, g.reduce_sum(g.dy(), other_axes(g.out()->type.shape.size(), axes)));
          },
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const Attributes& attributes = context.op.attributes;
        return {context.builder.broadcast(context.inputs[0], prepend(context.batch, attributes.integers("shape")),
                                          prepend(0, shift_axes(attributes.integers("axes"))))};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "scalar", .operands = {f32({})}, .attributes = to({2, 3}, {})},
                  {.what = "last axis", .operands = {f32({3})}, .attributes = to({2, 3}, {1})},
                  {.what = "outer axes", .operands = {f32({2, 3})}, .attributes = to({2, 4, 3, 2}, {0, 2})}},
  };
}

}  // namespace nnc::ops
