// UTF-8: decoding one code point at a time, never reading outside the text whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nnc::utf8 {

struct CodePoint {
  char32_t value = 0;
  std::uint32_t length = 1;  // bytes taken, at least 1
  bool is_valid = false;     // false: a byte that is no UTF-8; length 1
};

// Decodes at `offset`, which lies inside `text`. Overlong forms, surrogates and values past U+10FFFF are invalid.
inline CodePoint decode(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(offset);
  if (first < 0x80) return {first, 1, true};
  const std::uint32_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || offset + length > text.size()) return {};
  char32_t value = first & (0xFF >> (length + 1));
  for (std::uint32_t i = 1; i < length; ++i) {
    if ((byte(offset + i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(offset + i) & 0x3F);
  }
  const bool is_overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (is_overlong || is_surrogate || value > 0x10FFFF) return {};
  return {value, length, true};
}

// Code points in `text`; a byte that is no UTF-8 counts as one.
inline std::size_t count(std::string_view text) {
  std::size_t points = 0;
  for (std::size_t i = 0; i < text.size(); i += decode(text, i).length) ++points;
  return points;
}

// The offset of the first byte that is no UTF-8, or npos.
inline std::size_t find_invalid(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint point = decode(text, i);
    if (!point.is_valid) return i;
    i += point.length;
  }
  return std::string_view::npos;
}

}  // namespace nnc::utf8
