// Copies: permutations, slices, padding and concatenation (a copy into part of a buffer), rows by index.
//
// copy<C> visits extent[0] to extent[rank - 1]; both sides have any strides. Where the last axis is contiguous on both
// sides it moves vectors; where the source is contiguous along another axis it goes in square blocks, so that both
// sides use whole cache lines. Fields of C: README.md.
#pragma once

#include "nnc/vector.h"
#include "reduce.h"
#include "tiles.h"

namespace nnc {

// The axis along which the source is contiguous, if it is not the last.
template <class C>
constexpr int transposed_axis() {
  if (C::x_stride[C::rank - 1] == 1) return -1;
  for (int axis = C::rank - 2; axis >= 0; --axis) {
    if (C::x_stride[axis] == 1 && C::extent[axis] > 1) return axis;
  }
  return -1;
}

// The two last axes of a transposition, in blocks.
template <class C, int Axis, class T>
inline void copy_transposed(const T* x, T* y) {
  constexpr int last = C::rank - 1;
  constexpr std::ptrdiff_t block = 16;
  for (std::ptrdiff_t i0 = 0; i0 < C::extent[Axis]; i0 += block) {
    for (std::ptrdiff_t j0 = 0; j0 < C::extent[last]; j0 += block) {
      const std::ptrdiff_t i1 = least(i0 + block, C::extent[Axis]), j1 = least(j0 + block, C::extent[last]);
      for (std::ptrdiff_t i = i0; i < i1; ++i) {
        for (std::ptrdiff_t j = j0; j < j1; ++j) {
          store(y + i * C::y_stride[Axis] + j * C::y_stride[last], load<1>(x + i + j * C::x_stride[last]));
        }
      }
    }
  }
}

template <class C, int Axis, class T>
inline void copy_axes(const T* x, T* y) {
  constexpr int transposed = transposed_axis<C>();
  if constexpr (Axis == transposed) {
    copy_axes<C, Axis + 1>(x, y);
  } else if constexpr (Axis < C::rank - 1) {
    for (std::ptrdiff_t i = 0; i < C::extent[Axis]; ++i) {
      copy_axes<C, Axis + 1>(x + i * C::x_stride[Axis], y + i * C::y_stride[Axis]);
    }
  } else if constexpr (transposed >= 0) {
    copy_transposed<C, transposed>(x, y);
  } else if constexpr (C::x_stride[Axis] == 1 && C::y_stride[Axis] == 1) {
    for_lanes<C::lanes, C::extent[Axis]>(
        [&](auto width, std::ptrdiff_t at) { store(y + at, load<static_cast<int>(decltype(width)::value)>(x + at)); });
  } else {
    for (std::ptrdiff_t i = 0; i < C::extent[Axis]; ++i) {
      store(y + i * C::y_stride[Axis], load<1>(x + i * C::x_stride[Axis]));
    }
  }
}

template <class C, class T>
inline void copy(const T* x, T* y) {
  copy_axes<C, 0>(x, y);
}

// Every element of y = value. C has rank, extent, y_stride, lanes.
template <class C, int Axis, class T>
inline void fill_axes(T* y, T value) {
  if constexpr (Axis < C::rank - 1) {
    for (std::ptrdiff_t i = 0; i < C::extent[Axis]; ++i) fill_axes<C, Axis + 1>(y + i * C::y_stride[Axis], value);
  } else if constexpr (C::y_stride[Axis] == 1) {
    for_lanes<C::lanes, C::extent[Axis]>([&](auto width, std::ptrdiff_t at) {
      store(y + at, splat<Vec<T, static_cast<int>(decltype(width)::value)>>(value));
    });
  } else {
    for (std::ptrdiff_t i = 0; i < C::extent[Axis]; ++i) store(y + i * C::y_stride[Axis], value);
  }
}
template <class C, class T>
inline void fill(T* y, T value) {
  fill_axes<C, 0>(y, value);
}

// An index into `count` places, clamped as the number that it is: ptrdiff_t need not hold it.
template <class I>
NNC_INLINE constexpr std::ptrdiff_t clamp_index(I index, std::ptrdiff_t count) {
  constexpr bool is_signed = static_cast<I>(-1) < static_cast<I>(0);
  using Wide = typename Integer<sizeof(I) < sizeof(std::ptrdiff_t) ? static_cast<int>(sizeof(std::ptrdiff_t))
                                                                   : static_cast<int>(sizeof(I))>::Unsigned;
  if constexpr (is_signed) {
    if (index < 0) return 0;
  }
  return static_cast<Wide>(index) < static_cast<Wide>(count) ? static_cast<std::ptrdiff_t>(index) : count - 1;
}

// Where a piece begins, from one start for every axis.
template <class C, int Axis = 0>
NNC_INLINE std::ptrdiff_t piece_offset() {
  return 0;
}
template <class C, int Axis = 0, class I, class... Rest>
NNC_INLINE std::ptrdiff_t piece_offset(const I* start, const Rest*... rest) {
  // A start is brought into range so that the piece fits.
  const std::ptrdiff_t at = clamp_index(load<1>(start), C::x_extent[Axis] - C::extent[Axis] + 1);
  return at * C::x_stride[Axis] + piece_offset<C, Axis + 1>(rest...);
}

// y = the piece of x that begins at the starts. C as for copy, of the piece, with x_extent.
template <class C, class T, class... I>
inline void dynamic_slice(const T* x, T* y, const I*... start) {
  copy<C>(x + piece_offset<C>(start...), y);
}

// The same copy the other way round.
template <class C>
struct PieceToWhole {
  static constexpr int rank = C::rank, lanes = C::lanes;
  static constexpr const auto& extent = C::extent;
  static constexpr const auto& x_stride = C::y_stride;
  static constexpr const auto& y_stride = C::x_stride;
};
// The piece of x that begins at the starts becomes y.
template <class C, class T, class... I>
inline void dynamic_update(const T* y, T* x, const I*... start) {
  copy<PieceToWhole<C>>(y, x + piece_offset<C>(start...));
}

// y[r] = table[index[r]], rows of `width` contiguous elements; an index out of range is clamped.
template <class C, class T, class I>
inline void gather_rows(const T* table, const I* index, T* y) {
  for (std::ptrdiff_t r = 0; r < C::rows; ++r) {
    const std::ptrdiff_t row = clamp_index(load<1>(index + r), C::table_rows);
    for_lanes<C::lanes, C::width>([&](auto width, std::ptrdiff_t at) {
      store(y + r * C::y_row + at, load<static_cast<int>(decltype(width)::value)>(table + row * C::table_row + at));
    });
  }
}

// What is written takes the place of what was there.
struct Replace {
  template <class V>
  NNC_INLINE V operator()(V, V b) const {
    return b;
  }
};

// table[index[r]] = combine(table[index[r]], u[r]) in the order of r; an index out of range is clamped. Combine:
// Replace, or one of reduce.h.
template <class C, class Combine, class T, class I>
inline void scatter_rows(const I* index, const T* u, T* table, const Combine& combine) {
  for (std::ptrdiff_t r = 0; r < C::rows; ++r) {
    const std::ptrdiff_t row = clamp_index(load<1>(index + r), C::table_rows);
    for_lanes<C::lanes, C::width>([&](auto width, std::ptrdiff_t at) {
      constexpr int n = static_cast<int>(decltype(width)::value);
      T* to = table + row * C::table_row + at;
      store(to, static_cast<Vec<T, n>>(combine(load<n>(to), load<n>(u + r * C::u_row + at))));
    });
  }
}

}  // namespace nnc
