// What emitted code needs beside vectors and kernels: places in the caller's memory, and what fused expressions load,
// store and count.
#pragma once

#include "nnc/vector.h"

namespace nnc {

// The first element of an array, or the scalar itself, as T; also the bytes of an arena from the one given on.
template <class T, class Object>
NNC_INLINE T* elements(Object& object) {
  return reinterpret_cast<T*>(&object);
}

// A condition of one width, whatever was compared or loaded: a bool, or a vector of 32-bit masks.
template <class M>
NNC_INLINE auto condition(M value) {
  if constexpr (Lanes<M>::count == 1) {
    return value != M{};
  } else {
    return convert<std::int32_t>(value != M{});
  }
}

// N elements that lie `stride` apart.
template <int N, class T>
NNC_INLINE Vec<T, N> load_strided(const T* from, std::ptrdiff_t stride) {
  Vec<T, N> result{};
  NNC_UNROLL
  for (int i = 0; i < N; ++i) result = with_lane(result, i, load<1>(from + i * stride));
  return result;
}
template <class V>
NNC_INLINE void store_strided(ElementOf<V>* to, std::ptrdiff_t stride, V value) {
  NNC_UNROLL
  for (int i = 0; i < Lanes<V>::count; ++i) store(to + i * stride, lane(value, i));
}

// first, first + step, first + 2 step, …
template <class V>
NNC_INLINE V counting(std::ptrdiff_t first, std::ptrdiff_t step) {
  V result{};
  NNC_UNROLL
  for (int i = 0; i < Lanes<V>::count; ++i) {
    result = with_lane(result, i, static_cast<ElementOf<V>>(first + i * step));
  }
  return result;
}

}  // namespace nnc
