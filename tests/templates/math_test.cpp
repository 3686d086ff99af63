// The functions of math.h against the library's in double, and those of math_double.h against the library's in long
// double, over all exponents and the special values.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "tests/templates/report.h"

namespace {

constexpr std::size_t kSamples = 1 << 18;

const std::vector<float>& specials() {
  static const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  static const std::vector<float> values = {
      0.0f,    -0.0f,   1.0f,           -1.0f,         0.5f,           -0.5f,       1.5f,      2.5f,
      -2.5f,   2.0f,    -2.0f,          3.0f,          -3.0f,          infinity,    -infinity, nan,
      1e-45f,  -1e-45f, 1.1754944e-38f, 3.4028235e38f, -3.4028235e38f, 88.7f,       88.8f,     -87.4f,
      -103.9f, -104.1f, 8388607.5f,     8388608.0f,    8388609.0f,     16777217.0f, 0.625f,    0.92f,
      4.0f,    10.0f,   100000.0f,      1e22f,         2147483648.0f,  0.33333334f};
  return values;
}

template <class T>
T reference(const std::string& name, T x) {
  if (name == "exp") return std::exp(x);
  if (name == "log") return std::log(x);
  if (name == "tanh") return std::tanh(x);
  if (name == "erf") return std::erf(x);
  if (name == "sin") return std::sin(x);
  if (name == "cos") return std::cos(x);
  if (name == "atan") return std::atan(x);
  if (name == "sqrt") return std::sqrt(x);
  if (name == "floor") return std::floor(x);
  return std::nearbyint(x);
}

// Rounded down, with the sign of b.
template <class T>
T remainder(T a, T b) {
  const T rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(rest, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

// The distance of `got` from `want` in units in the last place of `want` as a T; 0 for equal infinities and NaN.
template <class T, class Wide>
double error_in_ulp(T got, Wide want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(rounded) ? 0 : 1e9;
  using Limits = std::numeric_limits<T>;
  int exponent = 0;
  std::frexp(want, &exponent);
  const int last = std::max(exponent - Limits::digits, Limits::min_exponent - Limits::digits);
  return static_cast<double>(std::abs(static_cast<Wide>(got) - want) / std::ldexp(Wide{1}, last));
}

Report run(void (*cases)(Report&)) {
  Report report;
  cases(report);
  return report;
}

}  // namespace

std::vector<float> math_arguments() {
  std::vector<float> arguments;
  // Every pair of special values, for power; the functions of one argument see them often.
  for (std::size_t i = 0; i < specials().size(); ++i)
    arguments.insert(arguments.end(), specials().size(), specials()[i]);
  for (std::uint32_t i = 0; arguments.size() < kSamples; ++i) {
    const std::uint32_t mixed = i * 2654435761u;
    const float anywhere = std::bit_cast<float>(mixed);
    const float common = static_cast<float>(static_cast<std::int32_t>(mixed)) * 2e-8f;  // [-43, 43]
    arguments.push_back(i % 2 == 0 ? anywhere : common);
  }
  return arguments;
}

float power_exponent(const std::vector<float>& arguments, std::size_t i) {
  const std::size_t count = specials().size();
  if (i < count * count) return specials()[i % count];
  // Half of them such that the result is a usual number, half any.
  const float other = arguments[count * count + (i * 7919) % (arguments.size() - count * count)];
  const float logarithm = std::log2(std::abs(arguments[i]));
  return i % 2 == 0 && std::isfinite(logarithm) && logarithm != 0 ? 100 * std::sin(static_cast<float>(i)) / logarithm
                                                                  : other;
}

std::vector<double> double_arguments() {
  static const double infinity = std::numeric_limits<double>::infinity(),
                      nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> values = {0.0,
                                      -0.0,
                                      1,
                                      -1,
                                      0.5,
                                      -0.5,
                                      1.5,
                                      2.5,
                                      -2.5,
                                      2,
                                      3,
                                      -3,
                                      infinity,
                                      -infinity,
                                      nan,
                                      5e-324,
                                      -5e-324,
                                      2.2250738585072014e-308,
                                      1.7976931348623157e308,
                                      -1.7976931348623157e308,
                                      709.78,
                                      709.79,
                                      -708.4,
                                      -745.1,
                                      -745.2,
                                      4503599627370495.5,
                                      4503599627370496.0,
                                      9007199254740993.0,
                                      0.625,
                                      0.92,
                                      2.25,
                                      6,
                                      1048576,
                                      1e22,
                                      0x1.6ac5b262ca1ffp+849,  // the double closest to a multiple of pi / 2
                                      1 / 3.0};
  std::vector<double> arguments;
  for (std::size_t i = 0; i < values.size(); ++i) arguments.insert(arguments.end(), values.size(), values[i]);
  for (std::size_t i = 0; i < values.size(); ++i) arguments.insert(arguments.end(), values.begin(), values.end());
  for (std::uint64_t i = 0; arguments.size() < kSamples; ++i) {
    const std::uint64_t mixed = i * 0x9e3779b97f4a7c15u;
    const double anywhere = std::bit_cast<double>(mixed);
    const double common = static_cast<double>(static_cast<std::int64_t>(mixed)) * (i % 4 == 1 ? 5e-18 : 1e-19);
    arguments.push_back(i % 2 == 0 ? anywhere : common);
  }
  return arguments;
}

double double_exponent(const std::vector<double>& arguments, std::size_t i) {
  // The special values stand twice in front: i by i, then in turn.
  const std::size_t pairs = 36 * 36;
  if (i < pairs) return arguments[pairs + i];
  const double other = arguments[2 * pairs + (i * 7919) % (arguments.size() - 2 * pairs)];
  const double logarithm = std::log2(std::abs(arguments[i]));
  return i % 2 == 0 && std::isfinite(logarithm) && logarithm != 0 ? 1000 * std::sin(static_cast<double>(i)) / logarithm
                                                                  : other;
}

TEST_CASE("functions are within a few units in the last place of the library in double") {
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return;
  const std::map<std::string, double> bounds = {{"exp", 1.5},     {"log", 1.5},          {"tanh", 1.5}, {"erf", 1.5},
                                                {"sin", 2.5},     {"cos", 2.5},          {"atan", 2.5}, {"power", 2},
                                                {"sqrt", 0.5001}, {"remainder", 0.5001}, {"floor", 0},  {"round", 0}};
  const std::vector<float> x = math_arguments();
  const Report scalar = run(run_lanes_1);
  REQUIRE(scalar.functions.size() == bounds.size() + 1);
  for (const MathOutcome& function : scalar.functions) {
    if (function.name == "uniform") continue;
    double worst = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double other = power_exponent(x, i);
      const double want = function.name == "power"       ? std::pow(double{x[i]}, other)
                          : function.name == "remainder" ? remainder<double>(x[i], other)
                                                         : reference<double>(function.name, x[i]);
      const double error = error_in_ulp(function.results[i], want);
      if (error > worst) worst = error, where = i;
    }
    INFO(function.name << ": " << worst << " ulp at " << x[where] << " (" << power_exponent(x, where)
                       << "): " << function.results[where]);
    CHECK(worst <= bounds.at(function.name));
  }
}

TEST_CASE("functions of doubles are within a few units in the last place of the library in long double") {
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return;
  if (std::numeric_limits<long double>::digits < 64) return;  // no better than double
  const std::map<std::string, double> bounds = {{"exp", 1.5},     {"log", 1.5},          {"tanh", 1.5}, {"erf", 1.5},
                                                {"sin", 2.5},     {"cos", 2.5},          {"atan", 2.5}, {"power", 2},
                                                {"sqrt", 0.5001}, {"remainder", 0.5001}, {"floor", 0},  {"round", 0}};
  const std::vector<double> x = double_arguments();
  const Report scalar = run(run_lanes_1);
  REQUIRE(scalar.double_functions.size() == bounds.size());
  for (const DoubleOutcome& function : scalar.double_functions) {
    double worst = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double argument = x[i], exponent = double_exponent(x, i);
      const long double want = function.name == "power"       ? std::pow(argument, exponent)
                               : function.name == "remainder" ? remainder(argument, exponent)
                                                              : reference(function.name, argument);
      const double error = error_in_ulp(function.results[i], want);
      if (error > worst) worst = error, where = i;
    }
    INFO(function.name << ": " << worst << " ulp at " << x[where] << " (" << double_exponent(x, where)
                       << "): " << function.results[where]);
    CHECK(worst <= bounds.at(function.name));
  }
}

TEST_CASE("functions have the same bits for every number of lanes") {
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return;
  const Report scalar = run(run_lanes_1);
  std::vector<Report> others = {run(run_lanes_4), run(run_lanes_8)};
  if (__builtin_cpu_supports("avx512dq")) others.push_back(run(run_lanes_16));
  for (const Report& other : others) {
    REQUIRE(other.functions.size() == scalar.functions.size());
    for (std::size_t f = 0; f < scalar.functions.size(); ++f) {
      INFO(scalar.functions[f].name);
      std::size_t different = 0;
      for (std::size_t i = 0; i < scalar.functions[f].results.size(); ++i) {
        const float a = scalar.functions[f].results[i], b = other.functions[f].results[i];
        if (std::memcmp(&a, &b, 4) != 0 && !(std::isnan(a) && std::isnan(b))) ++different;
      }
      CHECK(different == 0);
    }
    REQUIRE(other.double_functions.size() == scalar.double_functions.size());
    for (std::size_t f = 0; f < scalar.double_functions.size(); ++f) {
      INFO(scalar.double_functions[f].name << " of doubles");
      std::size_t different = 0;
      for (std::size_t i = 0; i < scalar.double_functions[f].results.size(); ++i) {
        const double a = scalar.double_functions[f].results[i], b = other.double_functions[f].results[i];
        if (std::memcmp(&a, &b, 8) != 0 && !(std::isnan(a) && std::isnan(b))) ++different;
      }
      CHECK(different == 0);
    }
  }
}

TEST_CASE("uniform is Philox 4x32-10 and lies in [0, 1)") {
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return;
  const std::vector<float> draws = run(run_lanes_1).functions.back().results;
  // A plain implementation of the definition.
  double sum = 0;
  for (std::uint32_t i = 0; i < draws.size(); ++i) {
    std::uint32_t c[4] = {i / 4, 0, 11, 7 ^ 0x13198a2eu}, key[2] = {0x243f6a88u, 0x85a308d3u};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xd2511f53u} * c[0], b = std::uint64_t{0xcd9e8d57u} * c[2];
      const std::uint32_t next[4] = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
                                     static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1],
                                     static_cast<std::uint32_t>(a)};
      std::memcpy(c, next, sizeof(c));
      key[0] += 0x9e3779b9u;
      key[1] += 0xbb67ae85u;
    }
    CHECK(draws[i] == static_cast<float>(c[i % 4] >> 8) / 16777216.0f);
    sum += draws[i];
  }
  CHECK(std::abs(sum / static_cast<double>(draws.size()) - 0.5) < 0.02);
}
