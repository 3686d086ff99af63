// Random graphs over most primitives: movements, arithmetic with the numbers that tempt identities, products,
// reductions, scans, parameters and a state that changes.
#pragma once

#include "compiler/graph/graph.h"

namespace nnc {

struct RandomGraphOptions {
  int operations = 14;
  bool smooth = false;  // only what central differences can check: no kinks
};
// The same graph for the same seed. Inputs "x0"…, parameters "p0"…, outputs "y0"…, state "count".
Graph random_graph(unsigned seed, const RandomGraphOptions& options = {});

}  // namespace nnc
