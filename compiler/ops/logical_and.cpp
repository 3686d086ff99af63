// Conjunction of conditions, elementwise; both sides are evaluated.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef logical_and_op() {
  return {
      .name = "logical_and",
      .signature = "logical_and(a, b)",
      .formula = "a and b",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise | Commutative,
      .infer = bool_elementwise,
      .evaluate = map_binary(nullptr, [](std::int64_t a, std::int64_t b) { return a & b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return logical_and(a, b);"),
      .samples = {{.what = "plain",
                   .operands = {operand(ElementType::Bool, {4}, {0, 1, 0, 1}),
                                operand(ElementType::Bool, {4}, {0, 0, 1, 1})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
