// Takes inputs and outputs without elements out of the signature of a function.
//
// C++ has no arrays of no elements, and there is nothing to pass: such an input is a constant, and such an output is
// known to whoever asks for it. Imported models have them; fold_constants then computes what depends on them.
//
// Requires: nothing. Establishes: every input and output has elements.
//
//   %x = input() {name="x", ...}; f32[2, 0]     ->     %x = constant() {value=f32[2, 0]{}}
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {

void drop_empty(Graph& graph) {
  const auto is_empty = [](const Value* value) { return element_count(value->type.shape) == 0; };
  std::erase_if(graph.outputs, [&](const Output& output) { return is_empty(output.value); });
  std::erase_if(graph.inputs, is_empty);
  rewrite(graph, [&](GraphBuilder& builder, Op& op) -> std::vector<Value*> {
    if (op.def->name != "input" || !is_empty(op.result())) return {};
    return {builder.constant(Tensor::zeros(op.result()->type))};
  });
}

}  // namespace nnc
