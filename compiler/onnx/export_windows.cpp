#include "compiler/onnx/export_windows.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "compiler/ops/op.h"

namespace nnc::translation {
namespace {

using Integers = std::vector<std::int64_t>;

bool all(const Integers& values, std::int64_t value) {
  return std::all_of(values.begin(), values.end(), [=](std::int64_t v) { return v == value; });
}

bool any_negative(const Integers& values) {
  return std::any_of(values.begin(), values.end(), [](std::int64_t v) { return v < 0; });
}

Integers joined(Integers a, const Integers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Shape picked(const Shape& shape, const Integers& axes) {
  Shape result;
  for (const std::int64_t axis : axes) result.push_back(shape[static_cast<std::size_t>(axis)]);
  return result;
}

// The permutation that undoes one.
Integers inverse(const Integers& permutation) {
  Integers result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return result;
}

// Settings of a node of windows; those that are the operator's defaults are left out.
std::vector<Setting> window_settings(const Integers& strides, const Integers& dilations, const Integers& pads) {
  std::vector<Setting> settings;
  if (!all(strides, 1)) settings.push_back({"strides", strides});
  if (!all(dilations, 1)) settings.push_back({"dilations", dilations});
  if (!all(pads, 0)) settings.push_back({"pads", pads});
  return settings;
}

}  // namespace

std::string padded(NodeWriter& w, std::string x, Shape shape, const Padding& padding, const Tensor& value) {
  const std::string filling = w.constant(value);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t gap = padding.interior[axis];
    if (gap == 0 || shape[axis] < 2) continue;
    // [n] -> [n, 1] -> [n, 1 + gap] -> [n (1 + gap)], of which the last gap is too much.
    const std::int64_t after = static_cast<std::int64_t>(axis) + 1;
    Shape apart = shape;
    apart.insert(apart.begin() + after, 1 + gap);
    x = w.node("Unsqueeze", {x, w.integers({after})});
    x = w.node("Pad", {x, w.integers({0, gap}), filling, w.integers({after})});
    shape[axis] *= 1 + gap;
    x = w.reshape(x, apart, shape);
    shape[axis] -= gap;
    x = w.node("Slice", {x, w.integers({0}), w.integers({shape[axis]}), w.integers({after - 1})});
  }
  if (all(padding.low, 0) && all(padding.high, 0)) return x;
  return w.node("Pad", {x, w.integers(joined(padding.low, padding.high)), filling});
}

// ---- convolution

namespace {

// A convolution with the roles of its axes in ONNX's order, absent ones of extent 1.
class Convolution {
 public:
  Convolution(NodeWriter& w, const Op& op) : w_(w), op_(op) {
    for (const char role : op.attributes.text("y_axes")) spatial_ += role >= '0' && role <= '9' ? 1 : 0;
    if (!is_float(op.result()->type.element)) throw NotInOnnx{"ONNX has convolutions of floats only"};
    if (op.attributes.integer("batch_groups") != 1) throw NotInOnnx{"ONNX has no groups of a batch"};
    groups_ = op.attributes.integer("groups");
    strides_ = list("stride");
    dilations_ = list("window_dilation");
    low_ = list("pad_low");
    high_ = list("pad_high");
    spread_ = list("input_dilation");
  }

  std::string write() {
    const std::string transposed = write_transposed();
    if (!transposed.empty()) return result(transposed);
    const Shape shape = extents(0, "x_axes", "nc012");
    std::string x = ordered(w_.of(op_.inputs[0]), op_.inputs[0]->type.shape, "x_axes", "nc012", shape);
    Integers pads = joined(low_, high_);
    if (!all(spread_, 1) || any_negative(pads)) {
      Padding padding = {joined({0, 0}, low_), joined({0, 0}, high_), joined({1, 1}, spread_)};
      for (std::int64_t& gap : padding.interior) --gap;
      x = padded(w_, x, shape, padding, Tensor::scalar(op_.result()->type.element, 0));
      pads.assign(pads.size(), 0);
    }
    const std::string weight = weights(w_.of(op_.inputs[1]));
    std::vector<Setting> settings = window_settings(strides_, dilations_, pads);
    if (groups_ != 1) settings.push_back({"group", groups_});
    return result(w_.node("Conv", {x, weight}, settings));
  }

 private:
  Integers list(const char* name) const {
    const Integers& given = op_.attributes.integers(name);
    if (!given.empty()) return given;
    return {std::string(name).starts_with("pad") ? 0 : 1};  // without spatial axes there is one of extent 1
  }

  std::int64_t extent(const Shape& shape, const std::string& axes, char role) const {
    const std::size_t at = axes.find(role);
    return at == std::string::npos ? 1 : shape[at];
  }

  // The extent of each role, as many spatial ones as there are, at least one.
  Shape extents(std::size_t operand, const char* axes, const std::string& roles) const {
    const Shape& shape = operand < 2 ? op_.inputs[operand]->type.shape : op_.result()->type.shape;
    Shape result;
    for (const char role : roles) {
      if (role < '0' || role > '9' || role - '0' < std::max(spatial_, 1)) {
        result.push_back(extent(shape, op_.attributes.text(axes), role));
      }
    }
    return result;
  }

  // The order of the axes that are there, by their roles.
  Integers order(const char* axes, const std::string& roles) const {
    Integers result;
    for (const char role : roles) {
      const std::size_t at = op_.attributes.text(axes).find(role);
      if (at != std::string::npos) result.push_back(static_cast<std::int64_t>(at));
    }
    return result;
  }

  std::string ordered(const std::string& x, const Shape& shape, const char* axes, const std::string& roles,
                      const Shape& to) {
    const Integers permutation = order(axes, roles);
    return w_.reshape(w_.transpose(x, permutation), picked(shape, permutation), to);
  }

  // [O o, i, spatial…]
  std::string weights(const std::string& name) {
    Shape shape = extents(1, "w_axes", "Ooi012");
    shape[1] *= shape[0];
    shape.erase(shape.begin());
    return ordered(name, op_.inputs[1]->type.shape, "w_axes", "Ooi012", shape);
  }

  // [n, c, spatial…] in the order of the result.
  std::string result(const std::string& y) {
    const Integers permutation = order("y_axes", "nc012");
    const Shape shape = picked(op_.result()->type.shape, permutation);
    return w_.transpose(w_.reshape(y, extents(2, "y_axes", "nc012"), shape), inverse(permutation));
  }

  // A convolution of what is spread out with a reversed window is ONNX's ConvTranspose; "" if this is none.
  std::string write_transposed() {
    const Op& reversed = *op_.inputs[1]->producer;
    if (all(spread_, 1) || !all(strides_, 1) || groups_ != 1 || reversed.def->name != "reverse") return "";
    Integers windows = order("w_axes", "012");
    std::sort(windows.begin(), windows.end());
    if (reversed.attributes.integers("axes") != windows) return "";
    const Shape kernel = extents(1, "w_axes", "012");
    Integers low, high, more;
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      const std::int64_t reach = dilations_[i] * (kernel[i] - 1);
      low.push_back(reach - low_[i]);
      high.push_back(std::max<std::int64_t>(reach - high_[i], 0));
      more.push_back(std::max<std::int64_t>(high_[i] - reach, 0));
      if (low.back() < 0 || more.back() >= std::max(spread_[i], dilations_[i])) return "";
    }
    Shape shape = extents(1, "w_axes", "iOo012");
    shape[1] *= shape[2];
    shape.erase(shape.begin() + 2);
    const std::string x =
        ordered(w_.of(op_.inputs[0]), op_.inputs[0]->type.shape, "x_axes", "nc012", extents(0, "x_axes", "nc012"));
    const std::string weight =
        ordered(w_.of(reversed.inputs[0]), reversed.inputs[0]->type.shape, "w_axes", "iOo012", shape);
    std::vector<Setting> settings = window_settings(spread_, dilations_, joined(low, high));
    if (!all(more, 0)) settings.push_back({"output_padding", more});
    return w_.node("ConvTranspose", {x, weight}, settings);
  }

  NodeWriter& w_;
  const Op& op_;
  int spatial_ = 0;
  std::int64_t groups_ = 1;
  Integers strides_, dilations_, low_, high_, spread_;
};

// ---- pooling

// The axes that a window moves over, at most three, behind all others, which are joined to one.
class Pooling {
 public:
  Pooling(NodeWriter& w, const Op& op) : w_(w), op_(op) {
    const Integers &window = op.attributes.integers("window"), &stride = op.attributes.integers("stride"),
                   &low = op.attributes.integers("pad_low"), &high = op.attributes.integers("pad_high");
    const std::int64_t rank = static_cast<std::int64_t>(window.size());
    for (std::int64_t axis = 0; axis < rank; ++axis) {
      const std::size_t i = static_cast<std::size_t>(axis);
      const bool is_moved = window[i] != 1 || stride[i] != 1 || low[i] != 0 || high[i] != 0;
      (is_moved ? moved_ : rest_).push_back(axis);
    }
    if (moved_.empty() && !rest_.empty()) {
      moved_.push_back(rest_.back());
      rest_.pop_back();
    }
    if (moved_.size() > 3) throw NotInOnnx{"ONNX pools over at most three axes"};
    order_ = joined(rest_, moved_);
  }

  // [others, 1, moved…]; with `as_channels` [1, others, moved…], or, of two others, [other, other, moved…].
  std::string operand(bool as_channels) const {
    const Shape& shape = op_.inputs[0]->type.shape;
    const Shape permuted = picked(shape, order_);
    return w_.reshape(w_.transpose(w_.of(op_.inputs[0]), order_), permuted, cut(shape, as_channels));
  }

  std::string result(const std::string& y, bool as_channels) const {
    const Shape& shape = op_.result()->type.shape;
    return w_.transpose(w_.reshape(y, cut(shape, as_channels), picked(shape, order_)), inverse(order_));
  }

  Shape cut(const Shape& shape, bool as_channels) const {
    // Two axes, as of a batch of images, are ONNX's own.
    if (as_channels && rest_.size() == 2) return picked(shape, order_);
    const std::int64_t others = element_count(picked(shape, rest_));
    return joined(as_channels ? Shape{1, others} : Shape{others, 1}, picked(shape, moved_));
  }

  Integers of(const char* name) const { return picked(op_.attributes.integers(name), moved_); }
  bool is_scalar() const { return moved_.empty(); }

 private:
  NodeWriter& w_;
  const Op& op_;
  Integers rest_, moved_, order_;
};

}  // namespace

std::string convolution_nodes(NodeWriter& w, const Op& op) { return Convolution(w, op).write(); }

std::string window_max_nodes(NodeWriter& w, const Op& op) {
  const Pooling pooling(w, op);
  if (pooling.is_scalar()) return w.of(op.inputs[0]);
  const ElementType type = op.result()->type.element;
  if (!is_float(type) && size_bytes(type) != 1) throw NotInOnnx{"ONNX has max pooling of floats and bytes only"};
  const Integers window = pooling.of("window"), dilation = pooling.of("dilation");
  Integers low = pooling.of("pad_low"), high = pooling.of("pad_high");
  std::string x = pooling.operand(true);
  // Padding must be smaller than the window.
  bool is_small = !any_negative(low) && !any_negative(high);
  for (std::size_t i = 0; i < window.size(); ++i) is_small = is_small && std::max(low[i], high[i]) < window[i];
  if (!is_small) {
    const Integers zeros(low.size() + 2, 0);
    x = padded(w, x, pooling.cut(op.inputs[0]->type.shape, true), {joined({0, 0}, low), joined({0, 0}, high), zeros},
               is_float(type) ? Tensor::scalar(type, -std::numeric_limits<double>::infinity())
                              : Tensor::whole(type, lowest(type)));
    low.assign(low.size(), 0);
    high = low;
  }
  std::vector<Setting> settings = window_settings(pooling.of("stride"), dilation, joined(low, high));
  settings.insert(settings.begin(), {"kernel_shape", window});
  return pooling.result(w.node("MaxPool", {x}, settings), true);
}

// A convolution with ones; what AveragePool gives is rounded once more.
std::string window_sum_nodes(NodeWriter& w, const Op& op) {
  const Pooling pooling(w, op);
  if (pooling.is_scalar()) return w.of(op.inputs[0]);
  const ElementType type = op.result()->type.element;
  if (!is_float(type)) throw NotInOnnx{"ONNX has sums over windows of floats only"};
  Integers low = pooling.of("pad_low"), high = pooling.of("pad_high");
  std::string x = pooling.operand(false);
  if (any_negative(low) || any_negative(high)) {
    const Integers zeros(low.size() + 2, 0);
    x = padded(w, x, pooling.cut(op.inputs[0]->type.shape, false), {joined({0, 0}, low), joined({0, 0}, high), zeros},
               Tensor::scalar(type, 0));
    low.assign(low.size(), 0);
    high = low;
  }
  check_constant_size(element_count(pooling.of("window")));
  const std::string ones = w.constant(Tensor::filled({type, joined({1, 1}, pooling.of("window"))}, 1));
  return pooling.result(
      w.node("Conv", {x, ones}, window_settings(pooling.of("stride"), pooling.of("dilation"), joined(low, high))),
      false);
}

}  // namespace nnc::translation
