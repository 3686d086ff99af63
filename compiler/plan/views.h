// Strided views: the algebra of looking at a buffer in another way without copying.
#pragma once

#include <optional>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/plan/plan.h"

namespace nnc {

// Row-major over the whole of a buffer, from its start.
View contiguous_view(int buffer, const Shape& shape);
// The result of a view operation (broadcast, transpose, slice, reverse, reshape) on a view of its operand; nothing if a
// reshape cannot be had without a copy.
std::optional<View> apply_view(const Op& op, const View& operand);
std::optional<View> reshape_view(const View& view, const Shape& shape);

// Axes in the order in which they lie in memory, outermost first; row-major where that is not clear (a stride of 0).
std::vector<int> memory_order(const View& view);

// Axes merged where every one of several walks allows it. `strides[w][axis]`; extents of 1 vanish.
struct Collapsed {
  std::vector<std::int64_t> extents;
  std::vector<std::vector<std::int64_t>> strides;  // of each walk
};
Collapsed collapse(const std::vector<std::int64_t>& extents, const std::vector<std::vector<std::int64_t>>& strides);

// The same place in memory, element by element.
bool same_place(const View& a, const View& b);

}  // namespace nnc
