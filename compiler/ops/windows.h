// Windows that slide over all axes of a tensor: what pooling and its gradients share.
#pragma once

#include <string>
#include <vector>

#include "compiler/ops/op.h"

namespace nnc::ops {

std::vector<AttributeDef> window_attributes();
// The shape of one result a window, or an error.
Inferred infer_windows(const OpView& op);
// For window_scatter and window_gather: operand 1 has the shape of windows (or of x), the result the other shape.
Inferred infer_window_scatter(const OpView& op);
Inferred infer_window_gather(const OpView& op);

// For each window the flat places in x of its taps, in row-major order; -1 for padding.
struct Taps {
  std::int64_t window_size = 1;
  std::vector<std::int64_t> places;  // window_size for each window
};
Taps taps_of(const Attributes& attributes, const Shape& x);
// For each window the place of its largest element: the first of ties, the first NaN if there is one; -1 if all of it
// is padding.
std::vector<std::int64_t> maximum_places(const Attributes& attributes, const Tensor& x);

std::vector<Value*> batch_windows(BatchContext& context);

// Samples of window_sum and window_max.
std::vector<Sample> window_samples();
Attributes window_form(std::vector<std::int64_t> window, std::vector<std::int64_t> stride,
                       std::vector<std::int64_t> dilation, std::vector<std::int64_t> low,
                       std::vector<std::int64_t> high);

}  // namespace nnc::ops
