// Reading, classifying and spacing the formatter's pieces; see format_pieces.h.
#include "dsl/format_pieces.h"

#include <algorithm>
#include <array>

#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr std::array<std::string_view, 7> kTrainWords = {"input", "minimize", "metric", "update",
                                                         "with",  "batch",    "epochs"};

bool is(const Piece& piece, std::string_view text) {
  return piece.token.text == text && (piece.token.kind == TokenKind::Symbol || piece.token.kind == TokenKind::Keyword);
}

bool is_opening(const Piece& piece) { return is(piece, "(") || is(piece, "[") || is(piece, "{"); }
bool is_closing(const Piece& piece) { return is(piece, ")") || is(piece, "]") || is(piece, "}"); }

bool ends_operand(const Piece& piece) {
  const TokenKind kind = piece.token.kind;
  if (kind == TokenKind::Identifier) return !piece.is_word;
  return kind == TokenKind::Integer || kind == TokenKind::Real || kind == TokenKind::Text || is_closing(piece) ||
         is(piece, "true") || is(piece, "false");
}

// Partners of brackets, and what a token is by its surroundings.
void classify(std::vector<Piece>& pieces) {
  std::vector<int> open;
  bool is_in_train = false;
  for (int i = 0; i < static_cast<int>(pieces.size()); ++i) {
    Piece& piece = pieces[i];
    if (piece.token.depth == 0 && piece.starts_statement) is_in_train = is(piece, "train");
    piece.is_word = is_in_train && piece.token.depth == 1 && piece.starts_statement &&
                    std::find(kTrainWords.begin(), kTrainWords.end(), piece.token.text) != kTrainWords.end();
    piece.is_unary = is(piece, "-") && (i == 0 || piece.starts_statement || !ends_operand(pieces[i - 1]));
    if (is_opening(piece)) open.push_back(i);
    if (is_closing(piece) && !open.empty()) {
      piece.match = open.back();
      pieces[open.back()].match = i;
      open.pop_back();
    }
    // A lambda's body begins after '->', without a line end.
    if (is(piece, "{")) pieces[content_of(pieces, i)].starts_statement = true;
    if (is(piece, ":") && !open.empty() && is(pieces[open.back()], "[")) {
      const bool is_instance = open.back() >= 2 && is(pieces[open.back() - 2], "layer");  // `layer b[i: 6]`
      piece.is_slice = !is_instance;
    }
  }
}

int gap_between(const Piece& before, const Piece& piece, const Piece* after) {
  if (is(before, "(") || is(before, "[") || is(before, ".") || before.is_unary || before.is_slice) return 0;
  if (is(before, ",")) return 1;
  for (const std::string_view tight : {",", ")", "]", "...", ":", "."}) {
    if (is(piece, tight)) return 0;
  }
  if (is(piece, "(") || is(piece, "[")) return ends_operand(before) ? 0 : 1;
  const auto is_number = [](const Piece& p) {
    return p.token.kind == TokenKind::Integer || p.token.kind == TokenKind::Real;
  };
  if (is(before, "^")) return is_number(piece) ? 0 : 1;
  if (is(piece, "^")) return after != nullptr && is_number(*after) ? 0 : 1;
  return 1;
}

}  // namespace

std::vector<Piece> read_pieces(const SourceManager& sources, std::int32_t file, const TokenStream& stream) {
  const std::string_view text = sources.text(file);
  std::vector<Piece> pieces;
  std::size_t next_comment = 0;
  std::uint32_t at = 0;  // the end of what was read: a token or a comment
  bool starts_statement = true;
  for (const Token& token : stream.tokens) {
    if (token.kind == TokenKind::LineEnd) {
      starts_statement = true;
      if (!token.ends_by_newline) at = token.span.end;
      continue;
    }
    Piece piece;
    piece.token = token;
    piece.starts_statement = starts_statement || (!pieces.empty() && is(pieces.back(), "{"));
    starts_statement = false;
    const auto newlines_until = [&](std::uint32_t end) {
      return std::count(text.begin() + at, text.begin() + std::max(at, end), '\n');
    };
    bool is_first_gap = true;
    const auto note_blank = [&](std::uint32_t end) {
      if (is_first_gap || piece.comments.empty()) piece.has_blank = piece.has_blank || newlines_until(end) > 1;
      is_first_gap = false;
    };
    while (next_comment < stream.comments.size() && stream.comments[next_comment].span.begin < token.span.begin) {
      const Comment& comment = stream.comments[next_comment++];
      if (comment.is_alone || pieces.empty()) {
        note_blank(comment.span.begin);
        piece.comments.push_back(comment);
      } else {
        pieces.back().trailing = comment;
        pieces.back().trailing_gap = static_cast<int>(comment.span.begin - at);
      }
      piece.breaks = true;
      at = comment.span.end;
    }
    note_blank(token.span.begin);
    piece.breaks = piece.breaks || pieces.empty() || newlines_until(token.span.begin) > 0;
    piece.source_gap = piece.breaks ? 0 : static_cast<int>(token.span.begin - at);
    at = token.span.end;
    pieces.push_back(std::move(piece));
  }
  pieces.back().breaks = true;
  classify(pieces);
  return pieces;
}

void space_pieces(std::vector<Piece>& pieces) {
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const Piece* after = i + 1 < pieces.size() ? &pieces[i + 1] : nullptr;
    pieces[i].gap = pieces[i].starts_statement ? 1 : gap_between(pieces[i - 1], pieces[i], after);
  }
}

int content_of(const std::vector<Piece>& pieces, int opening) {
  int i = opening + 1;
  while (pieces[i].token.kind == TokenKind::Identifier && is(pieces[i + 1], ",")) i += 2;
  const bool is_lambda = pieces[i].token.kind == TokenKind::Identifier && is(pieces[i + 1], "->");
  return is_lambda ? i + 2 : opening + 1;
}

void open_blocks(std::vector<Piece>& pieces) {
  // In the order of the closing brackets, so that inner blocks are settled before those around them.
  std::vector<int> widest;  // for each open bracket: whether a block in it was opened
  for (int i = 0; i < static_cast<int>(pieces.size()); ++i) {
    if (is_opening(pieces[i])) widest.push_back(0);
    if (!is_closing(pieces[i]) || widest.empty()) continue;
    bool is_open = widest.back() != 0;
    widest.pop_back();
    if (is(pieces[i], "}")) {
      const int opening = pieces[i].match;
      const int content = content_of(pieces, opening);
      const std::int32_t depth = pieces[opening].token.depth + 1;
      for (int k = content; k < i && !is_open; ++k) {
        is_open = pieces[k].breaks && pieces[k].token.depth == depth && (pieces[k].starts_statement || k == content);
      }
      is_open = is_open || pieces[i].breaks;
      const bool is_empty = content == i && pieces[i].comments.empty() && !pieces[opening].trailing.span.is_valid();
      if (is_open && !is_empty) pieces[content].breaks = pieces[i].breaks = true;
      if (is_empty) pieces[i].breaks = false;
      is_open = is_open && !is_empty;
    }
    if (!widest.empty() && is_open) widest.back() = 1;
  }
}

}  // namespace nnc
