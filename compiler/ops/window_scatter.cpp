// Adds an element a window to the place of that window's maximum in x: the gradient of window_max.
#include "compiler/ops/support.h"
#include "compiler/ops/windows.h"

namespace nnc::ops {
namespace {

std::vector<Tensor> evaluate_window_scatter(const Op& op, Operands in) {
  const std::vector<std::int64_t> places = maximum_places(op.attributes, *in[0]);
  Tensor y = Tensor::zeros(op.result()->type);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] >= 0) y.floats()[static_cast<std::size_t>(places[i])] += in[1]->floats()[i];
  }
  return {std::move(y)};
}

}  // namespace

OpDef window_scatter_op() {
  return {
      .name = "window_scatter",
      .signature = "window_scatter(x, dy)",
      .formula =
          "like x: the sum of dy over the windows whose maximum (first of ties) is here; what belongs to a window "
          "of padding alone is dropped",
      .operands_min = 2,
      .operands_max = 2,
      .attributes = window_attributes(),
      .infer = infer_window_scatter,
      .evaluate = evaluate_window_scatter,
      .gradient =
          [](GradientBuilder& g) {
            if (g.needs(1)) g.to(1, g.op("window_gather", {g.in(0), g.dy()}, g.op_of().attributes));
          },
      .batch = batch_windows,
      .lower = {.family = Family::Window},
      .samples = {{.what = "windows tile x",
                   .operands = {f32({2, 4}), f32({2, 2})},
                   .attributes = window_form({1, 2}, {1, 2}, {1, 1}, {0, 0}, {0, 0})},
                  {.what = "overlapping, padded",
                   .operands = {f32({5, 6}), f32({3, 3})},
                   .attributes = window_form({3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 0})},
                  {.what = "over a volume",
                   .operands = {f32({4, 5, 4, 2}), f32({2, 2, 4, 2})},
                   .attributes = window_form({2, 3, 2, 1}, {2, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 0, 0}, {1, 0, 1, 0})},
                  {.what = "ties and NaN",
                   .operands = {f32_values({6}, {1, 1, kNaN, 2, 0, -0.0}), f32_values({3}, {1, 2, 3})},
                   .attributes = window_form({2}, {2}, {1}, {0}, {0}),
                   .differentiable = false}},
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
