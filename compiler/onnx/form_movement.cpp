// Operators that move elements: their axes and sizes without those of the batch.
//
//   Reshape(x, [8, -1]) of f32[8, 3, 4]   →   x |> flatten
#include <algorithm>
#include <functional>
#include <numeric>

#include "compiler/onnx/form_rules.h"

namespace nnc::translation {
namespace {

std::optional<Form> flatten(const FormView& view) {
  if (!view.is_batched(0) || view.integer("axis", 1) != 1) return std::nullopt;
  return view.pipe("flatten");
}

// The target with the batch in front, as a number, 0 or -1; 0 not where it is a size (allowzero).
std::optional<Form> reshape(const FormView& view) {
  const Tensor* target = view.constant(1);
  if (!view.is_batched(0) || target == nullptr || target->type.shape.size() != 1) return std::nullopt;
  Shape shape = target->integers();
  if (shape.empty()) return std::nullopt;
  const bool is_zero_size = view.integer("allowzero", 0) != 0;
  if (is_zero_size && std::find(shape.begin(), shape.end(), 0) != shape.end()) return std::nullopt;
  std::int64_t open = -1, known = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) {
      if (i > 0 && i - 1 >= view.shape(0).size()) return std::nullopt;
      shape[i] = i == 0 ? view.node().batch : view.shape(0)[i - 1];
    }
    if (shape[i] == -1) {
      open = static_cast<std::int64_t>(i);
    } else {
      known *= shape[i];
    }
  }
  const std::int64_t count = element_count(view.shape(0));
  if (open >= 0 && known != 0) shape[static_cast<std::size_t>(open)] = count * view.node().batch / known;
  if (shape[0] != view.node().batch) return std::nullopt;
  shape.erase(shape.begin());
  if (element_count(shape) != count) return std::nullopt;
  return view.pipe(shape.size() == 1 ? "flatten" : fmt::format("reshape({})", shape_text(shape)));
}

std::optional<Form> squeeze(const FormView& view) {
  if (!view.is_batched(0)) return std::nullopt;
  const std::optional<Integers> axes = view.axes(1);
  if (!axes || axes->empty()) return std::nullopt;
  Shape shape;
  for (std::size_t i = 0; i < view.shape(0).size(); ++i) {
    if (std::find(axes->begin(), axes->end(), static_cast<std::int64_t>(i)) == axes->end())
      shape.push_back(view.shape(0)[i]);
  }
  return view.pipe(fmt::format("reshape({})", shape_text(shape)));
}

std::optional<Form> unsqueeze(const FormView& view) {
  if (!view.is_batched(0)) return std::nullopt;
  Integers axes = view.integers("axes", {});
  if (view.constant(1) != nullptr) axes = view.constant(1)->integers();
  const std::int64_t rank = view.rank(0) + static_cast<std::int64_t>(axes.size());
  for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.begin(), axes.end());
  Shape shape = view.shape(0);
  for (const std::int64_t axis : axes) {
    if (axis < 1 || axis > static_cast<std::int64_t>(shape.size()) + 1) return std::nullopt;
    shape.insert(shape.begin() + (axis - 1), 1);
  }
  return view.pipe(fmt::format("reshape({})", shape_text(shape)));
}

std::optional<Form> transpose(const FormView& view) {
  const Integers order = view.integers("perm", {});
  if (!view.is_batched(0) || static_cast<std::int64_t>(order.size()) != view.rank(0) || order[0] != 0)
    return std::nullopt;
  Integers of_example;
  for (std::size_t i = 1; i < order.size(); ++i) of_example.push_back(order[i] - 1);
  return view.pipe(fmt::format("transpose({})", shape_text(of_example)));
}

std::optional<Form> concat(const FormView& view) {
  Form form;
  const std::optional<std::int64_t> axis = view.axis(view.integer("axis", 0));
  if (!axis) return std::nullopt;
  for (std::size_t i = 0; i < view.node().inputs.size(); ++i) {
    if (!view.is_batched(i)) return std::nullopt;
    form.expression += fmt::format("{}{{{}}}", i == 0 ? "concat((" : ", ", i);
    form.arguments.push_back(view.input(i));
  }
  if (form.arguments.size() < 2) return std::nullopt;
  form.expression += fmt::format("), axis: {})", *axis);
  return form;
}

// Equal parts.
std::optional<Form> split(const FormView& view) {
  const std::optional<std::int64_t> axis = view.is_batched(0) ? view.axis(view.integer("axis", 0)) : std::nullopt;
  const std::size_t parts = static_cast<std::size_t>(view.node().node.output_size());
  if (!axis || parts < 2 || (view.has(1) && !view.has_integers(1))) return std::nullopt;
  const std::int64_t size = view.shape(0)[static_cast<std::size_t>(*axis)];
  Integers sizes = view.has(1) ? view.constant(1)->integers() : view.integers("split", {});
  if (sizes.empty()) sizes.assign(parts, size / static_cast<std::int64_t>(parts));
  const bool are_equal = std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>()) == sizes.end();
  if (sizes.size() != parts || !are_equal || sizes[0] * static_cast<std::int64_t>(parts) != size) return std::nullopt;
  Form form;
  form.expression = fmt::format("split({{0}}, {}{})", parts, *axis == 0 ? "" : fmt::format(", axis: {}", *axis));
  form.arguments = {view.input(0)};
  form.results = parts;
  return form;
}

// "[:, 3]", "[:, 2:5]".
Form indexed(const FormView& view, const std::map<std::int64_t, std::string>& places) {
  Form form;
  form.expression = "{0}[";
  for (std::int64_t axis = 0; axis <= places.rbegin()->first; ++axis) {
    const std::map<std::int64_t, std::string>::const_iterator place = places.find(axis);
    form.expression += (axis == 0 ? "" : ", ") + (place == places.end() ? ":" : place->second);
  }
  form.expression += "]";
  form.arguments = {view.input(0)};
  return form;
}

std::optional<Form> slice(const FormView& view) {
  if (!view.is_layer_like()) return std::nullopt;
  for (std::size_t i = 1; i < 5; ++i) {
    if (view.has(i) && !view.has_integers(i)) return std::nullopt;
  }
  const auto given = [&](std::size_t i, const std::string& name) {
    return view.constant(i) != nullptr ? view.constant(i)->integers() : view.integers(name, {});
  };
  const Integers starts = given(1, "starts"), stops = given(2, "ends"), steps = given(4, "steps");
  Integers axes = given(3, "axes");
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (starts.empty() || stops.size() != starts.size() || axes.size() != starts.size()) return std::nullopt;
  if (std::any_of(steps.begin(), steps.end(), [](std::int64_t step) { return step != 1; })) return std::nullopt;
  std::map<std::int64_t, std::string> places;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::optional<std::int64_t> axis = view.axis(axes[i]);
    if (!axis || places.count(*axis) != 0) return std::nullopt;
    const std::int64_t size = view.shape(0)[static_cast<std::size_t>(*axis)];
    const auto in_range = [&](std::int64_t at) { return std::clamp(at < 0 ? at + size : at, std::int64_t{0}, size); };
    const std::int64_t start = in_range(starts[i]), stop = in_range(stops[i]);
    if (start >= stop) return std::nullopt;
    places[*axis] = fmt::format("{}:{}", start == 0 ? "" : literal(start), stop == size ? "" : literal(stop));
  }
  return indexed(view, places);
}

std::optional<Form> gather(const FormView& view) {
  const Tensor* index = view.constant(1);
  if (view.is_batched(0) && index != nullptr && index->type.shape.empty() && is_integer(index->type.element)) {
    const std::optional<std::int64_t> axis = view.axis(view.integer("axis", 0));
    if (!axis) return std::nullopt;
    const std::int64_t size = view.shape(0)[static_cast<std::size_t>(*axis)];
    const std::int64_t at = index->integers()[0] < 0 ? index->integers()[0] + size : index->integers()[0];
    return at < 0 || at >= size ? std::nullopt : std::optional(indexed(view, {{*axis, literal(at)}}));
  }
  const Tensor* table = view.constant(0);
  if (table == nullptr || !view.is_batched(1) || view.integer("axis", 0) != 0 || table->type.shape.size() != 2)
    return std::nullopt;
  Form form;
  form.expression = "gather({0}, {1})";
  form.arguments = {view.input(0), view.input(1)};
  return form;
}

}  // namespace

const FormRules& movement_rules() {
  static const FormRules rules = {{"Flatten", flatten},     {"Reshape", reshape},     {"Squeeze", squeeze},
                                  {"Unsqueeze", unsqueeze}, {"Transpose", transpose}, {"Concat", concat},
                                  {"Gather", gather},       {"Split", split},         {"Slice", slice}};
  return rules;
}

}  // namespace nnc::translation
