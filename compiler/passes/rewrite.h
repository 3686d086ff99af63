// What the passes share: one sweep of rewriting over a graph, and small questions about values.
//
// A pass is mostly a rule "this operation is better written so", applied in topological order by rewrite(): what a rule
// adds comes to stand where the operation stood, so the order holds without sorting.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc {

// Sees an operation whose operands have been rewritten already. Returns its results anew, or nothing to keep it.
using RewriteRule = std::function<std::vector<Value*>(GraphBuilder&, Op&)>;
// Sweeps once over the graph (not its sub-graphs); true if anything changed. Replaced operations are gone afterwards.
bool rewrite(Graph& graph, const RewriteRule& rule);
// `pass` on every sub-graph, inner ones first.
void for_each_subgraph(Graph& graph, const std::function<void(Graph&)>& pass);

// The same operation over other operands, appended to `to`.
Op* clone_op(Graph& to, const Op& op, std::vector<Value*> inputs);
// Appends the operations of `body` to `to`, its inputs bound to `inputs`; returns what its outputs became.
std::vector<Value*> inline_graph(Graph& to, const Graph& body, const std::vector<Value*>& inputs);

// `seeds` and all that is computed from them.
std::set<const Value*> dependents(const Graph& graph, std::set<const Value*> seeds);
// Which operations use a value, once for each operand.
std::map<const Value*, std::vector<Op*>> users(const Graph& graph);

// The operation over a new leading axis, by its rule; example by example in a scan if it has none.
std::vector<Value*> batch_operation(BatchContext& context);

bool is_op(const Value* value, std::string_view name);
// The name of a value, or of what it shows in another order or shape; of a state its path. Empty if it has none.
std::string source_name(const Value* value);
// The value of a `constant`, else null.
const Tensor* constant_value(const Value* value);
// The one number that all elements are, if the graph shows it (a constant, broadcast or reshaped or not).
std::optional<double> splat_value(const Value* value);

// The parts of a `scan` by name.
struct ScanView {
  explicit ScanView(const Op& scan);
  const Op& op;
  const Graph& body;
  std::int64_t length;
  std::size_t carries, sequences, fixed, stacked;  // counts of operands, and of results after the carries
  bool reverse;

  Value* carry(std::size_t i) const { return op.inputs[i]; }
  Value* sequence(std::size_t i) const { return op.inputs[carries + i]; }
  Value* fixed_operand(std::size_t i) const { return op.inputs[carries + sequences + i]; }
};
// Writes the body of a scan: inputs first, in the order carries, sequences, fixed; outputs by finish().
class ScanBuilder {
 public:
  Graph& body() { return *body_; }
  Value* carry(Value* initial);
  Value* sequence(Value* stacked);  // its slice of one step
  Value* fixed(Value* value);
  void next(Value* carry) { next_.push_back(carry); }
  std::size_t stack(Value* y) {
    stacked_.push_back(y);
    return stacked_.size() - 1;
  }
  // Appends the scan to the builder's graph: results are the last carries, then what was stacked.
  std::vector<Value*> finish(GraphBuilder& builder, std::int64_t length, bool reverse);

 private:
  std::unique_ptr<Graph> body_ = std::make_unique<Graph>();
  std::vector<Value*> carries_, sequences_, fixed_, next_, stacked_;
};

}  // namespace nnc
