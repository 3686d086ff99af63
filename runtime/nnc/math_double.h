// The elementary functions of math.h for doubles: the same scheme with longer polynomials. They have names of their
// own, so that code of floats carries none of them.
//
// Largest errors found by tests/templates/math_test.cpp, in units in the last place:
//   exp 1.0 · log 0.9 · tanh 1.3 · erf 1.1 · sin, cos 1.5 (of any finite argument) · atan 2.2 ·
//   power 1.2.
#pragma once

#include "nnc/math.h"

namespace nnc {

// ---- exponentials of doubles ----------------------------------------------------------------------------------------

template <class V>
NNC_INLINE V exp_double(V x) {
  const V low = select(x > splat<V>(710.0), splat<V>(710.0), x);
  const V inside = select(low < splat<V>(-746.0), splat<V>(-746.0), low);
  const Nearest<V> n = nearest(static_cast<V>(inside * 1.4426950408889634));
  V r = fma(n.value, splat<V>(-0.6931471803691238), inside);  // exact: the constant has few bits
  r = fma(n.value, splat<V>(-1.9082149292705877e-10), r);
  const V p = polynomial(r, 0.5, 0.16666666666666685, 0.041666666666666685, 0.008333333333315953, 0.0013888888888873318,
                         0.00019841269898664948, 2.480158734906903e-05, 2.7557232865118846e-06, 2.75572519819011e-07,
                         2.5112658622693133e-08, 2.0921706476634758e-09);
  return scale(static_cast<V>(fma(static_cast<V>(r * r), p, r) + 1.0), n.integer);
}

template <class V>
NNC_INLINE V log_double(V x) {
  const Parts<V> of = parts(x);
  // With s = f / (2 + f): log(1 + f) = 2 artanh(s) = f - f^2 / 2 + s (f^2 / 2 + s^2 p(s^2)).
  const V f = of.mantissa - 1.0, s = f / (f + 2.0), square = s * s, half = f * f * 0.5;
  const V p = polynomial(square, 0.6666666666666666, 0.40000000000004887, 0.2857142856942599, 0.2222222260464579,
                         0.1818177853707591, 0.15386981252616358, 0.13252310628654415, 0.13233378554330472);
  V result = fma(s, fma(square, p, half), static_cast<V>(of.exponent * 1.9082149292705877e-10));
  result = f - (half - result);
  result = fma(of.exponent, splat<V>(0.6931471803691238), result);
  const V infinity = splat<V>(__builtin_inf());
  result = select(x < infinity, result, x);  // infinity and NaN
  result = select(x == V{}, static_cast<V>(V{} - infinity), result);
  return select(x < V{}, splat<V>(__builtin_nan("")), result);
}

template <class V>
NNC_INLINE V tanh_double(V x) {
  const V size = absolute(x), square = x * x;
  const V p = polynomial(square, -0.3333333333333333, 0.13333333333333028, -0.05396825396806394, 0.02186948852995112,
                         -0.008863235407270544, 0.003592126450037889, -0.0014558203196917043, 0.0005899396527175861,
                         -0.00023873870383153876, 9.567790223349996e-05, -3.6517474024566564e-05,
                         1.1701311217912263e-05, -2.236030289485597e-06);
  const V small = fma(static_cast<V>(x * square), p, x);
  const V inside = select(size > splat<V>(20.0), splat<V>(20.0), size);
  const V large = 1.0 - 2.0 / (exp_double(static_cast<V>(inside + inside)) + 1.0);
  return with_sign(select(size < splat<V>(0.625), small, large), x);
}

template <class V>
NNC_INLINE V erf_double(V x) {
  const V size = absolute(x), square = x * x;
  const V p = polynomial(square, 0.1283791670955126, -0.37612638903183904, 0.11283791670960594, -0.026866170646048813,
                         0.005223977634060417, -0.0008548327523307023, 0.00012055351886546657, -1.4926129463574573e-05,
                         1.6470295566413006e-06, -1.64582922020046e-07, 1.5461902083743135e-08, -1.4818551020732955e-09,
                         1.246783666695227e-10);
  const V small = fma(x, p, x);
  // 1 - exp(-q(|x|)), q = -log(erfc): what is small beside 1 may be a little wrong.
  const V inside = select(size > splat<V>(6.0), splat<V>(6.0), size);
  const V near = inside - 1.625, far = inside - 4.125;
  const V q_near = polynomial(
      near, 3.8370887037779426, 3.733125959072617, 0.901785029657924, 0.023008967325769812, -0.005270029325544482,
      0.0011028409207532312, -0.0001954904422095287, 2.396398839539609e-05, 4.966493846030082e-07,
      -1.5008958555360666e-06, 5.827675015258567e-07, -1.508238392011183e-07, 2.6990312187437534e-08,
      -1.8857249099408923e-09, -1.0161449922661335e-09, 6.418696859930939e-10, -1.6992725744813765e-10);
  const V q_far =
      polynomial(far, 19.032542764467557, 8.479911403967511, 0.974814168231107, 0.003515757242359711,
                 -0.0005284302238982645, 8.109072652493716e-05, -1.2394666281546735e-05, 1.8535625843147625e-06,
                 -2.6639829265040807e-07, 4.309582966164388e-08, 1.4366468731736783e-09, 4.252426738003139e-09,
                 1.3401068325175097e-09, 3.0741091006511855e-10, 3.301092441267919e-11);
  const V q = select(inside < splat<V>(2.25), q_near, q_far);
  const V large = 1.0 - exp_double(static_cast<V>(V{} - q));
  const V result = select(size < splat<V>(0.92), small, with_sign(large, x));
  return select(x == x, result, x);
}

// ---- trigonometry of doubles ----------------------------------------------------------------------------------------

// For large angles: as many bits of 2 / pi as reach behind the point, times the mantissa, in integers.
template <class T>
inline Angle<T> reduce_large_double(T x) {
  constexpr std::uint32_t two_over_pi[] = {
      0,           0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u,
      0xfe5163abu, 0xdebbc561u, 0xb7246e3au, 0x424dd2e0u, 0x06492eeau, 0x09d1921cu, 0xfe1deb1cu, 0xb129a73eu,
      0xe88235f5u, 0x2ebb4484u, 0xe99c7026u, 0xb45f7e41u, 0x3991d639u, 0x835339f4u, 0x9c845f8bu, 0xbdf9283bu,
      0x1ff897ffu, 0xde05980fu, 0xef2f118bu, 0x5a0a6d1fu, 0x6d367ecfu, 0x27cb09b7u, 0x4f463f66u, 0x9e5fea2du,
      0x7527bac7u, 0xebe5f17bu, 0x3d0739f7u, 0x8a5292eau, 0x6bfb5fb1u, 0x1f8d5d08u, 0x56033046u, 0xfc7b6babu};
  const std::uint64_t bits = bits_as<std::uint64_t>(x);
  const int exponent = static_cast<int>(bits >> 52 & 2047) - 1075;
  if (exponent > 971) return {x - x, 0};  // infinity and NaN
  const std::uint64_t mantissa = (bits & 0xfffffffffffffu) | 0x10000000000000u;
  // Bits of 2 / pi that yield multiples of 4 are skipped; the window of 192 bits begins behind them.
  const unsigned skip = static_cast<unsigned>(exponent + 62), word = skip / 32, shift = skip % 32;
  std::uint64_t window[6];  // the lowest first
  for (unsigned i = 0; i < 6; ++i) {
    const std::uint64_t pair = static_cast<std::uint64_t>(two_over_pi[word + i]) << 32 | two_over_pi[word + i + 1];
    window[5 - i] = pair << shift >> 32;
  }
  // x * 2 / pi modulo 4, with 190 bits behind the point, in words of 32 bits.
  const std::uint64_t factor[2] = {mantissa & 0xffffffffu, mantissa >> 32};
  std::uint64_t product[6] = {};
  for (unsigned k = 0; k < 2; ++k) {
    std::uint64_t carry = 0;
    for (unsigned i = 0; i + k < 6; ++i) {
      const std::uint64_t sum = factor[k] * window[i] + product[i + k] + carry;
      product[i + k] = sum & 0xffffffffu;
      carry = sum >> 32;
    }
  }
  const std::uint64_t quadrant = (product[5] + (1u << 29)) >> 30;
  std::uint64_t high = (product[5] - (quadrant << 30)) << 32 | product[4];
  std::uint64_t middle = product[3] << 32 | product[2];
  const bool below = high >> 63 != 0;
  if (below) {  // what is below the words kept is not 0
    high = ~high;
    middle = ~middle;
  }
  int places = 51;
  for (; places < 179 && high >> 63 == 0; ++places) {
    high = high << 1 | middle >> 63;
    middle <<= 1;
  }
  const T unit = bits_as<T>(static_cast<std::uint64_t>(1023 - places) << 52);
  const T size = static_cast<T>(static_cast<std::int64_t>(high >> 11)) * unit;
  const T tail = static_cast<T>(static_cast<std::int64_t>(high & 2047)) * (unit * 0.00048828125);
  const bool negative = below != (bits >> 63 != 0);
  const T angle = fma(size, 1.5707963267948966, fma(size, 6.123233995736766e-17, tail * 1.5707963267948966));
  return {negative ? -angle : angle, static_cast<std::int64_t>(bits >> 63 != 0 ? 4 - quadrant : quadrant)};
}

template <class V>
NNC_INLINE Angle<V> reduce_angle_double(V x) {
  constexpr double limit = 1048576.0;
  const V inside = select(absolute(x) < splat<V>(limit), x, V{});
  const Nearest<V> n = nearest(static_cast<V>(inside * 0.6366197723675814));
  // pi / 2 in parts so short that all but the last product are exact.
#if NNC_FMA
  V rest = fma(n.value, splat<V>(-1.5707963267948966), inside);
  rest = fma(n.value, splat<V>(-6.123233995736766e-17), rest);
  rest = fma(n.value, splat<V>(1.4973849048591698e-33), rest);
#else
  V rest = inside - n.value * 1.5707963267341256;
  rest = rest - n.value * 6.077100506303966e-11;
  rest = rest - n.value * 2.0222662487111665e-21;
  rest = rest - n.value * 8.4784276603689e-32;
#endif
  Angle<V> result{rest, n.integer};
  if (any(absolute(x) >= splat<V>(limit))) {
    for (int i = 0; i < Lanes<V>::count; ++i) {
      const double one = lane(x, i);
      if (one < limit && one > -limit) continue;
      const Angle<double> angle = reduce_large_double(one);
      result.rest = with_lane(result.rest, i, angle.rest);
      result.quadrant = with_lane(result.quadrant, i, angle.quadrant);
    }
  }
  result.rest = select(x != x, x, result.rest);
  return result;
}

// The sine of an angle whose quadrant has been moved on by `turn`.
template <class V>
NNC_INLINE V sine_of_double(const Angle<V>& angle, int turn) {
  const V x = angle.rest, square = x * x;
  const V sine =
      fma(static_cast<V>(x * square),
          polynomial(square, -0.16666666666666666, 0.008333333333333097, -0.00019841269841051754,
                     2.7557319126230735e-06, -2.5052085158079624e-08, 1.6056145662017008e-10, -7.479841839647868e-13),
          x);
  const V quartic = square * square;
  const V cosine =
      fma(quartic,
          polynomial(square, 0.041666666666666664, -0.0013888888888888434, 2.480158730124205e-05,
                     -2.7557319091907707e-07, 2.0876729635859864e-09, -1.1467760893521914e-11, 4.633840572707082e-14),
          static_cast<V>(1.0 - square * 0.5));
  const auto quadrant = angle.quadrant + turn;
  const V size = select((quadrant & 1) == 0, sine, cosine);
  return bits_as<double>(bits_as<std::uint64_t>(size) ^ (bits_as<std::uint64_t>(quadrant & 2) << 62));
}

template <class V>
NNC_INLINE V sin_double(V x) {
  return select(x == V{}, x, sine_of_double(reduce_angle_double(x), 0));  // -0 stays
}
template <class V>
NNC_INLINE V cos_double(V x) {
  return sine_of_double(reduce_angle_double(x), 1);
}

template <class V>
NNC_INLINE V atan_double(V x) {
  const V size = absolute(x);
  const auto middle = size > splat<V>(0.4142135623730951), large = size > splat<V>(2.414213562373095);
  const V over = select(large, splat<V>(-1.0), select(middle, static_cast<V>(size - 1.0), size));
  const V under = select(large, size, select(middle, static_cast<V>(size + 1.0), splat<V>(1.0)));
  const V base = select(large, splat<V>(1.5707963267948966), select(middle, splat<V>(0.7853981633974483), V{}));
  const V base_low =
      select(large, splat<V>(6.123233995736766e-17), select(middle, splat<V>(3.061616997868383e-17), V{}));
  const V t = over / under, square = t * t;
  const V p = polynomial(square, -0.333333333333332, 0.1999999999995368, -0.14285714280200895, 0.11111110783584625,
                         -0.09090897760707545, 0.07692060274615672, -0.06663104897912603, 0.05847897020219077,
                         -0.05039347000572675, 0.038065832840107255, -0.017908819647442384);
  return with_sign(static_cast<V>(base + (fma(static_cast<V>(t * square), p, t) + base_low)), x);
}

// ---- power of doubles -----------------------------------------------------------------------------------------------

template <class V>
NNC_INLINE Long<V> long_product(const Long<V>& a, const Long<V>& b) {
  const Long<V> high = exact_product(a.high, b.high);
  return {high.high, high.low + (a.high * b.low + a.low * b.high)};
}

// The binary logarithm of x > 0.
template <class V>
NNC_INLINE Long<V> long_log2_double(V x) {
  const Parts<V> of = parts(x);
  // log(m) = 2 artanh(s), s = (m - 1) / (m + 1); artanh(s) = s + s^3 / 3 + s^5 p(s^2), the first two with a low part.
  const V over = of.mantissa - 1.0, under = of.mantissa + 1.0;
  const V under_low = of.mantissa - (under - 1.0);
  const V first = over / under;
  const Long<V> back = exact_product(first, under);
  const Long<V> s{first, (((over - back.high) - back.low) - first * under_low) / under};
  const Long<V> square = long_product(s, s), third{splat<V>(0.3333333333333333), splat<V>(1.850371707708594e-17)};
  const Long<V> cube = long_product(long_product(s, square), third);
  const V tail =
      s.high * square.high * square.high *
      polynomial(square.high, 0.19999999999999987, 0.1428571428572334, 0.11111111108609005, 0.09090909451949693,
                 0.07692277430795923, 0.06668193137489895, 0.058367791048362566, 0.05999285982296726);
  const V sum = s.high + cube.high;
  const V sum_low = ((s.high - sum) + cube.high) + (s.low + cube.low + tail);
  const V high = sum + sum_low, low = (sum - high) + sum_low;
  const Long<V> scale_factor{splat<V>(2.8853900817779268), splat<V>(4.0710547481862066e-17)};
  const Long<V> scaled = long_product(Long<V>{high, low}, scale_factor);
  const V result = of.exponent + scaled.high;
  return {result, (scaled.high - (result - of.exponent)) + scaled.low};
}

// x^y, with C's special cases.
template <class V>
inline V power_double(V x, V y) {
  using I = Vec<std::int64_t, Lanes<V>::count>;
  const V size = absolute(x), infinity = splat<V>(__builtin_inf()), one = splat<V>(1.0), zero{};
  const Long<V> logarithm = long_log2_double(size);
  const Long<V> product = exact_product(logarithm.high, y);
  const V low = product.low + logarithm.low * y;
  const auto moderate = absolute(product.high) < splat<V>(1200.0);
  const V exponent = select(moderate, product.high, zero);
  const Nearest<V> n = nearest(exponent);
  const V r = (exponent - n.value) + select(moderate, low, zero);
  const V p = polynomial(r, 0.6931471805599453, 0.24022650695910072, 0.055504108664822936, 0.00961812910762805,
                         0.001333355814616464, 0.00015403530394050618, 1.5252734036389455e-05, 1.3215486318879805e-06,
                         1.0177985887218451e-07, 7.0550616577278116e-09, 4.465491004756495e-10, 2.552064893877848e-11);
  V result = scale(fma(r, p, one), n.integer);
  result = select(moderate, result, select(product.high > zero, infinity, zero));
  const V at_zero = select(y < zero, infinity, zero), at_infinity = select(y < zero, zero, infinity);
  result = select(size == zero, at_zero, result);
  result = select(size == infinity, at_infinity, result);
  result = select(size == one, one, result);
  const auto whole = logical_or(round(y) == y, absolute(y) == infinity);
  const auto small = absolute(y) < splat<V>(9007199254740992.0);  // beyond, every double is even
  const I odd = convert<std::int64_t>(select(small, y, zero)) & 1;
  const auto flip = logical_and(whole, odd != 0);
  const auto minus = bits_as<std::int64_t>(x) < 0;
  result = select(logical_and(minus, flip), static_cast<V>(-result), result);
  result = select(logical_and(logical_and(x < zero, size < infinity), logical_not(whole)), splat<V>(__builtin_nan("")),
                  result);
  result = select(logical_or(x != x, y != y), static_cast<V>(x + y), result);
  return select(logical_or(y == zero, x == one), one, result);
}

}  // namespace nnc
