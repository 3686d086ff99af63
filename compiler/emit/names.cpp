#include "compiler/emit/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace nnc {
namespace {

constexpr std::size_t kNameLengthMax = 60;

// Keywords up to C++23, identifiers with a meaning, and object-like macros of common headers and systems.
constexpr std::array kTaken = {
    "alignas",     "alignof",   "and",        "and_eq",    "asm",       "auto",         "bitand",
    "bitor",       "bool",      "break",      "case",      "catch",     "char",         "char16_t",
    "char32_t",    "char8_t",   "class",      "co_await",  "co_return", "co_yield",     "compl",
    "concept",     "const",     "const_cast", "consteval", "constexpr", "constinit",    "continue",
    "decltype",    "default",   "delete",     "do",        "double",    "dynamic_cast", "else",
    "enum",        "explicit",  "export",     "extern",    "false",     "float",        "for",
    "friend",      "goto",      "if",         "inline",    "int",       "long",         "mutable",
    "namespace",   "new",       "noexcept",   "not",       "not_eq",    "nullptr",      "operator",
    "or",          "or_eq",     "private",    "protected", "public",    "register",     "reinterpret_cast",
    "requires",    "return",    "short",      "signed",    "sizeof",    "static",       "static_assert",
    "static_cast", "struct",    "switch",     "template",  "this",      "thread_local", "throw",
    "true",        "try",       "typedef",    "typeid",    "typename",  "typeof",       "union",
    "unsigned",    "using",     "virtual",    "void",      "volatile",  "wchar_t",      "while",
    "xor",         "xor_eq",    "std",        "main",      "linux",     "unix",         "i386",
    "NULL",        "EOF",       "NAN",        "INFINITY",  "I",         "complex",      "errno",
    "stdin",       "stdout",    "stderr",     "assert",    "offsetof",  "near",         "far",
    "small",       "interface", "min",        "max",       "DEBUG",     "ERROR",        "TRUE",
    "FALSE",       "BSD",       "vector",     "pixel",     "arm",       "mips",         "sun"};

bool is_taken(std::string_view name) { return std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end(); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }

}  // namespace

std::string cpp_identifier(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (result.size() == kNameLengthMax) break;
    if (is_word(c)) {
      if (result.empty() && is_digit(c)) result += 'n';
      result += c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  if (result.empty()) result = "unnamed";
  return is_taken(result) ? result + "_" : result;
}

std::string camel_case(std::string_view name) {
  std::string result;
  bool begins_word = true;
  for (char c : cpp_identifier(name)) {
    if (c == '_') {
      begins_word = true;
    } else {
      result += begins_word && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      begins_word = false;
    }
  }
  return result;
}

std::string comment_text(std::string_view text, std::size_t length_max) {
  std::string result;
  for (char c : text) {
    if (result.size() >= length_max) return result + "...";
    const unsigned byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '\\') {
      result += fmt::format("<{:02x}>", byte);
    } else {
      result += c;
    }
  }
  return result;
}

std::string NameScope::add(std::string_view wanted, std::string_view suffix, const NameScope* avoided) {
  const auto taken = [&](const std::string& name) {
    return has(name) || is_taken(name) || (avoided && avoided->has(name));
  };
  const std::string plain = cpp_identifier(wanted);
  std::string name = plain;
  if (taken(name)) {
    const std::string base = plain.back() == '_' ? plain.substr(0, plain.size() - 1) : plain;
    name = base + std::string(suffix);
    for (int i = 2; taken(name); ++i) name = fmt::format("{}_{}", base, i);
  }
  reserve(name);
  return name;
}

}  // namespace nnc
