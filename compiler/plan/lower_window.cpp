// Pooling: window_sum, window_max and the two gathers of its gradient.
#include <algorithm>

#include "compiler/plan/builder.h"

namespace nnc {

void lower_window(PlanBuilder& builder, const Group& group) {
  const Op& op = *group.root;
  const std::string& name = op.def->name;
  const Attributes& at = op.attributes;
  const std::vector<std::int64_t>&window = at.integers("window"), &stride = at.integers("stride"),
        &dilation = at.integers("dilation"), &low = at.integers("pad_low"), &high = at.integers("pad_high");
  const Shape& in = op.inputs[0]->type.shape;
  std::vector<int> spatial, others;
  for (int axis = 0; axis < static_cast<int>(in.size()); ++axis) {
    const std::size_t i = static_cast<std::size_t>(axis);
    const bool plain = window[i] == 1 && stride[i] == 1 && low[i] == 0 && high[i] == 0;
    (plain ? others : spatial).push_back(axis);
  }
  if (spatial.size() > 3) throw InternalError("the plan has no kernel for windows over more than three axes");
  // The operand with its axes as [others but the innermost …, spatial, innermost].
  View x = builder.memory_view(op.inputs[0]);
  const std::vector<int> memory = memory_order(x);
  int channel = -1;
  for (const int axis : others) {
    const std::size_t i = static_cast<std::size_t>(axis);
    if (x.strides[i] == 1 && in[i] > 1) channel = axis;
  }
  std::vector<int> outer;
  for (const int axis : memory) {
    if (axis != channel && std::find(others.begin(), others.end(), axis) != others.end()) outer.push_back(axis);
  }
  std::vector<int> order = outer;
  for (const int axis : spatial) order.push_back(axis);
  if (channel >= 0) order.push_back(channel);
  const auto outer_axis = [&](const View& view, std::int64_t& extent, std::int64_t& step) {
    std::vector<std::int64_t> extents, strides;
    for (const int axis : outer) {
      extents.push_back(view.shape[static_cast<std::size_t>(axis)]);
      strides.push_back(view.strides[static_cast<std::size_t>(axis)]);
    }
    const Collapsed walk = collapse(extents, {strides});
    if (walk.extents.size() > 1) return false;
    extent = walk.extents.empty() ? 1 : walk.extents[0];
    step = walk.extents.empty() ? 0 : walk.strides[0][0];
    return true;
  };
  std::int64_t n = 1, x_n = 0, y_n = 0, unused = 0;
  if (!outer_axis(x, n, x_n)) {
    x = builder.packed_view(op.inputs[0], order);
    outer_axis(x, n, x_n);
  }
  // Of a list with an element an axis, those of the templates' rows and columns, and before them, if there are three
  // axes, of the planes. `absent` stands for an axis that there is not.
  const std::vector<std::string> suffixes =
      spatial.size() > 2 ? std::vector<std::string>{"_plane", "_0", "_1"} : std::vector<std::string>{"_0", "_1"};
  const auto add = [&](Step& step, const char* key, const std::vector<std::int64_t>& list, std::int64_t absent) {
    for (std::size_t i = 0; i < suffixes.size(); ++i) {
      const std::int64_t value = i < spatial.size() ? list[static_cast<std::size_t>(spatial[i])] : absent;
      step.config.push_back(field(key + suffixes[i], value));
    }
  };
  const bool scatters = name == "window_scatter", gathers = name == "window_gather";
  // The pooled side: the result, except for window_scatter, whose second operand it is.
  const auto config = [&](Step& step, const View& pooled) {
    const std::int64_t channels = channel >= 0 ? in[static_cast<std::size_t>(channel)] : 1;
    step.config = {field("n", n), field("channels", channels)};
    add(step, "in", x.shape, 1);
    add(step, "out", pooled.shape, 1);
    add(step, "k", window, 1);
    add(step, "stride", stride, 1);
    add(step, "dilation", dilation, 1);
    add(step, "pad_low", low, 0);
    step.config.push_back(field("x_n", x_n));
    add(step, "x", x.strides, 0);
    if (!outer_axis(pooled, unused, y_n)) throw InternalError("no form of '" + name + "' for this layout");
    step.config.push_back(field("y_n", y_n));
    add(step, "y", pooled.strides, 0);
    step.config.push_back(field("lanes", builder.target().lanes));
    step.flops = static_cast<double>(element_count(pooled.shape)) * static_cast<double>(element_count(window));
    std::string sizes;
    for (const std::int64_t size : window) {
      if (size > 1) sizes += (sizes.empty() ? "" : "x") + std::to_string(size);
    }
    step.comments.push_back((sizes.empty() ? "1" : sizes) + ", " + to_string(op.inputs[0]->type) + " -> " +
                            to_string(op.result()->type));
  };
  const ElementType element = op.inputs[0]->type.element;
  if (scatters) {
    // dx must lie exactly like x, dy in the same order.
    x = builder.packed_view(op.inputs[0], order);
    outer_axis(x, n, x_n);
    const View dy = builder.packed_view(op.inputs[1], order);
    View dx = builder.place_result(op.result(), order, &x);
    Step step = builder.new_step(op, name, "templates/window.h");
    config(step, dy);
    builder.pointer(step, "x", x, element, false);
    builder.pointer(step, "dy", dy, element, false);
    builder.pointer(step, "dx", dx, element, true);
    builder.emit_step(std::move(step));
    return;
  }
  View z;
  if (gathers) {
    x = builder.packed_view(op.inputs[0], order);
    outer_axis(x, n, x_n);
    z = builder.packed_view(op.inputs[1], order);
  }
  const auto suits = [&](const View& y) {
    std::int64_t extent = 0, step = 0;
    return outer_axis(y, extent, step);
  };
  builder.finish_root(group, {order, channel >= 0 ? 1 : 0, suits}, [&](const View& y) {
    Step step = builder.new_step(op, name, "templates/window.h");
    config(step, y);
    builder.pointer(step, "x", x, element, false);
    if (gathers) builder.pointer(step, "z", z, element, false);
    builder.pointer(step, "y", y, element, true);
    return step;
  });
}

}  // namespace nnc
