// Tokens and syntax trees as text, for `--emit=tokens`, `--emit=ast` and tests. No places: two files that mean the same
// to the parser print alike.
#pragma once

#include <string>

#include "dsl/ast.h"
#include "dsl/token.h"

namespace nnc {

// One token a line: its place, its kind, its text.
std::string print_tokens(const SourceManager& sources, const TokenStream& stream);

namespace ast {
// One statement a line; expressions as `(operator operand …)`.
std::string print(const File& file);
std::string print(const Expr& expr);
std::string print(const Type& type);
}  // namespace ast

}  // namespace nnc
