// The axis roles of a convolution: which axis of x, w and y is the batch, the channels, or spatial.
//
// x and y: `n` batch, `c` channels, `0 1 2` spatial. w: `o i 0 1 2`, and `O`, an outer block of o (output channel =
// O * extent of o + o). n, c, i, o may be absent: their extent is 1.
#pragma once

#include <string>
#include <vector>

#include "compiler/ops/op.h"

namespace nnc::ops {

// One convolution with its extents, in one order whatever the roles.
struct Convolution {
  std::string x_axes, w_axes, y_axes;
  std::vector<std::int64_t> stride, input_dilation, window_dilation, pad_low, pad_high;
  std::int64_t groups = 1, batch_groups = 1;
  std::int64_t n = 1, c = 1, o = 1;           // x's batch and channels, all output channels
  std::vector<std::int64_t> in, window, out;  // spatial extents
  std::string error;                          // why there is no such convolution

  Shape result_shape;
};

Convolution read_convolution(const Attributes& attributes, const Shape& x, const Shape& w);

// Place of the letter, or -1.
std::int64_t axis_of(const std::string& axes, char letter);
// Extent of the axis with that letter; 1 if there is none.
std::int64_t extent_of(const std::string& axes, const Shape& shape, char letter);
// Extent with `dilation - 1` places between neighbours.
std::int64_t dilated(std::int64_t extent, std::int64_t dilation);

std::vector<Tensor> evaluate_convolution(const Op& op, std::span<const Tensor* const> operands);
void differentiate_convolution(GradientBuilder& g);
std::vector<Value*> batch_convolution(BatchContext& context);

}  // namespace nnc::ops
