// A target of libFuzzer: its entry points, made of the three functions of fuzz.h.
#include <cstdint>

#include "tests/fuzz/fuzz.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nnc::fuzz::run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

// Half of the changes are those that keep the form, half are libFuzzer's own.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  nnc::fuzz::Random random(seed);
  static const std::vector<std::string> seeds = nnc::fuzz::seeds();
  std::string input(reinterpret_cast<const char*>(data), size);
  if (size <= 1)
    input = nnc::fuzz::any_of(seeds, random);
  else if (random() % 2 == 0)
    return LLVMFuzzerMutate(data, size, size_max);
  const std::string changed = nnc::fuzz::mutate(input, random).substr(0, size_max);
  changed.copy(reinterpret_cast<char*>(data), changed.size());
  return changed.size();
}
