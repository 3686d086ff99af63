// Computes what depends on constants alone.
//
// An operation whose operands are all known becomes a constant, each float rounded to its type as running code would
// round it. Known is a constant, or one that is broadcast: broadcasts themselves stay (a zero the size of an image
// would be data; as a broadcast it is a literal), and elementwise work on broadcasts only is left to simplify, which
// does it before the broadcast.
//
// Requires: nothing. Establishes: no operation is left that has only constants for operands, unless its result is a
// broadcast or above 1 MB and larger than its operands.
//
//   %a = constant() {value=f32[2]{1, 2}}
//   %b = negate(%a)                             ->     %b = constant() {value=f32[2]{-1, -2}}
#include <deque>

#include "compiler/graph/evaluate.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

constexpr std::int64_t kBytesMax = 1 << 20;

std::int64_t bytes(const Type& type) { return element_count(type.shape) * size_bytes(type.element); }

void round_floats(Tensor& tensor) {
  if (!is_float(tensor.type.element)) return;
  for (double& value : tensor.floats()) value = round_to(tensor.type.element, value);
}

std::vector<Tensor> compute(const Op& op, const std::vector<const Tensor*>& operands) {
  std::vector<Tensor> results = evaluate(op, operands);
  for (Tensor& result : results) round_floats(result);
  return results;
}

// The value if it is a constant or a broadcast of one; the latter is computed into `storage`.
const Tensor* known_value(const Value* value, std::deque<Tensor>& storage) {
  if (const Tensor* tensor = constant_value(value)) return tensor;
  if (!is_op(value, "broadcast")) return nullptr;
  const Tensor* inner = known_value(value->producer->inputs[0], storage);
  if (!inner) return nullptr;
  storage.push_back(evaluate(*value->producer, {inner})[0]);
  return &storage.back();
}

std::vector<Value*> fold(GraphBuilder& builder, Op& op) {
  if (op.def->has(Leaf) || op.def->has(BeforeBatch) || op.def->has(BeforeDifferentiate)) return {};
  const bool is_broadcast = op.def->name == "broadcast";
  std::int64_t bytes_in = 0, bytes_out = 0;
  for (const Value* input : op.inputs) bytes_in += bytes(input->type);
  for (const std::unique_ptr<Value>& result : op.results) bytes_out += bytes(result->type);
  if (is_broadcast ? bytes_out > bytes_in : bytes_out > kBytesMax && bytes_out > bytes_in) return {};

  bool any_constant = op.inputs.empty();
  for (const Value* input : op.inputs) any_constant = any_constant || constant_value(input);
  if (op.def->has(Elementwise) && !any_constant) return {};
  // A deque: known_value gives out addresses of its elements.
  std::deque<Tensor> storage;
  std::vector<const Tensor*> operands;
  for (const Value* input : op.inputs) {
    operands.push_back(known_value(input, storage));
    if (!operands.back()) return {};
  }
  std::vector<Value*> results;
  for (Tensor& result : compute(op, operands)) results.push_back(builder.constant(std::move(result)));
  return results;
}

}  // namespace

void fold_constants(Graph& graph) {
  for_each_subgraph(graph, fold_constants);
  rewrite(graph, fold);
}

}  // namespace nnc
