// Sums rows by index: the gradient of gather.
#include "compiler/ops/rows.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_scatter_add(const OpView& op) {
  const Shape& index = op.shape(0);
  const Shape& rows = op.shape(1);
  if (!is_integer(op.type(0).element)) return error("the index must be integer");
  if (op.type(1).element == ElementType::Bool) return error("the rows must be numbers, not bool");
  if (rows.size() < index.size() || !std::equal(index.begin(), index.end(), rows.begin())) {
    return error(fmt::format("{} has no row for each index of {}", to_string(rows), to_string(index)));
  }
  if (op.attributes.integer("size") < 1) return error("'size' must be at least 1");
  Type type{op.type(1).element, {op.attributes.integer("size")}};
  type.shape.insert(type.shape.end(), rows.begin() + static_cast<std::ptrdiff_t>(index.size()), rows.end());
  return {{type}, ""};
}

std::vector<Tensor> evaluate_scatter_add(const Op& op, Operands in) {
  Tensor y = Tensor::zeros(op.result()->type);
  const std::size_t width = static_cast<std::size_t>(row_major_strides(y.type.shape)[0]);
  const std::vector<std::int64_t> index = clamped(*in[0], y.type.shape[0]);
  const auto sum = [&](const auto& rows, auto& table) {
    for (std::size_t r = 0; r < index.size(); ++r) {
      for (std::size_t i = 0; i < width; ++i) {
        add_to(table[static_cast<std::size_t>(index[r]) * width + i], rows[r * width + i]);
      }
    }
  };
  if (is_float(y.type.element)) {
    sum(in[1]->floats(), y.floats());
  } else {
    sum(in[1]->integers(), y.integers());
    wrap(y);
  }
  return {std::move(y)};
}

std::vector<Value*> batch_scatter_add(BatchContext& context) {
  GraphBuilder& g = context.builder;
  const std::int64_t size = context.op.attributes.integer("size");
  if (!context.is_batched[0]) {
    Value* rows = move_axis(g, context.inputs[1], 0, context.inputs[0]->type.shape.size());
    return {move_axis(g, g.op("scatter_add", {context.inputs[0], rows}, context.op.attributes), 1, 0)};
  }
  Value* index = index_in_all(context, context.inputs[0], size);
  Value* joined = g.op("scatter_add", {index, context.batched(1)}, with({}, "size", size * context.batch));
  return {g.reshape(joined, prepend(context.batch, context.op.result()->type.shape))};
}

}  // namespace

OpDef scatter_add_op() {
  return {
      .name = "scatter_add",
      .signature = "scatter_add(index, u)",
      .formula = "[size, row]: the sum of the rows of u [index's axes, row] by index; an index out of range is clamped",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Sum,
      .attributes = {{"size", AttributeKind::Integer, "number of rows of the result"}},
      .infer = infer_scatter_add,
      .evaluate = evaluate_scatter_add,
      .gradient =
          [](GradientBuilder& g) {
            if (g.needs(1)) g.to(1, g.op("gather", {g.dy(), g.in(0)}));
          },
      .batch = batch_scatter_add,
      .lower = {.family = Family::Move},
      .samples = {{.what = "rows",
                   .operands = {operand(ElementType::I32, {2, 2}, {3, 0, 1, 3}), f32({2, 2, 3})},
                   .attributes = with({}, "size", std::int64_t{4})},
                  {.what = "indices of u64",
                   .operands = {operand(ElementType::U64, {3}, {0x1p63, 2, 0}), f32({3, 2})},
                   .attributes = with({}, "size", std::int64_t{4})},
                  {.what = "rows of integers, wrapping",
                   .operands = {operand(ElementType::I64, {3}, {1, 2, 1}),
                                operand(ElementType::I8, {3, 2}, {127, -128, 3, 4, 1, -1})},
                   .attributes = with({}, "size", std::int64_t{4}),
                   .differentiable = false},
                  {.what = "scalar rows, clamped",
                   .operands = {operand(ElementType::I32, {3}, {-1, 2, 9}), f32({3})},
                   .attributes = with({}, "size", std::int64_t{4})}},
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
