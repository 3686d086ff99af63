// Takes values without elements out of a graph: nothing computes them, and C++ has no arrays of length 0.
//
// What has only such results is a constant of no elements. What takes such operands and gives elements all the same is
// computed here (a sum of nothing), or goes on without them, as its definition says (a concatenation). Inputs and
// outputs without elements are no longer inputs and outputs of the graph.
//
// Requires: no `gradient`, and no scan over such values (elaborate refuses it). Establishes: every operand and every
// result has elements, or is a constant that nobody needs.
//
//   %a = slice(%x) : f32[0, 3]
//   %b = concat(%a, %x) : f32[2, 3]     ->     %x
#include <algorithm>

#include "compiler/graph/evaluate.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

bool is_empty(const Value* value) { return element_count(value->type.shape) == 0; }

std::vector<Value*> without_empty(GraphBuilder& builder, Op& op) {
  const auto result_is_empty = [](const std::unique_ptr<Value>& result) { return is_empty(result.get()); };
  if (!op.def->has(Leaf) && std::all_of(op.results.begin(), op.results.end(), result_is_empty)) {
    std::vector<Value*> results;
    for (const std::unique_ptr<Value>& result : op.results)
      results.push_back(builder.constant(Tensor::zeros(result->type)));
    return results;
  }
  std::vector<Value*> others;
  std::vector<Tensor> known;
  for (Value* input : op.inputs) {
    if (is_empty(input)) {
      known.push_back(Tensor::zeros(input->type));
    } else {
      others.push_back(input);
    }
  }
  if (known.empty()) return {};
  if (op.def->without_empty && !others.empty()) return {op.def->without_empty(builder, op, others)};
  if (!others.empty()) throw InternalError("drop_empty does not know '" + op.def->name + "'");
  std::vector<const Tensor*> operands;
  for (const Tensor& tensor : known) operands.push_back(&tensor);
  std::vector<Value*> results;
  for (Tensor& result : evaluate(op, operands)) results.push_back(builder.constant(std::move(result)));
  return results;
}

}  // namespace

void drop_empty(Graph& graph) {
  for_each_subgraph(graph, drop_empty);
  rewrite(graph, without_empty);
  std::erase_if(graph.outputs, [](const Output& output) { return is_empty(output.value); });
  std::erase_if(graph.inputs, is_empty);
  std::erase_if(graph.ops,
                [](const std::unique_ptr<Op>& op) { return op->def->name == "input" && is_empty(op->result()); });
}

}  // namespace nnc
