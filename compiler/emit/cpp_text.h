// Pieces of C++ text: types, literals, array declarators, and a tokenizer for the C++ that nnc embeds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/graph/tensor.h"

namespace nnc {

// "float", "std::int32_t"; booleans lie in memory as "std::uint8_t".
std::string cpp_type(ElementType type);
// A literal that reads back as exactly this value. Infinities and NaN are the compilers' builtins.
std::string cpp_literal(ElementType type, double value);
std::string cpp_literal(ElementType type, std::int64_t value);
// "[6][1][5][5]"; empty for a scalar.
std::string array_extents(const Shape& shape);
// 246848 -> "246,848".
std::string grouped(std::int64_t number);

struct CppToken {
  enum class Kind { Word, Number, Text, Comment, Space, Directive, Symbol };
  Kind kind = Kind::Symbol;
  std::string_view text;
};
// Cuts C++ into tokens whose texts make up the whole again. A Directive is a preprocessor line with its continuations.
std::vector<CppToken> cpp_tokens(std::string_view text);

}  // namespace nnc
