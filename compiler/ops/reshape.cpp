// The same elements in row-major order under another shape.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_reshape(const OpView& op) {
  const Shape& shape = op.attributes.integers("shape");
  std::int64_t rest = element_count(op.shape(0));
  bool has_zero = false;
  for (std::int64_t extent : shape) {
    if (extent < 0) return error(fmt::format("shape {} has a negative extent", to_string(shape)));
    has_zero = has_zero || extent == 0;
  }
  bool fits = has_zero == (rest == 0);
  for (std::int64_t extent : shape) {
    if (has_zero || !fits) break;
    fits = rest % extent == 0;
    rest /= extent;
  }
  if (!fits || (!has_zero && rest != 1)) {
    return error(fmt::format("{} does not have the elements of {}", to_string(op.shape(0)), to_string(shape)));
  }
  return {{{op.type(0).element, shape}}, ""};
}

}  // namespace

OpDef reshape_op() {
  return {
      .name = "reshape",
      .signature = "reshape(x)",
      .formula = "the elements of x in row-major order, with the new shape",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"shape", AttributeKind::Integers, "shape of the result"}},
      .infer = infer_reshape,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> { return {{op.result()->type, in[0]->data}}; },
      .gradient = [](GradientBuilder& g) { g.to(0, g.reshape(g.dy(), g.in(0)->type.shape)); },
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const Shape& shape = context.op.attributes.integers("shape");
        return {context.builder.reshape(context.inputs[0], prepend(context.batch, shape))};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {{.what = "plain", .operands = {f32({2, 6})}, .attributes = with({}, "shape", Shape{3, 1, 4})},
                  {.what = "scalar", .operands = {f32({1, 1})}, .attributes = with({}, "shape", Shape{})},
                  {.what = "empty", .operands = {f32({0, 3})}, .attributes = with({}, "shape", Shape{2, 0})}},
  };
}

}  // namespace nnc::ops
