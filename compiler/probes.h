// The values of a model that `nnc report --activations` and `nnc train --monitor` show, as outputs of its graph.
//
// Shown is the result of every call in the user's text that computes floats from an example, in a loop that of each of
// its steps; a call that only arranges anew what another has computed (flatten, reshape, split, a scan over a cell)
// adds nothing and is left out. Where a result y is computed
// from one tensor x element by element, its slope dy/dx is an output too, by the graph's own `gradient`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"

namespace nnc {

struct Probe {
  std::string call;        // name of the call: "block1.relu"
  std::string function;    // "relu"
  Shape shape;             // of one example; in a loop the steps are its first axis
  bool has_slope = false;  // f32 output slope_name(i) beside value_name(i)
};

// Names of the outputs of probe i.
std::string value_name(std::size_t i);
std::string slope_name(std::size_t i);

// Makes them the only outputs of a graph of one example. The values of `calls` are values of `graph`.
std::vector<Probe> add_probes(Graph& graph, const std::vector<ModelCall>& calls);
// After differentiation: a slope that is the same for all examples is that of a scale or a shift (batch norm), which
// is no activation; it is dropped, unless it is 0 (step).
void drop_constant_slopes(Graph& graph, std::vector<Probe>& probes);

}  // namespace nnc
