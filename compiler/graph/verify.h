// Checks all invariants of a graph: run after every pass.
#pragma once

#include <string>

#include "compiler/graph/graph.h"

namespace nnc {

// Empty if all hold; else what is broken and in which operation: topological order, result types as inferred,
// operand counts, attributes present with their types, sub-graphs closed, states and outputs defined, unique names.
std::string verify(const Graph& graph);

}  // namespace nnc
