// Rows of a table by index: embeddings.
#include "compiler/ops/rows.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_gather(const OpView& op) {
  if (op.shape(0).empty()) return error("the table has no axis");
  if (!is_integer(op.type(1).element)) return error("the index must be integer");
  if (op.shape(0)[0] == 0) return error("the table is empty");
  Type type{op.type(0).element, op.shape(1)};
  type.shape.insert(type.shape.end(), op.shape(0).begin() + 1, op.shape(0).end());
  return {{type}, ""};
}

std::vector<Tensor> evaluate_gather(const Op& op, Operands in) {
  const Shape& table = in[0]->type.shape;
  const std::int64_t width = row_major_strides(table)[0];
  std::vector<std::int64_t> from;
  for (std::int64_t index : clamped(*in[1], table[0])) {
    for (std::int64_t i = 0; i < width; ++i) from.push_back(index * width + i);
  }
  return {take(*in[0], op.result()->type, from)};
}

std::vector<Value*> batch_gather(BatchContext& context) {
  GraphBuilder& g = context.builder;
  Value* table = context.inputs[0];
  if (!context.is_batched[0]) return {g.op("gather", {table, context.inputs[1]})};
  const Shape& one = context.op.inputs[0]->type.shape;
  if (!context.is_batched[1]) {
    Value* rows = g.op("gather", {move_axis(g, table, 0, 1), context.inputs[1]});
    return {move_axis(g, rows, context.inputs[1]->type.shape.size(), 0)};
  }
  Shape joined = one;
  joined[0] *= context.batch;
  return {g.op("gather", {g.reshape(table, joined), index_in_all(context, context.inputs[1], one[0])})};
}

}  // namespace

OpDef gather_op() {
  return {
      .name = "gather",
      .signature = "gather(table, index)",
      .formula = "[index's axes, row]: row index[r] of the table [N, row]; an index out of range is clamped",
      .operands_min = 2,
      .operands_max = 2,
      .infer = infer_gather,
      .evaluate = evaluate_gather,
      .gradient =
          [](GradientBuilder& g) {
            if (!g.needs(0)) return;
            const std::int64_t size = g.in(0)->type.shape[0];
            g.to(0, g.op("scatter_add", {g.in(1), g.dy()}, with({}, "size", size)));
          },
      .batch = batch_gather,
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "rows", .operands = {f32({4, 3}), operand(ElementType::I32, {2, 2}, {3, 0, 1, 3})}},
                  {.what = "indices of u64", .operands = {f32({4, 3}), operand(ElementType::U64, {3}, {0x1p63, 2, 0})}},
                  {.what = "indices of i64",
                   .operands = {f32({4, 3}), operand(ElementType::I64, {4}, {0x1p62, 2, 0, -0x1p63})}},
                  {.what = "indices of i8", .operands = {f32({300}), operand(ElementType::I8, {2}, {-128, 127})}},
                  {.what = "scalar index, clamped", .operands = {f32({4, 3}), operand(ElementType::I32, {}, {9})}},
                  {.what = "scalar rows, clamped", .operands = {f32({4}), operand(ElementType::I32, {3}, {-1, 2, 4})}}},
  };
}

}  // namespace nnc::ops
