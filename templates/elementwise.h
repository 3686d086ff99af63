// A loop over all elements, for chains of elementwise operations.
//
// The functor loads and stores for itself, so that any number of operands with any strides, broadcasts and conversions
// are its own affair: `template <int N> void at(std::ptrdiff_t i0, …, std::ptrdiff_t column) const` computes N
// consecutive elements of the last axis. It is called with N = Width, and with narrower N at the end of a row.
#pragma once

#include "nnc/vector.h"

namespace nnc {

template <int N, class F, class... Index>
NNC_INLINE void for_each_inner(const F& functor, std::ptrdiff_t column, Index... index) {
  functor.template at<N>(index..., column);
}

template <int Width, std::ptrdiff_t Extent, std::ptrdiff_t... Inner>
struct ForEach {
  template <class F, class... Index>
  static NNC_INLINE void run(const F& functor, Index... index) {
    if constexpr (sizeof...(Inner) == 0) {
      for_lanes<Width, Extent>([&](auto width, std::ptrdiff_t column) {
        for_each_inner<static_cast<int>(decltype(width)::value)>(functor, column, index...);
      });
    } else {
      for (std::ptrdiff_t i = 0; i < Extent; ++i) ForEach<Width, Inner...>::run(functor, index..., i);
    }
  }
};

// Calls the functor for every index of Extents. The last axis fills the lanes.
template <int Width, std::ptrdiff_t... Extents, class F>
inline void for_each(const F& functor) {
  ForEach<Width, Extents...>::run(functor);
}

}  // namespace nnc
