// Weights between files and the contiguous structs that emitted code takes.
#pragma once

#include "compiler/interop/array.h"

namespace nnc {

// A field of such a struct.
struct WeightSlot {
  std::string name;  // path: "conv1.weight"
  Type type;
  std::int64_t offset = 0;  // bytes
};

// Copies each slot's array to its place in `target`. All must be there with their shape and element type; f16 and bf16
// are widened to f32 or f64, and f32 to f64, since no value changes by that. Arrays without a slot are left alone: a
// file may serve several models. `place` is the file's name for messages.
Status load_weights(const std::vector<Array>& arrays, const std::vector<WeightSlot>& slots, std::span<std::byte> target,
                    const std::string& place);

// The same for the slots that have an array of their name, shape and element type; the others keep what `target` holds.
// Gives their names, with what the file has under them if that does not fit. No array that fits is an error.
Result<std::vector<std::string>> load_matching_weights(const std::vector<Array>& arrays,
                                                       const std::vector<WeightSlot>& slots,
                                                       std::span<std::byte> target, const std::string& place);

// An error if there is an array that `known` does not name: the file is then of another model.
Status check_weight_names(const std::vector<Array>& arrays, const std::vector<std::string>& known,
                          const std::string& place);

// The slots of `source` as arrays, ready to be written; they refer to its memory.
std::vector<Array> weights_as_arrays(const std::vector<WeightSlot>& slots, std::span<const std::byte> source);

}  // namespace nnc
