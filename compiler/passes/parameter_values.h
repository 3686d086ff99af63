// Values that depend on parameters and constants alone, and along which axes they vary.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc {

class ParameterValues {
 public:
  // `known`: inputs of a sub-graph that are bound to such values.
  explicit ParameterValues(const Graph& graph, std::set<const Value*> known = {});

  // Computed from constants and states only: known before any input is.
  bool contains(const Value* value) const { return values_.count(value) != 0; }
  // For each axis: may elements differ along it?
  const std::vector<bool>& varying_axes(const Value* value);
  // Is it of these values, and does it vary along no axis but those in `axes` (ascending)?
  bool varies_only_along(const Value* value, const std::vector<std::int64_t>& axes);

 private:
  std::vector<bool> find_varying(const Value* value);

  std::set<const Value*> values_;
  std::map<const Value*, std::vector<bool>> varying_;
};

// A value that varies only along `axes`, as a tensor with only these axes.
Value* extract_axes(GraphBuilder& builder, Value* value, const std::vector<std::int64_t>& axes);

}  // namespace nnc
