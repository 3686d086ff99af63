#include "compiler/plan/views.h"

#include <algorithm>
#include <numeric>

#include "compiler/ops/op.h"

namespace nnc {

View contiguous_view(int buffer, const Shape& shape) {
  View view;
  view.buffer = buffer;
  view.shape = shape;
  view.strides = row_major_strides(shape);
  return view;
}

std::optional<View> reshape_view(const View& view, const Shape& shape) {
  View result = view;
  result.shape = shape;
  result.strides.assign(shape.size(), 0);
  if (element_count(shape) == 0) {
    result.strides = row_major_strides(shape);
    return result;
  }
  // Runs of the old shape that are one walk in memory; each must be filled by whole axes of the new shape.
  const Collapsed runs = collapse(view.shape, {view.strides});
  std::size_t axis = shape.size();
  for (std::size_t run = runs.extents.size(); run-- > 0;) {
    std::int64_t left = runs.extents[run];
    std::int64_t stride = runs.strides[0][run];
    while (left > 1) {
      if (axis == 0) return std::nullopt;
      const std::int64_t extent = shape[--axis];
      if (left % extent != 0) return std::nullopt;
      result.strides[axis] = stride;
      stride *= extent;
      left /= extent;
    }
  }
  return result;
}

std::optional<View> apply_view(const Op& op, const View& operand) {
  const std::string& name = op.def->name;
  const Shape& shape = op.result()->type.shape;
  View view = operand;
  view.shape = shape;
  if (name == "reshape") return reshape_view(operand, shape);
  if (name == "broadcast") {
    view.strides.assign(shape.size(), 0);
    const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (operand.shape[i] != 1) view.strides[static_cast<std::size_t>(axes[i])] = operand.strides[i];
    }
    return view;
  }
  if (name == "transpose") {
    const std::vector<std::int64_t>& permutation = op.attributes.integers("permutation");
    for (std::size_t i = 0; i < shape.size(); ++i) {
      view.strides[i] = operand.strides[static_cast<std::size_t>(permutation[i])];
    }
    return view;
  }
  if (name == "slice") {
    const std::vector<std::int64_t>& start = op.attributes.integers("start");
    const std::vector<std::int64_t>& step = op.attributes.integers("step");
    for (std::size_t i = 0; i < shape.size(); ++i) {
      view.offset += start[i] * operand.strides[i];
      view.strides[i] = operand.strides[i] * step[i];
    }
    return view;
  }
  if (name == "reverse") {
    for (const std::int64_t axis : op.attributes.integers("axes")) {
      const std::size_t i = static_cast<std::size_t>(axis);
      if (shape[i] == 0) continue;
      view.offset += (shape[i] - 1) * operand.strides[i];
      view.strides[i] = -operand.strides[i];
    }
    return view;
  }
  throw InternalError("'" + name + "' is no view");
}

std::vector<int> memory_order(const View& view) {
  std::vector<int> order(view.shape.size());
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (view.shape[i] > 1 && view.strides[i] == 0) return order;
  }
  const std::vector<std::int64_t>& strides = view.strides;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const std::size_t i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    // Axes of one element go outermost: they are no obstacle to merging.
    const std::int64_t left = view.shape[i] == 1 ? INT64_MAX : std::abs(strides[i]);
    const std::int64_t right = view.shape[j] == 1 ? INT64_MAX : std::abs(strides[j]);
    return left > right;
  });
  return order;
}

Collapsed collapse(const std::vector<std::int64_t>& extents, const std::vector<std::vector<std::int64_t>>& strides) {
  Collapsed result;
  result.strides.resize(strides.size());
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] == 1) continue;
    bool merges = !result.extents.empty();
    for (std::size_t walk = 0; walk < strides.size() && merges; ++walk) {
      merges = result.strides[walk].back() == strides[walk][axis] * extents[axis];
    }
    if (merges) {
      result.extents.back() *= extents[axis];
      for (std::size_t walk = 0; walk < strides.size(); ++walk) result.strides[walk].back() = strides[walk][axis];
    } else {
      result.extents.push_back(extents[axis]);
      for (std::size_t walk = 0; walk < strides.size(); ++walk) result.strides[walk].push_back(strides[walk][axis]);
    }
  }
  return result;
}

bool same_place(const View& a, const View& b) {
  if (a.buffer != b.buffer || a.offset != b.offset || a.shape != b.shape) return false;
  for (std::size_t i = 0; i < a.shape.size(); ++i) {
    if (a.shape[i] > 1 && a.strides[i] != b.strides[i]) return false;
  }
  if (a.terms.size() != b.terms.size()) return false;
  for (std::size_t i = 0; i < a.terms.size(); ++i) {
    if (a.terms[i].loop != b.terms[i].loop || a.terms[i].stride != b.terms[i].stride) return false;
  }
  return true;
}

}  // namespace nnc
