// Conversions of f16 and bf16 (runtime/nnc/half.h) against their formulas: all 65,536 values both ways, every place
// between two neighbours where rounding turns, and vectors like scalars.
#include "nnc/half.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace {

// A format by its numbers: sign, exponent and digits, from the highest bit down.
struct Format {
  int digits;  // stored, without the leading one
  int bias;
  int infinity() const { return (0x7fff >> digits) << digits; }  // the highest exponent, no digits
};
constexpr Format kF16 = {10, 15}, kBf16 = {7, 127};

// IEEE 754: (-1)^sign 2^(exponent - bias) 1.digits, and 2^(1 - bias) 0.digits where the exponent is 0.
double meaning(Format format, int bits) {
  const int magnitude = bits & 0x7fff, exponent = magnitude >> format.digits;
  const int digits = magnitude & ((1 << format.digits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (magnitude == format.infinity()) return sign * std::numeric_limits<double>::infinity();
  if (magnitude > format.infinity()) return std::numeric_limits<double>::quiet_NaN();
  const double value = exponent == 0 ? digits : digits + (1 << format.digits);
  return sign * std::ldexp(value, std::max(exponent, 1) - format.bias - format.digits);
}

struct F16 {
  static constexpr Format format = kF16;
  template <class V>
  static auto widen(V half) {
    return nnc::float_from_f16(half);
  }
  template <class V>
  static auto narrow(V value) {
    return nnc::to_f16(value);
  }
};
struct Bf16 {
  static constexpr Format format = kBf16;
  template <class V>
  static auto widen(V half) {
    return nnc::float_from_bf16(half);
  }
  template <class V>
  static auto narrow(V value) {
    return nnc::to_bf16(value);
  }
};

// The same numbers in other widths: lane `i` of a vector of N, the others hold something else.
template <class Half, int N, class T>
std::uint16_t narrow_in_vector(T value, int i) {
  nnc::Vec<T, N> values = nnc::splat<nnc::Vec<T, N>>(static_cast<T>(-3));
  values[i] = value;
  return Half::narrow(values)[i];
}
template <class Half, int N>
float widen_in_vector(std::uint16_t half, int i) {
  nnc::Vec<std::uint16_t, N> halves = nnc::splat<nnc::Vec<std::uint16_t, N>>(std::uint16_t{0x3c01});
  halves[i] = half;
  return Half::widen(halves)[i];
}

template <class Half>
int count_wrong_values() {
  int wrong = 0;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const std::uint16_t half = static_cast<std::uint16_t>(bits);
    const double wanted = meaning(Half::format, bits);
    const float found = Half::widen(half);
    if (std::isnan(wanted)) {
      const int back = Half::narrow(found) & 0x7fff;
      wrong += !std::isnan(found) || back <= Half::format.infinity();
      continue;
    }
    const bool is_same = static_cast<double>(found) == wanted && std::signbit(found) == std::signbit(wanted);
    const bool is_back = Half::narrow(found) == half && Half::narrow(wanted) == half;
    const bool is_alike =
        std::bit_cast<std::uint32_t>(widen_in_vector<Half, 4>(half, bits % 4)) == std::bit_cast<std::uint32_t>(found) &&
        narrow_in_vector<Half, 4>(found, bits % 4) == half && narrow_in_vector<Half, 2>(wanted, bits % 2) == half;
    wrong += !is_same || !is_back || !is_alike;
  }
  return wrong;
}

// Between two neighbours, of which the even one gets the middle: what lies at, just below and just above it.
template <class Half>
int count_wrong_roundings() {
  int wrong = 0;
  for (int bits = 0; bits < Half::format.infinity(); ++bits) {
    const double low = meaning(Half::format, bits);
    // Infinity takes the place of the number that would follow the largest.
    const bool is_largest = bits + 1 == Half::format.infinity();
    const double high = is_largest ? low + (low - meaning(Half::format, bits - 1)) : meaning(Half::format, bits + 1);
    const double middle = low + (high - low) / 2;
    const int even = bits % 2 == 0 ? bits : bits + 1;
    const auto check = [&](double value, int to) {
      wrong += Half::narrow(value) != to || Half::narrow(-value) != (to | 0x8000);
      const float single = static_cast<float>(value);
      if (static_cast<double>(single) == value)
        wrong += Half::narrow(single) != to || Half::narrow(-single) != (to | 0x8000);
    };
    check(middle, even);
    check(std::nextafter(middle, 0.0), bits);  // a float in between would be the middle itself
    check(std::nextafter(middle, 1e39), bits + 1);
    const float single = static_cast<float>(middle);
    check(static_cast<double>(std::nextafter(single, 0.0f)), bits);
    check(static_cast<double>(std::nextafter(single, std::numeric_limits<float>::infinity())), bits + 1);
  }
  return wrong;
}

}  // namespace

TEST_CASE("f16: all values both ways, rounded to nearest, to even at ties, once") {
  CHECK(count_wrong_values<F16>() == 0);
  CHECK(count_wrong_roundings<F16>() == 0);
}

TEST_CASE("bf16: all values both ways, rounded to nearest, to even at ties, once") {
  CHECK(count_wrong_values<Bf16>() == 0);
  CHECK(count_wrong_roundings<Bf16>() == 0);
}
