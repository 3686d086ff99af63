#include "compiler/emit/cpp_text.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "compiler/graph/graph.h"

namespace nnc {

std::string cpp_type(ElementType type) {
  switch (type) {
    case ElementType::F32:
      return "float";
    case ElementType::F64:
      return "double";
    case ElementType::I8:
      return "std::int8_t";
    case ElementType::U8:
      return "std::uint8_t";
    case ElementType::I16:
      return "std::int16_t";
    case ElementType::U16:
    case ElementType::F16:
    case ElementType::BF16:
      return "std::uint16_t";
    case ElementType::I32:
      return "std::int32_t";
    case ElementType::U32:
      return "std::uint32_t";
    case ElementType::I64:
      return "std::int64_t";
    case ElementType::U64:
      return "std::uint64_t";
    case ElementType::Bool:
      return "std::uint8_t";
  }
  throw InternalError("no C++ type for this element type");
}

std::string cpp_literal(ElementType type, double value) {
  if (!is_float(type)) return cpp_literal(type, Tensor::scalar(type, value).integers()[0]);
  if (is_half(type)) return fmt::format("0x{:04x}", float_bits(type, value));
  const bool is_single = type == ElementType::F32;
  const std::string sign = std::signbit(value) ? "-" : "";
  if (std::isnan(value)) return is_single ? "__builtin_nanf(\"\")" : "__builtin_nan(\"\")";
  const bool is_infinite = is_single ? std::isinf(static_cast<float>(value)) : std::isinf(value);
  if (is_infinite) return sign + (is_single ? "__builtin_huge_valf()" : "__builtin_huge_val()");
  std::string text = is_single ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return is_single ? text + "f" : text;
}

std::string cpp_literal(ElementType type, std::int64_t value) {
  switch (type) {
    case ElementType::F32:
    case ElementType::F64:
    case ElementType::F16:
    case ElementType::BF16:
      return cpp_literal(type, static_cast<double>(value));
    case ElementType::Bool:
      return value != 0 ? "1" : "0";
    case ElementType::U32:
    case ElementType::U64:
      return integer_text(type, value) + "u";
    case ElementType::I32:
      return value == std::numeric_limits<std::int32_t>::min() ? "-2147483647 - 1" : fmt::format("{}", value);
    case ElementType::I64:
      return value == std::numeric_limits<std::int64_t>::min() ? "-9223372036854775807 - 1" : fmt::format("{}", value);
    default:
      return fmt::format("{}", value);
  }
}

std::string array_extents(const Shape& shape) {
  std::string text;
  for (std::int64_t extent : shape) text += fmt::format("[{}]", extent);
  return text;
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) {
    if (text[i - 4] != '-') text.insert(i - 3, ",");
  }
  return text;
}

namespace {

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// The end of the line at `at`, its continuations included.
std::size_t line_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !(text[at] == '\n' && text[at - 1] != '\\')) ++at;
  return at;
}

}  // namespace

std::vector<CppToken> cpp_tokens(std::string_view text) {
  using Kind = CppToken::Kind;
  std::vector<CppToken> tokens;
  bool is_line_start = true;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t end = at + 1;
    Kind kind = Kind::Symbol;
    if (is_space(c)) {
      kind = Kind::Space;
      while (end < text.size() && is_space(text[end])) ++end;
    } else if (text.substr(at, 2) == "//") {
      kind = Kind::Comment;
      end = line_end(text, at + 1);
    } else if (c == '#' && is_line_start) {
      kind = Kind::Directive;
      end = line_end(text, at + 1);
    } else if (is_word_start(c)) {
      kind = Kind::Word;
      while (end < text.size() && (is_word_start(text[end]) || is_digit(text[end]))) ++end;
    } else if (is_digit(c)) {
      kind = Kind::Number;
      while (end < text.size() && (is_word_start(text[end]) || is_digit(text[end]) || text[end] == '.')) ++end;
    } else if (c == '"' || c == '\'') {
      kind = Kind::Text;
      while (end < text.size() && text[end] != c) end += text[end] == '\\' ? 2 : 1;
      end = end < text.size() ? end + 1 : text.size();
    }
    tokens.push_back({kind, text.substr(at, end - at)});
    is_line_start = kind == Kind::Space && tokens.back().text.find('\n') != std::string_view::npos;
    at = end;
  }
  return tokens;
}

}  // namespace nnc
