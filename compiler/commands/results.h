// What `nnc run` has computed: written to a file, or printed as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/interop/array.h"

namespace nnc {

// One output, or the gradient of one value.
struct ComputedArray {
  std::string name;
  Type type;                  // of one example
  std::int64_t examples = 1;  // how many lie in `bytes`, one after the other
  bool has_axis = false;      // the examples are an axis of their own, even a single one
  std::vector<std::byte> bytes;
};

// It refers to the bytes of `computed`.
Array array_of(const ComputedArray& computed);

// As text if the name ends in .csv, else as .npy.
Status write_result(const std::string& path, const Array& array);

// "y: f32[2], 3 examples", then its numbers, each row of the last axis a line; of many rows the first and how many
// more.
std::string result_text(const ComputedArray& array);

}  // namespace nnc
