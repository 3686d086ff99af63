// How large a register tile is, and how an axis is cut into tiles. Written once: the emitter takes its tile constants
// from here (these are constexpr functions of extents, lanes and registers), and `tune` may put others in their place.
#pragma once

#include "nnc/vector.h"

namespace nnc {

constexpr std::ptrdiff_t least(std::ptrdiff_t a, std::ptrdiff_t b) { return a < b ? a : b; }
constexpr std::ptrdiff_t most(std::ptrdiff_t a, std::ptrdiff_t b) { return a > b ? a : b; }
constexpr std::ptrdiff_t divide_up(std::ptrdiff_t a, std::ptrdiff_t b) {
  return a >= 0 ? (a + b - 1) / b : -((-a) / b);
}

// An axis cut into `large_count` tiles of `large`, then `small_count` tiles of one less: no tile is a remnant that
// would leave most of the registers idle.
struct Split {
  std::ptrdiff_t large, large_count, small_count;
  constexpr std::ptrdiff_t count() const { return large_count + small_count; }
  constexpr std::ptrdiff_t begin(std::ptrdiff_t tile) const {
    return tile * large - (tile > large_count ? tile - large_count : 0);
  }
  constexpr std::ptrdiff_t size(std::ptrdiff_t tile) const { return tile < large_count ? large : large - 1; }
};
constexpr Split split(std::ptrdiff_t extent, std::ptrdiff_t tile_max) {
  if (extent <= 0) return {1, 0, 0};
  const std::ptrdiff_t count = divide_up(extent, tile_max);
  const std::ptrdiff_t large = divide_up(extent, count);
  const std::ptrdiff_t small_count = count * large - extent;
  return {large, count - small_count, small_count};
}

// Rows by vectors of a register tile of sums.
struct TileShape {
  int rows, vectors;
};

// The tile for `rows` broadcast rows (pixels, inputs) by `columns` elements in lanes. The sums, one row of vectors and
// one broadcast must fit in the registers; among the shapes that fit, the one that costs least. row_bytes: the distance
// of the rows in memory, if known. Rows a multiple of 4096 bytes apart share one set of the first cache, so that more
// than it has ways drive each other out.
constexpr TileShape tile_shape(std::ptrdiff_t rows, std::ptrdiff_t columns, int lanes, int registers,
                               std::ptrdiff_t row_bytes = 0) {
  const int ways = row_bytes == 0 || row_bytes % 4096 != 0 ? 64 : 7;
  const std::ptrdiff_t vectors = divide_up(columns, lanes);
  TileShape best{1, 1};
  std::ptrdiff_t best_cost = 0;
  for (int v = 1; v <= 8 && v <= vectors; ++v) {
    const int rows_max = static_cast<int>(least(ways, (registers - 1 - v) / v));
    if (rows_max < 1) break;
    const Split by = split(rows, rows_max);
    const std::ptrdiff_t r = by.large;
    // One step of the reduction, in half cycles: two multiply-adds start in a cycle, two loads do, but seldom in every
    // cycle; fewer than ten chains wait for one another; the loop itself costs one.
    const std::ptrdiff_t step = most(most(r * v, 10), (r + v) * 5 / 4) + 1;
    const std::ptrdiff_t cost = by.count() * divide_up(vectors, v) * step;
    if (best_cost == 0 || cost < best_cost) {
      best = {static_cast<int>(r), v};
      best_cost = cost;
    }
  }
  return best;
}

// The tile of that many vectors: its width is that of the blocks in which b lies.
constexpr TileShape tile_of_vectors(std::ptrdiff_t rows, std::ptrdiff_t vectors, int registers) {
  const std::ptrdiff_t rows_max = most(1, (registers - 1 - vectors) / vectors);
  return {static_cast<int>(split(rows, rows_max).large), static_cast<int>(vectors)};
}

// The tile of convolution_weights: few inputs are joined with the taps of a row of the window (if x's channels are
// contiguous and all there are, so that pixels follow one another).
constexpr TileShape weight_gradient_tile_shape(std::ptrdiff_t i, std::ptrdiff_t k_1, std::ptrdiff_t o, int lanes,
                                               int registers) {
  return tile_shape(i < 12 ? i * k_1 : i, o, lanes, registers);
}

// Rows of the broadcast operand taken together: as many as stay in the second cache while all columns pass over them.
constexpr std::ptrdiff_t row_panel(std::ptrdiff_t rows, std::ptrdiff_t row_bytes, std::ptrdiff_t tile_rows) {
  const std::ptrdiff_t most_rows = 393216 / most(1, row_bytes * tile_rows) * tile_rows;
  return most_rows >= rows ? rows : most(most_rows, 4 * tile_rows);
}

// The same for a depthwise convolution, where every sum has its own vector of x: one vector of channels, many pixels.
constexpr TileShape depthwise_tile_shape(std::ptrdiff_t pixels, std::ptrdiff_t, int, int registers) {
  return {static_cast<int>(split(pixels, registers - 5).large), 1};
}

// Rows a pass of convolution_weights: as many as leave x and dy in the second cache.
constexpr std::ptrdiff_t convolution_row_block(std::ptrdiff_t x_row_bytes, std::ptrdiff_t y_row_bytes,
                                               std::ptrdiff_t out_0) {
  const std::ptrdiff_t rows = 262144 / most(1, x_row_bytes + y_row_bytes);
  return least(out_0, most(1, rows));
}

}  // namespace nnc
