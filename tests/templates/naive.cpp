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

// Calls function(x index without channel, y index without channel, tap) for every pair that meets, taps inside.
template <class F>
void for_places(const ConvolutionShape& s, Index n, Index row, Index column, const F& function) {
  for (Index k0 = 0; k0 < s.k[0]; ++k0) {
    for (Index k1 = 0; k1 < s.k[1]; ++k1) {
      const Index in_row = place(s, 0, row, k0), in_column = place(s, 1, column, k1);
      if (in_row >= 0 && in_column >= 0) {
        function((n * s.in[0] + in_row) * s.in[1] + in_column, k0 * s.k[1] + k1);
      }
    }
  }
}

}  // namespace

Floats naive_convolution(const ConvolutionShape& s, const Floats& x, const Floats& w) {
  const Index inputs = s.groups * s.i, outputs = s.groups * s.o;
  Floats y(static_cast<std::size_t>(s.n * s.out[0] * s.out[1] * outputs));
  for (Index n = 0; n < s.n; ++n) {
    for (Index row = 0; row < s.out[0]; ++row) {
      for (Index column = 0; column < s.out[1]; ++column) {
        for (Index o = 0; o < outputs; ++o) {
          const Index group = o / s.o;
          float sum = 0;
          for_places(s, n, row, column, [&](Index pixel, Index tap) {
            for (Index i = 0; i < s.i; ++i) {
              const Index at = ((group * s.k[0] * s.k[1] + tap) * s.i + i) * s.o + o % s.o;
              sum = std::fma(x[static_cast<std::size_t>(pixel * inputs + group * s.i + i)],
                             w[static_cast<std::size_t>(at)], sum);
            }
          });
          y[static_cast<std::size_t>(((n * s.out[0] + row) * s.out[1] + column) * outputs + o)] = sum;
        }
      }
    }
  }
  return y;
}

Floats naive_convolution_weights(const ConvolutionShape& s, const Floats& x, const Floats& dy) {
  const Index inputs = s.groups * s.i, outputs = s.groups * s.o;
  Floats dw(static_cast<std::size_t>(s.groups * s.k[0] * s.k[1] * s.i * s.o));
  for (Index n = 0; n < s.n; ++n) {
    for (Index row = 0; row < s.out[0]; ++row) {
      for (Index column = 0; column < s.out[1]; ++column) {
        for_places(s, n, row, column, [&](Index pixel, Index tap) {
          for (Index o = 0; o < outputs; ++o) {
            const Index group = o / s.o;
            for (Index i = 0; i < s.i; ++i) {
              float& sum = dw[static_cast<std::size_t>(((group * s.k[0] * s.k[1] + tap) * s.i + i) * s.o + o % s.o)];
              const Index y_pixel = (n * s.out[0] + row) * s.out[1] + column;
              sum = std::fma(x[static_cast<std::size_t>(pixel * inputs + group * s.i + i)],
                             dy[static_cast<std::size_t>(y_pixel * outputs + o)], sum);
            }
          }
        });
      }
    }
  }
  return dw;
}
