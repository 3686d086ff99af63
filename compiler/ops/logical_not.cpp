// Negation of conditions, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef logical_not_op() {
  return {
      .name = "logical_not",
      .signature = "logical_not(x)",
      .formula = "not x",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .infer = bool_elementwise,
      .evaluate = map_unary([](double x) { return x; }, [](std::uint64_t x) { return x ^ 1; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return logical_not(a);"),
      .samples = {{.what = "plain",
                   .operands = {operand(ElementType::Bool, {4}, {0, 1, 0, 1})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
