// Every kernel against plain loops, bit by bit, and the same bits for every number of lanes.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/templates/report.h"

void Report::compare(const std::string& what, const std::vector<float>& got, const std::vector<float>& want,
                     double tolerance) {
  Outcome outcome{what, "", 1469598103934665603ull};
  for (std::size_t i = 0; i < got.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &got[i], 4);
    outcome.bits = (outcome.bits ^ bits) * 1099511628211ull;
    const bool same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i])) ||
                      std::abs(static_cast<double>(got[i]) - want[i]) <= tolerance;
    if (!same && outcome.failure.empty()) {
      outcome.failure =
          "at " + std::to_string(i) + ": " + std::to_string(got[i]) + " instead of " + std::to_string(want[i]);
    }
  }
  if (got.size() != want.size()) outcome.failure = "sizes differ";
  outcomes.push_back(outcome);
}

namespace {

Report run(void (*cases)(Report&)) {
  Report report;
  cases(report);
  return report;
}

void check(const Report& report, const Report& reference) {
  REQUIRE(report.outcomes.size() == reference.outcomes.size());
  REQUIRE(report.outcomes.size() > 20);
  for (std::size_t i = 0; i < report.outcomes.size(); ++i) {
    INFO(report.outcomes[i].what);
    CHECK(report.outcomes[i].failure == "");
    CHECK(report.outcomes[i].bits == reference.outcomes[i].bits);
  }
}

bool has_fma() { return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"); }

}  // namespace

TEST_CASE("kernels compute what plain loops compute, with the same bits for every number of lanes") {
  if (!has_fma()) return;
  const Report reference = run(run_lanes_1);
  check(reference, reference);
  check(run(run_lanes_4), reference);
  check(run(run_lanes_8), reference);
  if (__builtin_cpu_supports("avx512dq")) check(run(run_lanes_16), reference);
}
