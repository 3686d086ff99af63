#include "compiler/onnx/readable.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace nnc::translation {
namespace {

using ::onnx::AttributeProto;
using Integers = std::vector<std::int64_t>;

// What a rule asks of its node.
class View {
 public:
  explicit View(const NodeView& view) : view_(view) {}

  const NodeView& node() const { return view_; }
  bool has(std::size_t i) const { return i < view_.inputs.size() && view_.inputs[i] != nullptr; }
  Imported* input(std::size_t i) const { return has(i) ? view_.inputs[i] : nullptr; }
  const Tensor* constant(std::size_t i) const { return has(i) ? view_.inputs[i]->constant.get() : nullptr; }
  bool has_integers(std::size_t i) const { return constant(i) != nullptr && is_integer(constant(i)->type.element); }
  bool is_batched(std::size_t i) const { return has(i) && view_.inputs[i]->is_batched; }
  const Shape& shape(std::size_t i) const { return view_.inputs[i]->type.shape; }
  // With the batch.
  std::int64_t rank(std::size_t i) const {
    return static_cast<std::int64_t>(shape(i).size()) + (is_batched(i) ? 1 : 0);
  }
  // Only the first input is batched; all others that are there are constants.
  bool is_layer_like() const {
    if (!is_batched(0)) return false;
    for (std::size_t i = 1; i < view_.inputs.size(); ++i) {
      if (has(i) && constant(i) == nullptr) return false;
    }
    return true;
  }

  bool has_attribute(const std::string& name) const { return view_.attributes.count(name) != 0; }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->i();
  }
  float real(const std::string& name, float otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->f();
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->s();
  }
  Integers integers(const std::string& name, const Integers& otherwise) const {
    const auto found = view_.attributes.find(name);
    if (found == view_.attributes.end()) return otherwise;
    return {found->second->ints().begin(), found->second->ints().end()};
  }
  // An axis of the example from one of the batch; nothing if it is the batch itself.
  std::optional<std::int64_t> axis(std::int64_t value) const {
    if (value < 0) value += rank(0);
    return value >= 1 && value < rank(0) ? std::optional(value - 1) : std::nullopt;
  }
  // Axes given as an attribute or as input `i`.
  std::optional<Integers> axes(std::size_t i) const {
    Integers given = integers("axes", {});
    if (constant(i) != nullptr) given = constant(i)->integers();
    Integers result;
    for (const std::int64_t one : given) {
      const std::optional<std::int64_t> of_example = axis(one);
      if (!of_example) return std::nullopt;
      result.push_back(*of_example);
    }
    return result;
  }

  Form pipe(std::string text) const {
    Form form;
    form.pipe = std::move(text);
    form.arguments = {input(0)};
    return form;
  }
  Form layer(std::string text, std::map<std::string, Tensor> weights) const {
    Form form;
    form.layer = std::move(text);
    form.weights = std::move(weights);
    form.arguments = {input(0)};
    return form;
  }

 private:
  const NodeView& view_;
};

using Rule = std::optional<Form> (*)(const View&);

// One number where all axes agree.
std::string per_axis(const Integers& values) {
  const bool is_one = std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
  return is_one && !values.empty() ? fmt::format("{}", values[0]) : fmt::format("[{}]", fmt::join(values, ", "));
}

std::string setting(const std::string& name, const Integers& values, std::int64_t otherwise) {
  const bool is_default = std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == otherwise; });
  return is_default ? "" : fmt::format(", {}: {}", name, per_axis(values));
}

std::string real_setting(const std::string& name, float value, float otherwise) {
  return value == otherwise ? "" : fmt::format("{}: {}", name, literal(ElementType::F32, static_cast<double>(value)));
}

std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// "name(a, b)"; "name" without arguments.
std::string call(const std::string& name, const std::string& arguments) {
  return arguments.empty() ? name : fmt::format("{}({})", name, arguments);
}

Tensor with_shape(const Tensor& tensor, const Shape& shape) {
  Tensor result = tensor;
  result.type.shape = shape;
  return result;
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.type.shape[0], columns = matrix.type.shape[1];
  Tensor result = Tensor::zeros({matrix.type.element, {columns, rows}});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      result.floats()[static_cast<std::size_t>(j * rows + i)] =
          matrix.floats()[static_cast<std::size_t>(i * columns + j)];
    }
  }
  return result;
}

// Padding of a window as the prelude takes it: one number for both ends, or both; nothing if it is computed otherwise.
std::optional<std::string> padding(const View& view, std::size_t spatial) {
  const std::string automatic = view.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER") return ", pad: same";
  if (automatic != "NOTSET" && automatic != "VALID") return std::nullopt;
  const Integers pads =
      automatic == "VALID" ? Integers(2 * spatial, 0) : view.integers("pads", Integers(2 * spatial, 0));
  if (pads.size() != 2 * spatial) return std::nullopt;
  const Integers low(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(spatial));
  const Integers high(pads.begin() + static_cast<std::ptrdiff_t>(spatial), pads.end());
  if (low == high) return setting("pad", low, 0);
  return fmt::format(", pad: {}, pad_end: {}", per_axis(low), per_axis(high));
}

std::optional<Form> convolution(const View& view) {
  const Tensor* weight = view.constant(1);
  if (!view.is_layer_like() || weight == nullptr || weight->type.shape.size() < 3) return std::nullopt;
  const Shape& shape = weight->type.shape;
  const std::size_t spatial = shape.size() - 2;
  const std::optional<std::string> pad = padding(view, spatial);
  if (!pad) return std::nullopt;
  const Integers kernel(shape.begin() + 2, shape.end());
  std::string text = fmt::format("conv({}, {}", shape[0], per_axis(kernel));
  text += setting("stride", view.integers("strides", Integers(spatial, 1)), 1);
  text += setting("dilation", view.integers("dilations", Integers(spatial, 1)), 1) + *pad;
  text += setting("groups", Integers{view.integer("group", 1)}, 1);
  std::map<std::string, Tensor> weights = {{"weight", *weight}};
  if (view.constant(2) != nullptr) {
    weights["bias"] = *view.constant(2);
  } else {
    text += ", bias: false";
  }
  return view.layer(text + ")", std::move(weights));
}

std::optional<Form> batch_norm(const View& view) {
  if (!view.is_layer_like() || view.node().inputs.size() != 5 || view.integer("training_mode", 0) != 0)
    return std::nullopt;
  return view.layer(call("batch_norm", real_setting("epsilon", view.real("epsilon", 1e-5F), 1e-5F)),
                    {{"scale", *view.constant(1)},
                     {"shift", *view.constant(2)},
                     {"running_mean", *view.constant(3)},
                     {"running_var", *view.constant(4)}});
}

Form dense(const View& view, Tensor weight, const Tensor* bias) {
  const std::int64_t units = weight.type.shape[0];
  std::map<std::string, Tensor> weights = {{"weight", std::move(weight)}};
  if (bias != nullptr) weights["bias"] = with_shape(*bias, {units});
  return view.layer(fmt::format("dense({}{})", units, bias == nullptr ? ", bias: false" : ""), std::move(weights));
}

std::optional<Form> gemm(const View& view) {
  const Tensor* weight = view.constant(1);
  const bool is_plain = view.integer("transA", 0) == 0 && view.real("alpha", 1) == 1 && view.real("beta", 1) == 1;
  if (!view.is_layer_like() || weight == nullptr || !is_plain || view.rank(0) != 2) return std::nullopt;
  Tensor rows = view.integer("transB", 0) != 0 ? *weight : transposed(*weight);
  const Tensor* bias = view.constant(2);
  if (bias != nullptr && element_count(bias->type.shape) != rows.type.shape[0]) return std::nullopt;
  return dense(view, std::move(rows), bias);
}

std::optional<Form> product(const View& view) {
  if (view.is_batched(0) && view.is_batched(1)) {
    if (view.rank(0) != view.rank(1) || view.rank(0) < 3) return std::nullopt;
    Form form;
    form.expression = "{0} @ {1}";
    form.arguments = {view.input(0), view.input(1)};
    return form;
  }
  const Tensor* weight = view.constant(1);
  if (!view.is_layer_like() || weight == nullptr || weight->type.shape.size() != 2 || view.rank(0) < 2)
    return std::nullopt;
  const Tensor* added = view.node().added;
  const bool is_bias = added != nullptr && added->type.shape == Shape{weight->type.shape[1]};
  Form form = dense(view, transposed(*weight), is_bias ? added : nullptr);
  form.takes_added = is_bias;
  return form;
}

std::optional<Form> layer_norm(const View& view) {
  if (!view.is_layer_like() || view.constant(1) == nullptr || view.constant(2) == nullptr) return std::nullopt;
  const std::int64_t axis = view.integer("axis", -1);
  if (axis != -1 && axis != view.rank(0) - 1) return std::nullopt;
  return view.layer(call("layer_norm", real_setting("epsilon", view.real("epsilon", 1e-5F), 1e-5F)),
                    {{"scale", *view.constant(1)}, {"shift", *view.constant(2)}});
}

std::optional<Form> pool(const View& view) {
  const bool is_max = view.node().node.op_type() == "MaxPool";
  if (!view.is_batched(0) || view.node().node.output_size() != 1 || view.integer("ceil_mode", 0) != 0)
    return std::nullopt;
  const Integers kernel = view.integers("kernel_shape", {});
  const std::optional<std::string> pad = padding(view, kernel.size());
  if (!pad ||
      (!is_max && (view.has_attribute("dilations") || (!pad->empty() && view.integer("count_include_pad", 0) == 0)))) {
    return std::nullopt;
  }
  const Integers strides = view.integers("strides", Integers(kernel.size(), 1));
  std::string text = fmt::format("{}({}", is_max ? "max_pool" : "avg_pool", per_axis(kernel));
  if (strides != kernel) text += fmt::format(", stride: {}", per_axis(strides));
  if (is_max) text += setting("dilation", view.integers("dilations", Integers(kernel.size(), 1)), 1);
  return view.pipe(text + *pad + ")");
}

std::optional<Form> global_pool(const View& view) {
  if (!view.is_batched(0) || view.rank(0) < 3) return std::nullopt;
  Integers axes(static_cast<std::size_t>(view.rank(0) - 2));
  std::iota(axes.begin(), axes.end(), 1);
  const bool is_max = view.node().node.op_type() == "GlobalMaxPool";
  return view.pipe(fmt::format("{}(axis: {}, keep: true)", is_max ? "max" : "mean", shape_text(axes)));
}

std::optional<Form> flatten(const View& view) {
  if (!view.is_batched(0) || view.integer("axis", 1) != 1) return std::nullopt;
  return view.pipe("flatten");
}

// The target with the batch in front, as a number, 0 or -1; 0 not where it is a size (allowzero).
std::optional<Form> reshape(const View& view) {
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

std::optional<Form> squeeze(const View& view) {
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

std::optional<Form> unsqueeze(const View& view) {
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

std::optional<Form> transpose(const View& view) {
  const Integers order = view.integers("perm", {});
  if (!view.is_batched(0) || static_cast<std::int64_t>(order.size()) != view.rank(0) || order[0] != 0)
    return std::nullopt;
  Integers of_example;
  for (std::size_t i = 1; i < order.size(); ++i) of_example.push_back(order[i] - 1);
  return view.pipe(fmt::format("transpose({})", shape_text(of_example)));
}

std::optional<Form> softmax(const View& view) {
  const std::int64_t otherwise = view.node().opset >= 13 ? -1 : 1;
  const std::optional<std::int64_t> axis =
      view.is_batched(0) ? view.axis(view.integer("axis", otherwise)) : std::nullopt;
  if (!axis) return std::nullopt;
  const bool is_last = *axis == static_cast<std::int64_t>(view.shape(0).size()) - 1;
  // Before opset 13 all axes from this one on are one.
  if (view.node().opset < 13 && !is_last) return std::nullopt;
  const std::string name = view.node().node.op_type() == "Softmax" ? "softmax" : "log_softmax";
  return view.pipe(is_last ? name : fmt::format("{}(axis: {})", name, *axis));
}

std::optional<Form> concat(const View& view) {
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

std::optional<Form> reduce(const View& view) {
  const std::optional<Integers> axes = view.is_batched(0) ? view.axes(1) : std::nullopt;
  if (!axes || axes->empty()) return std::nullopt;
  const std::string& op = view.node().node.op_type();
  const std::string name = op == "ReduceMean" ? "mean" : op == "ReduceSum" ? "sum" : op == "ReduceMax" ? "max" : "min";
  return view.pipe(fmt::format("{}(axis: {}{})", name, axes->size() == 1 ? literal((*axes)[0]) : shape_text(*axes),
                               view.integer("keepdims", 1) != 0 ? ", keep: true" : ""));
}

std::optional<Form> clip(const View& view) {
  if (!view.is_layer_like()) return std::nullopt;
  const double low = view.constant(1) != nullptr ? view.constant(1)->at(0) : view.real("min", -3.4e38F);
  const double high = view.constant(2) != nullptr ? view.constant(2)->at(0) : view.real("max", 3.4e38F);
  if (low < -3e38 || high > 3e38) return std::nullopt;
  return view.pipe(fmt::format("clip({}, {})", literal(ElementType::F32, low), literal(ElementType::F32, high)));
}

// Infix, where one shape is the end of the other. A constant loses the batch's axis of size 1.
std::optional<Form> infix(const View& view) {
  if (view.node().inputs.size() != 2 || (view.is_batched(0) && view.is_batched(1) && view.rank(0) != view.rank(1))) {
    return std::nullopt;
  }
  const std::size_t batched = view.is_batched(0) ? 0 : 1;
  if (!view.is_batched(batched)) return std::nullopt;
  const std::map<std::string, std::string> signs = {{"Add", "+"}, {"Sub", "-"}, {"Mul", "*"}, {"Div", "/"}};
  Form form;
  form.arguments = {view.input(0), view.input(1)};
  form.expression = fmt::format("{{0}} {} {{1}}", signs.at(view.node().node.op_type()));
  const std::size_t other = 1 - batched;
  if (view.is_batched(other)) return form;
  const Tensor* constant = view.constant(other);
  if (constant == nullptr || !is_float(constant->type.element)) return std::nullopt;
  const Shape& shape = view.shape(batched);
  if (element_count(constant->type.shape) == 1) {
    const std::string number = literal(constant->type.element, constant->at(0));
    form.arguments = {view.input(batched)};
    form.expression = batched == 0 ? fmt::format("{{0}} {} {}", signs.at(view.node().node.op_type()), number)
                                   : fmt::format("{} {} {{0}}", number, signs.at(view.node().node.op_type()));
    return form;
  }
  // The language's rule, not NumPy's: the same number of axes, 1s stretched; or fewer, the same sizes at the end.
  Shape own = constant->type.shape;
  const bool has_batch = own.size() == shape.size() + 1 && own[0] == 1;
  if (has_batch) {
    own.erase(own.begin());
    form.reshaped = std::make_shared<Imported>(*view.input(other));
    form.reshaped->type.shape = own;
    form.reshaped->constant = std::make_shared<const Tensor>(with_shape(*constant, own));
    form.arguments[other] = form.reshaped.get();
  }
  const auto is_stretched = [&](std::int64_t mine, std::int64_t size) { return mine == 1 || mine == size; };
  const bool fits = own.size() == shape.size()
                        ? std::equal(own.begin(), own.end(), shape.begin(), is_stretched)
                        : own.size() < shape.size() && std::equal(own.rbegin(), own.rend(), shape.rbegin());
  return fits ? std::optional(form) : std::nullopt;
}

std::optional<Form> sum_of_all(const View& view) {
  Form form;
  for (std::size_t i = 0; i < view.node().inputs.size(); ++i) {
    if (!view.is_batched(i) || view.shape(i) != view.shape(0)) return std::nullopt;
    form.expression += fmt::format("{}{{{}}}", i == 0 ? "" : " + ", i);
    form.arguments.push_back(view.input(i));
  }
  return form.arguments.size() < 2 ? std::nullopt : std::optional(form);
}

std::optional<Form> power(const View& view) {
  const Tensor* exponent = view.constant(1);
  if (!view.is_batched(0) || exponent == nullptr || element_count(exponent->type.shape) != 1 ||
      !is_float(exponent->type.element) || exponent->type.element != view.input(0)->type.element ||
      !(exponent->at(0) >= 0)) {
    return std::nullopt;
  }
  Form form;
  form.expression = "{0}^" + literal(exponent->type.element, exponent->at(0));
  form.arguments = {view.input(0)};
  return form;
}

std::optional<Form> gelu(const View& view) {
  if (!view.is_batched(0) || view.text("approximate", "none") != "none") return std::nullopt;
  return view.pipe("gelu");
}

// Equal parts.
std::optional<Form> split(const View& view) {
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
Form indexed(const View& view, const std::map<std::int64_t, std::string>& places) {
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

std::optional<Form> slice(const View& view) {
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

std::optional<Form> gather(const View& view) {
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

std::optional<Form> leaky_relu(const View& view) {
  return view.pipe(fmt::format("leaky_relu(slope: {})", literal(ElementType::F32, view.real("alpha", 0.01F))));
}

std::optional<Form> alias(const View& view) {
  Form form;
  form.is_alias = true;
  form.arguments = {view.input(0)};
  return form;
}

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> all = {{"Conv", convolution},
                                                  {"BatchNormalization", batch_norm},
                                                  {"Gemm", gemm},
                                                  {"MatMul", product},
                                                  {"MaxPool", pool},
                                                  {"LayerNormalization", layer_norm},
                                                  {"AveragePool", pool},
                                                  {"GlobalAveragePool", global_pool},
                                                  {"Flatten", flatten},
                                                  {"GlobalMaxPool", global_pool},
                                                  {"Reshape", reshape},
                                                  {"Squeeze", squeeze},
                                                  {"Unsqueeze", unsqueeze},
                                                  {"Transpose", transpose},
                                                  {"Softmax", softmax},
                                                  {"LogSoftmax", softmax},
                                                  {"Concat", concat},
                                                  {"ReduceMean", reduce},
                                                  {"ReduceSum", reduce},
                                                  {"ReduceMax", reduce},
                                                  {"ReduceMin", reduce},
                                                  {"Clip", clip},
                                                  {"Add", infix},
                                                  {"Sub", infix},
                                                  {"Mul", infix},
                                                  {"Div", infix},
                                                  {"Gather", gather},
                                                  {"Sum", sum_of_all},
                                                  {"Pow", power},
                                                  {"Gelu", gelu},
                                                  {"Split", split},
                                                  {"Slice", slice},
                                                  {"LeakyRelu", leaky_relu},
                                                  {"Dropout", alias}};
  return all;
}

// Functions of the prelude that are the operator, attributes at their defaults.
const std::map<std::string, std::string> kFunctions = {
    {"Relu", "relu"},   {"Sigmoid", "sigmoid"}, {"Tanh", "tanh"}, {"Softplus", "softplus"},
    {"Exp", "exp"},     {"Log", "log"},         {"Sqrt", "sqrt"}, {"HardSwish", "hard_swish"},
    {"Erf", "erf"},     {"Abs", "abs"},         {"Sin", "sin"},   {"Cos", "cos"},
    {"Floor", "floor"}, {"Elu", "elu"},         {"Selu", "selu"}};

}  // namespace

std::optional<Form> per_example_form(const NodeView& view) {
  const bool is_standard = view.node.domain().empty() || view.node.domain() == "ai.onnx";
  if (!is_standard || view.inputs.empty()) return std::nullopt;
  const View asked(view);
  const auto function = kFunctions.find(view.node.op_type());
  if (function != kFunctions.end()) {
    if (!asked.is_batched(0) || !view.attributes.empty() || view.inputs.size() != 1) return std::nullopt;
    return asked.pipe(function->second);
  }
  const auto rule = rules().find(view.node.op_type());
  return rule == rules().end() ? std::nullopt : rule->second(asked);
}

std::optional<Form> batched_form(const NodeView& view) {
  static const std::map<std::string, std::string> signs = {{"Add", "+"}, {"Sub", "-"}, {"Mul", "*"}, {"Div", "/"}};
  const bool is_standard = view.node.domain().empty() || view.node.domain() == "ai.onnx";
  const bool are_floats = std::all_of(view.inputs.begin(), view.inputs.end(), [](const Imported* input) {
    return input != nullptr && is_float(input->type.element);
  });
  if (!is_standard || !are_floats || view.inputs.empty() || view.opset < 7) return std::nullopt;
  const View asked(view);
  const auto function = kFunctions.find(view.node.op_type());
  if (function != kFunctions.end() && view.attributes.empty() && view.inputs.size() == 1)
    return asked.pipe(function->second);
  const auto sign = signs.find(view.node.op_type());
  if (sign == signs.end() || view.inputs.size() != 2) return std::nullopt;
  // A number that does not give the result more axes.
  const auto number = [&](std::size_t i) -> std::string {
    const Tensor* constant = asked.constant(i);
    const bool is_number = constant != nullptr && element_count(constant->type.shape) == 1 &&
                           asked.shape(i).size() <= asked.shape(1 - i).size();
    return is_number ? literal(constant->type.element, constant->at(0)) : "";
  };
  const std::string left = number(0), right = number(1);
  Form form;
  if (!right.empty()) {
    form.expression = fmt::format("{{0}} {} {}", sign->second, right);
    form.arguments = {view.inputs[0]};
  } else if (!left.empty()) {
    form.expression = fmt::format("{} {} {{0}}", left, sign->second);
    form.arguments = {view.inputs[1]};
  } else if (asked.shape(0) == asked.shape(1)) {
    form.expression = fmt::format("{{0}} {} {{1}}", sign->second);
    form.arguments = {view.inputs[0], view.inputs[1]};
  } else {
    return std::nullopt;
  }
  return form;
}

bool is_elementwise(const std::string& op) {
  static const std::set<std::string> all = {
      "HardSigmoid", "Elu",   "Selu", "Gelu", "Celu", "ThresholdedRelu", "Softsign", "Mish", "Neg", "Reciprocal", "Pow",
      "Ceil",        "Round", "Sign", "Not",  "Cast", "Shrink",          "Swish",    "Clip", "Mod", "HardSwish",  "Tan",
      "Atan"};
  return all.count(op) != 0;
}

}  // namespace nnc::translation
