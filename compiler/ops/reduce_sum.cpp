// Sums over axes. The order of additions is that of the kernel; the meaning is the exact sum.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Attributes over(std::vector<std::int64_t> axes) { return with({}, "axes", std::move(axes)); }

}  // namespace

OpDef reduce_sum_op() {
  return {
      .name = "reduce_sum",
      .signature = "reduce_sum(x)",
      .formula = "sum over the axes; 0 if there is nothing",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Reduction | Sum,
      .attributes = {{"axes", AttributeKind::Integers, "the axes that are reduced, and dropped"}},
      .infer = infer_reduction,
      .evaluate = fold(
          0, [](double a, double b) { return a + b; }, 0,
          [](std::int64_t a, std::int64_t b) {
            return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
          }),
      .gradient = [](GradientBuilder& g) { g.to(0, expand_reduced(g, g.dy())); },
      .batch = batch_reduction,
      .lower = {.family = Family::Reduce},
      .samples =
          {{.what = "last axis", .operands = {f32({2, 3})}, .attributes = over({1})},
           {.what = "two axes", .operands = {f32({2, 3, 4})}, .attributes = over({0, 2})},
           {.what = "integers", .operands = {i32({2, 3}, -9, 9)}, .attributes = over({0}), .differentiable = false},
           {.what = "wrapping",
            .operands = {operand(ElementType::I32, {2, 3}, {2147483647, 2147483647, 2, -2147483648.0, -1, 3})},
            .attributes = over({1}),
            .differentiable = false},
           {.what = "no axes", .operands = {f32({2, 3})}, .attributes = over({})},
           {.what = "empty", .operands = {f32({2, 0})}, .attributes = over({1}), .differentiable = false}},
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
