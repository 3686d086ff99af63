// Axes in another order.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_transpose(const OpView& op) {
  const std::vector<std::int64_t>& permutation = op.attributes.integers("permutation");
  std::vector<std::int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != all_axes(op.shape(0).size())) {
    return error(fmt::format("{} is no permutation of the axes of {}", to_string(permutation), to_string(op.shape(0))));
  }
  Type type{op.type(0).element, {}};
  for (std::int64_t axis : permutation) type.shape.push_back(op.shape(0)[static_cast<std::size_t>(axis)]);
  return {{type}, ""};
}

std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& permutation) {
  std::vector<std::int64_t> back(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    back[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return back;
}

Sample sample(const char* what, Shape shape, std::vector<std::int64_t> permutation) {
  return {.what = what, .operands = {f32(std::move(shape))}, .attributes = with({}, "permutation", permutation)};
}

}  // namespace

OpDef transpose_op() {
  return {
      .name = "transpose",
      .signature = "transpose(x)",
      .formula = "result axis i is axis permutation[i] of x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"permutation", AttributeKind::Integers, "axes of x in the order of the result"}},
      .infer = infer_transpose,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        return {permute(*in[0], op.attributes.integers("permutation"))};
      },
      .gradient =
          [](GradientBuilder& g) {
            g.to(0, g.transpose(g.dy(), inverse(g.op_of().attributes.integers("permutation"))));
          },
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const std::vector<std::int64_t>& permutation = context.op.attributes.integers("permutation");
        return {context.builder.transpose(context.inputs[0], prepend(0, shift_axes(permutation)))};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {sample("matrix", {2, 3}, {1, 0}), sample("three axes", {2, 3, 4}, {2, 0, 1})},
  };
}

}  // namespace nnc::ops
