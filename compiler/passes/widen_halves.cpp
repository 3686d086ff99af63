// Takes arithmetic out of f16 and bf16: what computes is given its halves as f32, and its result is rounded to the half
// that it was.
//
// A call of the program (softmax, a node of an ONNX model) rounds once, where its result leaves it: between its own
// operations values stay in f32, numbers written in it too. So a mean over a thousand f16 does not overflow on the way.
// Gradients are calls of their own. Movement alone keeps halves, as they are or as f32; a loop hands on halves.
//
// Requires: nothing. Establishes: f16 and bf16 are results of leaves, movement, scan and casts from f32 or f64 alone
// (and of what differentiate and add_batch take away), and operands of these and of casts to f32.
//
//   %m = reduce_sum(%x) : f16[]                     %w = cast(%x) : f32[8]
//   %y = divide(%m, %n) : f16[]           ->        %s = reduce_sum(%w) : f32[]      (both of one call: mean)
//                                                   %q = divide(%s, %v) : f32[]
//                                                   %y = cast(%q) : f16[]
#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

bool is_half(const Value* value) { return nnc::is_half(value->type.element); }

bool same_call(const Origin& a, const Origin& b) {
  return a.span.is_valid() && a.span == b.span && a.layer == b.layer && a.is_gradient == b.is_gradient;
}

class WidenHalves {
 public:
  explicit WidenHalves(Graph& graph) : graph_(graph) {}

  void run() {
    std::vector<std::unique_ptr<Op>> ops = std::move(graph_.ops);
    graph_.ops.clear();
    for (std::unique_ptr<Op>& op : ops) {
      const bool has_half =
          std::any_of(op->inputs.begin(), op->inputs.end(), is_half) ||
          std::any_of(op->results.begin(), op->results.end(), [](const auto& result) { return is_half(result.get()); });
      if (has_half) widen(*op);
      graph_.ops.push_back(std::move(op));
    }
  }

 private:
  void widen(Op& op);
  void widen_cast(Op& op);
  void compute_wide(Op& op);
  Value* wide(Value* value, const Op& user);
  Value* unrounded(const Value* value, const Op& user) const;

  Value* add_cast(Value* value, ElementType to, const Origin& origin) {
    GraphBuilder builder(graph_, origin);
    return builder.cast(value, to);
  }

  Graph& graph_;
  std::map<const Value*, Value*> computed_;  // a half, and the f32 that it was rounded from
  std::map<const Value*, Value*> widened_;   // a half as f32
};

// The f32 that a half was rounded from, if the user is of the same call; else null.
Value* WidenHalves::unrounded(const Value* value, const Op& user) const {
  const std::map<const Value*, Value*>::const_iterator found = computed_.find(value);
  return found != computed_.end() && same_call(value->producer->origin, user.origin) ? found->second : nullptr;
}

// The operand as f32, for `user`.
Value* WidenHalves::wide(Value* value, const Op& user) {
  if (!is_half(value)) return value;
  if (Value* known = unrounded(value, user)) return known;
  const Op& producer = *value->producer;
  if (const Tensor* constant = constant_value(value); constant && same_call(producer.origin, user.origin)) {
    Tensor exact = *constant;
    exact.type.element = ElementType::F32;
    return computed_[value] = graph_.constant(std::move(exact), producer.origin);
  }
  Value*& found = widened_[value];
  if (found == nullptr) found = add_cast(value, ElementType::F32, producer.origin);
  return found;
}

// Conversions go by f32; of what f32 cannot hold, by f64.
void WidenHalves::widen_cast(Op& op) {
  Value*& x = op.inputs[0];
  const ElementType from = x->type.element, to = op.result()->type.element;
  if (is_half(x) && to != ElementType::F32) x = wide(x, op);
  if (!nnc::is_half(to) || is_float(from)) return;
  x = add_cast(x, size_bytes(from) < 4 ? ElementType::F32 : ElementType::F64, op.origin);
}

// The operation in f32; `op` becomes the cast that rounds its result.
void WidenHalves::compute_wide(Op& op) {
  std::vector<Value*> operands;
  for (Value* input : op.inputs) operands.push_back(wide(input, op));
  Value* result = op.result();
  if (!is_half(result)) {
    op.inputs = operands;
    return;
  }
  Attributes attributes = op.attributes;
  if (attributes.has("element")) attributes.set("element", ElementType::F32);
  Value* exact = graph_.add(*op.def, operands, attributes, op.origin)->result();
  exact->name = result->name;
  computed_[result] = exact;
  op.def = &op_def("cast");
  op.inputs = {exact};
  op.attributes = {};
  op.attributes.set("to", result->type.element);
}

void WidenHalves::widen(Op& op) {
  const std::string& name = op.def->name;
  if (op.def->has(Leaf) && name != "iota") return;
  if (name == "scan" || name == "bit_cast" || name == "gradient") return;
  if (name == "cast") return widen_cast(op);
  const bool is_moved =
      (op.def->has(Movement) || name == "stop_gradient") &&
      std::none_of(op.inputs.begin(), op.inputs.end(), [&](Value* input) { return unrounded(input, op) != nullptr; });
  if (!is_moved) compute_wide(op);
}

}  // namespace

void widen_halves(Graph& graph) {
  for_each_subgraph(graph, widen_halves);
  WidenHalves(graph).run();
}

}  // namespace nnc
