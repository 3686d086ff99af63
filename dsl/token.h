// Tokens: what the lexer hands to the parser and to the formatter.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dsl/source.h"

namespace nnc {

enum class TokenKind {
  Identifier,
  Keyword,  // a reserved word
  Integer,
  Real,     // written with '.' or an exponent
  Text,     // with its quotes; escapes not yet resolved
  Symbol,   // an operator or a bracket
  LineEnd,  // a newline that ends a line, or ';'
  Invalid,  // what is no token; already reported
  End,      // of the file
};

struct Token {
  TokenKind kind = TokenKind::End;
  Span span;
  std::string_view text;         // as in the source
  std::int32_t depth = 0;        // brackets open around it; a bracket counts as outside itself
  bool is_synthetic = false;     // a closing bracket that the lexer added; already reported
  bool ends_by_newline = false;  // a LineEnd that is a newline, not ';'
};

// A comment from '#' to the end of its line.
struct Comment {
  Span span;
  bool is_alone = false;  // nothing but blanks before it on its line
};

struct TokenStream {
  std::vector<Token> tokens;  // ends with End; every bracket is closed
  std::vector<Comment> comments;
};

}  // namespace nnc
