// Floats of 16 bits, f16 (IEEE binary16) and bf16 (the upper half of a float): kept as their bits, computed with as
// floats.
//
// Conversions to them round to nearest, to even at ties, once. Conversions from them are exact. NaN stays NaN.
#pragma once

#include "nnc/vector.h"

namespace nnc {

template <class V>
NNC_INLINE Vec<float, Lanes<V>::count> float_from_f16(V half) {
  using Bits = Vec<std::uint32_t, Lanes<V>::count>;
  const Bits bits = convert<std::uint32_t>(half);
  const Bits magnitude = (bits & 0x7fffu) << 13;
  // The exponent begins at -15 instead of -127. What has no leading one gets one, which is then taken away.
  const Bits normal = magnitude + (112u << 23);
  const auto tiny = bits_as<float>(static_cast<Bits>(magnitude + (113u << 23))) - 0x1p-14f;
  Bits result = select(magnitude < (1u << 23), bits_as<std::uint32_t>(tiny), normal);
  result = select(magnitude >= (31u << 23), static_cast<Bits>(magnitude + (224u << 23)), result);
  return bits_as<float>(static_cast<Bits>(result | (bits & 0x8000u) << 16));
}

template <class V>
NNC_INLINE Vec<float, Lanes<V>::count> float_from_bf16(V half) {
  using Bits = Vec<std::uint32_t, Lanes<V>::count>;
  return bits_as<float>(static_cast<Bits>(convert<std::uint32_t>(half) << 16));
}

// The double rounded to odd: toward zero, with an odd last digit where digits were lost. Rounded again, to fewer
// digits, it gives what the double itself would.
template <class V>
NNC_INLINE Vec<float, Lanes<V>::count> float_to_odd(V value) {
  using Bits = Vec<std::uint32_t, Lanes<V>::count>;
  const auto nearest = convert<float>(value);
  const V back = convert<double>(nearest);
  const V magnitude = select(value < 0, -value, value), found = select(back < 0, -back, back);
  Bits bits = bits_as<std::uint32_t>(nearest);
  bits = select(found > magnitude, static_cast<Bits>(bits - 1u), bits);
  bits = select((found > magnitude) | (found < magnitude), static_cast<Bits>(bits | 1u), bits);
  return bits_as<float>(bits);
}

template <class V>
NNC_INLINE Vec<std::uint16_t, Lanes<V>::count> to_f16(V value) {
  if constexpr (Same<ElementOf<V>, double>::value) {
    return to_f16(float_to_odd(value));
  } else {
    using Bits = Vec<std::uint32_t, Lanes<V>::count>;
    const Bits bits = bits_as<std::uint32_t>(value);
    const Bits magnitude = bits & 0x7fffffffu;
    // A carry out of the digits goes into the exponent, where it belongs; 2^-24 is the last digit of 0.5.
    const Bits normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    const auto shifted = bits_as<float>(magnitude) + 0.5f;
    Bits result =
        select(magnitude < (113u << 23), static_cast<Bits>(bits_as<std::uint32_t>(shifted) - (126u << 23)), normal);
    result = select(magnitude >= (143u << 23), splat<Bits>(0x7c00u), result);
    result = select(magnitude > (255u << 23), splat<Bits>(0x7e00u), result);
    return convert<std::uint16_t>(static_cast<Bits>(result | (bits >> 16 & 0x8000u)));
  }
}

template <class V>
NNC_INLINE Vec<std::uint16_t, Lanes<V>::count> to_bf16(V value) {
  if constexpr (Same<ElementOf<V>, double>::value) {
    return to_bf16(float_to_odd(value));
  } else {
    using Bits = Vec<std::uint32_t, Lanes<V>::count>;
    const Bits bits = bits_as<std::uint32_t>(value);
    const Bits rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const Bits quiet = bits >> 16 | 0x40u;
    return convert<std::uint16_t>(select((bits & 0x7fffffffu) > (255u << 23), quiet, rounded));
  }
}

}  // namespace nnc
