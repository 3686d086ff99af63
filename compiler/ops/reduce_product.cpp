// Products over axes.
//
// The gradient is dy times the product of the other elements: out / x, but where x is 0 the product of the rest if
// that is the only 0, else 0.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Attributes over(std::vector<std::int64_t> axes) { return with({}, "axes", std::move(axes)); }

}  // namespace

OpDef reduce_product_op() {
  return {
      .name = "reduce_product",
      .signature = "reduce_product(x)",
      .formula = "product over the axes; 1 if there is nothing",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Reduction,
      .attributes = {{"axes", AttributeKind::Integers, "the axes that are reduced, and dropped"}},
      .infer = infer_reduction,
      .evaluate = fold(
          1, [](double a, double b) { return a * b; }, 1,
          [](std::int64_t a, std::int64_t b) {
            return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
          }),
      .gradient =
          [](GradientBuilder& g) {
            const Attributes& axes = g.op_of().attributes;
            Value* x = g.in(0);
            Value* zero = g.zeros_like(x);
            Value* one = g.like(x, 1);
            Value* is_zero = g.op("equal", {x, zero});
            Value* rest = g.select(is_zero, one, x);
            Value* zeros = expand_reduced(g, g.op("reduce_sum", {g.select(is_zero, one, zero)}, axes));
            Value* product = expand_reduced(g, g.op("reduce_product", {rest}, axes));
            Value* at_zero = g.select(g.op("equal", {zeros, one}), product, zero);
            Value* others = g.select(is_zero, at_zero, g.divide(expand_reduced(g, g.out()), rest));
            g.to(0, g.multiply(expand_reduced(g, g.dy()), others));
          },
      .batch = batch_reduction,
      .lower = {.family = Family::Reduce},
      .samples =
          {{.what = "last axis", .operands = {f32({2, 3})}, .attributes = over({1})},
           {.what = "two axes", .operands = {f32({2, 3, 4})}, .attributes = over({0, 2})},
           {.what = "integers", .operands = {i32({2, 3}, -9, 9)}, .attributes = over({0}), .differentiable = false},
           {.what = "zeros", .operands = {f32_values({3, 3}, {2, 0, 3, 0, 0, 5, 1, 2, 3})}, .attributes = over({1})},
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
