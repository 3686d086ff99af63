// The gradient of a convolution with respect to its weights: dw[group][k0][k1][i][o] = sum over examples, rows and
// columns of x * dy; of a volume, dw[group][plane][k0][k1][i][o], over the planes too.
//
// A register tile holds inputs by vectors of outputs for one tap and walks the pixels; padding only shortens the walk.
// Rows are taken in blocks small enough that x and dy stay in the second cache while all taps and channels pass over
// them, the sums waiting in dw. Every result is one chain in the order example, plane, row, column. C is that of the
// forward convolution (README.md), with tile_m for inputs.
#pragma once

#include "taps.h"
#include "tile.h"

namespace nnc {

// A block of rows of one example: which outputs, whether the sums begin here, and whether they end here.
struct RowBlock {
  std::ptrdiff_t begin, end;
  bool is_first, is_last;
};

// Taps taken together: the outputs they serve, and where their input lies. Inner columns serve all of them, outer ones
// some.
struct GradientTaps {
  std::ptrdiff_t row_begin, row_end;
  std::ptrdiff_t outer_begin, inner_begin, inner_end, outer_end;
  std::ptrdiff_t x;  // offset of the input of output (0, 0)
};

template <class C>
using GradientTaps0 = Taps<C::in_0, C::out_0, C::k_0, C::stride_0, C::dilation_0, 1, C::pad_low_0, 0>;
template <class C>
using GradientTaps1 = Taps<C::in_1, C::out_1, C::k_1, C::stride_1, C::dilation_1, 1, C::pad_low_1, 0>;

// With few inputs, the inputs of all taps of a window's row form the rows of a tile: rows k1 * i + input, which lie
// evenly both in x and in dw. Such a tile is chosen by a tile_m above i.
template <class C>
constexpr bool joins_taps() {
  return C::tile_m > C::i && C::k_1 > 1 && C::dilation_1 * C::x_1 == C::i * C::x_i && C::w_1 == C::i * C::w_i;
}

// The rows of a tile that column `at` serves, where it does not serve all.
template <class C, int Back, int Rows, int Vectors, class V, class T>
NNC_INLINE void outer_column(V (&sum)[Rows][Vectors], const T* x, const T* dy, std::ptrdiff_t first,
                             std::ptrdiff_t at) {
  constexpr int lanes = Lanes<V>::count;
  const std::ptrdiff_t begin = GradientTaps1<C>::tap_begin(at) * C::i - first;
  const std::ptrdiff_t end = GradientTaps1<C>::tap_end(at) * C::i - first;
  NNC_UNROLL
  for (int r = 0; r < Rows; ++r) {
    if (r < begin || r >= end) continue;
    NNC_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      const V row = load<lanes>(dy + v * lanes - (v == Vectors - 1 ? Back : 0));
      sum[r][v] = fma(splat<V>(load<1>(x + r * C::x_i)), row, sum[r][v]);
    }
  }
}

// Rows `first` to first + Rows (inputs, or taps and inputs) of one block of output channels.
template <class C, int Rows, int Vectors, int L, int Rest, int Back, class T, class Epilogue>
inline void convolution_weights_tile(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                     std::ptrdiff_t first, const GradientTaps& taps, const RowBlock& block,
                                     const Epilogue& epilogue) {
  constexpr int last = (Vectors - 1) * L - Back;
  constexpr std::ptrdiff_t x_column = C::stride_1 * C::x_1;
  Vec<T, L> sum[Rows][Vectors] = {};
  if (!block.is_first) {
    const T* const from = dw + offset;
    NNC_UNROLL
    for (int r = 0; r < Rows; ++r) {
      NNC_UNROLL
      for (int v = 0; v < Vectors - 1; ++v) sum[r][v] = load<L>(from + (r * C::w_i + v * L));
      sum[r][Vectors - 1] = load<L>(from + (r * C::w_i + last));
    }
  }
  for (std::ptrdiff_t j = taps.row_begin; j < taps.row_end; ++j) {
    const T* x_row = x + taps.x + j * C::stride_0 * C::x_0;
    const T* dy_row = dy + j * C::y_0;
    if constexpr (joins_taps<C>()) {
      for (std::ptrdiff_t c = taps.outer_begin; c < taps.inner_begin; ++c) {
        outer_column<C, Back>(sum, x_row + c * x_column, dy_row + c * C::y_1, first, c);
      }
    }
    for (std::ptrdiff_t c = taps.inner_begin; c < taps.inner_end; ++c) {
      tile_step<0, Rows, C::x_i, Back>(sum, x_row + c * x_column, dy_row + c * C::y_1);
    }
    if constexpr (joins_taps<C>()) {
      for (std::ptrdiff_t c = taps.inner_end; c < taps.outer_end; ++c) {
        outer_column<C, Back>(sum, x_row + c * x_column, dy_row + c * C::y_1, first, c);
      }
    }
  }
  if (block.is_last) {
    finish_tile<C::w_i, Rest, Back>(sum, dw, offset, channel, epilogue);
  } else {
    finish_tile<C::w_i, Rest, Back>(sum, dw, offset, channel, KeepSum{});
  }
}

// One tile, after working out which columns its taps serve.
template <class C, int Rows, int Vectors, int L, int Rest, int Back, class T, class Epilogue>
NNC_INLINE void convolution_weights_step(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                         std::ptrdiff_t first, GradientTaps taps, const RowBlock& block,
                                         const Epilogue& epilogue) {
  if constexpr (joins_taps<C>()) {
    using A1 = GradientTaps1<C>;
    const std::ptrdiff_t low = first / C::i, high = (first + Rows - 1) / C::i;
    taps.outer_begin = A1::output_begin(high);
    taps.outer_end = A1::output_end(low);
    taps.inner_begin = least(A1::output_begin(low), taps.outer_end);
    taps.inner_end = most(taps.inner_begin, A1::output_end(high));
  }
  taps.x += first * C::x_i;
  convolution_weights_tile<C, Rows, Vectors, L, Rest, Back>(x, dy, dw, offset + first * C::w_i, channel, first, taps,
                                                            block, epilogue);
}

// All rows for one block of output channels.
template <class C, int Vectors, int L, int Rest, int Back, class T, class Epilogue>
inline void convolution_weights_block(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                      const GradientTaps& taps, const RowBlock& block, const Epilogue& epilogue) {
  constexpr Split rows = split(joins_taps<C>() ? C::k_1 * C::i : C::i, C::tile_m * C::tile_n / Vectors);
  constexpr int large = static_cast<int>(rows.large);
  std::ptrdiff_t row = 0;
  for (std::ptrdiff_t t = 0; t < rows.large_count; ++t, row += large) {
    convolution_weights_step<C, large, Vectors, L, Rest, Back>(x, dy, dw, offset, channel, row, taps, block, epilogue);
  }
  if constexpr (rows.small_count > 0 && large > 1) {
    for (std::ptrdiff_t t = 0; t < rows.small_count; ++t, row += large - 1) {
      convolution_weights_step<C, large - 1, Vectors, L, Rest, Back>(x, dy, dw, offset, channel, row, taps, block,
                                                                     epilogue);
    }
  }
}

// All output channels for one tap, or one row of taps.
template <class C, class T, class Epilogue>
inline void convolution_weights_taps(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                     const GradientTaps& taps, const RowBlock& block, const Epilogue& epilogue) {
  using O = Columns<C::lanes, C::tile_n, C::o, false>;
  constexpr int lanes = O::lanes();
  for (std::ptrdiff_t b = 0; b < O::whole; ++b) {
    convolution_weights_block<C, C::tile_n, lanes, lanes, 0>(x, dy + b * O::block, dw, offset + b * O::block,
                                                             channel + b * O::block, taps, block, epilogue);
  }
  if constexpr (O::edge > 0) {
    constexpr std::ptrdiff_t at = O::whole * O::block;
    convolution_weights_block<C, O::edge_vectors, lanes, O::edge_rest, O::edge_back>(
        x, dy + at, dw, offset + at, channel + at, taps, block, epilogue);
  }
}

// All taps and channels over one block of rows. offset: of the group in dw.
template <class C, class T, class Epilogue>
inline void convolution_weights_rows(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                     const RowBlock& block, const Epilogue& epilogue) {
  using A0 = GradientTaps0<C>;
  using A1 = GradientTaps1<C>;
  for (std::ptrdiff_t k0 = 0; k0 < C::k_0; ++k0) {
    for (std::ptrdiff_t k1 = 0; k1 < (joins_taps<C>() ? 1 : C::k_1); ++k1) {
      const std::ptrdiff_t begin = A1::output_begin(k1), end = A1::output_end(k1);
      const std::ptrdiff_t place_0 = k0 * C::dilation_0 - C::pad_low_0, place_1 = k1 * C::dilation_1 - C::pad_low_1;
      const GradientTaps taps{
          most(block.begin, A0::output_begin(k0)), least(block.end, A0::output_end(k0)), begin, begin, end, end,
          place_0 * C::x_0 + place_1 * C::x_1};
      convolution_weights_taps<C>(x, dy, dw, offset + k0 * C::w_0 + k1 * C::w_1, channel, taps, block, epilogue);
    }
  }
}

// Tap `tap` of the planes, for one group. A block that it does not meet matters only where sums begin or end.
template <class C, class T, class Epilogue>
inline void convolution_weights_plane(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                      std::ptrdiff_t tap, const Epilogue& epilogue) {
  using P = Planes<C>;
  x += (tap * P::dilation - P::pad_low) * P::x;
  for (std::ptrdiff_t n = 0; n < C::n; ++n) {
    for (std::ptrdiff_t z = 0; z < P::out; ++z) {
      const bool meets = z >= PlaneTaps<C>::output_begin(tap) && z < PlaneTaps<C>::output_end(tap);
      for (std::ptrdiff_t row = 0; row < C::out_0; row += C::row_block) {
        const std::ptrdiff_t end = least(C::out_0, row + C::row_block);
        const RowBlock block{row, meets ? end : row, n == 0 && z == 0 && row == 0,
                             n == C::n - 1 && z == P::out - 1 && end == C::out_0};
        if (!meets && !block.is_first && !block.is_last) continue;
        convolution_weights_rows<C>(x + n * C::x_n + z * P::stride * P::x, dy + n * C::y_n + z * P::y, dw, offset,
                                    channel, block, epilogue);
      }
    }
  }
}

// dw = epilogue(gradient). dw is plain: output channels contiguous, the other strides w_group, w_plane, w_0, w_1, w_i.
template <class C, class T, class Epilogue>
inline void convolution_weights(const T* x, const T* dy, T* dw, const Epilogue& epilogue) {
  for (std::ptrdiff_t g = 0; g < C::groups; ++g) {
    for (std::ptrdiff_t tap = 0; tap < Planes<C>::k; ++tap) {
      convolution_weights_plane<C>(x + g * C::i * C::x_i, dy + g * C::o, dw, g * C::w_group + tap * Planes<C>::w,
                                   g * C::o, tap, epilogue);
    }
  }
}

// ---- depthwise ------------------------------------------------------------------------------------------------------

// One pixel of dy for Rows rows of taps from `tap` on. If not All, only the taps that meet the input.
template <class C, bool All, int Rows, class V, class T>
NNC_INLINE void depthwise_pixel(V (&sum)[Rows][C::k_1], const T* x, const T* dy, std::ptrdiff_t tap, std::ptrdiff_t row,
                                std::ptrdiff_t column) {
  using A0 = GradientTaps0<C>;
  using A1 = GradientTaps1<C>;
  constexpr int lanes = Lanes<V>::count;
  const V gradient = load<lanes>(dy);
  NNC_UNROLL
  for (int t = 0; t < Rows; ++t) {
    if (!All && (tap + t < A0::tap_begin(row) || tap + t >= A0::tap_end(row))) continue;
    NNC_UNROLL
    for (int u = 0; u < C::k_1; ++u) {
      if (!All && (u < A1::tap_begin(column) || u >= A1::tap_end(column))) continue;
      sum[t][u] = fma(load<lanes>(x + (t * C::dilation_0 * C::x_0 + u * C::dilation_1 * C::x_1)), gradient, sum[t][u]);
    }
  }
}

// Rows `tap` to tap + Rows of plane `plane` of the window for N channels, over all pixels.
template <class C, int N, int Rows, class T, class Epilogue>
inline void depthwise_weights_tile(const T* x, const T* dy, T* dw, std::ptrdiff_t plane, std::ptrdiff_t tap,
                                   std::ptrdiff_t channel, const Epilogue& epilogue) {
  using P = Planes<C>;
  using A0 = GradientTaps0<C>;
  using A1 = GradientTaps1<C>;
  Vec<T, N> sum[Rows][C::k_1] = {};
  for (std::ptrdiff_t n = 0; n < C::n; ++n) {
    for (std::ptrdiff_t z = PlaneTaps<C>::output_begin(plane); z < PlaneTaps<C>::output_end(plane); ++z) {
      const T* x_plane = x + n * C::x_n + (z * P::stride + plane * P::dilation - P::pad_low) * P::x;
      for (std::ptrdiff_t row = 0; row < C::out_0; ++row) {
        const T* x_row = x_plane + (row * C::stride_0 + tap * C::dilation_0 - C::pad_low_0) * C::x_0 -
                         C::pad_low_1 * C::x_1 + channel;
        const T* dy_row = dy + n * C::y_n + z * P::y + row * C::y_0 + channel;
        const bool inside = A0::tap_begin(row) <= tap && A0::tap_end(row) >= tap + Rows;
        const std::ptrdiff_t begin = inside ? A1::inner_begin : C::out_1, end = inside ? A1::inner_end : C::out_1;
        for (std::ptrdiff_t c = 0; c < begin; ++c) {
          depthwise_pixel<C, false>(sum, x_row + c * C::stride_1 * C::x_1, dy_row + c * C::y_1, tap, row, c);
        }
        for (std::ptrdiff_t c = begin; c < end; ++c) {
          depthwise_pixel<C, true>(sum, x_row + c * C::stride_1 * C::x_1, dy_row + c * C::y_1, tap, row, c);
        }
        for (std::ptrdiff_t c = end; c < C::out_1; ++c) {
          depthwise_pixel<C, false>(sum, x_row + c * C::stride_1 * C::x_1, dy_row + c * C::y_1, tap, row, c);
        }
      }
    }
  }
  for (int t = 0; t < Rows; ++t) {
    NNC_UNROLL
    for (int u = 0; u < C::k_1; ++u) {
      const std::ptrdiff_t offset = plane * P::w + (tap + t) * C::w_0 + u * C::w_1 + channel;
      store(dw + offset, epilogue(sum[t][u], offset, channel));
    }
  }
}

// All taps of a plane of the window for N channels: as many rows at a time as the registers hold.
template <class C, int N, class T, class Epilogue>
inline void depthwise_weights_lanes(const T* x, const T* dy, T* dw, std::ptrdiff_t plane, std::ptrdiff_t channel,
                                    const Epilogue& epilogue) {
  constexpr Split rows = split(C::k_0, most(1, 14 / C::k_1));
  constexpr int large = static_cast<int>(rows.large);
  std::ptrdiff_t tap = 0;
  for (std::ptrdiff_t t = 0; t < rows.large_count; ++t, tap += large) {
    depthwise_weights_tile<C, N, large>(x, dy, dw, plane, tap, channel, epilogue);
  }
  if constexpr (rows.small_count > 0 && large > 1) {
    for (std::ptrdiff_t t = 0; t < rows.small_count; ++t, tap += large - 1) {
      depthwise_weights_tile<C, N, large - 1>(x, dy, dw, plane, tap, channel, epilogue);
    }
  }
}

// dw[k0][k1][channel], or dw[plane][k0][k1][channel], = epilogue(gradient) of a depthwise convolution.
template <class C, class T, class Epilogue>
inline void depthwise_weights(const T* x, const T* dy, T* dw, const Epilogue& epilogue) {
  for (std::ptrdiff_t plane = 0; plane < Planes<C>::k; ++plane) {
    for_lanes<C::lanes, C::o>([&](auto width, std::ptrdiff_t channel) {
      depthwise_weights_lanes<C, static_cast<int>(decltype(width)::value)>(x, dy, dw, plane, channel, epilogue);
    });
  }
}

}  // namespace nnc
