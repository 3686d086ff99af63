// Windows that slide over all axes of a tensor: shapes, places and batch rule of pooling and its gradients.
#include "compiler/ops/windows.h"

#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

constexpr const char* kLists[] = {"window", "stride", "dilation", "pad_low", "pad_high"};

std::string window_shape(const Attributes& attributes, const Shape& x, Shape& result) {
  for (const char* name : kLists) {
    const bool is_padding = name[0] == 'p';
    const std::string wrong =
        check_list(name, attributes.integers(name), x.size(), is_padding ? -(std::int64_t{1} << 31) : 1);
    if (!wrong.empty()) return wrong;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t span = (attributes.integers("window")[i] - 1) * attributes.integers("dilation")[i] + 1;
    const std::int64_t padded = x[i] + attributes.integers("pad_low")[i] + attributes.integers("pad_high")[i];
    if (padded < span) return fmt::format("a window of {} does not fit in the {} places of axis {}", span, padded, i);
    result.push_back((padded - span) / attributes.integers("stride")[i] + 1);
  }
  return "";
}

}  // namespace

std::vector<AttributeDef> window_attributes() {
  return {{"window", AttributeKind::Integers, "extent of the window, one an axis"},
          {"stride", AttributeKind::Integers, "from one window to the next, one an axis"},
          {"dilation", AttributeKind::Integers, "from one tap to the next, one an axis"},
          {"pad_low", AttributeKind::Integers, "places before, one an axis; may be negative"},
          {"pad_high", AttributeKind::Integers, "places behind, one an axis; may be negative"}};
}

Inferred infer_windows(const OpView& op) {
  if (op.type(0).element == ElementType::Bool) return error("operands must be numbers, not bool");
  Type type{op.type(0).element, {}};
  const std::string wrong = window_shape(op.attributes, op.shape(0), type.shape);
  if (!wrong.empty()) return error(wrong);
  return {{type}, ""};
}

Inferred infer_window_scatter(const OpView& op) {
  Inferred windows = infer_windows(op);
  if (!windows.error.empty()) return windows;
  if (!is_float(op.type(0).element)) return error("operands must be float");
  if (windows.types[0] != op.type(1)) {
    return error(
        fmt::format("{} does not have one element a window, {}", to_string(op.type(1)), to_string(windows.types[0])));
  }
  return {{op.type(0)}, ""};
}

Inferred infer_window_gather(const OpView& op) {
  if (!is_float(op.type(0).element)) return error("operands must be float");
  if (op.type(0) != op.type(1)) {
    return error(fmt::format("operands {} and {} differ", to_string(op.type(0)), to_string(op.type(1))));
  }
  return infer_windows(op);
}

Taps taps_of(const Attributes& attributes, const Shape& x) {
  const std::vector<std::int64_t>& window = attributes.integers("window");
  Shape shape;
  window_shape(attributes, x, shape);
  const std::size_t rank = x.size();
  shape.insert(shape.end(), window.begin(), window.end());
  const Shape strides = row_major_strides(x);
  Taps taps{element_count(window), std::vector<std::int64_t>(static_cast<std::size_t>(element_count(shape)))};
  for (std::size_t axis = 0; axis < rank; ++axis) {
    Shape step(shape.size());
    step[axis] = attributes.integers("stride")[axis];
    step[rank + axis] = attributes.integers("dilation")[axis];
    const std::vector<std::int64_t> index = strided_offsets(shape, step, -attributes.integers("pad_low")[axis]);
    for (std::size_t i = 0; i < index.size(); ++i) {
      const bool exists = taps.places[i] >= 0 && index[i] >= 0 && index[i] < x[axis];
      taps.places[i] = exists ? taps.places[i] + index[i] * strides[axis] : -1;
    }
  }
  return taps;
}

std::vector<std::int64_t> maximum_places(const Attributes& attributes, const Tensor& x) {
  const Taps taps = taps_of(attributes, x.type.shape);
  const std::size_t size = static_cast<std::size_t>(taps.window_size);
  std::vector<std::int64_t> best(taps.places.size() / size, -1);
  const Tensor ordered = in_order(x);
  const auto choose = [&](const auto& elements) {
    for (std::size_t i = 0; i < taps.places.size(); ++i) {
      const std::int64_t place = taps.places[i];
      std::int64_t& so_far = best[i / size];
      if (place < 0) continue;
      if (so_far < 0) {
        so_far = place;
        continue;
      }
      const auto a = elements[static_cast<std::size_t>(so_far)], b = elements[static_cast<std::size_t>(place)];
      if (b > a || (b != b && a == a)) so_far = place;  // the first NaN
    }
  };
  std::visit(choose, ordered.data);
  return best;
}

std::vector<Value*> batch_windows(BatchContext& context) {
  Attributes attributes = context.op.attributes;
  for (const char* name : kLists) {
    attributes.set(name, prepend(name[0] == 'p' ? 0 : 1, context.op.attributes.integers(name)));
  }
  std::vector<Value*> operands;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) operands.push_back(context.batched(static_cast<int>(i)));
  return {context.builder.op(context.op.def->name, operands, attributes)};
}

Attributes window_form(std::vector<std::int64_t> window, std::vector<std::int64_t> stride,
                       std::vector<std::int64_t> dilation, std::vector<std::int64_t> low,
                       std::vector<std::int64_t> high) {
  Attributes attributes;
  attributes.set("window", std::move(window));
  attributes.set("stride", std::move(stride));
  attributes.set("dilation", std::move(dilation));
  attributes.set("pad_low", std::move(low));
  attributes.set("pad_high", std::move(high));
  return attributes;
}

std::vector<Sample> window_samples() {
  return {
      {.what = "windows tile x",
       .operands = {f32({2, 4, 6})},
       .attributes = window_form({1, 2, 3}, {1, 2, 3}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0})},
      {.what = "overlapping, padded",
       .operands = {f32({1, 5, 6})},
       .attributes = window_form({1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {0, 1, 0})},
      {.what = "dilation, rest at the end", .operands = {f32({8})}, .attributes = window_form({2}, {2}, {2}, {0}, {0})},
      {.what = "over a volume",
       .operands = {f32({2, 4, 5, 4})},
       .attributes = window_form({1, 2, 3, 2}, {1, 2, 2, 1}, {1, 2, 1, 1}, {0, 1, 1, 0}, {0, 1, 0, 1})},
      {.what = "negative padding", .operands = {f32({7})}, .attributes = window_form({2}, {1}, {1}, {-1}, {-2})},
      {.what = "a window of padding alone",
       .operands = {f32({3})},
       .attributes = window_form({2}, {2}, {1}, {2}, {1})}};
}

}  // namespace nnc::ops
