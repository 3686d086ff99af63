// What the kernels compute, as plain loops over run-time extents: one chain of std::fma in the order stated.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

using Floats = std::vector<float>;
using Index = std::ptrdiff_t;

struct ConvolutionShape {
  Index n, groups, i, o;                                                       // i and o of one group
  std::array<Index, 3> in, out, k, stride, dilation, input_dilation, pad_low;  // planes, rows, columns

  Index pixels() const { return n * out[0] * out[1] * out[2]; }
  Index taps() const { return k[0] * k[1] * k[2]; }
};

// x [n][in…][groups*i], w [groups][k…][i][o], result [n][out…][groups*o].
Floats naive_convolution(const ConvolutionShape& shape, const Floats& x, const Floats& w);
// The gradient of the weights, as w lies. The shape is that of the forward convolution.
Floats naive_convolution_weights(const ConvolutionShape& shape, const Floats& x, const Floats& dy);
