#include "compiler/interop/permutation.h"

#include <algorithm>
#include <bit>

namespace nnc {
namespace {

// The output function of SplitMix64: every bit of the result depends on every bit of the argument.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t stream) : size_(size) {
  const int bits = size < 2 ? 1 : static_cast<int>(std::bit_width(size - 1));
  half_bits_ = (bits + 1) / 2;
  std::uint64_t state = mix(seed) ^ mix(stream + 0x9e3779b97f4a7c15);
  for (std::uint64_t& key : keys_) key = mix(state += 0x9e3779b97f4a7c15);
}

std::uint64_t Permutation::operator()(std::uint64_t i) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  do {
    std::uint64_t left = i >> half_bits_;
    std::uint64_t right = i & mask;
    for (const std::uint64_t key : keys_) {
      left ^= mix(right ^ key) & mask;
      std::swap(left, right);
    }
    i = left << half_bits_ | right;
  } while (i >= size_);
  return i;
}

}  // namespace nnc
