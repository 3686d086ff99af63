// Algebraic identities, movements merged, work done before a broadcast rather than after it, scans of one step opened.
//
// Policy: every identity keeps the bits of every result that is not NaN (NaN stays NaN), so the pass needs no licence
// to reorder arithmetic. Hence x * 1, x - 0, x + -0 and x / 1 are x, but x + 0 is not (-0 + 0 is 0), x * 0 is not 0
// (infinity, NaN, -0), x - x is not 0 (infinity), and sums are never regrouped. x / c becomes x * (1 / c) only where 1
// / c is exact.
//
// Requires: nothing. Establishes: none of the rules applies any more.
//
//   %a = transpose(%x) {permutation=[1, 0]}
//   %b = transpose(%a) {permutation=[1, 0]}     ->     %c = multiply(%x, %y)
//   %c = multiply(%b, %y)
#include "compiler/passes/simplify.h"

#include <algorithm>
#include <cmath>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// Is every element the number, its sign bit included?
bool is_all(const Value* value, double number) {
  const std::optional<double> splat = splat_value(value);
  if (!splat || *splat != number) return false;
  return !is_float(value->type.element) || std::signbit(*splat) == std::signbit(number);
}

bool is_float_value(const Value* value) { return is_float(value->type.element); }

Value* simplify_add(GraphBuilder&, Op& op) {
  // Adding 0 would turn -0 into 0.
  const double neutral = is_float_value(op.result()) ? -0.0 : 0.0;
  if (is_all(op.inputs[1], neutral)) return op.inputs[0];
  if (is_all(op.inputs[0], neutral)) return op.inputs[1];
  return nullptr;
}

Value* simplify_subtract(GraphBuilder& builder, Op& op) {
  if (is_all(op.inputs[1], 0.0)) return op.inputs[0];
  if (is_all(op.inputs[0], is_float_value(op.result()) ? -0.0 : 0.0)) return builder.negate(op.inputs[1]);
  if (!is_float_value(op.result()) && op.inputs[0] == op.inputs[1]) return builder.zeros_like(op.result());
  return nullptr;
}

Value* simplify_multiply(GraphBuilder& builder, Op& op) {
  for (std::size_t i : {0u, 1u}) {
    Value *other = op.inputs[1 - i], *factor = op.inputs[i];
    if (is_all(factor, 1)) return other;
    if (is_all(factor, -1)) return builder.negate(other);
    if (!is_float_value(other) && is_all(factor, 0)) return factor;
  }
  return nullptr;
}

Value* simplify_divide(GraphBuilder& builder, Op& op) {
  const std::optional<double> divisor = splat_value(op.inputs[1]);
  if (!divisor || !std::isfinite(*divisor) || *divisor == 0) return nullptr;
  if (*divisor == 1) return op.inputs[0];
  int exponent = 0;
  // A power of two whose inverse every float type holds as a normal number.
  if (std::abs(std::frexp(*divisor, &exponent)) != 0.5 || std::abs(exponent) > 13) return nullptr;
  return builder.multiply(op.inputs[0], builder.like(op.inputs[1], 1 / *divisor));
}

Value* simplify_power(GraphBuilder&, Op& op) { return is_all(op.inputs[1], 1) ? op.inputs[0] : nullptr; }

// f(f(x)) is x.
Value* simplify_involution(GraphBuilder&, Op& op) {
  Op* inner = op.inputs[0]->producer;
  return inner->def == op.def && inner->attributes == op.attributes ? inner->inputs[0] : nullptr;
}

// f(x, x) is x.
Value* simplify_idempotent(GraphBuilder&, Op& op) { return op.inputs[0] == op.inputs[1] ? op.inputs[0] : nullptr; }

Value* simplify_select(GraphBuilder&, Op& op) {
  if (op.inputs[1] == op.inputs[2]) return op.inputs[1];
  const std::optional<double> condition = splat_value(op.inputs[0]);
  return condition ? op.inputs[*condition != 0 ? 1 : 2] : nullptr;
}

Value* simplify_cast(GraphBuilder&, Op& op) { return op.inputs[0]->type == op.result()->type ? op.inputs[0] : nullptr; }

using Simplifier = Value* (*)(GraphBuilder&, Op&);
const std::map<std::string_view, Simplifier>& arithmetic() {
  static const std::map<std::string_view, Simplifier> kTable = {
      {"add", simplify_add},
      {"subtract", simplify_subtract},
      {"multiply", simplify_multiply},
      {"divide", simplify_divide},
      {"power", simplify_power},
      {"negate", simplify_involution},
      {"logical_not", simplify_involution},
      {"reverse", simplify_involution},
      {"maximum", simplify_idempotent},
      {"minimum", simplify_idempotent},
      {"logical_and", simplify_idempotent},
      {"logical_or", simplify_idempotent},
      {"select", simplify_select},
      {"cast", simplify_cast},
  };
  return kTable;
}

// f(broadcast(a), broadcast(b)) is broadcast(f(a, b)): the same work on fewer elements. Scalars broadcast with
// anything.
Value* before_broadcast(GraphBuilder& builder, Op& op) {
  if (!op.def->has(Elementwise) || op.inputs.empty() || op.results.size() != 1) return nullptr;
  const Op* widest = nullptr;
  for (const Value* input : op.inputs) {
    if (!is_op(input, "broadcast")) return nullptr;
    const Op* broadcast = input->producer;
    if (!widest || widest->attributes.integers("axes").size() < broadcast->attributes.integers("axes").size()) {
      widest = broadcast;
    }
  }
  const std::vector<std::int64_t>& axes = widest->attributes.integers("axes");
  std::vector<Value*> operands;
  for (Value* input : op.inputs) {
    const Op* broadcast = input->producer;
    Value* source = broadcast->inputs[0];
    if (broadcast->attributes.integers("axes") == axes) {
      operands.push_back(source);
    } else if (broadcast->attributes.integers("axes").empty()) {
      operands.push_back(builder.broadcast_scalar(source, widest->inputs[0]->type.shape));
    } else {
      return nullptr;
    }
  }
  Value* narrow = clone_op(builder.graph(), op, operands)->result();
  return builder.broadcast(narrow, op.result()->type.shape, axes);
}

// A scan of one step is its body.
std::vector<Value*> open_scan(GraphBuilder& builder, Op& op) {
  const ScanView scan(op);
  if (scan.length != 1) return {};
  std::vector<Value*> inputs = op.inputs;
  for (std::size_t i = scan.carries; i < scan.carries + scan.sequences; ++i) {
    Shape shape = inputs[i]->type.shape;
    shape.erase(shape.begin());
    inputs[i] = builder.reshape(inputs[i], shape);
  }
  std::vector<Value*> results = inline_graph(builder.graph(), scan.body, inputs);
  for (std::size_t i = scan.carries; i < results.size(); ++i) {
    results[i] = builder.reshape(results[i], op.results[i]->type.shape);
  }
  return results;
}

std::vector<Value*> simplify_op(GraphBuilder& builder, Op& op) {
  if (op.def->name == "scan") return open_scan(builder, op);
  Value* simpler = nullptr;
  if (auto found = arithmetic().find(op.def->name); found != arithmetic().end()) simpler = found->second(builder, op);
  if (!simpler) simpler = simplify_movement(builder, op);
  if (!simpler) simpler = before_broadcast(builder, op);
  return simpler ? std::vector<Value*>{simpler} : std::vector<Value*>{};
}

}  // namespace

void simplify(Graph& graph) {
  for_each_subgraph(graph, simplify);
  while (rewrite(graph, simplify_op)) {
  }
}

}  // namespace nnc
