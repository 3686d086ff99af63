// NumPy's .npz: a zip archive of .npy files, stored or deflated.
//
// Stored members lie in the mapping of the file, so they may be larger than memory; deflated ones are unpacked into
// memory. Checksums are verified, except of stored members above kChecksumMax, which would be read twice.
#pragma once

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

constexpr std::uint64_t kChecksumMax = std::uint64_t{4} << 30;

bool is_zip(std::span<const std::byte> bytes);
Result<std::vector<Array>> parse_npz(const FileBytes& file);
Status write_npz(const std::string& path, const std::vector<Array>& arrays, bool compress);

}  // namespace nnc
