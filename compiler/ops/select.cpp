// One of two values, elementwise. Its gradient selects too: a product with a mask would make NaN of 0 and infinity.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_select(const OpView& op) {
  if (op.type(0).element != ElementType::Bool) return error("the condition must be bool");
  if (op.type(1) != op.type(2) || op.shape(0) != op.shape(1)) {
    return error(fmt::format("operands {}, {} and {} do not match", to_string(op.type(0)), to_string(op.type(1)),
                             to_string(op.type(2))));
  }
  return {{op.type(1)}, ""};
}

std::vector<Tensor> evaluate_select(const Op& op, Operands in) {
  Tensor y = *in[1];
  const std::vector<std::int64_t>& condition = in[0]->integers();
  const auto choose = [&](const auto& other, auto& result) {
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (condition[i] == 0) result[i] = other[i];
    }
  };
  if (is_float(op.result()->type.element)) {
    choose(in[2]->floats(), y.floats());
  } else {
    choose(in[2]->integers(), y.integers());
  }
  return {std::move(y)};
}

}  // namespace

OpDef select_op() {
  return {
      .name = "select",
      .signature = "select(c, a, b)",
      .formula = "c ? a : b",
      .operands_min = 3,
      .operands_max = 3,
      .traits = Elementwise,
      .infer = infer_select,
      .evaluate = evaluate_select,
      .gradient =
          [](GradientBuilder& g) {
            Value* zero = g.zeros_like(g.dy());
            if (g.needs(1)) g.to(1, g.select(g.in(0), g.dy(), zero));
            if (g.needs(2)) g.to(2, g.select(g.in(0), zero, g.dy()));
          },
      .lower = elementwise_body("return select(a, b, c);"),
      .samples = {{.what = "plain", .operands = {operand(ElementType::Bool, {4}, {1, 0, 0, 1}), f32({4}), f32({4})}},
                  {.what = "the other side is not finite",
                   .operands = {operand(ElementType::Bool, {3}, {1, 0, 1}), f32_values({3}, {1, kNaN, 2}),
                                f32_values({3}, {kInfinity, 3, kNaN})},
                   .differentiable = false},
                  {.what = "integers",
                   .operands = {operand(ElementType::Bool, {2}, {1, 0}), i32({2}, -9, 9), i32({2}, -9, 9)},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
