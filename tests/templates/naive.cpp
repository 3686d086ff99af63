#include "tests/templates/naive.h"

#include <cmath>

namespace {

// The place in the input that output `at` and tap `k` meet along one axis, or -1.
Index place(const ConvolutionShape& s, std::size_t axis, Index at, Index k) {
  const Index dilated = at * s.stride[axis] + k * s.dilation[axis] - s.pad_low[axis];
  if (dilated < 0 || dilated % s.input_dilation[axis] != 0) return -1;
  const Index place = dilated / s.input_dilation[axis];
  return place < s.in[axis] ? place : -1;
}

// Calls function(x index without channel, tap) for every pair that meets output `pixel`, taps in order.
template <class F>
void for_places(const ConvolutionShape& s, Index pixel, const F& function) {
  const Index column = pixel % s.out[2], row = pixel / s.out[2] % s.out[1];
  const Index plane = pixel / s.out[2] / s.out[1] % s.out[0], n = pixel / s.out[2] / s.out[1] / s.out[0];
  for (Index tap = 0; tap < s.taps(); ++tap) {
    const Index in_plane = place(s, 0, plane, tap / s.k[2] / s.k[1]);
    const Index in_row = place(s, 1, row, tap / s.k[2] % s.k[1]);
    const Index in_column = place(s, 2, column, tap % s.k[2]);
    if (in_plane >= 0 && in_row >= 0 && in_column >= 0) {
      function(((n * s.in[0] + in_plane) * s.in[1] + in_row) * s.in[2] + in_column, tap);
    }
  }
}

}  // namespace

Floats naive_convolution(const ConvolutionShape& s, const Floats& x, const Floats& w) {
  const Index inputs = s.groups * s.i, outputs = s.groups * s.o;
  Floats y(static_cast<std::size_t>(s.pixels() * outputs));
  for (Index pixel = 0; pixel < s.pixels(); ++pixel) {
    for (Index o = 0; o < outputs; ++o) {
      const Index group = o / s.o;
      float sum = 0;
      for_places(s, pixel, [&](Index from, Index tap) {
        for (Index i = 0; i < s.i; ++i) {
          const Index at = ((group * s.taps() + tap) * s.i + i) * s.o + o % s.o;
          sum = std::fma(x[static_cast<std::size_t>(from * inputs + group * s.i + i)], w[static_cast<std::size_t>(at)],
                         sum);
        }
      });
      y[static_cast<std::size_t>(pixel * outputs + o)] = sum;
    }
  }
  return y;
}

Floats naive_convolution_weights(const ConvolutionShape& s, const Floats& x, const Floats& dy) {
  const Index inputs = s.groups * s.i, outputs = s.groups * s.o;
  Floats dw(static_cast<std::size_t>(s.groups * s.taps() * s.i * s.o));
  for (Index pixel = 0; pixel < s.pixels(); ++pixel) {
    for_places(s, pixel, [&](Index from, Index tap) {
      for (Index o = 0; o < outputs; ++o) {
        const Index group = o / s.o;
        for (Index i = 0; i < s.i; ++i) {
          float& sum = dw[static_cast<std::size_t>(((group * s.taps() + tap) * s.i + i) * s.o + o % s.o)];
          sum = std::fma(x[static_cast<std::size_t>(from * inputs + group * s.i + i)],
                         dy[static_cast<std::size_t>(pixel * outputs + o)], sum);
        }
      }
    });
  }
  return dw;
}
