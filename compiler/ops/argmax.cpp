// The index of the largest element along an axis: the first of ties; the first NaN, if there is one.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_argmax(const OpView& op) {
  const std::int64_t axis = op.attributes.integer("axis");
  if (axis < 0 || axis >= static_cast<std::int64_t>(op.shape(0).size())) {
    return error(fmt::format("axis {} is not an axis of {}", axis, to_string(op.shape(0))));
  }
  if (op.shape(0)[static_cast<std::size_t>(axis)] == 0) return error("there is nothing to choose from");
  if (op.type(0).element == ElementType::Bool) return error("operands must be numbers, not bool");
  Type type{ElementType::I32, op.shape(0)};
  type.shape.erase(type.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return {{type}, ""};
}

std::vector<Tensor> evaluate_argmax(const Op& op, Operands in) {
  const std::int64_t axis = op.attributes.integer("axis");
  const Shape& shape = in[0]->type.shape;
  std::vector<std::int64_t> order = other_axes(shape.size(), {axis});
  order.push_back(axis);
  const Tensor x = permute(in_order(*in[0]), order);
  const std::int64_t length = shape[static_cast<std::size_t>(axis)];
  Tensor y = Tensor::zeros(op.result()->type);
  const auto choose = [&](const auto& elements) {
    for (std::size_t i = 0; i < y.integers().size(); ++i) {
      const auto row = elements.begin() + static_cast<std::ptrdiff_t>(i) * length;
      const auto best = std::max_element(row, row + length, [](auto a, auto b) { return a < b || (a == a && b != b); });
      y.integers()[i] = best - row;
    }
  };
  std::visit(choose, x.data);
  return {std::move(y)};
}

Attributes along(std::int64_t axis) { return with({}, "axis", axis); }

}  // namespace

OpDef argmax_op() {
  return {
      .name = "argmax",
      .signature = "argmax(x)",
      .formula =
          "index of the largest element along the axis, as i32; the first of ties, the first NaN if there is one",
      .operands_min = 1,
      .operands_max = 1,
      .attributes = {{"axis", AttributeKind::Integer, "the axis, which is dropped"}},
      .infer = infer_argmax,
      .evaluate = evaluate_argmax,
      .gradient = [](GradientBuilder&) {},
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const std::int64_t axis = context.op.attributes.integer("axis");
        return {context.builder.op("argmax", {context.inputs[0]}, along(axis + 1))};
      },
      .lower = {.family = Family::Reduce},
      .samples = {{.what = "plain", .operands = {f32({2, 5})}, .attributes = along(1), .differentiable = false},
                  {.what = "first axis", .operands = {f32({4, 3})}, .attributes = along(0), .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {2, 3}, {0x1p63, 3, 0x1.8p63, 5, 0x1p62, 0x1p63})},
                   .attributes = along(1),
                   .differentiable = false},
                  {.what = "ties and NaN",
                   .operands = {f32_values({3, 3}, {1, 2, 2, 0, kNaN, 5, kNaN, 1, kNaN})},
                   .attributes = along(1),
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
