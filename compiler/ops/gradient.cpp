// The gradient as a value of the graph; differentiate replaces it by what computes it, add_batch gives it the batch.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_gradient(const OpView& op) {
  if (op.type(0) != op.type(1)) {
    return error(fmt::format("the cotangent is {}, the value {}", to_string(op.type(1)), to_string(op.type(0))));
  }
  Inferred inferred;
  for (const Value* x : op.inputs.subspan(2)) inferred.types.push_back(x->type);
  for (const Value* x : op.inputs) {
    if (!is_float(x->type.element)) return error("only floats have gradients");
  }
  return inferred;
}

}  // namespace

OpDef gradient_op() {
  return {
      .name = "gradient",
      .signature = "gradient(y, cotangent, x, ...)",
      .formula = "sum of cotangent times dy/dx, for each x",
      .operands_min = 3,
      .operands_max = -1,
      .traits = BeforeDifferentiate,
      .infer = infer_gradient,
  };
}

}  // namespace nnc::ops
