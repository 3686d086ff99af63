// Deflate, as .gz files and members of zip archives hold it (through zlib).
#pragma once

#include <cstdint>

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

bool is_gzip(std::span<const std::byte> bytes);
// All members of a .gz file, one after the other; checksums and lengths are checked, nothing may follow.
Result<FileBytes> gunzip(const FileBytes& file);

// Raw deflate of a known size, into memory of exactly that size.
Result<ByteBuffer> inflate_raw(std::span<const std::byte> bytes, std::uint64_t size, const std::string& place);
Result<std::vector<std::byte>> deflate_raw(std::span<const std::byte> bytes, const std::string& place);

// Deflate cannot compress better than this, so a header that claims more lies.
constexpr std::uint64_t kDeflateRatioMax = 1032;

// Of the bytes followed by `more`.
std::uint32_t crc32_of(std::span<const std::byte> bytes, std::span<const std::byte> more = {});

}  // namespace nnc
