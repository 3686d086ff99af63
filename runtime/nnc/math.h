// Elementary functions over vectors and floats: polynomials after an exact reduction, without branches or tables, and
// with the same bits for every number of lanes. The library's functions are not vectorised by either compiler.
//
// Largest errors found by tests/templates/math_test.cpp over all exponents, in units in the last place:
//   exp 1.1 · log 0.8 · tanh 1.3 · erf 1.1 · sin, cos 2.2 (of any finite argument) · atan 1.9 · power 1.8 · sqrt,
//   floor, round, remainder exact.
// Infinities, NaN, signed zeros and denormals come out as IEEE 754 and C say. Polynomials were fitted for this file
// (least relative error, coefficients rounded one after the other).
#pragma once

#include "nnc/vector.h"

namespace nnc {

// ---- parts ----------------------------------------------------------------------------------------------------------
// These and the rounding are for doubles too; the functions of doubles are in math_double.h.

// How a float or a double is made of bits.
template <class T>
struct FloatBits {
  using Signed = typename Integer<static_cast<int>(sizeof(T))>::Signed;
  using Unsigned = typename Integer<static_cast<int>(sizeof(T))>::Unsigned;
  static constexpr bool is_double = sizeof(T) == 8;
  static constexpr int mantissa = is_double ? 52 : 23, bias = is_double ? 1023 : 127;
  // From here on every number is an integer: 2^mantissa.
  static constexpr T whole = static_cast<T>(static_cast<Unsigned>(1) << mantissa);
  // The least number with all bits of its mantissa, and sqrt(1/2), as bits.
  static constexpr Unsigned least = static_cast<Unsigned>(1) << mantissa;
  static constexpr Unsigned half_root = static_cast<Unsigned>(is_double ? 0x3fe6a09e667f3bcdu : 0x3f3504f3u);
};

template <class V>
NNC_INLINE V absolute(V x) {
  if constexpr (is_floating<ElementOf<V>>()) {
    using Bits = typename Integer<static_cast<int>(sizeof(ElementOf<V>))>::Unsigned;
    constexpr Bits mask = static_cast<Bits>(-1) >> 1;
    return bits_as<ElementOf<V>>(bits_as<Bits>(x) & mask);
  } else {
    return select(x < V{}, wrapping_subtract(V{}, x), x);
  }
}

// magnitude with the sign of `sign`.
template <class V>
NNC_INLINE V with_sign(V magnitude, V sign) {
  using Bits = typename FloatBits<ElementOf<V>>::Unsigned;
  constexpr Bits mask = static_cast<Bits>(-1) >> 1;
  return bits_as<ElementOf<V>>((bits_as<Bits>(magnitude) & mask) | (bits_as<Bits>(sign) & ~mask));
}

// Coefficients ascend.
template <class V>
NNC_INLINE V polynomial(V, ElementOf<V> c0) {
  return splat<V>(c0);
}
template <class V, class... Rest>
NNC_INLINE V polynomial(V x, ElementOf<V> c0, Rest... rest) {
  return fma(polynomial(x, rest...), x, splat<V>(c0));
}

// y * 2^n for n in twice the range of exponents, rounding once.
template <class V>
NNC_INLINE V scale(V y, Vec<typename FloatBits<ElementOf<V>>::Signed, Lanes<V>::count> n) {
  using T = ElementOf<V>;
  using Bits = typename FloatBits<T>::Unsigned;
  const auto half = n >> 1;
  const auto first = bits_as<Bits>(half + FloatBits<T>::bias) << FloatBits<T>::mantissa;
  const auto second = bits_as<Bits>(n - half + FloatBits<T>::bias) << FloatBits<T>::mantissa;
  return y * bits_as<T>(first) * bits_as<T>(second);
}

// The nearest integer of |x| < whole / 2, to even at ties, as a float and an integer.
template <class V>
struct Nearest {
  V value;
  Vec<typename FloatBits<ElementOf<V>>::Signed, Lanes<V>::count> integer;
};
template <class V>
NNC_INLINE Nearest<V> nearest(V x) {
  using T = ElementOf<V>;
  using Format = FloatBits<T>;
  using Bits = typename Format::Unsigned;
  constexpr T magic = Format::whole + Format::whole / 2;  // the sum has no bits behind the point
  constexpr Bits magic_bits = static_cast<Bits>(2 * (Format::bias + Format::mantissa) + 1) << (Format::mantissa - 1);
  const V sum = x + magic;
  return {sum - magic, bits_as<typename Format::Signed>(bits_as<Bits>(sum) - magic_bits)};
}

// x > 0 as 2^exponent * mantissa, mantissa in [sqrt(1/2), sqrt(2)).
template <class V>
struct Parts {
  V mantissa, exponent;
};
template <class V>
NNC_INLINE Parts<V> parts(V x) {
  using T = ElementOf<V>;
  using Format = FloatBits<T>;
  using U = Vec<typename Format::Unsigned, Lanes<V>::count>;
  const auto tiny = x < bits_as<T>(Format::least);
  const U bits = bits_as<typename Format::Unsigned>(select(tiny, static_cast<V>(x * Format::whole), x));
  const auto exponent = bits_as<typename Format::Signed>(static_cast<U>(bits - Format::half_root)) >> Format::mantissa;
  const U shift = bits_as<typename Format::Unsigned>(exponent) << Format::mantissa;
  return {bits_as<T>(static_cast<U>(bits - shift)),
          convert<T>(exponent) - select(tiny, splat<V>(static_cast<T>(Format::mantissa)), V{})};
}

template <class V>
NNC_INLINE bool any(V condition) {
  if constexpr (Lanes<V>::count == 1) {
    return condition;
  } else {
    constexpr int words = static_cast<int>(sizeof(V) / sizeof(std::uint64_t));
    std::uint64_t word[words], all = 0;
    __builtin_memcpy(word, &condition, sizeof(V));
    NNC_UNROLL
    for (int i = 0; i < words; ++i) all |= word[i];
    return all != 0;
  }
}

// ---- rounding -------------------------------------------------------------------------------------------------------

// To the nearest integer, to even at ties.
template <class V>
NNC_INLINE V round(V x) {
  constexpr ElementOf<V> whole = FloatBits<ElementOf<V>>::whole;
  const V size = absolute(x);
  const V rounded = (size + whole) - whole;
  return select(size < splat<V>(whole), with_sign(rounded, x), x);
}

template <class V>
NNC_INLINE V floor(V x) {
  const V rounded = round(x);
  return select(rounded > x, static_cast<V>(rounded - static_cast<ElementOf<V>>(1)), rounded);
}

template <class V>
NNC_INLINE V sqrt(V x) {
  return square_root(x);
}

// ---- exponentials ---------------------------------------------------------------------------------------------------

template <class V>
NNC_INLINE V exp(V x) {
  const V low = select(x > splat<V>(89.0f), splat<V>(89.0f), x);
  const V inside = select(low < splat<V>(-104.0f), splat<V>(-104.0f), low);
  const Nearest<V> n = nearest(static_cast<V>(inside * 1.44269502f));
  V r = fma(n.value, splat<V>(-0.693359375f), inside);  // exact: the constant has few bits
  r = fma(n.value, splat<V>(2.12194440e-4f), r);
  const V p = polynomial(r, 0.5f, 0.166665152f, 0.0416664295f, 0.00836930797f, 0.00139382342f);
  return scale(static_cast<V>(fma(static_cast<V>(r * r), p, r) + 1.0f), n.integer);
}

template <class V>
NNC_INLINE V log(V x) {
  const Parts<V> of = parts(x);
  const V f = of.mantissa - 1.0f, square = f * f;
  const V p = polynomial(f, 0.333333135f, -0.250000119f, 0.20002073f, -0.166678548f, 0.142202333f, -0.124081969f,
                         0.11886204f, -0.116606601f, 0.0673300922f);
  V result = fma(of.exponent, splat<V>(-2.12194440e-4f), static_cast<V>(f * square * p));
  result = f + fma(square, splat<V>(-0.5f), result);
  result = fma(of.exponent, splat<V>(0.693359375f), result);
  const V infinity = splat<V>(__builtin_inff());
  result = select(x < infinity, result, x);  // infinity and NaN
  result = select(x == V{}, static_cast<V>(V{} - infinity), result);
  return select(x < V{}, splat<V>(__builtin_nanf("")), result);
}

template <class V>
NNC_INLINE V tanh(V x) {
  const V size = absolute(x), square = x * x;
  const V p = polynomial(square, -0.333332807f, 0.133314162f, -0.0537379384f, 0.0206341185f, -0.00570009183f);
  const V small = fma(static_cast<V>(x * square), p, x);
  const V inside = select(size > splat<V>(10.0f), splat<V>(10.0f), size);
  const V large = 1.0f - 2.0f / (exp(static_cast<V>(inside + inside)) + 1.0f);
  return with_sign(select(size < splat<V>(0.625f), small, large), x);
}

template <class V>
NNC_INLINE V erf(V x) {
  const V size = absolute(x), square = x * x;
  const V p = polynomial(square, 0.128379166f, -0.376126319f, 0.112836763f, -0.0268585328f, 0.00519914785f,
                         -0.0008123187f, 8.2930128e-05f);
  const V small = fma(x, p, x);
  // 1 - exp(-q(|x|)), q = -log(erfc): what is small beside 1 may be a little wrong.
  const V inside = select(size > splat<V>(4.0f), splat<V>(4.0f), size);
  const V q = polynomial(inside, 1.1285466f, 0.635649145f, 0.105216317f, -0.0226251837f, 0.00289986259f,
                         -3.85993371e-05f, -4.77429421e-05f, 5.11617282e-06f);
  const V large = 1.0f - exp(static_cast<V>(V{} - inside * q));
  return select(size < splat<V>(0.92f), small, with_sign(large, x));
}

// ---- trigonometry ---------------------------------------------------------------------------------------------------

// An angle less a multiple of pi / 2: in [-pi / 4, pi / 4], and the quadrant in its two low bits.
template <class V>
struct Angle {
  V rest;
  Vec<typename FloatBits<ElementOf<V>>::Signed, Lanes<V>::count> quadrant;
};

// For large angles: as many bits of 2 / pi as reach behind the point, times the mantissa, in integers.
template <class T>
inline Angle<T> reduce_large_angle(T x) {
  constexpr std::uint32_t two_over_pi[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                           0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
  const std::uint32_t bits = bits_as<std::uint32_t>(x);
  const int exponent = static_cast<int>(bits >> 23 & 255) - 150;
  if (exponent > 104) return {x - x, 0};  // infinity and NaN
  const std::uint64_t mantissa = (bits & 0x7fffffu) | 0x800000u;
  // Bits of 2 / pi that yield multiples of 4 are skipped; the window of 96 bits begins behind them.
  const unsigned skip = static_cast<unsigned>(exponent + 30), word = skip / 32, shift = skip % 32;
  std::uint64_t window[3];
  for (unsigned i = 0; i < 3; ++i) {
    const std::uint64_t pair = static_cast<std::uint64_t>(two_over_pi[word + i]) << 32 | two_over_pi[word + i + 1];
    window[i] = pair << shift >> 32;
  }
  // x * 2 / pi modulo 4, with 62 bits behind the point.
  const std::uint64_t product = mantissa * (window[0] << 32 | window[1]) + (mantissa * window[2] >> 32);
  const std::uint64_t quadrant = (product + (std::uint64_t{1} << 61)) >> 62;
  std::uint64_t rest = product - (quadrant << 62);
  const bool below = rest >> 63 != 0;
  if (below) rest = 0 - rest;
  std::uint32_t scale_bits = 127u << 23;
  if (rest == 0) return {T{}, static_cast<std::int32_t>(quadrant)};
  for (; rest >> 61 == 0; rest <<= 1) scale_bits -= 1u << 23;
  const T size = static_cast<T>(static_cast<std::int32_t>(rest >> 32)) * 9.31322575e-10f * bits_as<float>(scale_bits);
  const bool negative = below != (bits >> 31 != 0);
  const T angle = fma(size, 1.57079637f, size * -4.37113883e-8f);
  return {negative ? -angle : angle, static_cast<std::int32_t>(bits >> 31 != 0 ? 4 - quadrant : quadrant)};
}

template <class V>
NNC_INLINE Angle<V> reduce_angle(V x) {
#if NNC_FMA
  constexpr float limit = 100000.0f;
#else
  constexpr float limit = 6000.0f;
#endif
  const V inside = select(absolute(x) < splat<V>(limit), x, V{});
  const Nearest<V> n = nearest(static_cast<V>(inside * 0.636619747f));
  // pi / 2 in parts so short that all but the last product are exact.
#if NNC_FMA
  V rest = fma(n.value, splat<V>(-1.57079637f), inside);
  rest = fma(n.value, splat<V>(4.37113883e-8f), rest);
  rest = fma(n.value, splat<V>(1.71512451e-15f), rest);
#else
  V rest = inside - n.value * 1.5703125f;
  rest = rest - n.value * 4.83751297e-4f;
  rest = rest - n.value * 7.54953362e-8f;
  rest = rest - n.value * 2.56334407e-12f;
#endif
  Angle<V> result{rest, n.integer};
  if (any(absolute(x) >= splat<V>(limit))) {
    for (int i = 0; i < Lanes<V>::count; ++i) {
      const float one = lane(x, i);
      if (one < limit && one > -limit) continue;
      const Angle<float> angle = reduce_large_angle(one);
      result.rest = with_lane(result.rest, i, angle.rest);
      result.quadrant = with_lane(result.quadrant, i, angle.quadrant);
    }
  }
  result.rest = select(x != x, x, result.rest);
  return result;
}

// The sine of an angle whose quadrant has been moved on by `turn`.
template <class V>
NNC_INLINE V sine_of(const Angle<V>& angle, int turn) {
  const V x = angle.rest, square = x * x;
  const V sine = fma(static_cast<V>(x * square),
                     polynomial(square, -0.166666672f, 0.00833337195f, -0.000198498296f, 2.79894243e-06f), x);
  const V quartic = square * square;
  const V cosine = fma(quartic, polynomial(square, 0.0416666456f, -0.0013887299f, 2.44302846e-05f),
                       static_cast<V>(1.0f - square * 0.5f));
  const auto quadrant = angle.quadrant + turn;
  const V size = select((quadrant & 1) == 0, sine, cosine);
  return bits_as<float>(bits_as<std::uint32_t>(size) ^ (bits_as<std::uint32_t>(quadrant & 2) << 30));
}

template <class V>
NNC_INLINE V sin(V x) {
  return select(x == V{}, x, sine_of(reduce_angle(x), 0));  // -0 stays
}
template <class V>
NNC_INLINE V cos(V x) {
  return sine_of(reduce_angle(x), 1);
}

// The angle of a tangent, in [-pi / 2, pi / 2].
template <class V>
NNC_INLINE V atan(V x) {
  const V size = absolute(x);
  // Above tan(pi / 8) as pi / 4 + atan((x - 1) / (x + 1)), above tan(3 pi / 8) as pi / 2 - atan(1 / x).
  const auto middle = size > splat<V>(0.414213568f), large = size > splat<V>(2.41421366f);
  const V over = select(large, splat<V>(-1.0f), select(middle, static_cast<V>(size - 1.0f), size));
  const V under = select(large, size, select(middle, static_cast<V>(size + 1.0f), splat<V>(1.0f)));
  const V base = select(large, splat<V>(1.57079637f), select(middle, splat<V>(0.785398185f), V{}));
  const V base_low = select(large, splat<V>(-4.37113883e-8f), select(middle, splat<V>(-2.18556941e-8f), V{}));
  const V t = over / under, square = t * t;
  const V p = polynomial(square, -0.333333164f, 0.199985281f, -0.142443910f, 0.105991684f, -0.0609005205f);
  return with_sign(static_cast<V>(base + (fma(static_cast<V>(t * square), p, t) + base_low)), x);
}

// ---- power ----------------------------------------------------------------------------------------------------------

// A value with twice the precision: high + low, low far below high.
template <class V>
struct Long {
  V high, low;
};
template <class V>
NNC_INLINE Long<V> exact_product(V a, V b) {
  const V high = a * b;
#if NNC_FMA
  return {high, fma(a, b, static_cast<V>(V{} - high))};
#else
  constexpr ElementOf<V> splitter = static_cast<ElementOf<V>>((1 << (FloatBits<ElementOf<V>>::mantissa / 2 + 1)) + 1);
  const V a_split = a * splitter, b_split = b * splitter;
  const V a_high = a_split - (a_split - a), b_high = b_split - (b_split - b);
  const V a_low = a - a_high, b_low = b - b_high;
  return {high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
#endif
}

// The binary logarithm of x > 0.
template <class V>
NNC_INLINE Long<V> long_log2(V x) {
  const Parts<V> of = parts(x);
  // log(m) = 2 artanh((m - 1) / (m + 1))
  const V over = of.mantissa - 1.0f, under = of.mantissa + 1.0f;
  const V under_low = of.mantissa - (under - 1.0f);
  const V s = over / under;
  const Long<V> back = exact_product(s, under);
  const V s_low = (((over - back.high) - back.low) - s * under_low) / under;
  const V square = s * s;
  const V tail = fma(static_cast<V>(s * square),
                     polynomial(square, 0.333333313f, 0.200004265f, 0.142549455f, 0.120171472f), s_low);
  const V high = s + tail, low = tail - (high - s);
  const Long<V> scaled = exact_product(high, splat<V>(2.88539004f));
  const V scaled_low = scaled.low + (high * 3.85192596e-08f + low * 2.88539004f);
  const V sum = of.exponent + scaled.high;
  return {sum, (scaled.high - (sum - of.exponent)) + scaled_low};
}

// x^y, with C's special cases.
template <class V>
inline V power(V x, V y) {
  using I = Vec<std::int32_t, Lanes<V>::count>;
  const V size = absolute(x), infinity = splat<V>(__builtin_inff()), one = splat<V>(1.0f), zero{};
  const Long<V> logarithm = long_log2(size);
  const Long<V> product = exact_product(logarithm.high, y);
  const V low = product.low + logarithm.low * y;
  const auto moderate = absolute(product.high) < splat<V>(200.0f);
  const V exponent = select(moderate, product.high, zero);
  const Nearest<V> n = nearest(exponent);
  const V r = (exponent - n.value) + select(moderate, low, zero);
  const V p = polynomial(r, 0.693147182f, 0.240226507f, 0.055504065f, 0.00961807556f, 0.00133364042f, 0.000154573456f,
                         1.47139881e-05f);
  V result = scale(fma(r, p, one), n.integer);
  result = select(moderate, result, select(product.high > zero, infinity, zero));
  const V at_zero = select(y < zero, infinity, zero), at_infinity = select(y < zero, zero, infinity);
  result = select(size == zero, at_zero, result);
  result = select(size == infinity, at_infinity, result);
  result = select(size == one, one, result);
  const auto whole = logical_or(round(y) == y, absolute(y) == infinity);
  const auto small = absolute(y) < splat<V>(16777216.0f);  // beyond, every float is even
  const I odd = convert<std::int32_t>(select(small, y, zero)) & 1;
  const auto flip = logical_and(whole, odd != 0);
  const auto minus = bits_as<std::int32_t>(x) < 0;
  result = select(logical_and(minus, flip), static_cast<V>(-result), result);
  result = select(logical_and(logical_and(x < zero, size < infinity), logical_not(whole)), splat<V>(__builtin_nanf("")),
                  result);
  result = select(logical_or(x != x, y != y), static_cast<V>(x + y), result);
  return select(logical_or(y == zero, x == one), one, result);
}

// ---- remainder ------------------------------------------------------------------------------------------------------

// What is left of x >= 0 after all multiples of y > 0, both finite: exact, bit after bit of the quotient.
template <class T>
inline T rest_of(T x, T y) {
  constexpr T half = static_cast<T>(0.5);
  T by = y;
  while (x * half >= by) by += by;
  for (; by >= y; by *= half) {
    if (x >= by) x -= by;
  }
  return x;
}

// x - y floor(x / y), rounded once; it has the sign of y.
template <class V>
inline V remainder(V x, V y) {
  using T = ElementOf<V>;
  const V infinity = splat<V>(static_cast<T>(__builtin_inff())), size = absolute(x), by = absolute(y);
  const auto usual = logical_and(size < infinity, logical_and(by > V{}, by < infinity));
  V rest = select(logical_and(size < infinity, by == infinity), size, static_cast<V>((x - x) / (y - y)));
  for (int i = 0; i < Lanes<V>::count; ++i) {
    if (static_cast<bool>(lane(usual, i))) rest = with_lane(rest, i, rest_of(lane(size, i), lane(by, i)));
  }
  const V result = with_sign(rest, x);
  const auto differs = logical_and(rest != V{}, (x < V{}) != (y < V{}));
  return select(rest == V{}, with_sign(rest, y), select(differs, static_cast<V>(result + y), result));
}

}  // namespace nnc
