// The first elements of a row by size, without memory of their own: a heap of places, sorted in the end.
#pragma once

#include "nnc/vector.h"

namespace nnc {

// Does the element at place a come before the one at b? The larger one first (or the smaller one), of equals the one
// whose place comes first; NaN is larger than all numbers.
template <class C, class T>
NNC_INLINE bool comes_before(const T* row, std::int32_t a, std::int32_t b) {
  const auto x = load<1>(row + a), y = load<1>(row + b);
  if (x > y || (x != x && y == y)) return C::largest;
  if (y > x || (y != y && x == x)) return !C::largest;
  return a < b;
}

// Moves a place down a heap of `count`, whose top comes last of all, to where it belongs.
template <class C, class T>
inline void sift_down(const T* row, std::int32_t* heap, std::int32_t place, std::ptrdiff_t count) {
  std::ptrdiff_t at = 0;
  for (std::ptrdiff_t child = 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && comes_before<C>(row, heap[child], heap[child + 1])) ++child;
    if (comes_before<C>(row, heap[child], place)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = place;
}

// y = the places of the `count` elements of each row of x that come first, in order.
template <class C, class T>
inline void top_places(const T* x, std::int32_t* y) {
  for (std::ptrdiff_t r = 0; r < C::rows; ++r) {
    const T* const row = x + r * C::length;
    std::int32_t* const heap = y + r * C::count;
    for (std::ptrdiff_t i = 0; i < C::count; ++i) {
      std::ptrdiff_t at = i;
      const std::int32_t place = static_cast<std::int32_t>(i);
      for (; at > 0 && comes_before<C>(row, heap[(at - 1) / 2], place); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
      heap[at] = place;
    }
    for (std::ptrdiff_t i = C::count; i < C::length; ++i) {
      const std::int32_t place = static_cast<std::int32_t>(i);
      if (comes_before<C>(row, place, heap[0])) sift_down<C>(row, heap, place, C::count);
    }
    for (std::ptrdiff_t left = C::count - 1; left > 0; --left) {
      const std::int32_t place = heap[left];
      heap[left] = heap[0];
      sift_down<C>(row, heap, place, left);
    }
  }
}

}  // namespace nnc
