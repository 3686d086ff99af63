#include "compiler/interop/idx.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc {
namespace {

struct Code {
  int code;
  ElementType element;
};
constexpr Code kCodes[] = {{0x08, ElementType::U8},  {0x09, ElementType::I8},  {0x0b, ElementType::I16},
                           {0x0c, ElementType::I32}, {0x0d, ElementType::F32}, {0x0e, ElementType::F64}};

const Code* find_code(std::byte byte) {
  for (const Code& code : kCodes) {
    if (code.code == std::to_integer<int>(byte)) return &code;
  }
  return nullptr;
}

}  // namespace

bool is_idx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} && find_code(bytes[2]) != nullptr &&
         bytes[3] != std::byte{0};
}

Result<Array> parse_idx(const FileBytes& file) {
  const std::span<const std::byte> bytes = file.bytes;
  if (!is_idx(bytes)) return Failure{file.path + ": byte 0: is not an IDX file"};
  const ElementType element = find_code(bytes[2])->element;
  const std::size_t rank = std::to_integer<std::size_t>(bytes[3]);
  const std::size_t begin = 4 + 4 * rank;
  if (bytes.size() < begin) return Failure{file.path + ": is cut short: ends within the header"};
  Shape shape;
  for (std::size_t at = 4; at < begin; at += 4) {
    std::int64_t extent = 0;
    for (std::size_t i = 0; i < 4; ++i) extent = extent << 8 | std::to_integer<std::int64_t>(bytes[at + i]);
    shape.push_back(extent);
  }
  const std::optional<std::uint64_t> size = array_bytes(element, shape);
  if (!size || *size != bytes.size() - begin) {
    return Failure{fmt::format("{}: byte {}: {} bytes follow the header, but {} of shape {} take {}", file.path, begin,
                               bytes.size() - begin, name(element), to_string(shape),
                               size ? std::to_string(*size) : "more than there can be")};
  }
  Array array{"", element, shape, bytes.subspan(begin), file.owner, file.path, false};
  if (size_bytes(element) > 1) {
    Result<ByteBuffer> buffer = allocate_buffer(*size, file.path);
    if (!buffer) return buffer.failure();
    std::copy(array.bytes.begin(), array.bytes.end(), buffer->data.get());
    swap_bytes(buffer->bytes(), static_cast<std::size_t>(size_bytes(element)));
    array.bytes = buffer->bytes();
    array.owner = buffer->data;
  }
  return array;
}

}  // namespace nnc
