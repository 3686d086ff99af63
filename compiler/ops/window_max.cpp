// The largest element of each window: max pooling. Padding is -inf; NaN passes. Its gradient is window_scatter.
#include "compiler/ops/support.h"
#include "compiler/ops/windows.h"

namespace nnc::ops {

OpDef window_max_op() {
  std::vector<Sample> samples = window_samples();
  samples.push_back({.what = "ties and NaN",
                     .operands = {f32_values({8}, {1, 1, kNaN, 2, kNaN, kInfinity, -kInfinity, -kInfinity})},
                     .attributes = window_form({2}, {2}, {1}, {0}, {0}),
                     .differentiable = false});
  samples.push_back({.what = "integers, and a window of padding alone",
                     .operands = {operand(ElementType::I8, {3}, {-128, -5, 7})},
                     .attributes = window_form({2}, {2}, {1}, {2}, {1}),
                     .differentiable = false});
  samples.push_back({.what = "u64",
                     .operands = {operand(ElementType::U64, {4}, {0x1p63, 3, 5, 0x1.8p63})},
                     .attributes = window_form({2}, {1}, {1}, {0}, {0}),
                     .differentiable = false});
  return {
      .name = "window_max",
      .signature = "window_max(x)",
      .formula =
          "maximum over each window; padding is -inf (the least integer), NaN passes; the gradient goes to the first "
          "of "
          "ties",
      .operands_min = 1,
      .operands_max = 1,
      .attributes = window_attributes(),
      .infer = infer_windows,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        return {take(*in[0], op.result()->type, maximum_places(op.attributes, *in[0]), -kInfinity)};
      },
      .gradient = [](GradientBuilder& g) { g.to(0, g.op("window_scatter", {g.in(0), g.dy()}, g.op_of().attributes)); },
      .batch = batch_windows,
      .lower = {.family = Family::Window},
      .samples = samples,
  };
}

}  // namespace nnc::ops
