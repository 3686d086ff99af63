// The functions of math.h and random.h, evaluated NNC_LANES at a time. Included like cases.h.

#include "nnc/math_double.h"
#include "nnc/random.h"

namespace cases {

template <class F>
void evaluate(Report& report, const char* name, const std::vector<float>& x, const F& function) {
  MathOutcome outcome{name, std::vector<float>(x.size())};
  for (std::size_t i = 0; i + kLanes <= x.size(); i += kLanes) {
    nnc::store(outcome.results.data() + i, function(nnc::load<kLanes>(x.data() + i)));
  }
  report.functions.push_back(outcome);
}

#define NNC_TEST_FUNCTION(name)          \
  struct Call_##name {                   \
    template <class V>                   \
    NNC_INLINE V operator()(V x) const { \
      return nnc::name(x);               \
    }                                    \
  }
NNC_TEST_FUNCTION(exp);
NNC_TEST_FUNCTION(log);
NNC_TEST_FUNCTION(tanh);
NNC_TEST_FUNCTION(erf);
NNC_TEST_FUNCTION(sin);
NNC_TEST_FUNCTION(cos);
NNC_TEST_FUNCTION(atan);
NNC_TEST_FUNCTION(sqrt);
NNC_TEST_FUNCTION(floor);
NNC_TEST_FUNCTION(round);

// Doubles: as many as fill a vector of kLanes floats, or one.
constexpr int kDoubles = kLanes >= 8 ? static_cast<int>(kLanes) / 2 : 1;

template <class F>
void evaluate_doubles(Report& report, const char* name, const std::vector<double>& x, const F& function) {
  DoubleOutcome outcome{name, std::vector<double>(x.size())};
  for (std::size_t i = 0; i < x.size(); i += kDoubles) {
    nnc::store(outcome.results.data() + i, function(nnc::load<kDoubles>(x.data() + i)));
  }
  report.double_functions.push_back(outcome);
}

NNC_TEST_FUNCTION(exp_double);
NNC_TEST_FUNCTION(log_double);
NNC_TEST_FUNCTION(tanh_double);
NNC_TEST_FUNCTION(erf_double);
NNC_TEST_FUNCTION(sin_double);
NNC_TEST_FUNCTION(cos_double);
NNC_TEST_FUNCTION(atan_double);
#undef NNC_TEST_FUNCTION

inline void run_doubles(Report& report) {
  const std::vector<double> x = double_arguments();
  evaluate_doubles(report, "exp", x, Call_exp_double{});
  evaluate_doubles(report, "log", x, Call_log_double{});
  evaluate_doubles(report, "tanh", x, Call_tanh_double{});
  evaluate_doubles(report, "erf", x, Call_erf_double{});
  evaluate_doubles(report, "sin", x, Call_sin_double{});
  evaluate_doubles(report, "cos", x, Call_cos_double{});
  evaluate_doubles(report, "atan", x, Call_atan_double{});
  evaluate_doubles(report, "sqrt", x, Call_sqrt{});
  evaluate_doubles(report, "floor", x, Call_floor{});
  evaluate_doubles(report, "round", x, Call_round{});
  DoubleOutcome powers{"power", std::vector<double>(x.size())}, rests{"remainder", std::vector<double>(x.size())};
  for (std::size_t i = 0; i < x.size(); i += kDoubles) {
    double exponents[kDoubles];
    for (std::size_t lane = 0; lane < kDoubles; ++lane) exponents[lane] = double_exponent(x, i + lane);
    nnc::store(powers.results.data() + i,
               nnc::power_double(nnc::load<kDoubles>(x.data() + i), nnc::load<kDoubles>(exponents)));
    nnc::store(rests.results.data() + i,
               nnc::remainder(nnc::load<kDoubles>(x.data() + i), nnc::load<kDoubles>(exponents)));
  }
  report.double_functions.push_back(powers);
  report.double_functions.push_back(rests);
}

inline void run_math(Report& report) {
  const std::vector<float> x = math_arguments();
  evaluate(report, "exp", x, Call_exp{});
  evaluate(report, "log", x, Call_log{});
  evaluate(report, "tanh", x, Call_tanh{});
  evaluate(report, "erf", x, Call_erf{});
  evaluate(report, "sin", x, Call_sin{});
  evaluate(report, "cos", x, Call_cos{});
  evaluate(report, "atan", x, Call_atan{});
  evaluate(report, "sqrt", x, Call_sqrt{});
  evaluate(report, "floor", x, Call_floor{});
  evaluate(report, "round", x, Call_round{});

  // power(x[i], x[j]) for pairs that give finite results often, and for all pairs of the special values in front.
  MathOutcome powers{"power", std::vector<float>(x.size())}, rests{"remainder", std::vector<float>(x.size())};
  for (std::size_t i = 0; i + kLanes <= x.size(); i += kLanes) {
    float exponents[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) exponents[lane] = power_exponent(x, i + lane);
    nnc::store(powers.results.data() + i, nnc::power(nnc::load<kLanes>(x.data() + i), nnc::load<kLanes>(exponents)));
    nnc::store(rests.results.data() + i, nnc::remainder(nnc::load<kLanes>(x.data() + i), nnc::load<kLanes>(exponents)));
  }
  report.functions.push_back(powers);
  report.functions.push_back(rests);

  MathOutcome draws{"uniform", std::vector<float>(4096)};
  for (std::size_t i = 0; i < 4096; i += kLanes) {
    const nnc::Draw draw{0x243f6a88u, 0x85a308d3u, 7, 11, 0, 0x13198a2eu};
    nnc::store(draws.results.data() + i, nnc::uniform<kLanes>(draw, static_cast<std::uint32_t>(i)));
  }
  report.functions.push_back(draws);
}

}  // namespace cases
