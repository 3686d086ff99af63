// Maximum and sum over windows of one to three axes, channels last, and the two gradients of the maximum.
//
// Channels fill the lanes; the loop over taps visits only those that meet the input, so padding needs no border.
// Fields of C: README.md.
#pragma once

#include "reduce.h"
#include "taps.h"

namespace nnc {

template <class C>
using WindowTaps0 = Taps<C::in_0, C::out_0, C::k_0, C::stride_0, C::dilation_0, 1, C::pad_low_0, 0>;
template <class C>
using WindowTaps1 = Taps<C::in_1, C::out_1, C::k_1, C::stride_1, C::dilation_1, 1, C::pad_low_1, 0>;

// The taps of one output that meet the input, and where tap (0, 0, 0) lies.
struct WindowPlace {
  std::ptrdiff_t begin_plane, end_plane, begin_0, end_0, begin_1, end_1;
  std::ptrdiff_t x, y;
};

template <class C>
NNC_INLINE WindowPlace window_place(std::ptrdiff_t n, std::ptrdiff_t plane, std::ptrdiff_t row, std::ptrdiff_t column) {
  using P = Planes<C>;
  using A = PlaneTaps<C>;
  using A0 = WindowTaps0<C>;
  using A1 = WindowTaps1<C>;
  return {A::all_inside ? 0 : A::tap_begin(plane),
          A::all_inside ? P::k : A::tap_end(plane),
          A0::all_inside ? 0 : A0::tap_begin(row),
          A0::all_inside ? C::k_0 : A0::tap_end(row),
          A1::all_inside ? 0 : A1::tap_begin(column),
          A1::all_inside ? C::k_1 : A1::tap_end(column),
          n * C::x_n + (plane * P::stride - P::pad_low) * P::x + (row * C::stride_0 - C::pad_low_0) * C::x_0 +
              (column * C::stride_1 - C::pad_low_1) * C::x_1,
          n * C::y_n + plane * P::y + row * C::y_0 + column * C::y_1};
}

// Calls function(Constant<width>, place, channel) for all outputs in order.
template <class C, class F>
NNC_INLINE void for_windows(const F& function) {
  for (std::ptrdiff_t n = 0; n < C::n; ++n) {
    for (std::ptrdiff_t plane = 0; plane < Planes<C>::out; ++plane) {
      for (std::ptrdiff_t row = 0; row < C::out_0; ++row) {
        for (std::ptrdiff_t column = 0; column < C::out_1; ++column) {
          const WindowPlace place = window_place<C>(n, plane, row, column);
          for_lanes<C::lanes, C::channels>(
              [&](auto width, std::ptrdiff_t channel) { function(width, place, channel); });
        }
      }
    }
  }
}

// Calls function(offset in x, number of the tap) for the taps of a window that meet the input, in order.
template <class C, class F>
NNC_INLINE void for_taps(const WindowPlace& place, const F& function) {
  for (std::ptrdiff_t p = place.begin_plane; p < place.end_plane; ++p) {
    for (std::ptrdiff_t t = place.begin_0; t < place.end_0; ++t) {
      for (std::ptrdiff_t u = place.begin_1; u < place.end_1; ++u) {
        function(
            place.x + p * Planes<C>::dilation * Planes<C>::x + t * C::dilation_0 * C::x_0 + u * C::dilation_1 * C::x_1,
            static_cast<std::int32_t>((p * C::k_0 + t) * C::k_1 + u));
      }
    }
  }
}

// y = epilogue(combined elements of each window), in the order of the taps. Combine: ReduceSum, ReduceMaximum, ….
template <class C, class Combine, class T, class Y, class Epilogue>
inline void window_reduce(const T* x, Y* y, const Combine& combine, const Epilogue& epilogue) {
  for_windows<C>([&](auto width, const WindowPlace& place, std::ptrdiff_t channel) {
    constexpr int n = static_cast<int>(decltype(width)::value);
    using V = Vec<T, n>;
    V result = splat<V>(Combine::template neutral<T>());
    for_taps<C>(place, [&](std::ptrdiff_t at, std::int32_t) { result = combine(result, load<n>(x + at + channel)); });
    store(y + place.y + channel, epilogue(result, place.y + channel, channel));
  });
}
template <class C, class T, class Y, class Epilogue>
inline void window_max(const T* x, Y* y, const Epilogue& epilogue) {
  window_reduce<C>(x, y, ReduceMaximum{}, epilogue);
}
template <class C, class T, class Y, class Epilogue>
inline void window_sum(const T* x, Y* y, const Epilogue& epilogue) {
  window_reduce<C>(x, y, ReduceSum{}, epilogue);
}

// The number of the tap of each lane's maximum: the first of equal ones, or the first NaN.
template <class C, int N, class T>
NNC_INLINE Vec<std::int32_t, N> window_winner(const T* x, const WindowPlace& place, std::ptrdiff_t channel) {
  using V = Vec<T, N>;
  using I = Vec<std::int32_t, N>;
  V best{};
  I winner = splat<I>(-1);
  for_taps<C>(place, [&](std::ptrdiff_t at, std::int32_t tap) {
    const V value = load<N>(x + at + channel);
    const auto better = logical_or((value > best) | ((value != value) & (best == best)), winner < splat<I>(0));
    best = select(better, value, best);
    winner = select(better, splat<I>(tap), winner);
  });
  return winner;
}

// dx = the sum of dy at the place of each window's maximum of x. dx lies like x.
template <class C, class T>
inline void window_scatter(const T* x, const T* dy, T* dx) {
  for (std::ptrdiff_t n = 0; n < C::n; ++n) {
    for (std::ptrdiff_t plane = 0; plane < Planes<C>::in; ++plane) {
      for (std::ptrdiff_t row = 0; row < C::in_0; ++row) {
        for (std::ptrdiff_t column = 0; column < C::in_1; ++column) {
          T* pixel = dx + n * C::x_n + plane * Planes<C>::x + row * C::x_0 + column * C::x_1;
          for_lanes<C::lanes, C::channels>([&](auto width, std::ptrdiff_t channel) {
            store(pixel + channel, Vec<T, static_cast<int>(decltype(width)::value)>{});
          });
        }
      }
    }
  }
  for_windows<C>([&](auto width, const WindowPlace& place, std::ptrdiff_t channel) {
    constexpr int n = static_cast<int>(decltype(width)::value);
    using V = Vec<T, n>;
    const Vec<std::int32_t, n> winner = window_winner<C, n>(x, place, channel);
    const V gradient = load<n>(dy + place.y + channel);
    for_taps<C>(place, [&](std::ptrdiff_t at, std::int32_t tap) {
      T* pixel = dx + at + channel;
      const auto wins = winner == splat<Vec<std::int32_t, n>>(tap);
      store(pixel, static_cast<V>(load<n>(pixel) + select(wins, gradient, V{})));
    });
  });
}

// y = z at the place of each window's maximum of x. z lies like x.
template <class C, class T, class Y, class Epilogue>
inline void window_gather(const T* x, const T* z, Y* y, const Epilogue& epilogue) {
  for_windows<C>([&](auto width, const WindowPlace& place, std::ptrdiff_t channel) {
    constexpr int n = static_cast<int>(decltype(width)::value);
    using V = Vec<T, n>;
    const Vec<std::int32_t, n> winner = window_winner<C, n>(x, place, channel);
    V result{};
    for_taps<C>(place, [&](std::ptrdiff_t at, std::int32_t tap) {
      const auto wins = winner == splat<Vec<std::int32_t, n>>(tap);
      result = select(wins, load<n>(z + at + channel), result);
    });
    store(y + place.y + channel, epilogue(result, place.y + channel, channel));
  });
}

}  // namespace nnc
