// y[batch][m][n] = epilogue(sum over k of a(batch, m, k) * b(batch, k, n)): matrix products, dense layers and all that
// can be brought to this form.
//
// a is the broadcast operand: any constant strides. b is the vector operand: n contiguous, in plain rows or packed in
// blocks [n / block][k][block] padded with zeros. Every result is one chain of fused multiply-adds with ascending k, so
// no tile size shows in the bits. Fields of C: README.md.
#pragma once

#include "tile.h"

namespace nnc {

// Rows `row` to row + Rows of one block of columns.
template <class C, int Rows, int Vectors, int L, int Rest, int Back, class T, class Y, class Epilogue>
inline void contraction_tile(const T* a, const T* b, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                             const Epilogue& epilogue) {
  Vec<T, L> sum[Rows][Vectors] = {};
  for (std::ptrdiff_t k = 0; k < C::k; ++k) {
    tile_step<0, Rows, C::a_m, Back>(sum, a + k * C::a_k, b + k * C::b_k);
  }
  finish_tile<C::y_m, Rest, Back>(sum, y, offset, channel, epilogue);
}

// `Count` rows of one block of columns.
template <class C, std::ptrdiff_t Count, int Vectors, int L, int Rest, int Back, class T, class Y, class Epilogue>
inline void contraction_block(const T* a, const T* b, Y* y, std::ptrdiff_t offset, std::ptrdiff_t channel,
                              const Epilogue& epilogue) {
  constexpr Split rows = split(Count, C::tile_m * C::tile_n / Vectors);
  constexpr int large = static_cast<int>(rows.large);
  std::ptrdiff_t m = 0;
  for (std::ptrdiff_t tile = 0; tile < rows.large_count; ++tile, m += large) {
    contraction_tile<C, large, Vectors, L, Rest, Back>(a + m * C::a_m, b, y, offset + m * C::y_m, channel, epilogue);
  }
  if constexpr (rows.small_count > 0 && large > 1) {
    for (std::ptrdiff_t tile = 0; tile < rows.small_count; ++tile, m += large - 1) {
      contraction_tile<C, large - 1, Vectors, L, Rest, Back>(a + m * C::a_m, b, y, offset + m * C::y_m, channel,
                                                             epilogue);
    }
  }
}

// `Count` rows of all columns.
template <class C, std::ptrdiff_t Count, class T, class Y, class Epilogue>
inline void contraction_rows(const T* a, const T* b, Y* y, std::ptrdiff_t offset, const Epilogue& epilogue) {
  using N = Columns<C::lanes, C::tile_n, C::n, C::packed>;
  constexpr int lanes = N::lanes();
  constexpr std::ptrdiff_t b_block = C::packed ? C::b_block : N::block;
  for (std::ptrdiff_t block = 0; block < N::whole; ++block) {
    contraction_block<C, Count, C::tile_n, lanes, lanes, 0>(a, b + block * b_block, y, offset + block * N::block,
                                                            block * N::block, epilogue);
  }
  if constexpr (N::edge > 0) {
    contraction_block<C, Count, N::edge_vectors, lanes, N::edge_rest, N::edge_back>(
        a, b + N::whole * b_block, y, offset + N::whole * N::block, N::whole * N::block, epilogue);
  }
}

template <class C, class T, class Y, class Epilogue>
inline void contraction(const T* a, const T* b, Y* y, const Epilogue& epilogue) {
  constexpr std::ptrdiff_t panel = row_panel(C::m, C::k * static_cast<std::ptrdiff_t>(sizeof(T)), C::tile_m);
  constexpr std::ptrdiff_t rest = C::m % panel;
  for (std::ptrdiff_t batch = 0; batch < C::batch; ++batch) {
    const T* a_batch = a + batch * C::a_batch;
    const T* b_batch = b + batch * C::b_batch;
    std::ptrdiff_t m = 0;
    for (; m + panel <= C::m; m += panel) {
      contraction_rows<C, panel>(a_batch + m * C::a_m, b_batch, y, batch * C::y_batch + m * C::y_m, epilogue);
    }
    if constexpr (rest > 0) {
      contraction_rows<C, rest>(a_batch + m * C::a_m, b_batch, y, batch * C::y_batch + m * C::y_m, epilogue);
    }
  }
}

}  // namespace nnc
