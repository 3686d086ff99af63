// The register tile of all products: Rows broadcast elements by Vectors vectors of sums. contraction.h and
// convolution.h differ only in how they walk the reduction.
#pragma once

#include "tiles.h"

namespace nnc {

// sum[row][v] += a[row * a_row] * b[v] for rows First to Last. Back: elements by which the last vector of b lies
// before its place, so that a row of b which is no multiple of the lanes is read within its bounds.
template <int First, int Last, std::ptrdiff_t ARow, int Back, int Rows, int Vectors, class V, class T>
NNC_INLINE void tile_step(V (&sum)[Rows][Vectors], const T* a, const T* b) {
  constexpr int lanes = Lanes<V>::count;
  V row[Vectors];
  NNC_UNROLL
  for (int v = 0; v < Vectors; ++v) row[v] = load<lanes>(b + v * lanes - (v == Vectors - 1 ? Back : 0));
  NNC_UNROLL
  for (int r = First; r < Last; ++r) {
    const V factor = splat<V>(load<1>(a + r * ARow));
    NNC_UNROLL
    for (int v = 0; v < Vectors; ++v) sum[r][v] = fma(factor, row[v], sum[r][v]);
  }
}

// The same where each lane has its own factor (depthwise): sum[row][v] += a[row * a_row + lanes of v] * b[v].
template <int First, int Last, std::ptrdiff_t ARow, int Back, int Rows, int Vectors, class V, class T>
NNC_INLINE void depthwise_step(V (&sum)[Rows][Vectors], const T* a, const T* b) {
  constexpr int lanes = Lanes<V>::count;
  NNC_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    const int at = v * lanes - (v == Vectors - 1 ? Back : 0);
    const V row = load<lanes>(b + at);
    NNC_UNROLL
    for (int r = First; r < Last; ++r) sum[r][v] = fma(load<lanes>(a + r * ARow + at), row, sum[r][v]);
  }
}

// The epilogue that changes nothing.
struct KeepSum {
  template <class V>
  NNC_INLINE V operator()(V sum, std::ptrdiff_t, std::ptrdiff_t) const {
    return sum;
  }
};

// Passes lanes First to Last of a finished vector through the epilogue and stores them. `at` is where lane 0 goes,
// offset and channel are those of lane 0.
template <int First, int Last, class V, class Y, class Epilogue>
NNC_INLINE void finish(V sum, Y* at, std::ptrdiff_t offset, std::ptrdiff_t channel, const Epilogue& epilogue) {
  constexpr int lanes = Lanes<V>::count;
  if constexpr (First == 0 && Last == lanes) {
    store(at, epilogue(sum, offset, channel));
  } else {
    for_pieces<lanes, Last - First>([&](auto width, auto lane_at) {
      constexpr int n = static_cast<int>(decltype(width)::value);
      constexpr int from = First + static_cast<int>(decltype(lane_at)::value);
      store(at + from, epilogue(piece<n, from>(sum), offset + from, channel + from));
    });
  }
}

// Finishes a whole tile. The last vector holds Rest valid elements: its first lanes, or, if it lies Back elements
// before its place, its last lanes. Places are a base and a constant: sums of variables would fill the registers.
template <std::ptrdiff_t YRow, int Rest, int Back, int Rows, int Vectors, class V, class Y, class Epilogue>
NNC_INLINE void finish_tile(V (&sum)[Rows][Vectors], Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                            const Epilogue& epilogue) {
  constexpr int lanes = Lanes<V>::count;
  constexpr int last = (Vectors - 1) * lanes - Back;
  Y* const base = y + offset;
  NNC_UNROLL
  for (int r = 0; r < Rows; ++r) {
    NNC_UNROLL
    for (int v = 0; v < Vectors - 1; ++v) {
      finish<0, lanes>(sum[r][v], base + (r * YRow + v * lanes), offset + (r * YRow + v * lanes), channel + v * lanes,
                       epilogue);
    }
    finish<Back, Back + Rest>(sum[r][Vectors - 1], base + (r * YRow + last), offset + (r * YRow + last), channel + last,
                              epilogue);
  }
}

// How the lane axis of a product is cut: whole blocks of `vectors` vectors, and an edge block.
template <int Lanes_, int Vectors, std::ptrdiff_t Extent, bool Packed>
struct Columns {
  // Rows of b that are not padded to the block are read in bounds: with narrower vectors if there are few columns.
  static constexpr int lanes() {
    int width = Lanes_;
    if (!Packed) {
      while (width > Extent) width = width > 8 ? 8 : width > 4 ? 4 : 1;
    }
    return width;
  }
  static constexpr int block = Vectors * lanes();
  static constexpr std::ptrdiff_t whole = Extent / block;
  static constexpr int edge = static_cast<int>(Extent - whole * block);
  static constexpr int edge_vectors = (edge + lanes() - 1) / lanes();
  static constexpr int edge_rest = edge == 0 ? 0 : edge - (edge_vectors - 1) * lanes();
  static constexpr int edge_back = Packed || edge == 0 ? 0 : lanes() - edge_rest;
};

}  // namespace nnc
