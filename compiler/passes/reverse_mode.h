// Reverse mode over one graph: what differentiate and the gradient of a scan's body share.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc {

// Sums what flows back into each value. Operations are appended to the graph.
class ReverseMode {
 public:
  // `sources`: the values with respect to which we differentiate.
  ReverseMode(Graph& graph, const std::vector<Value*>& sources, Diagnostics& diagnostics);

  // Can a change of a source change the value? Never if it is not of a float type.
  bool is_active(const Value* value) const { return active_.count(value) != 0; }
  void add_cotangent(Value* value, Value* cotangent);
  // Walks back through the first `operation_count` operations of the graph.
  void run(std::size_t operation_count);
  // Null if nothing flows back.
  Value* gradient(const Value* value) const;

 private:
  void visit(Op& op);

  Graph& graph_;
  Diagnostics& diagnostics_;
  std::set<const Value*> active_;
  std::map<const Value*, Value*> cotangents_;
};

// The gradients of the operands of a scan (null: zero), given those of its results (null: zero). The scan gets further
// stacked results: what its reverse reads.
std::vector<Value*> scan_gradient(Graph& graph, Op& scan, const std::vector<Value*>& result_gradients,
                                  const std::vector<bool>& needed, Diagnostics& diagnostics);

}  // namespace nnc
