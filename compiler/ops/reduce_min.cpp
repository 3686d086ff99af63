// The smallest element over axes. NaN passes; the gradient goes to the first of ties.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Attributes over(std::vector<std::int64_t> axes) { return with({}, "axes", std::move(axes)); }

Inferred infer_nonempty(const OpView& op) {
  for (std::int64_t axis : op.attributes.integers("axes")) {
    const bool exists = axis >= 0 && axis < static_cast<std::int64_t>(op.shape(0).size());
    if (exists && op.shape(0)[static_cast<std::size_t>(axis)] == 0) return error("there is nothing to reduce");
  }
  return infer_reduction(op);
}

}  // namespace

OpDef reduce_min_op() {
  return {
      .name = "reduce_min",
      .signature = "reduce_min(x)",
      .formula = "minimum over the axes; NaN passes; the gradient goes to the first of ties; inf if there is nothing",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Reduction,
      .attributes = {{"axes", AttributeKind::Integers, "the axes that are reduced, and dropped"}},
      .infer = [](const OpView& op) { return is_float(op.type(0).element) ? infer_reduction(op) : infer_nonempty(op); },
      .evaluate = fold_ordered(
          kInfinity, [](double a, double b) { return b < a || std::isnan(b) ? b : a; },
          std::numeric_limits<std::int64_t>::max(), [](std::int64_t a, std::int64_t b) { return std::min(a, b); }),
      .gradient = [](GradientBuilder& g) { differentiate_extremum(g, g.negate(g.in(0))); },
      .batch = batch_reduction,
      .lower = {.family = Family::Reduce},
      .samples =
          {{.what = "last axis", .operands = {f32({2, 3})}, .attributes = over({1})},
           {.what = "two axes", .operands = {f32({2, 3, 4})}, .attributes = over({0, 2})},
           {.what = "integers", .operands = {i32({2, 3}, -9, 9)}, .attributes = over({0}), .differentiable = false},
           {.what = "the highest of u64",
            .operands = {operand(ElementType::U64, {2, 3}, {0x1p63, 3, 0x1.8p63, 5, 0x1p62, 0x1p63})},
            .attributes = over({1}),
            .differentiable = false},
           {.what = "no axes", .operands = {f32({2, 3})}, .attributes = over({})},
           {.what = "ties, infinite, NaN",
            .operands = {f32_values({4, 3}, {1, 2, 2, kNaN, 1, 0, 1, kNaN, kInfinity, -kInfinity, 0, -0.0})},
            .attributes = over({1}),
            .differentiable = false},
           {.what = "empty", .operands = {f32({2, 0})}, .attributes = over({1}), .differentiable = false}},
      .tolerance = {.relative = 0},
  };
}

}  // namespace nnc::ops
