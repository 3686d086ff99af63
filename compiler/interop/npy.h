// NumPy's .npy: one array, versions 1 to 3.
//
// Read where it lies if it is little-endian and in C order; else byte-swapped or transposed into memory. u64 is read
// as i64 if its values fit. Complex, text, record and object arrays are refused.
#pragma once

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc {

bool is_npy(std::span<const std::byte> bytes);
// `place` begins messages: the file, or the member of an archive.
Result<Array> parse_npy(const FileBytes& file, const std::string& place);

// What a .npy file has before the bytes of this array.
std::string npy_header(ElementType element, const Shape& shape);
// bf16 is written as NumPy writes it of ml_dtypes: <V2.
Status write_npy(const std::string& path, const Array& array);

}  // namespace nnc
