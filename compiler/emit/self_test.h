// The text of model_test.cpp: a program that calls the functions of a unit on inputs that it makes itself and compares
// what they give with numbers that nnc has computed. It needs no file and no heap; of a library printf, or nothing.
//
// Inputs are drawn by splitmix64 and one rounding, so that nnc and every target draw the same. An output of many
// elements is compared by weighted sums of blocks of them: element i of the output counts 1 + i % 8 times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/emit/unit.h"

namespace nnc {

// How the elements of a tensor are drawn. Floats: center + scale k 2^-23, k the 24 high bits of a draw less 2^23;
// `scale` is a power of two, so that the sum alone rounds. Integers: low + a draw modulo `range`. A scale of 0 or a
// range of 1 draws nothing.
struct Drawn {
  double center = 0;
  double scale = 1;
  std::int64_t low = 0;
  std::int64_t range = 1;
};

// An output, over all calls of its function.
struct SelfTestOutput {
  std::string name;          // in the source
  std::int64_t block = 1;    // elements compared together
  std::vector<double> sums;  // of the blocks, one call after the other
  double tolerance = 0;      // of an element
  bool is_compared = true;   // false: rounding decides on it
};

// A function, in the order of the test.
struct SelfTestFunction {
  std::string name;  // UnitFunction::name
  int calls = 1;
  std::vector<Drawn> inputs;  // in the order of the function's inputs
  std::vector<SelfTestOutput> outputs;
};

struct SelfTest {
  std::uint64_t seed = 0;
  std::vector<Drawn> parameters;  // in the order of the struct's fields; empty: `init` or the weights embedded set them
  std::vector<SelfTestFunction> functions;
};

// Largest number of sums of an output in one call.
inline constexpr std::int64_t kSelfTestSums = 256;
// What an element counts in the sum of its block.
inline double self_test_weight(std::int64_t block, std::int64_t element) {
  return block == 1 ? 1.0 : static_cast<double>(1 + element % 8);
}

// Of all units of one file. `base_name`: of that file, without extension.
struct TestedUnit {
  const Unit* unit = nullptr;
  SelfTest test;
};
EmittedFile self_test_text(const std::vector<TestedUnit>& units, const std::string& base_name);

}  // namespace nnc
