// Keeps one of several operations that compute the same: same primitive, operands (in any order if it is commutative),
// attributes and sub-graphs.
//
// Constants are compared to the bit: 0 is not -0, NaN is NaN. Inputs and states are what they are and never merged. Two
// draws of chance have different sites (an attribute), so they stay two.
//
// Requires: nothing. Establishes: no two operations of one graph are alike.
//
//   %a = exp(%x)
//   %b = exp(%x)             ->     %a = exp(%x)
//   %c = add(%a, %b)                %c = add(%a, %a)
#include <algorithm>
#include <cstring>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const Tensor* tensor = std::get_if<Tensor>(&a)) return same_bits(*tensor, std::get<Tensor>(b));
  if (const double* number = std::get_if<double>(&a)) {
    return std::memcmp(number, &std::get<double>(b), sizeof(double)) == 0;
  }
  return a == b;
}

bool same_attributes(const Op& a, const Op& b) {
  const std::map<std::string, Attribute>&x = a.attributes.all(), &y = b.attributes.all();
  return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), [](const auto& p, const auto& q) {
           return p.first == q.first && same_attribute(p.second, q.second);
         });
}

bool same_graphs(const Op& a, const Op& b);

// The same operations in the same order; bodies made alike are alike, which is all that is asked for here.
bool same_body(const Graph& a, const Graph& b) {
  if (a.ops.size() != b.ops.size() || a.outputs.size() != b.outputs.size()) return false;
  std::map<const Value*, const Value*> twin;
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = *a.ops[i], &y = *b.ops[i];
    if (x.def != y.def || x.inputs.size() != y.inputs.size() || x.results.size() != y.results.size()) return false;
    if (!same_attributes(x, y) || !same_graphs(x, y)) return false;
    for (std::size_t k = 0; k < x.inputs.size(); ++k) {
      if (twin.at(x.inputs[k]) != y.inputs[k]) return false;
    }
    for (std::size_t k = 0; k < x.results.size(); ++k) twin[x.results[k].get()] = y.results[k].get();
  }
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    if (twin.at(a.outputs[i].value) != b.outputs[i].value) return false;
  }
  return true;
}

bool same_graphs(const Op& a, const Op& b) {
  return std::equal(a.graphs.begin(), a.graphs.end(), b.graphs.begin(), b.graphs.end(),
                    [](const std::unique_ptr<Graph>& x, const std::unique_ptr<Graph>& y) { return same_body(*x, *y); });
}

}  // namespace

void merge_common(Graph& graph) {
  for_each_subgraph(graph, merge_common);
  // Ordered by addresses: only ever looked up, so nothing depends on the order.
  std::map<std::pair<const OpDef*, std::vector<Value*>>, std::vector<Op*>> seen;
  rewrite(graph, [&](GraphBuilder&, Op& op) -> std::vector<Value*> {
    if (op.def->name == "input" || op.def->name == "state") return {};
    std::vector<Value*> operands = op.inputs;
    if (op.def->has(Commutative)) std::sort(operands.begin(), operands.end());
    std::vector<Op*>& alike = seen[{op.def, operands}];
    for (const Op* other : alike) {
      if (op.results.size() != other->results.size() || op.result()->type != other->result()->type) continue;
      if (!same_attributes(op, *other) || !same_graphs(op, *other)) continue;
      std::vector<Value*> results;
      for (const std::unique_ptr<Value>& result : other->results) results.push_back(result.get());
      return results;
    }
    alike.push_back(&op);
    return {};
  });
}

}  // namespace nnc
