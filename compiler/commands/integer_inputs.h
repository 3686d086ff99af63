// From which range an integer input is drawn so that what depends on it is exercised: a length runs over the steps of
// its loop, an index over the rows of its table.
#pragma once

#include <cstdint>

#include "compiler/graph/graph.h"

namespace nnc {

// Both ends are included.
struct IntegerRange {
  std::int64_t low = 0;
  std::int64_t high = 1;
};

// All classes of a `class[n]` input; else what its uses tell, the narrowest of them; else 0 and 1.
//   compared with a step or an index:  1 to how many there are
//   row of a table, start of a slice:  those that need no clamping
IntegerRange integer_range(const Graph& graph, const Value& input);

}  // namespace nnc
