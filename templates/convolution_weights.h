// The gradient of a convolution with respect to its weights: dw[group][k0][k1][i][o] = sum over examples, rows and
// columns of x * dy.
//
// A register tile holds inputs by vectors of outputs for one tap and walks the pixels; padding only shortens the walk.
// Rows are taken in blocks small enough that x and dy stay in the first cache while all taps and channels pass over
// them, the sums waiting in dw. Every result is one chain in the order example, row, column. C is that of the forward
// convolution (README.md), with tile_m for inputs.
#pragma once

#include "taps.h"
#include "tile.h"

namespace nnc {

// A block of rows of one example: which outputs, whether the sums begin here, and whether they end here.
struct RowBlock {
  std::ptrdiff_t begin, end;
  bool is_first, is_last;
};

// One tap: the rows and columns of outputs it serves, and where its input lies (offsets from x).
struct GradientTap {
  std::ptrdiff_t row_begin, row_end, column_begin, column_end;
  std::ptrdiff_t x;  // of output (0, 0)
};

template <class C, int Rows, int Vectors, int L, int Rest, int Back, class T, class Epilogue>
inline void convolution_weights_tile(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                     const GradientTap& tap, const RowBlock& block, const Epilogue& epilogue) {
  constexpr int last = (Vectors - 1) * L - Back;
  Vec<T, L> sum[Rows][Vectors] = {};
  if (!block.is_first) {
    NNC_UNROLL
    for (int r = 0; r < Rows; ++r) {
      NNC_UNROLL
      for (int v = 0; v < Vectors - 1; ++v) sum[r][v] = load<L>(dw + offset + r * C::w_i + v * L);
      sum[r][Vectors - 1] = load<L>(dw + offset + r * C::w_i + last);
    }
  }
  const std::ptrdiff_t columns = tap.column_end - tap.column_begin;
  for (std::ptrdiff_t j = tap.row_begin; j < tap.row_end; ++j) {
    const T* x_row = x + tap.x + j * C::stride_0 * C::x_0 + tap.column_begin * C::stride_1 * C::x_1;
    const T* dy_row = dy + j * C::y_0 + tap.column_begin * C::y_1;
    for (std::ptrdiff_t c = 0; c < columns; ++c) {
      tile_step<0, Rows, C::x_i, Back>(sum, x_row + c * C::stride_1 * C::x_1, dy_row + c * C::y_1);
    }
  }
  if (block.is_last) {
    finish_tile<C::w_i, Rest, Back>(sum, dw, offset, channel, epilogue);
  } else {
    finish_tile<C::w_i, Rest, Back>(sum, dw, offset, channel, KeepSum{});
  }
}

// All inputs for one block of output channels.
template <class C, int Vectors, int L, int Rest, int Back, class T, class Epilogue>
inline void convolution_weights_block(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                      const GradientTap& tap, const RowBlock& block, const Epilogue& epilogue) {
  constexpr Split rows = split(C::i, C::tile_m * C::tile_n / Vectors);
  constexpr int large = static_cast<int>(rows.large);
  std::ptrdiff_t i = 0;
  for (std::ptrdiff_t t = 0; t < rows.large_count; ++t, i += large) {
    convolution_weights_tile<C, large, Vectors, L, Rest, Back>(x + i * C::x_i, dy, dw, offset + i * C::w_i, channel,
                                                               tap, block, epilogue);
  }
  if constexpr (rows.small_count > 0 && large > 1) {
    for (std::ptrdiff_t t = 0; t < rows.small_count; ++t, i += large - 1) {
      convolution_weights_tile<C, large - 1, Vectors, L, Rest, Back>(x + i * C::x_i, dy, dw, offset + i * C::w_i,
                                                                     channel, tap, block, epilogue);
    }
  }
}

// All taps and channels over one block of rows. offset: of the group in dw.
template <class C, class T, class Epilogue>
inline void convolution_weights_rows(const T* x, const T* dy, T* dw, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                     const RowBlock& block, const Epilogue& epilogue) {
  using A0 = Taps<C::in_0, C::out_0, C::k_0, C::stride_0, C::dilation_0, 1, C::pad_low_0, 0>;
  using A1 = Taps<C::in_1, C::out_1, C::k_1, C::stride_1, C::dilation_1, 1, C::pad_low_1, 0>;
  using O = Columns<C::lanes, C::tile_n, C::o, false>;
  constexpr int lanes = O::lanes();
  for (std::ptrdiff_t k0 = 0; k0 < C::k_0; ++k0) {
    for (std::ptrdiff_t k1 = 0; k1 < C::k_1; ++k1) {
      const GradientTap tap{
          most(block.begin, A0::output_begin(k0)), least(block.end, A0::output_end(k0)), A1::output_begin(k1),
          A1::output_end(k1),
          (k0 * C::dilation_0 - C::pad_low_0) * C::x_0 + (k1 * C::dilation_1 - C::pad_low_1) * C::x_1};
      const std::ptrdiff_t at = offset + k0 * C::w_0 + k1 * C::w_1;
      for (std::ptrdiff_t b = 0; b < O::whole; ++b) {
        convolution_weights_block<C, C::tile_n, lanes, lanes, 0>(x, dy + b * O::block, dw, at + b * O::block,
                                                                 channel + b * O::block, tap, block, epilogue);
      }
      if constexpr (O::edge > 0) {
        constexpr std::ptrdiff_t b = O::whole;
        convolution_weights_block<C, O::edge_vectors, lanes, O::edge_rest, O::edge_back>(
            x, dy + b * O::block, dw, at + b * O::block, channel + b * O::block, tap, block, epilogue);
      }
    }
  }
}

// dw = epilogue(gradient). dw is plain: output channels contiguous, the other strides w_group, w_0, w_1, w_i.
template <class C, class T, class Epilogue>
inline void convolution_weights(const T* x, const T* dy, T* dw, const Epilogue& epilogue) {
  for (std::ptrdiff_t g = 0; g < C::groups; ++g) {
    for (std::ptrdiff_t n = 0; n < C::n; ++n) {
      for (std::ptrdiff_t row = 0; row < C::out_0; row += C::row_block) {
        const std::ptrdiff_t end = least(C::out_0, row + C::row_block);
        const RowBlock block{row, end, n == 0 && row == 0, n == C::n - 1 && end == C::out_0};
        convolution_weights_rows<C>(x + n * C::x_n + g * C::i * C::x_i, dy + n * C::y_n + g * C::o, dw, g * C::w_group,
                                    g * C::o, block, epilogue);
      }
    }
  }
}

// The same for a depthwise convolution: dw[k0][k1][channel]. The taps of one row of the window form the tile.
template <class C, int N, class T, class Epilogue>
inline void depthwise_weights_lanes(const T* x, const T* dy, T* dw, std::ptrdiff_t channel, const Epilogue& epilogue) {
  using A0 = Taps<C::in_0, C::out_0, C::k_0, C::stride_0, C::dilation_0, 1, C::pad_low_0, 0>;
  using A1 = Taps<C::in_1, C::out_1, C::k_1, C::stride_1, C::dilation_1, 1, C::pad_low_1, 0>;
  for (std::ptrdiff_t k0 = 0; k0 < C::k_0; ++k0) {
    for (std::ptrdiff_t k1 = 0; k1 < C::k_1; ++k1) {
      Vec<T, N> sum{};
      const std::ptrdiff_t tap_0 = k0 * C::dilation_0 - C::pad_low_0, tap_1 = k1 * C::dilation_1 - C::pad_low_1;
      for (std::ptrdiff_t n = 0; n < C::n; ++n) {
        for (std::ptrdiff_t j = A0::output_begin(k0); j < A0::output_end(k0); ++j) {
          const T* x_row = x + n * C::x_n + (j * C::stride_0 + tap_0) * C::x_0 + channel;
          const T* dy_row = dy + n * C::y_n + j * C::y_0 + channel;
          for (std::ptrdiff_t c = A1::output_begin(k1); c < A1::output_end(k1); ++c) {
            sum = fma(load<N>(x_row + (c * C::stride_1 + tap_1) * C::x_1), load<N>(dy_row + c * C::y_1), sum);
          }
        }
      }
      const std::ptrdiff_t offset = k0 * C::w_0 + k1 * C::w_1 + channel;
      store(dw + offset, epilogue(sum, offset, channel));
    }
  }
}

template <class C, class T, class Epilogue>
inline void depthwise_weights(const T* x, const T* dy, T* dw, const Epilogue& epilogue) {
  for_lanes<C::lanes, C::o>([&](auto width, std::ptrdiff_t channel) {
    depthwise_weights_lanes<C, static_cast<int>(decltype(width)::value)>(x, dy, dw, channel, epilogue);
  });
}

}  // namespace nnc
