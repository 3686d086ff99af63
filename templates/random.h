// Uniform draws for a batch of examples: the kernel of the primitive `uniform`. Fields of C: README.md.
#pragma once

#include "nnc/random.h"

namespace nnc {

// y[e][i]: element i of example e.
template <class C>
inline void uniform(const std::uint32_t* seed, const std::uint32_t* iteration, const std::uint32_t* example,
                    const std::uint32_t* index, float* y) {
  for (std::ptrdiff_t e = 0; e < C::examples; ++e) {
    const Draw draw{load<1>(seed),        load<1>(seed + 1), load<1>(iteration),
                    load<1>(example + e), load<1>(index),    static_cast<std::uint32_t>(C::site)};
    for_lanes<C::lanes, C::count>([&](auto width, std::ptrdiff_t at) {
      constexpr int n = static_cast<int>(decltype(width)::value);
      store(y + e * C::count + at, uniform<n>(draw, static_cast<std::uint32_t>(at)));
    });
  }
}

}  // namespace nnc
