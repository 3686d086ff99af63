// The functions of math.h and random.h, evaluated NNC_LANES at a time. Included like cases.h.

#include "nnc/math.h"
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
#undef NNC_TEST_FUNCTION

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
