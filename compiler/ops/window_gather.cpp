// Takes from z, for each window, the element at the place of that window's maximum in x: the gradient of window_scatter
// with respect to dy.
#include "compiler/ops/support.h"
#include "compiler/ops/windows.h"

namespace nnc::ops {

OpDef window_gather_op() {
  return {
      .name = "window_gather",
      .signature = "window_gather(x, z)",
      .formula =
          "for each window the element of z where x has the window's maximum (first of ties); 0 for a window of "
          "padding alone",
      .operands_min = 2,
      .operands_max = 2,
      .attributes = window_attributes(),
      .infer = infer_window_gather,
      .evaluate = [](const Op& op, Operands in) -> std::vector<Tensor> {
        return {take(*in[1], op.result()->type, maximum_places(op.attributes, *in[0]))};
      },
      .gradient =
          [](GradientBuilder& g) {
            if (g.needs(1)) g.to(1, g.op("window_scatter", {g.in(0), g.dy()}, g.op_of().attributes));
          },
      .batch = batch_windows,
      .lower = {.family = Family::Window},
      .samples = {{.what = "windows tile x",
                   .operands = {f32({2, 4}), f32({2, 4})},
                   .attributes = window_form({1, 2}, {1, 2}, {1, 1}, {0, 0}, {0, 0})},
                  {.what = "overlapping, padded",
                   .operands = {f32({5, 6}), f32({5, 6})},
                   .attributes = window_form({3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 0})},
                  {.what = "over a volume",
                   .operands = {f32({4, 5, 4, 2}), f32({4, 5, 4, 2})},
                   .attributes = window_form({2, 3, 2, 1}, {2, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 0, 0}, {1, 0, 1, 0})}},
  };
}

}  // namespace nnc::ops
