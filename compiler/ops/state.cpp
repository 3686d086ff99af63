// The value at entry of what outlives a call; the graph's list of states says what it becomes.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef state_op() {
  return {
      .name = "state",
      .signature = "state()",
      .formula = "value at entry of a state",
      .traits = Leaf,
      .attributes = {{"name", AttributeKind::Text, "path of the state"},
                     {"kind", AttributeKind::Text, "parameter, statistic, optimizer, counter, recurrent or prepared"},
                     {"element", AttributeKind::Element, "element type"},
                     {"shape", AttributeKind::Integers, "shape"}},
      .infer = [](const OpView& op) -> Inferred {
        StateKind kind;
        if (!parse_state_kind(op.attributes.text("kind"), kind)) return error("unknown kind of state");
        return {{{op.attributes.get<ElementType>("element"), op.attributes.integers("shape")}}, ""};
      },
  };
}

}  // namespace nnc::ops
