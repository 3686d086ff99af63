// Which operations one step computes: the fusion of elementwise operations with each other and into kernels.
//
// Requires a topological order. Establishes groups in an order of execution in which every operand of a group comes
// from an earlier group, and in which what only advances states (the optimiser's update) comes last, so that states can
// be overwritten in place.
#pragma once

#include <map>
#include <vector>

#include "compiler/graph/graph.h"

namespace nnc {

struct Group {
  const Op* root = nullptr;            // the operation with a kernel of its own; null: elementwise operations only
  std::vector<const Op*> elementwise;  // in topological order
  std::vector<const Value*> stored;    // results that are used outside of the group
  Shape shape;                         // of all results
  int position = 0;                    // groups are executed by ascending position
};

// Leaves, and what is only another way to look at a buffer (broadcast, reshape, transpose, slice, reverse).
bool is_view(const Op& op);
// Elementwise operations that a functor can hold.
bool is_fusible(const Op& op);
// The value that a chain of views looks at; the value itself if it is no view.
const Value* behind_views(const Value* value);
// Does the operation read the value in another way than element by element: through a view of it?
bool reads_through_view(const Op& op, const Value* value);

std::vector<Group> form_groups(const Graph& graph);

}  // namespace nnc
