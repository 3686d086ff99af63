// A part of fixed size at starts that are values.
#include "compiler/ops/dynamic.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_dynamic_slice(const OpView& op) {
  const Shape& sizes = op.attributes.integers("sizes");
  const std::string wrong = check_part(op, op.shape(0), sizes, 1);
  if (!wrong.empty()) return error(wrong);
  return {{{op.type(0).element, sizes}}, ""};
}

void differentiate_dynamic_slice(GradientBuilder& g) {
  std::vector<Value*> operands = g.op_of().inputs;
  operands[0] = g.zeros_like(g.in(0));
  operands.insert(operands.begin() + 1, g.dy());
  g.to(0, g.op("dynamic_update", operands));
}

std::vector<Value*> batch_dynamic_slice(BatchContext& context) {
  const auto starts = context.is_batched.begin() + 1;
  if (std::find(starts, context.is_batched.end(), true) != context.is_batched.end()) return batch_one_by_one(context);
  const Shape sizes = prepend(context.batch, context.op.attributes.integers("sizes"));
  return {
      context.builder.op("dynamic_slice", with_batch_start(context, {context.inputs[0]}, 1), with({}, "sizes", sizes))};
}

}  // namespace

OpDef dynamic_slice_op() {
  return {
      .name = "dynamic_slice",
      .signature = "dynamic_slice(x, start, ...)",
      .formula = "the part of x of the sizes that begins at the starts, each clamped so that the part fits",
      .operands_min = 1,
      .operands_max = -1,
      .traits = Movement,
      .attributes = {{"sizes", AttributeKind::Integers, "shape of the result"}},
      .infer = infer_dynamic_slice,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        const Type& type = op.result()->type;
        return {take(*in[0], type, part_places(in[0]->type.shape, type.shape, in.subspan(1)))};
      },
      .gradient = differentiate_dynamic_slice,
      .batch = batch_dynamic_slice,
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "plain",
                   .operands = {f32({4, 5}), operand(ElementType::I32, {}, {1}), operand(ElementType::I32, {}, {2})},
                   .attributes = with({}, "sizes", Shape{2, 3})},
                  {.what = "starts of other types, clamped",
                   .operands = {f32({4, 300}), operand(ElementType::U64, {}, {0x1p63}),
                                operand(ElementType::I8, {}, {100})},
                   .attributes = with({}, "sizes", Shape{1, 200})},
                  {.what = "clamped",
                   .operands = {f32({4, 5}), operand(ElementType::I32, {}, {9}), operand(ElementType::I32, {}, {-2})},
                   .attributes = with({}, "sizes", Shape{1, 2})}},
  };
}

}  // namespace nnc::ops
