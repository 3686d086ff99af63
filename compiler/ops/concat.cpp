// Tensors one after the other along an axis.
#include <utility>

#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_concat(const OpView& op) {
  const std::int64_t axis = op.attributes.integer("axis");
  Type type = op.type(0);
  if (axis < 0 || axis >= static_cast<std::int64_t>(type.shape.size())) {
    return error(fmt::format("axis {} is not an axis of {}", axis, to_string(type.shape)));
  }
  std::int64_t total = 0;
  for (const Value* x : op.inputs) {
    Type other = x->type;
    std::int64_t own = 0;
    if (other.shape.size() == type.shape.size()) {
      own = std::exchange(other.shape[static_cast<std::size_t>(axis)], type.shape[static_cast<std::size_t>(axis)]);
    }
    if (other != type) return error(fmt::format("{} and {} cannot be joined", to_string(type), to_string(x->type)));
    total += own;
  }
  type.shape[static_cast<std::size_t>(axis)] = total;
  return {{type}, ""};
}

std::vector<Tensor> evaluate_concat(const Op& op, Operands in) {
  Tensor y = Tensor::zeros(op.result()->type);
  const std::size_t axis = static_cast<std::size_t>(op.attributes.integer("axis"));
  const Shape& shape = y.type.shape;
  const std::int64_t row = row_major_strides(shape)[axis];
  const std::int64_t outer = element_count(Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis)));
  std::int64_t at = 0;
  for (const Tensor* x : in) {
    const std::int64_t size = x->type.shape[axis] * row;
    const auto copy = [&](const auto& from, auto& to) {
      for (std::int64_t i = 0; i < outer; ++i) {
        std::copy_n(from.begin() + i * size, size, to.begin() + i * shape[axis] * row + at);
      }
    };
    if (is_float(y.type.element)) {
      copy(x->floats(), y.floats());
    } else {
      copy(x->integers(), y.integers());
    }
    at += size;
  }
  return {std::move(y)};
}

void differentiate_concat(GradientBuilder& g) {
  const std::size_t axis = static_cast<std::size_t>(g.op_of().attributes.integer("axis"));
  std::vector<std::int64_t> start(g.out()->type.shape.size());
  std::vector<std::int64_t> stop = g.out()->type.shape;
  const std::vector<std::int64_t> step(start.size(), 1);
  for (std::size_t i = 0; i < g.op_of().inputs.size(); ++i) {
    const int operand_index = static_cast<int>(i);
    stop[axis] = start[axis] + g.in(operand_index)->type.shape[axis];
    if (g.needs(operand_index)) {
      const Attributes part = with(with(with({}, "start", start), "stop", stop), "step", step);
      g.to(operand_index, g.op("slice", {g.dy()}, part));
    }
    start[axis] = stop[axis];
  }
}

Attributes along(std::int64_t axis) { return with({}, "axis", axis); }

}  // namespace

OpDef concat_op() {
  return {
      .name = "concat",
      .signature = "concat(x, ...)",
      .formula = "the operands one after the other along the axis; the other extents are equal",
      .operands_min = 1,
      .operands_max = -1,
      .traits = Movement,
      .attributes = {{"axis", AttributeKind::Integer, "the axis that grows"}},
      .infer = infer_concat,
      .evaluate = evaluate_concat,
      .gradient = differentiate_concat,
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        std::vector<Value*> operands;
        for (std::size_t i = 0; i < context.inputs.size(); ++i) {
          operands.push_back(context.batched(static_cast<int>(i)));
        }
        return {context.builder.op("concat", operands, along(context.op.attributes.integer("axis") + 1))};
      },
      .without_empty =
          [](GraphBuilder& builder, const Op& op, std::span<Value* const> others) {
            return others.size() == 1 ? others[0] : builder.op("concat", {others.begin(), others.end()}, op.attributes);
          },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "rows", .operands = {f32({1, 3}), f32({2, 3})}, .attributes = along(0)},
                  {.what = "middle axis, one empty",
                   .operands = {f32({2, 2, 2}), f32({2, 0, 2}), f32({2, 3, 2})},
                   .attributes = along(1)}},
  };
}

}  // namespace nnc::ops
