// A seeded permutation of 0 … size-1 that needs no memory, so that a data set larger than memory can be shuffled.
//
// A Feistel network is a bijection of [0, 2^(2h)) whatever its round function; 2^(2h) is the least such power of two
// that holds `size`. A number that it takes outside [0, size) is sent through it again (cycle walking), on average
// less than four times, and so the result is a bijection of [0, size). Integer arithmetic alone: the same on every
// machine. Eight rounds of a 64-bit mixing function make it a good shuffle, not a cipher.
#pragma once

#include <array>
#include <cstdint>

namespace nnc {

class Permutation {
 public:
  // Different `stream`s of one seed are independent: one for the division of the data, one for each epoch.
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t stream);

  std::uint64_t size() const { return size_; }
  // The place in [0, size) to which `i` in [0, size) goes.
  std::uint64_t operator()(std::uint64_t i) const;

 private:
  static constexpr int kRounds = 8;

  std::uint64_t size_;
  int half_bits_;
  std::array<std::uint64_t, kRounds> keys_;
};

}  // namespace nnc
