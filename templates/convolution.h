// Convolution over one, two or three spatial axes, and its gradient with respect to the input.
//
// The input is the broadcast operand (any constant strides; channels last is fastest), output channels fill the lanes,
// weights are packed [group][o / block][k0][k1][i][block] or plain [k0][k1][i][o]. Every result is one chain of fused
// multiply-adds in the order k0, k1, i. Padding costs nothing but the taps left out: rows visit only the taps that meet
// the input, and the tiles at the ends of a row know at compile time which of their pixels each tap serves. The input
// gradient of a stride s is the same function with input_dilation s; a depthwise convolution is the same function with
// channels in the lanes of the input too. A volume is planes of rows of columns: the taps of its planes come first in
// every chain, and each visits the rows of taps as for an image. Fields of C: README.md.
#pragma once

#include "taps.h"
#include "tile.h"

namespace nnc {

// Axis 0 (rows, and the planes that they lie in) and axis 1 (columns) of the phase that computes outputs Phase + s * j.
template <class P, std::ptrdiff_t Phase>
using ConvolutionPlanes = Taps<P::in, P::out, P::k, P::stride, P::dilation, P::input_dilation, P::pad_low, Phase>;
template <class C, std::ptrdiff_t PhasePlane, std::ptrdiff_t Phase>
struct Taps0 : Taps<C::in_0, C::out_0, C::k_0, C::stride_0, C::dilation_0, C::input_dilation_0, C::pad_low_0, Phase> {
  using Plane = ConvolutionPlanes<Planes<C>, PhasePlane>;
};
template <class C, std::ptrdiff_t Phase>
using Taps1 = Taps<C::in_1, C::out_1, C::k_1, C::stride_1, C::dilation_1, C::input_dilation_1, C::pad_low_1, Phase>;

// What one block of output channels is: vectors and their lanes, and how much of the last is valid.
template <int Vectors, int L, int Rest, int Back>
struct Block {
  static constexpr int vectors = Vectors;
  static constexpr int lanes = L;
  static constexpr int rest = Rest;
  static constexpr int back = Back;
};

// One element of the reduction for pixels First to Last of the tile.
template <class C, class B, std::ptrdiff_t Advance, int First, int Last, int Rows, class V, class T>
NNC_INLINE void convolution_step(V (&sum)[Rows][B::vectors], const T* x, const T* w) {
  if constexpr (C::depthwise) {
    depthwise_step<First, Last, Advance * C::x_1, B::back>(sum, x, w);
  } else {
    tile_step<First, Last, Advance * C::x_1, B::back>(sum, x, w);
  }
}

// One tap for pixels First to Last of the tile: the sum over input channels.
template <class C, class B, std::ptrdiff_t Advance, int First, int Last, int Rows, class V, class T>
NNC_INLINE void convolution_tap(V (&sum)[Rows][B::vectors], const T* x, const T* w) {
  if constexpr (First < Last) {
    for (std::ptrdiff_t i = 0; i < C::i; ++i) {
      convolution_step<C, B, Advance, First, Last>(sum, x + i * C::x_i, w + i * C::w_i);
    }
  }
}

// A tile whose pixels all lie inside: the taps of axis 1 are a loop, joined with that over input channels where both
// operands run on.
template <class C, class A1, class B, int Rows, class V, class T>
NNC_INLINE void inner_row(V (&sum)[Rows][B::vectors], const T* x, const T* w) {
  constexpr std::ptrdiff_t x_tap = A1::spread * C::x_1, w_tap = A1::tap_step * C::w_1;
  constexpr bool joined = x_tap == C::i * C::x_i && w_tap == C::i * C::w_i;
  constexpr std::ptrdiff_t outer = joined ? 1 : A1::taps, inner = joined ? A1::taps * C::i : C::i;
  for (std::ptrdiff_t t = 0; t < outer; ++t) {
    for (std::ptrdiff_t i = 0; i < inner; ++i) {
      convolution_step<C, B, A1::advance, 0, Rows>(sum, x + t * x_tap + i * C::x_i, w + t * w_tap + i * C::w_i);
    }
  }
}

// A tile at the end of a row that begins at output Begin: each tap serves its own range of pixels.
template <class C, class A1, class B, std::ptrdiff_t Begin, std::ptrdiff_t Tap, int Rows, class V, class T>
NNC_INLINE void edge_row(V (&sum)[Rows][B::vectors], const T* x, const T* w) {
  if constexpr (Tap < A1::taps) {
    constexpr int first = static_cast<int>(most(0, least(Rows, A1::output_begin(Tap) - Begin)));
    constexpr int last = static_cast<int>(most(0, least(Rows, A1::output_end(Tap) - Begin)));
    convolution_tap<C, B, A1::advance, first, last>(sum, x + Tap * A1::spread * C::x_1,
                                                    w + Tap * A1::tap_step * C::w_1);
    edge_row<C, A1, B, Begin, Tap + 1>(sum, x, w);
  }
}

// Which pixels of a tile each tap of axis 1 serves, for a tile at output Begin (-1: all).
template <class A1, std::ptrdiff_t Begin, int Rows>
struct ServedPixels {
  int first[A1::taps > 0 ? A1::taps : 1] = {}, last[A1::taps > 0 ? A1::taps : 1] = {};
  constexpr ServedPixels() {
    for (std::ptrdiff_t u = 0; u < A1::taps; ++u) {
      first[u] = Begin < 0 ? 0 : static_cast<int>(most(0, least(Rows, A1::output_begin(u) - Begin)));
      last[u] = Begin < 0 ? Rows : static_cast<int>(most(0, least(Rows, A1::output_end(u) - Begin)));
    }
  }
};

// A row of a depthwise window for a whole tile: each vector of x is loaded once for all taps that it meets. Ascending
// places meet ascending taps of a pixel, so the order of the sums is that of the taps.
template <class C, class A1, class B, std::ptrdiff_t Begin, int Rows, class V, class T>
NNC_INLINE void depthwise_row(V (&sum)[Rows][B::vectors], const T* x, const T* w) {
  constexpr ServedPixels<A1, Begin, Rows> served;
  constexpr int taps = static_cast<int>(A1::taps), advance = static_cast<int>(A1::advance);
  constexpr int spread = static_cast<int>(A1::spread), places = (Rows - 1) * advance + (taps - 1) * spread + 1;
  NNC_UNROLL
  for (int v = 0; v < B::vectors; ++v) {
    const int at = v * B::lanes - (v == B::vectors - 1 ? B::back : 0);
    V weight[taps];
    NNC_UNROLL
    for (int u = 0; u < taps; ++u) weight[u] = load<B::lanes>(w + u * A1::tap_step * C::w_1 + at);
    NNC_UNROLL
    for (int place = 0; place < places; ++place) {
      NNC_UNROLL
      for (int u = 0; u < taps; ++u) {
        const int pixel = (place - u * spread) / advance;
        if (place >= u * spread && (place - u * spread) % advance == 0 && pixel >= served.first[u] &&
            pixel < served.last[u]) {
          sum[pixel][v] = fma(load<B::lanes>(x + place * C::x_1 + at), weight[u], sum[pixel][v]);
        }
      }
    }
  }
}
template <class A1>
constexpr bool depthwise_fits(int rows) {
  return A1::taps > 0 && (rows - 1) * A1::advance + (A1::taps - 1) * A1::spread < 64;
}

// Where the sums of one row come from and go to.
template <class T, class Y>
struct ConvolutionRow {
  const T* x;  // place (plane and row of tap 0, column 0), which may lie outside when plane_begin or tap_begin > 0
  const T* w;  // tap 0 of the phase
  Y* y;
  std::ptrdiff_t offset;   // of output 0 of the row
  std::ptrdiff_t channel;  // of lane 0
  std::ptrdiff_t tap_begin, tap_end;
  std::ptrdiff_t plane_begin, plane_end;  // taps of the planes
};

// Rows pixels from output `begin` on. Begin >= 0 says where, for a tile at an end; -1: all pixels lie inside.
template <class C, class A0, class A1, class B, std::ptrdiff_t Begin, int Rows, class T, class Y, class Epilogue>
inline void convolution_tile(const ConvolutionRow<T, Y>& row, std::ptrdiff_t begin, const Epilogue& epilogue) {
  using A = typename A0::Plane;
  Vec<T, B::lanes> sum[Rows][B::vectors] = {};
  for (std::ptrdiff_t p = A::all_inside ? 0 : row.plane_begin; p < (A::all_inside ? A::taps : row.plane_end); ++p) {
    for (std::ptrdiff_t t = row.tap_begin; t < row.tap_end; ++t) {
      const T* x = row.x + (p * A::spread * Planes<C>::x + t * A0::spread * C::x_0 +
                            (A1::origin + begin * A1::advance) * C::x_1);
      const T* w = row.w + (p * A::tap_step * Planes<C>::w + t * A0::tap_step * C::w_0);
      if constexpr (C::depthwise && depthwise_fits<A1>(Rows)) {
        depthwise_row<C, A1, B, Begin>(sum, x, w);
      } else if constexpr (Begin < 0) {
        inner_row<C, A1, B>(sum, x, w);
      } else {
        edge_row<C, A1, B, Begin, 0>(sum, x, w);
      }
    }
  }
  constexpr std::ptrdiff_t y_pixel = A1::step * C::y_1;
  finish_tile<y_pixel, B::rest, B::back>(sum, row.y, row.offset + begin * y_pixel, row.channel, epilogue);
}

// One pixel anywhere: for windows that reach so far out that most tiles of a row are at an end.
template <class C, class A0, class A1, class B, class T, class Y, class Epilogue>
inline void convolution_pixel(const ConvolutionRow<T, Y>& row, std::ptrdiff_t at, const Epilogue& epilogue) {
  using A = typename A0::Plane;
  Vec<T, B::lanes> sum[1][B::vectors] = {};
  for (std::ptrdiff_t p = A::all_inside ? 0 : row.plane_begin; p < (A::all_inside ? A::taps : row.plane_end); ++p) {
    for (std::ptrdiff_t t = row.tap_begin; t < row.tap_end; ++t) {
      const T* x =
          row.x + (p * A::spread * Planes<C>::x + t * A0::spread * C::x_0 + (A1::origin + at * A1::advance) * C::x_1);
      const T* w = row.w + (p * A::tap_step * Planes<C>::w + t * A0::tap_step * C::w_0);
      for (std::ptrdiff_t u = A1::tap_begin(at); u < A1::tap_end(at); ++u) {
        convolution_tap<C, B, 1, 0, 1>(sum, x + u * A1::spread * C::x_1, w + u * A1::tap_step * C::w_1);
      }
    }
  }
  constexpr std::ptrdiff_t y_pixel = A1::step * C::y_1;
  finish_tile<y_pixel, B::rest, B::back>(sum, row.y, row.offset + at * y_pixel, row.channel, epilogue);
}

// Tiles Tile to End of a row, each placed at compile time.
template <class C, class A0, class A1, class B, std::ptrdiff_t Tile, std::ptrdiff_t End, class T, class Y,
          class Epilogue>
NNC_INLINE void edge_tiles(const ConvolutionRow<T, Y>& row, const Epilogue& epilogue) {
  if constexpr (Tile < End) {
    constexpr Split tiles = split(A1::outputs, C::tile_m * C::tile_n / B::vectors);
    convolution_tile<C, A0, A1, B, tiles.begin(Tile), static_cast<int>(tiles.size(Tile))>(row, tiles.begin(Tile),
                                                                                          epilogue);
    edge_tiles<C, A0, A1, B, Tile + 1, End>(row, epilogue);
  }
}

// Outputs Begin to End of a row, all inside.
template <class C, class A0, class A1, class B, std::ptrdiff_t Begin, std::ptrdiff_t End, class T, class Y,
          class Epilogue>
NNC_INLINE void inner_tiles(const ConvolutionRow<T, Y>& row, const Epilogue& epilogue) {
  constexpr Split tiles = split(End - Begin, C::tile_m * C::tile_n / B::vectors);
  constexpr int large = static_cast<int>(tiles.large);
  std::ptrdiff_t at = Begin;
  for (std::ptrdiff_t i = 0; i < tiles.large_count; ++i, at += large) {
    convolution_tile<C, A0, A1, B, -1, large>(row, at, epilogue);
  }
  if constexpr (tiles.small_count > 0 && large > 1) {
    for (std::ptrdiff_t i = 0; i < tiles.small_count; ++i, at += large - 1) {
      convolution_tile<C, A0, A1, B, -1, large - 1>(row, at, epilogue);
    }
  }
}

// How the outputs of a row are cut: `left` tiles at the beginning and `right` at the end that padding touches.
template <class A1>
constexpr std::ptrdiff_t left_tiles(Split tiles) {
  std::ptrdiff_t i = 0;
  while (i < tiles.count() && tiles.begin(i) < A1::inner_begin) ++i;
  return i;
}
template <class A1>
constexpr std::ptrdiff_t right_tiles(Split tiles) {
  std::ptrdiff_t i = tiles.count();
  while (i > left_tiles<A1>(tiles) && tiles.begin(i) > A1::inner_end) --i;
  return tiles.count() - i;
}

template <class C, class A0, class A1, class B, class T, class Y, class Epilogue>
inline void convolution_row(const ConvolutionRow<T, Y>& row, const Epilogue& epilogue) {
  constexpr Split tiles = split(A1::outputs, C::tile_m * C::tile_n / B::vectors);
  constexpr std::ptrdiff_t left = left_tiles<A1>(tiles), right = right_tiles<A1>(tiles);
  if constexpr (left + right > 4) {
    constexpr std::ptrdiff_t end = most(A1::inner_begin, A1::inner_end);
    for (std::ptrdiff_t at = 0; at < A1::inner_begin; ++at) convolution_pixel<C, A0, A1, B>(row, at, epilogue);
    inner_tiles<C, A0, A1, B, A1::inner_begin, end>(row, epilogue);
    for (std::ptrdiff_t at = end; at < A1::outputs; ++at) convolution_pixel<C, A0, A1, B>(row, at, epilogue);
  } else {
    constexpr std::ptrdiff_t last = tiles.count() - right;
    edge_tiles<C, A0, A1, B, 0, left>(row, epilogue);
    // Between the ends lie first the large tiles, then the small ones.
    constexpr std::ptrdiff_t turn = most(left, least(last, tiles.large_count));
    inner_tiles<C, A0, A1, B, tiles.begin(left), tiles.begin(turn)>(row, epilogue);
    inner_tiles<C, A0, A1, B, tiles.begin(turn), tiles.begin(last)>(row, epilogue);
    edge_tiles<C, A0, A1, B, last, tiles.count()>(row, epilogue);
  }
}

// Row j of plane z of one block of output channels. offset: of pixel (0, 0) and the block's lane 0; channel: of lane 0.
template <class C, class A0, class A1, class B, class T, class Y, class Epilogue>
inline void convolution_block(const T* x, const T* w, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                              std::ptrdiff_t z, std::ptrdiff_t j, const Epilogue& epilogue) {
  using A = typename A0::Plane;
  const ConvolutionRow<T, Y> row{
      x + ((A::origin + z * A::advance) * Planes<C>::x + (A0::origin + j * A0::advance) * C::x_0),
      w,
      y,
      offset + z * A::step * Planes<C>::y + j * A0::step * C::y_0,
      channel,
      A0::tap_begin(j),
      A0::tap_end(j),
      A::tap_begin(z),
      A::tap_end(z)};
  convolution_row<C, A0, A1, B>(row, epilogue);
}

// Plane z of one phase of one example and group.
template <class C, class A0, class A1, class T, class Y, class Epilogue>
inline void convolution_plane(const T* x, const T* w, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                              std::ptrdiff_t z, const Epilogue& epilogue) {
  using O = Columns<C::lanes, C::tile_n, C::o, C::packed>;
  constexpr int lanes = O::lanes();
  constexpr std::ptrdiff_t x_block = C::depthwise ? O::block : 0;
  constexpr std::ptrdiff_t w_block = C::packed ? C::w_block : O::block;
  // Weights are the larger part of what a block of channels reads, so all rows use them before the next block; but
  // depthwise, all blocks of a row go first, since they share the lines of x.
  constexpr std::ptrdiff_t bands = C::depthwise ? A0::outputs : 1, rows = A0::outputs / bands;
  for (std::ptrdiff_t band = 0; band < bands; ++band) {
    for (std::ptrdiff_t b = 0; b < O::whole; ++b) {
      for (std::ptrdiff_t j = band * rows; j < (band + 1) * rows; ++j) {
        convolution_block<C, A0, A1, Block<C::tile_n, lanes, lanes, 0>>(
            x + b * x_block, w + b * w_block, y, offset + b * O::block, channel + b * O::block, z, j, epilogue);
      }
    }
    if constexpr (O::edge > 0) {
      constexpr std::ptrdiff_t b = O::whole;
      for (std::ptrdiff_t j = band * rows; j < (band + 1) * rows; ++j) {
        convolution_block<C, A0, A1, Block<O::edge_vectors, lanes, O::edge_rest, O::edge_back>>(
            x + b * x_block, w + b * w_block, y, offset + b * O::block, channel + b * O::block, z, j, epilogue);
      }
    }
  }
}

// One phase of one example and group.
template <class C, std::ptrdiff_t PhasePlane, std::ptrdiff_t Phase0, std::ptrdiff_t Phase1, class T, class Y,
          class Epilogue>
inline void convolution_phase(const T* x, const T* w, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                              const Epilogue& epilogue) {
  using A0 = Taps0<C, PhasePlane, Phase0>;
  using A1 = Taps1<C, Phase1>;
  using A = typename A0::Plane;
  if constexpr (A::outputs > 0 && A0::outputs > 0 && A1::outputs > 0) {
    w += A::first * Planes<C>::w + A0::first * C::w_0 + A1::first * C::w_1;
    offset += PhasePlane * Planes<C>::y + Phase0 * C::y_0 + Phase1 * C::y_1;
    for (std::ptrdiff_t z = 0; z < A::outputs; ++z) convolution_plane<C, A0, A1>(x, w, y, offset, channel, z, epilogue);
  }
}

// All phases of one example and group.
template <class C, std::ptrdiff_t Phase, class T, class Y, class Epilogue>
NNC_INLINE void convolution_phases(const T* x, const T* w, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                                   const Epilogue& epilogue) {
  constexpr std::ptrdiff_t columns = C::input_dilation_1, pixels = C::input_dilation_0 * columns;
  if constexpr (Phase < Planes<C>::input_dilation * pixels) {
    convolution_phase<C, Phase / pixels, Phase % pixels / columns, Phase % columns>(x, w, y, offset, channel, epilogue);
    convolution_phases<C, Phase + 1>(x, w, y, offset, channel, epilogue);
  }
}

// y = epilogue(convolution of x with w). w points to tap (0, 0), which is not the lowest address if a stride of its
// taps is negative (a window walked backwards: the input gradient).
template <class C, class T, class Y, class Epilogue>
inline void convolution(const T* x, const T* w, Y* y, const Epilogue& epilogue) {
  for (std::ptrdiff_t n = 0; n < C::n; ++n) {
    for (std::ptrdiff_t g = 0; g < C::groups; ++g) {
      convolution_phases<C, 0>(x + n * C::x_n + g * C::i * C::x_i, w + g * C::w_group, y, n * C::y_n + g * C::o,
                               g * C::o, epilogue);
    }
  }
}

}  // namespace nnc
