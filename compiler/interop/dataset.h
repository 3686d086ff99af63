// A data set: arrays bound to the inputs of a model and of its train block, fetched in batches.
//
// The first axis of every array counts the examples. What an input takes:
//   its own element type   as it is (NaN included)
//   class labels           integers of any width; every value is checked to be in [0, classes) when bound
//   f32                    also u8, by value
//   any type               numbers from text that the type can hold
// All else is refused with the remedy; nothing is reshaped unless the user asked for it. Mapped arrays are not read
// before they are fetched, but for labels: those are checked once.
#pragma once

#include <algorithm>

#include "compiler/interop/array.h"
#include "compiler/interop/permutation.h"

namespace nnc {

struct WantedInput {
  std::string name;
  Type type;                 // of one example
  std::int64_t classes = 0;  // labels in [0, classes), held as `type`; 0: not labels
};

class DataSet {
 public:
  // `arrays` may hold more than is wanted.
  static Result<DataSet> bind(const std::vector<Array>& arrays, const std::vector<WantedInput>& inputs);

  std::uint64_t size() const { return size_; }  // examples
  // A number that tells most data sets apart: a hash of the size and of the first, middle and last example.
  std::uint64_t fingerprint() const;
  // Copies the given examples, each below size(), of input i to destinations[i], one after the other.
  void fill(std::span<const std::uint64_t> examples, std::span<std::byte* const> destinations) const;

 private:
  // Copies `count` elements, converting them.
  using Copy = void (*)(const std::byte* source, std::byte* target, std::size_t count);
  struct Source {
    Array array;
    std::size_t elements = 0;      // of one example
    std::size_t source_bytes = 0;  // of one example in the array
    std::size_t target_bytes = 0;  // of one example as the input takes it
    Copy copy = nullptr;
  };
  static Result<Source> bind_input(const std::vector<Array>& arrays, const WantedInput& input);

  std::vector<Source> sources_;
  std::uint64_t size_ = 0;
};

// Some examples of a data set, drawn without repetition, in an order that costs no memory.
class Examples {
 public:
  // All, in the order of the data.
  explicit Examples(std::uint64_t size) : size_(size) {}
  // The images of begin … begin+size-1.
  Examples(const Permutation& order, std::uint64_t begin, std::uint64_t size)
      : order_(order), begin_(begin), size_(size) {}

  std::uint64_t size() const { return size_; }
  // Of these the first, at most `count`.
  Examples first(std::uint64_t count) const {
    Examples result = *this;
    result.size_ = std::min(size_, count);
    return result;
  }
  std::uint64_t operator[](std::uint64_t i) const { return order_ ? (*order_)(begin_ + i) : begin_ + i; }

 private:
  std::optional<Permutation> order_;
  std::uint64_t begin_ = 0;
  std::uint64_t size_;
};

struct Division {
  Examples training;
  Examples held_out;
};
// Holds out `fraction` of `size` examples, rounded, drawn by a shuffle that the seed determines (`--hold-out 0.2`).
Result<Division> hold_out(std::uint64_t size, double fraction, std::uint64_t seed);

// The order in which epoch `epoch` (from 0) visits `size` examples: compose it with Examples.
Permutation epoch_order(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch);

}  // namespace nnc
