// IDX, the format of MNIST: one array, big-endian. Bytes are read where they lie; wider elements are swapped.
#pragma once

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

bool is_idx(std::span<const std::byte> bytes);
Result<Array> parse_idx(const FileBytes& file);

}  // namespace nnc
