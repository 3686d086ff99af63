// Compares a graph of one example with what add_batch makes of it.
#pragma once

#include "compiler/graph/graph.h"

namespace nnc {

// CHECKs that each row of the outputs for a random batch is what the graph says of that example.
void check_batch(const Graph& graph, std::int64_t batch, unsigned seed = 1);

}  // namespace nnc
