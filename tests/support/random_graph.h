// Random valid graphs: elementwise operations, movement, reductions, products, convolutions, windows and loops on small
// shapes, with parameters, a state that changes, the numbers that tempt identities, and names. The same seed
// gives the same graph.
#pragma once

#include <cstdint>

#include "compiler/graph/graph.h"

namespace nnc::test {

struct RandomGraphOptions {
  int operations = 15;
  bool smooth = false;  // only operations whose central differences make sense: no comparisons, no rounding
  ElementType element = ElementType::F32;  // a float type
};

Graph random_graph(std::uint32_t seed, const RandomGraphOptions& options = {});

// Values for its inputs and states, by name.
std::map<std::string, Tensor> random_inputs(const Graph& graph, std::uint32_t seed);
std::map<std::string, Tensor> random_states(const Graph& graph, std::uint32_t seed);

}  // namespace nnc::test
