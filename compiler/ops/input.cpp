// A value from the caller. Values of an input of classes are checked where data comes in.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef input_op() {
  return {
      .name = "input",
      .signature = "input()",
      .formula = "a value from the caller",
      .traits = Leaf,
      .attributes = {{"name", AttributeKind::Text, "name in the signature"},
                     {"per_example", AttributeKind::Flag, "each example has its own"},
                     {"element", AttributeKind::Element, "element type"},
                     {"shape", AttributeKind::Integers, "shape"},
                     {"classes", AttributeKind::Integer, "n of `class[n]`: values are i32 in [0, n); 0: none"}},
      .infer = [](const OpView& op) -> Inferred {
        return {{{op.attributes.get<ElementType>("element"), op.attributes.integers("shape")}}, ""};
      },
  };
}

}  // namespace nnc::ops
