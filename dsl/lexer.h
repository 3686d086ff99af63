// Text to tokens.
//
// The lexer also settles two things that would make the parser's recovery hard: where lines end (the rule for newlines
// in grammar.md), and brackets: it reports those that do not match and adds or drops closing ones, so that in what it
// returns every bracket is closed.
#pragma once

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/token.h"

namespace nnc {

TokenStream lex(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics);

bool is_reserved(std::string_view word);
bool is_identifier(std::string_view word);  // has the form of a name, and is not reserved

}  // namespace nnc
