// `nnc fmt`: the one way a program is laid out.
//
// Works on tokens: what is written, and in which order, never changes; only blanks and newlines do. Settled here are
// indentation, the blanks between tokens, and lines longer than kLineWidth, which are broken. Kept are the author's
// comments, line breaks (where the chain of `|>` or the list breaks is a matter of sense), single blank lines, and
// columns: `=`, `~`, `->` and one-line bodies of consecutive lines of the same kind, and comments at line ends.
#pragma once

#include <string>

#include "dsl/source.h"

namespace nnc {

constexpr int kLineWidth = 110;

// The text laid out; unchanged if it has syntax errors (parse it first to report them). Formatting twice is formatting
// once, and the syntax tree stays the same.
std::string format(const SourceManager& sources, std::int32_t file);

}  // namespace nnc
