// The formatter's view of a file: tokens without line ends, each with what stood before it in the source.
#pragma once

#include <string>
#include <vector>

#include "dsl/token.h"

namespace nnc {

struct Piece {
  Token token;
  std::vector<Comment> comments;  // alone on the lines before it
  Comment trailing;               // after it on its line; an invalid span if none
  int trailing_gap = 0;           // blanks before that comment in the source
  int gap = 0;                    // blanks before it in the laid-out line
  int source_gap = 0;             // blanks before it in the source; 0 at the beginning of a line
  int match = -1;                 // of a bracket: the index of its partner
  bool starts_statement = false;  // a line end, by newline or ';', precedes
  bool breaks = false;            // begins a line
  bool has_blank = false;         // a blank line precedes (before the comments)
  bool is_word = false;           // an identifier that acts as a keyword: `minimize (…)` is no call
  bool is_unary = false;          // a '-' with one operand
  bool is_slice = false;          // a ':' between the ends of a slice
};

// Reads the pieces of a file, with everything but `gap` filled in. The last one is the end of the file.
std::vector<Piece> read_pieces(const SourceManager& sources, std::int32_t file, const TokenStream& stream);

// Fills in `gap`: one rule for every pair of neighbours.
void space_pieces(std::vector<Piece>& pieces);

// Breaks blocks that do not fit one line in the author's text: after '{' (or a lambda's '->') and before '}'.
void open_blocks(std::vector<Piece>& pieces);

// The first piece inside a block: after '{', or after a lambda's '->'.
int content_of(const std::vector<Piece>& pieces, int opening);

}  // namespace nnc
