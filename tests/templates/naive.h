// What the kernels compute, as plain loops over run-time extents: one chain of std::fma in the order stated.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

using Floats = std::vector<float>;
using Index = std::ptrdiff_t;

struct ConvolutionShape {
  Index n, groups, i, o;  // i and o of one group
  std::array<Index, 2> in, out, k, stride, dilation, input_dilation, pad_low;
};

// x [n][in0][in1][groups*i], w [groups][k0][k1][i][o], result [n][out0][out1][groups*o].
Floats naive_convolution(const ConvolutionShape& shape, const Floats& x, const Floats& w);
// The gradient of the weights, as w lies. The shape is that of the forward convolution.
Floats naive_convolution_weights(const ConvolutionShape& shape, const Floats& x, const Floats& dy);
