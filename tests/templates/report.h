// What the kernel cases, compiled once for each number of lanes, hand to the tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct Outcome {
  std::string what;
  std::string failure;     // empty: as expected
  std::uint64_t bits = 0;  // hash of the bits of the result
};

// One function of math.h over the arguments of math_arguments().
struct MathOutcome {
  std::string name;
  std::vector<float> results;
};
std::vector<float> math_arguments();
// The exponent that goes with argument i in the test of power.
float power_exponent(const std::vector<float>& arguments, std::size_t i);

// One function of math_double.h over the arguments of double_arguments().
struct DoubleOutcome {
  std::string name;
  std::vector<double> results;
};
std::vector<double> double_arguments();
double double_exponent(const std::vector<double>& arguments, std::size_t i);

// Deterministic values in [-1, 1), and a place to note what a case computed.
struct Report {
  std::vector<Outcome> outcomes;
  std::vector<MathOutcome> functions;
  std::vector<DoubleOutcome> double_functions;
  std::uint32_t random = 1;

  float next() {
    random = random * 1664525u + 1013904223u;
    return static_cast<float>(static_cast<std::int32_t>(random) >> 8) / 8388608.0f;
  }
  std::vector<float> values(std::ptrdiff_t count) {
    std::vector<float> result(static_cast<std::size_t>(count));
    for (float& value : result) value = next();
    return result;
  }
  // Notes a result; it must equal `want` bit by bit (tolerance 0), or within a tolerance.
  void compare(const std::string& what, const std::vector<float>& got, const std::vector<float>& want,
               double tolerance = 0);
};

// Each runs the kernel cases and the functions of math.h with its number of lanes.
void run_lanes_1(Report&);
void run_lanes_4(Report&);
void run_lanes_8(Report&);
void run_lanes_16(Report&);
