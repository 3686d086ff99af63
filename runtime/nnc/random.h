// Counter-based random numbers (Philox 4x32-10): a number is a function of its place, so it is the same on every
// machine, for every number of lanes, and when it is computed again. What the primitive `uniform` means.
#pragma once

#include "nnc/vector.h"

namespace nnc {

// Four words, each a scalar or vector of u32.
template <class U>
struct Words {
  U word[4];
};

// The high half of a * factor, from products of 16-bit halves: wider lanes would not fit the target's vectors.
template <class U>
NNC_INLINE U high_product(U a, std::uint32_t factor) {
  const std::uint32_t factor_low = factor & 0xffffu, factor_high = factor >> 16;
  const U low = a & 0xffffu, high = a >> 16;
  const U cross_0 = high * factor_low, cross_1 = low * factor_high;
  const U carry = (low * factor_low >> 16) + (cross_0 & 0xffffu) + (cross_1 & 0xffffu);
  return high * factor_high + (cross_0 >> 16) + (cross_1 >> 16) + (carry >> 16);
}

template <class U>
NNC_INLINE Words<U> philox(Words<U> counter, std::uint32_t key_0, std::uint32_t key_1) {
  for (int round = 0; round < 10; ++round) {
    const U a = counter.word[0], b = counter.word[2];
    counter = {{high_product(b, 0xcd9e8d57u) ^ counter.word[1] ^ key_0, b * 0xcd9e8d57u,
                high_product(a, 0xd2511f53u) ^ counter.word[3] ^ key_1, a * 0xd2511f53u}};
    key_0 += 0x9e3779b9u;
    key_1 += 0xbb67ae85u;
  }
  return counter;
}

// Uniform in [0, 1) from the 24 high bits.
template <class U>
NNC_INLINE Vec<float, Lanes<U>::count> unit_interval(U word) {
  return convert<float>(bits_as<std::int32_t>(static_cast<U>(word >> 8))) * 5.9604644775390625e-8f;
}

// What tells one draw from another, apart from the element.
struct Draw {
  std::uint32_t seed_0, seed_1, step, example, index, site;
};

// N consecutive elements of one draw.
template <int N>
NNC_INLINE Vec<float, N> uniform(const Draw& draw, std::uint32_t element) {
  using U = Vec<std::uint32_t, N>;
  U at = splat<U>(element);
  for (int i = 0; i < N; ++i) at = with_lane(at, i, element + static_cast<std::uint32_t>(i));
  const Words<U> words =
      philox<U>({{at >> 2, splat<U>(draw.index), splat<U>(draw.example), splat<U>(draw.step ^ draw.site)}}, draw.seed_0,
                draw.seed_1);
  const U which = at & 3u;
  const U low = select(which == 0u, words.word[0], words.word[1]);
  const U high = select(which == 2u, words.word[2], words.word[3]);
  return unit_interval(select(which < 2u, low, high));
}

}  // namespace nnc
