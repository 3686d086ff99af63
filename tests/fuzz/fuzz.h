// What a fuzz target is: inputs to begin with, a way to change one that keeps most of its form, and what must hold for
// any bytes at all.
//
// Each *_fuzz.cpp defines the three functions. libfuzzer.cpp makes of them a target of libFuzzer, which learns from the
// coverage (./dev fuzz); replay.cpp makes a test that runs a fixed number of changed inputs, the same on every machine.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace nnc::fuzz {

using Random = std::mt19937;

// Valid inputs.
std::vector<std::string> seeds();
// `input` with a few changes.
std::string mutate(const std::string& input, Random& random);
// Ends the process (demand) where something does not hold that should for every input.
void run(const std::string& input);

// In every build, whatever NDEBUG says.
void demand(bool holds, const char* what);

inline std::size_t below(std::size_t count, Random& random) { return random() % count; }
template <class T>
const T& any_of(const std::vector<T>& values, Random& random) {
  return values[below(values.size(), random)];
}
// Bytes replaced, removed, repeated; numbers of 1, 2, 4 and 8 bytes set to what overflows.
std::string mutate_bytes(std::string bytes, Random& random);

// A file with this content and this name, in a folder of this process that is removed when it ends; its path.
std::string file_with(const std::string& name, const std::string& content);

}  // namespace nnc::fuzz
