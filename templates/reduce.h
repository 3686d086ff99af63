// Sums, maxima, minima, products and argmax over axes of a strided tensor.
//
// The tensor is seen as [outer_0][outer_1][reduced_0][reduced_1][inner]. Element r1 of the last reduced axis goes to
// partial result r1 % 16; the 16 partials are combined in the fixed tree of combine_partials: the lanes do not show in
// the bits. With inner > 1 the lanes lie along inner, else along reduced_1. Fields of C: README.md.
#pragma once

#include "nnc/vector.h"
#include "tiles.h"

namespace nnc {

// Extremes of an element type, -inf and inf for floats.
template <class T>
constexpr T highest_of() {
  if constexpr (is_floating<T>()) {
    return static_cast<T>(__builtin_huge_valf());
  } else {
    constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
    return static_cast<T>(static_cast<std::uint64_t>(-1) >> (64 - (sizeof(T) * 8 - (is_signed ? 1 : 0))));
  }
}
template <class T>
constexpr T lowest_of() {
  if constexpr (is_floating<T>()) {
    return static_cast<T>(-__builtin_huge_valf());
  } else {
    constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
    return is_signed ? static_cast<T>(-highest_of<T>() - 1) : static_cast<T>(0);
  }
}

struct ReduceSum {
  template <class V>
  NNC_INLINE V operator()(V a, V b) const {
    if constexpr (is_floating<ElementOf<V>>()) {
      return a + b;
    } else {
      return wrapping_add(a, b);
    }
  }
  template <class T>
  static constexpr T neutral() {
    return static_cast<T>(0);
  }
};
struct ReduceProduct {
  template <class V>
  NNC_INLINE V operator()(V a, V b) const {
    if constexpr (is_floating<ElementOf<V>>()) {
      return a * b;
    } else {
      return wrapping_multiply(a, b);
    }
  }
  template <class T>
  static constexpr T neutral() {
    return static_cast<T>(1);
  }
};
struct ReduceMaximum {
  template <class V>
  NNC_INLINE V operator()(V a, V b) const {
    return maximum(a, b);
  }
  template <class T>
  static constexpr T neutral() {
    return lowest_of<T>();
  }
};
struct ReduceMinimum {
  template <class V>
  NNC_INLINE V operator()(V a, V b) const {
    return minimum(a, b);
  }
  template <class T>
  static constexpr T neutral() {
    return highest_of<T>();
  }
};

// The prologue that only loads.
template <class T>
struct LoadElement {
  const T* x;
  template <int N>
  NNC_INLINE Vec<T, N> at(std::ptrdiff_t offset, std::ptrdiff_t) const {
    return load<N>(x + offset);
  }
};

// One vector of results, lanes along inner.
template <class C, int N, class Combine, class Prologue>
inline auto reduce_inner(const Combine& combine, const Prologue& prologue, std::ptrdiff_t x, std::ptrdiff_t y) {
  using V = decltype(prologue.template at<N>(x, y));
  constexpr std::ptrdiff_t whole = C::reduced_1 / 16 * 16;
  constexpr int rest = static_cast<int>(C::reduced_1 - whole);
  V partial[16];
  NNC_UNROLL
  for (int i = 0; i < 16; ++i) partial[i] = splat<V>(Combine::template neutral<ElementOf<V>>());
  for (std::ptrdiff_t r0 = 0; r0 < C::reduced_0; ++r0) {
    const std::ptrdiff_t row = x + r0 * C::x_reduced_0;
    for (std::ptrdiff_t r1 = 0; r1 < whole; r1 += 16) {
      NNC_UNROLL
      for (int i = 0; i < 16; ++i) {
        partial[i] = combine(partial[i], prologue.template at<N>(row + (r1 + i) * C::x_reduced_1, y));
      }
    }
    NNC_UNROLL
    for (int i = 0; i < rest; ++i) {
      partial[i] = combine(partial[i], prologue.template at<N>(row + (whole + i) * C::x_reduced_1, y));
    }
  }
  return combine_partials<static_cast<int>(least(16, C::reduced_1))>(partial, combine);
}

// One result, lanes along reduced_1, which is contiguous.
template <class C, class Combine, class Prologue>
inline auto reduce_across(const Combine& combine, const Prologue& prologue, std::ptrdiff_t x, std::ptrdiff_t y) {
  using T = decltype(prologue.template at<1>(x, y));
  constexpr int lanes = C::lanes < 16 ? C::lanes : 16;
  using V = Vec<T, lanes>;
  constexpr std::ptrdiff_t whole = C::reduced_1 / 16 * 16;
  constexpr int rest = static_cast<int>(C::reduced_1 - whole);
  T partial[16];
  NNC_UNROLL
  for (int i = 0; i < 16; ++i) partial[i] = Combine::template neutral<T>();
  for (std::ptrdiff_t r0 = 0; r0 < C::reduced_0; ++r0) {
    const std::ptrdiff_t row = x + r0 * C::x_reduced_0;
    if constexpr (whole > 0) {
      V part[16 / lanes];
      NNC_UNROLL
      for (int i = 0; i < 16 / lanes; ++i) part[i] = load<lanes>(partial + i * lanes);
      for (std::ptrdiff_t r1 = 0; r1 < whole; r1 += 16) {
        NNC_UNROLL
        for (int i = 0; i < 16 / lanes; ++i) {
          part[i] = combine(part[i], prologue.template at<lanes>(row + r1 + i * lanes, y));
        }
      }
      NNC_UNROLL
      for (int i = 0; i < 16 / lanes; ++i) store(partial + i * lanes, part[i]);
    }
    NNC_UNROLL
    for (int i = 0; i < rest; ++i) partial[i] = combine(partial[i], prologue.template at<1>(row + whole + i, y));
  }
  return combine_partials<static_cast<int>(least(16, C::reduced_1))>(partial, combine);
}

// y = epilogue(combined elements). Combine: ReduceSum, ReduceMaximum, ReduceMinimum, ReduceProduct.
template <class C, class Combine, class Prologue, class Y, class Epilogue>
inline void reduce(const Prologue& prologue, Y* y, const Combine& combine, const Epilogue& epilogue) {
  for (std::ptrdiff_t o0 = 0; o0 < C::outer_0; ++o0) {
    for (std::ptrdiff_t o1 = 0; o1 < C::outer_1; ++o1) {
      const std::ptrdiff_t from = o0 * C::x_outer_0 + o1 * C::x_outer_1;
      const std::ptrdiff_t to = o0 * C::y_outer_0 + o1 * C::y_outer_1;
      if constexpr (C::inner == 1 && C::x_reduced_1 == 1) {
        store(y + to, epilogue(reduce_across<C>(combine, prologue, from, to), to, std::ptrdiff_t{0}));
      } else {
        for_lanes<C::lanes, C::inner>([&](auto width, std::ptrdiff_t inner) {
          constexpr int n = static_cast<int>(decltype(width)::value);
          store(y + to + inner,
                epilogue(reduce_inner<C, n>(combine, prologue, from + inner, to + inner), to + inner, inner));
        });
      }
    }
  }
}

// y = the index of the maximum along reduced_1 (reduced_0 is 1), the first of equal ones, or of the first NaN.
template <class C, class Prologue>
inline void argmax(const Prologue& prologue, std::int32_t* y) {
  static_assert(C::reduced_0 == 1, "one axis");
  for (std::ptrdiff_t o0 = 0; o0 < C::outer_0; ++o0) {
    for (std::ptrdiff_t o1 = 0; o1 < C::outer_1; ++o1) {
      const std::ptrdiff_t from = o0 * C::x_outer_0 + o1 * C::x_outer_1;
      const std::ptrdiff_t to = o0 * C::y_outer_0 + o1 * C::y_outer_1;
      for_lanes<C::lanes, C::inner>([&](auto width, std::ptrdiff_t inner) {
        constexpr int n = static_cast<int>(decltype(width)::value);
        using V = decltype(prologue.template at<n>(from, to));
        using I = Vec<std::int32_t, n>;
        V best = prologue.template at<n>(from + inner, to + inner);
        I winner{};
        for (std::ptrdiff_t r = 1; r < C::reduced_1; ++r) {
          const V value = prologue.template at<n>(from + r * C::x_reduced_1 + inner, to + inner);
          const auto better = (value > best) | ((value != value) & (best == best));
          best = select(better, value, best);
          winner = select(better, splat<I>(static_cast<std::int32_t>(r)), winner);
        }
        store(y + to + inner, winner);
      });
    }
  }
}

}  // namespace nnc
