// Sums over windows: average pooling is made of it. Padding adds 0.
#include "compiler/ops/support.h"
#include "compiler/ops/windows.h"

namespace nnc::ops {
namespace {

std::vector<Tensor> evaluate_window_sum(const Op& op, Operands in) {
  const Taps taps = taps_of(op.attributes, in[0]->type.shape);
  Tensor y = Tensor::zeros(op.result()->type);
  const auto sum = [&](const auto& x, auto& result) {
    const std::size_t size = static_cast<std::size_t>(taps.window_size);
    for (std::size_t i = 0; i < taps.places.size(); ++i) {
      if (taps.places[i] >= 0) add_to(result[i / size], x[static_cast<std::size_t>(taps.places[i])]);
    }
  };
  if (is_float(y.type.element)) {
    sum(in[0]->floats(), y.floats());
  } else {
    sum(in[0]->integers(), y.integers());
    wrap(y);
  }
  return {std::move(y)};
}

// Windows that tile x exactly: each element is in one window, so that dy is repeated over the windows.
bool tiles(const Attributes& attributes, const Shape& x, const Shape& y) {
  const std::vector<std::int64_t>& window = attributes.integers("window");
  bool result = attributes.integers("stride") == window;
  for (std::size_t i = 0; i < x.size(); ++i) {
    result = result && (attributes.integers("dilation")[i] == 1 || window[i] == 1) && y[i] * window[i] == x[i] &&
             attributes.integers("pad_low")[i] == 0;
  }
  return result;
}

Value* repeat(GradientBuilder& g, const std::vector<std::int64_t>& window, const Shape& x) {
  Shape shape;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    axes.push_back(static_cast<std::int64_t>(shape.size()));
    shape.push_back(x[i] / window[i]);
    if (window[i] > 1) shape.push_back(window[i]);
  }
  return g.reshape(g.broadcast(g.dy(), shape, axes), x);
}

// Element i of x lies in the windows p with p stride + k dilation = i + pad_low for a tap k: dy, spread by the stride,
// summed over a window of the same taps.
void differentiate_window_sum(GradientBuilder& g) {
  const Attributes& attributes = g.op_of().attributes;
  const Shape& x = g.in(0)->type.shape;
  const Shape& y = g.out()->type.shape;
  if (element_count(x) == 0) return g.to(0, g.zeros_like(g.in(0)));
  const std::vector<std::int64_t>& window = attributes.integers("window");
  if (tiles(attributes, x, y)) return g.to(0, repeat(g, window, x));
  std::vector<std::int64_t> low, high, interior;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t stride = attributes.integers("stride")[i];
    const std::int64_t span = (window[i] - 1) * attributes.integers("dilation")[i];
    low.push_back(span - attributes.integers("pad_low")[i]);
    high.push_back(x[i] + span - low[i] - ((y[i] - 1) * stride + 1));
    interior.push_back(stride - 1);
  }
  Attributes spread = with(with({}, "low", low), "high", high);
  Value* dy = g.op("pad", {g.dy()}, with(with(spread, "interior", interior), "value", 0.0));
  const std::vector<std::int64_t> ones(x.size(), 1), zeros(x.size());
  g.to(0, g.op("window_sum", {dy}, window_form(window, ones, attributes.integers("dilation"), zeros, zeros)));
}

}  // namespace

OpDef window_sum_op() {
  return {
      .name = "window_sum",
      .signature = "window_sum(x)",
      .formula = "sum over each window; padding adds 0",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Sum,
      .attributes = window_attributes(),
      .infer = infer_windows,
      .evaluate = evaluate_window_sum,
      .gradient = differentiate_window_sum,
      .batch = batch_windows,
      .lower = {.family = Family::Window},
      .samples = window_samples(),
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
