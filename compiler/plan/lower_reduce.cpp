// Reductions and argmax on the templates' form [outer_0][outer_1][reduced_0][reduced_1][inner].
#include <algorithm>

#include "compiler/plan/builder.h"

namespace nnc {

namespace {

// The axes of the operand, split in kept and reduced, in memory order, merged. y_* are where the kept ones go.
struct Form {
  std::vector<std::int64_t> outer, x_outer, y_outer;  // kept axes besides inner
  std::vector<std::int64_t> reduced, x_reduced;
  std::int64_t inner = 1;
};

std::vector<int> kept_order(const View& x, const std::vector<std::int64_t>& axes) {
  // Positions in the result (axes dropped) of the kept axes, in memory order of x.
  std::vector<int> order;
  for (const int axis : memory_order(x)) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    int position = axis;
    for (const std::int64_t reduced : axes) position -= reduced < axis ? 1 : 0;
    order.push_back(position);
  }
  return order;
}

// Nothing if more axes are left than the template has.
std::optional<Form> form_of(const View& x, const View& y, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> kept, x_kept, y_kept, reduced, x_reduced;
  for (const int axis : memory_order(x)) {
    const std::size_t i = static_cast<std::size_t>(axis);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) {
      reduced.push_back(x.shape[i]);
      x_reduced.push_back(x.strides[i]);
      continue;
    }
    std::size_t position = i;
    for (const std::int64_t other : axes) position -= other < axis ? 1 : 0;
    kept.push_back(x.shape[i]);
    x_kept.push_back(x.strides[i]);
    y_kept.push_back(y.strides[position]);
  }
  const Collapsed k = collapse(kept, {x_kept, y_kept});
  const Collapsed r = collapse(reduced, {x_reduced});
  Form form;
  form.outer = k.extents;
  form.x_outer = k.strides[0];
  form.y_outer = k.strides[1];
  form.reduced = r.extents;
  form.x_reduced = r.strides[0];
  if (!form.outer.empty() && form.x_outer.back() == 1 && form.y_outer.back() == 1) {
    form.inner = form.outer.back();
    form.outer.pop_back();
    form.x_outer.pop_back();
    form.y_outer.pop_back();
  }
  if (form.outer.size() > 2 || form.reduced.size() > 2) return std::nullopt;
  while (form.outer.size() < 2) {
    form.outer.insert(form.outer.begin(), 1);
    form.x_outer.insert(form.x_outer.begin(), 0);
    form.y_outer.insert(form.y_outer.begin(), 0);
  }
  while (form.reduced.size() < 2) {
    form.reduced.insert(form.reduced.begin(), 1);
    form.x_reduced.insert(form.x_reduced.begin(), 0);
  }
  return form;
}

std::string combine_name(const std::string& op) {
  if (op == "reduce_sum") return "ReduceSum";
  if (op == "reduce_max") return "ReduceMaximum";
  if (op == "reduce_min") return "ReduceMinimum";
  if (op == "reduce_product") return "ReduceProduct";
  return "";
}

}  // namespace

void lower_reduce(PlanBuilder& builder, const Group& group) {
  const Op& op = *group.root;
  const bool is_argmax = op.def->name == "argmax";
  const std::vector<std::int64_t> axes =
      is_argmax ? std::vector<std::int64_t>{op.attributes.integer("axis")} : op.attributes.integers("axes");
  View x = builder.memory_view(op.inputs[0]);
  const auto lies_well = [&](const View& view) {
    View y;
    y.shape = op.result()->type.shape;
    y.strides.assign(y.shape.size(), 0);
    std::int64_t stride = 1;
    const std::vector<int> order = kept_order(view, axes);
    for (std::size_t i = order.size(); i-- > 0;) {
      y.strides[static_cast<std::size_t>(order[i])] = stride;
      stride *= y.shape[static_cast<std::size_t>(order[i])];
    }
    return form_of(view, y, axes).has_value();
  };
  if (!lies_well(x)) {
    std::vector<int> order;  // kept axes first, then the reduced ones
    for (int axis = 0; axis < static_cast<int>(x.shape.size()); ++axis) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) order.push_back(axis);
    }
    for (const std::int64_t axis : axes) order.push_back(static_cast<int>(axis));
    x = builder.packed_view(op.inputs[0], order);
  }
  const auto suits = [&](const View& y) { return form_of(x, y, axes).has_value(); };
  // The lanes are `inner`, into which the last axes are merged, as many as lie together in x and y.
  const auto lane_axes_at = [&](const View& y) {
    const std::vector<int> order = kept_order(x, axes);
    std::int64_t extent = 1;
    const std::int64_t inner = form_of(x, y, axes)->inner;
    int count = 0;
    while (extent < inner)
      extent *= y.shape[static_cast<std::size_t>(order[order.size() - 1 - static_cast<std::size_t>(count++)])];
    return count;
  };
  builder.finish_root(group, {kept_order(x, axes), 1, suits, true, lane_axes_at}, [&](const View& y) {
    const std::optional<Form> form = form_of(x, y, axes);
    if (!form) throw InternalError("no form of '" + op.def->name + "' for this layout");
    Step step = builder.new_step(op, is_argmax ? "argmax" : "reduce", "templates/reduce.h");
    step.combine = combine_name(op.def->name);
    step.config = {field("outer_0", form->outer[0]),
                   field("outer_1", form->outer[1]),
                   field("reduced_0", form->reduced[0]),
                   field("reduced_1", form->reduced[1]),
                   field("inner", form->inner),
                   field("x_outer_0", form->x_outer[0]),
                   field("x_outer_1", form->x_outer[1]),
                   field("x_reduced_0", form->x_reduced[0]),
                   field("x_reduced_1", form->x_reduced[1]),
                   field("y_outer_0", form->y_outer[0]),
                   field("y_outer_1", form->y_outer[1]),
                   field("lanes", builder.target().lanes)};
    builder.pointer(step, "x", x, op.inputs[0]->type.element, false);
    builder.pointer(step, "y", y, op.result()->type.element, true);
    step.flops = static_cast<double>(element_count(op.inputs[0]->type.shape));
    step.comments.push_back(to_string(op.inputs[0]->type) + " -> " + to_string(op.result()->type));
    return step;
  });
}

}  // namespace nnc
