// Operators whose weights are constants, as layers of the prelude that hold them; and windows that are pooled.
//
//   Conv(x, w, b) {strides = [2, 2]}   →   x |> conv1, where layer conv1 = conv(64, 3, stride: 2) holds w and b
#include <algorithm>
#include <functional>
#include <numeric>

#include "compiler/onnx/form_rules.h"

namespace nnc::translation {
namespace {

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

// "name(a, b)"; "name" without arguments.
std::string call(const std::string& name, const std::string& arguments) {
  return arguments.empty() ? name : fmt::format("{}({})", name, arguments);
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
std::optional<std::string> padding(const FormView& view, std::size_t spatial) {
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

std::optional<Form> convolution(const FormView& view) {
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

std::optional<Form> batch_norm(const FormView& view) {
  if (!view.is_layer_like() || view.node().inputs.size() != 5 || view.integer("training_mode", 0) != 0)
    return std::nullopt;
  return view.layer(call("batch_norm", real_setting("epsilon", view.real("epsilon", 1e-5F), 1e-5F)),
                    {{"scale", *view.constant(1)},
                     {"shift", *view.constant(2)},
                     {"running_mean", *view.constant(3)},
                     {"running_var", *view.constant(4)}});
}

Form dense(const FormView& view, Tensor weight, const Tensor* bias) {
  const std::int64_t units = weight.type.shape[0];
  std::map<std::string, Tensor> weights = {{"weight", std::move(weight)}};
  if (bias != nullptr) weights["bias"] = with_shape(*bias, {units});
  return view.layer(fmt::format("dense({}{})", units, bias == nullptr ? ", bias: false" : ""), std::move(weights));
}

std::optional<Form> gemm(const FormView& view) {
  const Tensor* weight = view.constant(1);
  const bool is_plain = view.integer("transA", 0) == 0 && view.real("alpha", 1) == 1 && view.real("beta", 1) == 1;
  if (!view.is_layer_like() || weight == nullptr || !is_plain || view.rank(0) != 2) return std::nullopt;
  Tensor rows = view.integer("transB", 0) != 0 ? *weight : transposed(*weight);
  const Tensor* bias = view.constant(2);
  if (bias != nullptr && element_count(bias->type.shape) != rows.type.shape[0]) return std::nullopt;
  return dense(view, std::move(rows), bias);
}

std::optional<Form> product(const FormView& view) {
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

std::optional<Form> layer_norm(const FormView& view) {
  if (!view.is_layer_like() || view.constant(1) == nullptr || view.constant(2) == nullptr) return std::nullopt;
  const std::int64_t axis = view.integer("axis", -1);
  if (axis != -1 && axis != view.rank(0) - 1) return std::nullopt;
  return view.layer(call("layer_norm", real_setting("epsilon", view.real("epsilon", 1e-5F), 1e-5F)),
                    {{"scale", *view.constant(1)}, {"shift", *view.constant(2)}});
}

std::optional<Form> pool(const FormView& view) {
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

std::optional<Form> global_pool(const FormView& view) {
  if (!view.is_batched(0) || view.rank(0) < 3) return std::nullopt;
  Integers axes(static_cast<std::size_t>(view.rank(0) - 2));
  std::iota(axes.begin(), axes.end(), 1);
  const bool is_max = view.node().node.op_type() == "GlobalMaxPool";
  return view.pipe(fmt::format("{}(axis: {}, keep: true)", is_max ? "max" : "mean", shape_text(axes)));
}

}  // namespace

const FormRules& layer_rules() {
  static const FormRules rules = {{"Conv", convolution},
                                  {"BatchNormalization", batch_norm},
                                  {"Gemm", gemm},
                                  {"MatMul", product},
                                  {"MaxPool", pool},
                                  {"LayerNormalization", layer_norm},
                                  {"AveragePool", pool},
                                  {"GlobalAveragePool", global_pool},
                                  {"GlobalMaxPool", global_pool}};
  return rules;
}

}  // namespace nnc::translation
