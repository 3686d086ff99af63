// Replaces each `gradient` by the operations that compute it, in reverse mode.
//
// Going back from y, each operation that lies between an x and y turns the cotangents of its results into those of its
// operands by the gradient rule of its OpDef; cotangents that meet at a value are added. The rules write ordinary
// operations, so the gradient of a gradient needs nothing more: inner ones come first in topological order. A `scan`
// is reversed by differentiate_scan.cpp.
//
// Requires: the batch is an axis (batch_mean would hide the sum over examples).
// Establishes: no `gradient` and no `stop_gradient` are left, in sub-graphs neither. An operation on the way that has
// no gradient rule is reported at its place; the result is then the zero gradient.
//
//   %y = multiply(%x, %x)                       %y = multiply(%x, %x)
//   %d = gradient(%y, %one, %x)         ->      %a = multiply(%one, %x)
//                                               %d = add(%a, %a)          (merge_common made %a one)
#include "compiler/passes/passes.h"
#include "compiler/passes/reverse_mode.h"
#include "compiler/passes/rewrite.h"

namespace nnc {

ReverseMode::ReverseMode(Graph& graph, const std::vector<Value*>& sources, Diagnostics& diagnostics)
    : graph_(graph), diagnostics_(diagnostics) {
  for (const Value* source : sources) {
    if (is_float(source->type.element)) active_.insert(source);
  }
  for (const std::unique_ptr<Op>& op : graph.ops) {
    bool depends = false;
    for (const Value* input : op->inputs) depends = depends || active_.count(input);
    if (!depends || op->def->name == "stop_gradient") continue;
    for (const std::unique_ptr<Value>& result : op->results) {
      if (is_float(result->type.element)) active_.insert(result.get());
    }
  }
}

void ReverseMode::add_cotangent(Value* value, Value* cotangent) {
  Value*& sum = cotangents_[value];
  sum = sum ? GraphBuilder(graph_, cotangent->producer->origin).add(sum, cotangent) : cotangent;
  const std::string name = source_name(value);
  for (Value* gradient : {cotangent, sum}) {
    if (gradient->name.empty() && !name.empty()) gradient->name = "d_" + name;
  }
}

Value* ReverseMode::gradient(const Value* value) const {
  auto found = cotangents_.find(value);
  return found == cotangents_.end() ? nullptr : found->second;
}

void ReverseMode::run(std::size_t operation_count) {
  for (std::size_t i = operation_count; i-- > 0;) visit(*graph_.ops[i]);
}

void ReverseMode::visit(Op& op) {
  std::vector<bool> needed;
  bool any_needed = false;
  for (const Value* input : op.inputs) {
    needed.push_back(is_active(input));
    any_needed = any_needed || needed.back();
  }
  std::vector<Value*> result_gradients;
  bool any_gradient = false;
  for (const std::unique_ptr<Value>& result : op.results) {
    result_gradients.push_back(is_active(result.get()) ? gradient(result.get()) : nullptr);
    any_gradient = any_gradient || result_gradients.back();
  }
  if (!any_needed || !any_gradient) return;
  std::vector<Value*> gradients;
  if (op.def->name == "scan") {
    gradients = scan_gradient(graph_, op, result_gradients, needed, diagnostics_);
  } else if (op.def->gradient) {
    GradientBuilder builder(graph_, op, result_gradients, needed);
    op.def->gradient(builder);
    gradients = builder.gradients();
  } else {
    diagnostics_.report(Kind::no_gradient, op.origin.span, op.def->name);
    return;
  }
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    if (needed[i] && gradients.at(i)) add_cotangent(op.inputs[i], gradients[i]);
  }
}

namespace {

void expand(Graph& graph, std::size_t at, Diagnostics& diagnostics) {
  Op& op = *graph.ops[at];
  const std::vector<Value*> sources(op.inputs.begin() + 2, op.inputs.end());
  ReverseMode reverse(graph, sources, diagnostics);
  if (reverse.is_active(op.inputs[0])) reverse.add_cotangent(op.inputs[0], op.inputs[1]);
  reverse.run(at);
  GraphBuilder builder(graph, op.origin);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Value* gradient = reverse.gradient(sources[i]);
    graph.replace_uses(op.result(static_cast<int>(i)), gradient ? gradient : builder.zeros_like(sources[i]));
  }
  graph.ops.erase(graph.ops.begin() + static_cast<std::ptrdiff_t>(at));
  graph.sort();
}

void expand_all(Graph& graph, Diagnostics& diagnostics) {
  for_each_subgraph(graph, [&](Graph& inner) { expand_all(inner, diagnostics); });
  // Sorting moves operations, so the first gradient is looked for again each time.
  for (std::size_t at = 0; at < graph.ops.size();) {
    if (graph.ops[at]->def->name == "gradient") {
      expand(graph, at, diagnostics);
      at = 0;
    } else {
      ++at;
    }
  }
}

void remove_stops(Graph& graph) {
  for_each_subgraph(graph, remove_stops);
  rewrite(graph, [](GraphBuilder&, Op& op) -> std::vector<Value*> {
    if (op.def->name == "stop_gradient") return {op.inputs[0]};
    return {};
  });
}

}  // namespace

void differentiate(Graph& graph, Diagnostics& diagnostics) {
  expand_all(graph, diagnostics);
  remove_stops(graph);
}

}  // namespace nnc
