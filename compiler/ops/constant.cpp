// A tensor that the compiler knows.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef constant_op() {
  return {
      .name = "constant",
      .signature = "constant()",
      .formula = "the value",
      .traits = Leaf,
      .attributes = {{"value", AttributeKind::TensorValue, "the value"}},
      .infer = [](const OpView& op) -> Inferred { return {{op.attributes.get<Tensor>("value").type}, ""}; },
      .evaluate = [](const Op& op, Operands) -> std::vector<Tensor> { return {op.attributes.get<Tensor>("value")}; },
      .samples = {{.what = "plain", .attributes = with({}, "value", Tensor::filled({ElementType::F32, {2, 3}}, 1.5))}},
  };
}

}  // namespace nnc::ops
