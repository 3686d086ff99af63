// A tensor with a part replaced, at starts that are values.
#include "compiler/ops/dynamic.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_dynamic_update(const OpView& op) {
  if (op.type(0).element != op.type(1).element) return error("the part has another element type");
  const std::string wrong = check_part(op, op.shape(0), op.shape(1), 2);
  if (!wrong.empty()) return error(wrong);
  return {{op.type(0)}, ""};
}

std::vector<Tensor> evaluate_dynamic_update(const Op&, Operands in) {
  Tensor y = *in[0];
  const std::vector<std::int64_t> places = part_places(y.type.shape, in[1]->type.shape, in.subspan(2));
  const auto write = [&](const auto& from, auto& to) {
    for (std::size_t i = 0; i < places.size(); ++i) to[static_cast<std::size_t>(places[i])] = from[i];
  };
  if (is_float(y.type.element)) {
    write(in[1]->floats(), y.floats());
  } else {
    write(in[1]->integers(), y.integers());
  }
  return {std::move(y)};
}

void differentiate_dynamic_update(GradientBuilder& g) {
  std::vector<Value*> operands = g.op_of().inputs;
  operands[0] = g.dy();
  if (g.needs(0)) {
    operands[1] = g.zeros_like(g.in(1));
    g.to(0, g.op("dynamic_update", operands));
  }
  if (g.needs(1)) {
    operands.erase(operands.begin() + 1);
    g.to(1, g.op("dynamic_slice", operands, with({}, "sizes", g.in(1)->type.shape)));
  }
}

std::vector<Value*> batch_dynamic_update(BatchContext& context) {
  const auto starts = context.is_batched.begin() + 2;
  if (std::find(starts, context.is_batched.end(), true) != context.is_batched.end()) return batch_one_by_one(context);
  return {context.builder.op("dynamic_update", with_batch_start(context, {context.batched(0), context.batched(1)}, 2))};
}

}  // namespace

OpDef dynamic_update_op() {
  return {
      .name = "dynamic_update",
      .signature = "dynamic_update(x, u, start, ...)",
      .formula = "x with u written at the starts, each clamped so that u fits",
      .operands_min = 2,
      .operands_max = -1,
      .traits = Movement,
      .infer = infer_dynamic_update,
      .evaluate = evaluate_dynamic_update,
      .gradient = differentiate_dynamic_update,
      .batch = batch_dynamic_update,
      .without_empty = [](GraphBuilder&, const Op& op, std::span<Value* const>) { return op.inputs[0]; },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "plain",
                   .operands = {f32({4, 5}), f32({2, 3}), operand(ElementType::I32, {}, {1}),
                                operand(ElementType::I32, {}, {2})}},
                  {.what = "clamped", .operands = {f32({4}), f32({3}), operand(ElementType::I32, {}, {3})}}},
  };
}

}  // namespace nnc::ops
