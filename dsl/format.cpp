// The formatter: lines from pieces, then columns, then text.
//
// 1. read_pieces, space_pieces, open_blocks (format_pieces.cpp): what is to be written, with the author's breaks.
// 2. lay_out: splits the pieces into lines and finds each line's indentation. While a line is too long it is broken at
//    its outermost place (break_line), and the lines are laid out again.
// 3. align: columns of consecutive lines of the same kind, where the author began them.
// 4. write.
#include "dsl/format.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/format_pieces.h"
#include "dsl/lexer.h"
#include "dsl/parser.h"
#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr int kIndent = 2;
constexpr int kCommentGap = 2;

// Infix operators from the loosest to the tightest; a line is broken after the loosest.
constexpr std::array<std::string_view, 16> kInfix = {
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "@", "^"};

bool is(const Piece& piece, std::string_view text) {
  return piece.token.text == text && (piece.token.kind == TokenKind::Symbol || piece.token.kind == TokenKind::Keyword);
}

int infix_rank(const Piece& piece) {
  if (piece.is_unary || piece.token.kind == TokenKind::Text) return -1;
  const auto found = std::find(kInfix.begin(), kInfix.end(), piece.token.text);
  if (found == kInfix.end()) return -1;
  const int index = static_cast<int>(found - kInfix.begin());
  return index < 2 ? index : index < 8 ? 2 : index < 10 ? 3 : index < 15 ? 4 : 5;
}

// A line of the result: pieces [begin, end).
struct Line {
  int begin = 0;
  int end = 0;
  int indent = 0;
};

class Formatter {
 public:
  Formatter(const SourceManager& sources, std::vector<Piece> pieces) : sources_(sources), pieces_(std::move(pieces)) {}

  std::string run() {
    space_pieces(pieces_);
    open_blocks(pieces_);
    lay_out();
    while (break_long_lines()) {
      open_blocks(pieces_);
      lay_out();
    }
    align_columns();
    align_comments();
    return write();
  }

 private:
  // What is known of an open bracket, and of the file as a whole, while lines are laid out.
  struct Level {
    bool is_block = true;
    int indent = 0;        // of lines that begin an element or statement in it
    int closing = 0;       // of a line that begins with its closing bracket
    int start = 0;         // indentation of the line that begins the current statement or element
    int pipe = -1;         // column of the first `|>` of the current chain
    std::vector<int> ifs;  // columns of the `if`s whose `else` is still to come
    int chain = 0;         // column of the `if` whose `else` came last: `else if` goes on with it
  };

  int width(int i) const { return static_cast<int>(utf8::count(pieces_[i].token.text)); }

  // Statements that stay on one line are separated by ';'.
  bool has_semicolon(int i) const {
    return pieces_[i].starts_statement && !pieces_[i].breaks && !is(pieces_[i], "}") && i > 0 &&
           !is(pieces_[i - 1], "{") && content_of_previous(i) != i;
  }

  // Whether piece i is the first inside a lambda: then it starts a statement without a ';' before it.
  int content_of_previous(int i) const { return is(pieces_[i - 1], "->") ? i : -1; }

  void lay_out() {
    lines_.clear();
    levels_ = {Level{}};
    const int count = static_cast<int>(pieces_.size()) - 1;  // without the end of the file
    for (int i = 0; i < count;) {
      Line line = {i, i + 1, indentation(i)};
      while (line.end < count && !pieces_[line.end].breaks) ++line.end;
      const std::size_t depth_at_start = levels_.size();
      int column = line.indent;
      for (; i < line.end; ++i) {
        if (i > line.begin) column += pieces_[i].gap + (has_semicolon(i) ? 1 : 0);
        follow(i, column, line, depth_at_start);
        column += width(i);
      }
      lines_.push_back(line);
    }
  }

  // The indentation of a line that begins with piece i.
  int indentation(int i) {
    const Piece& piece = pieces_[i];
    Level& level = levels_.back();
    if (is_end_of_bracket(piece)) return level.closing;
    if (is(piece, "else") && !level.ifs.empty()) return level.ifs.back();
    if (is(piece, "|>") && level.pipe >= 0) return level.pipe;
    const bool is_new = piece.starts_statement || (i > 0 && !level.is_block && begins_element(i));
    if (!is_new) return level.start + kIndent;
    level.start = level.indent;
    return level.indent;
  }

  bool begins_element(int i) const {
    return is(pieces_[i - 1], ",") || is(pieces_[i - 1], "(") || is(pieces_[i - 1], "[");
  }

  // Keeps the levels up to date with piece i, written at the column.
  void follow(int i, int column, const Line& line, std::size_t depth_at_start) {
    const Piece& piece = pieces_[i];
    if (is_end_of_bracket(piece)) {
      if (levels_.size() > 1) levels_.pop_back();
      return;
    }
    Level& level = levels_.back();
    if (piece.starts_statement || (i > 0 && !level.is_block && begins_element(i))) {
      level.pipe = -1;
      if (!level.is_block && i > line.begin) level.start = column;
    }
    if (piece.starts_statement) level.ifs.clear();
    if (is(piece, "|>") && level.pipe < 0) level.pipe = column;
    if (is(piece, "if")) level.ifs.push_back(i > 0 && is(pieces_[i - 1], "else") ? level.chain : column);
    if (is(piece, "else") && !level.ifs.empty()) {
      level.chain = level.ifs.back();
      level.ifs.pop_back();
    }
    if (is(piece, "{")) {
      // After a header of several lines the body goes by the line on which the statement began.
      const int base = depth_at_start > levels_.size() ? level.start : line.indent;
      levels_.push_back({true, base + kIndent, base, base + kIndent, -1, {}, 0});
    } else if (is(piece, "(") || is(piece, "[")) {
      const bool is_last = i + 1 >= line.end;
      const int content = is_last ? line.indent + kIndent : column + 1;
      levels_.push_back({false, content, is_last ? line.indent : column, content, -1, {}, 0});
    }
  }

  int line_width(const Line& line) const {
    int total = line.indent;
    for (int i = line.begin; i < line.end; ++i) {
      if (i > line.begin) total += pieces_[i].gap + (has_semicolon(i) ? 1 : 0);
      total += width(i);
    }
    return total;
  }

  bool break_long_lines() {
    bool is_changed = false;
    for (const Line& line : lines_) {
      if (line_width(line) > kLineWidth) is_changed = break_line(line) || is_changed;
    }
    return is_changed;
  }

  // Breaks a line at its outermost place that allows it; false if there is none.
  bool break_line(const Line& line) {
    std::int32_t lowest = pieces_[line.begin].token.depth;
    std::int32_t highest = lowest;
    for (int i = line.begin; i < line.end; ++i) {
      lowest = std::min(lowest, pieces_[i].token.depth);
      highest = std::max(highest, pieces_[i].token.depth);
    }
    for (std::int32_t depth = lowest; depth <= highest; ++depth) {
      if (break_chain(line, depth) || break_block(line, depth) || break_infix(line, depth) || break_list(line, depth)) {
        return true;
      }
    }
    return false;
  }

  // Before every `|>` of this depth.
  bool break_chain(const Line& line, std::int32_t depth) {
    bool is_changed = false;
    for (int i = line.begin + 1; i < line.end; ++i) {
      if (is(pieces_[i], "|>") && pieces_[i].token.depth == depth) is_changed = pieces_[i].breaks = true;
    }
    return is_changed;
  }

  // Inside every one-line block of this depth, and between its statements.
  bool break_block(const Line& line, std::int32_t depth) {
    bool is_changed = false;
    for (int i = line.begin; i < line.end; ++i) {
      const Piece& opening = pieces_[i];
      if (!is(opening, "{") || opening.token.depth != depth || opening.match >= line.end) continue;
      const int content = content_of(pieces_, i);
      if (content == opening.match) continue;
      for (int k = content; k <= opening.match; ++k) {
        const bool is_statement = pieces_[k].starts_statement && pieces_[k].token.depth == depth + 1;
        if (is_statement || k == content || k == opening.match) pieces_[k].breaks = true;
      }
      is_changed = true;
    }
    return is_changed;
  }

  // After the last loosest infix operator of this depth that fits.
  bool break_infix(const Line& line, std::int32_t depth) {
    int loosest = 100;
    for (int i = line.begin; i + 1 < line.end; ++i) {
      const int rank = pieces_[i].token.depth == depth ? infix_rank(pieces_[i]) : -1;
      if (rank >= 0 && i > line.begin) loosest = std::min(loosest, rank);
    }
    return break_after_last(line, [&](int i) {
      return i > line.begin && pieces_[i].token.depth == depth && infix_rank(pieces_[i]) == loosest;
    });
  }

  // After the last comma in a bracket of this depth (or of a `require`) that fits.
  bool break_list(const Line& line, std::int32_t depth) {
    return break_after_last(line, [&](int i) {
      return is(pieces_[i], ",") && (pieces_[i].token.depth == depth + 1 || pieces_[i].token.depth == depth);
    });
  }

  template <class Allows>
  bool break_after_last(const Line& line, const Allows& allows) {
    int place = -1;
    int column = line.indent;
    for (int i = line.begin; i + 1 < line.end; ++i) {
      if (i > line.begin) column += pieces_[i].gap + (has_semicolon(i) ? 1 : 0);
      column += width(i);
      if (!allows(i)) continue;
      if (place < 0 || column <= kLineWidth) place = i;
    }
    if (place < 0) return false;
    pieces_[place + 1].breaks = true;
    return true;
  }

  // A line that is one whole statement: what may stand in a table. Empty: none.
  std::string_view table_kind(const Line& line) const {
    const Piece& first = pieces_[line.begin];
    const bool ends = pieces_[line.end].starts_statement || is(pieces_[line.end], "}") ||
                      pieces_[line.end].token.kind == TokenKind::End;
    if (!first.starts_statement || !ends) return {};
    for (int i = line.begin + 1; i < line.end; ++i) {
      if (pieces_[i].starts_statement && pieces_[i].token.depth == first.token.depth) return {};
    }
    for (const std::string_view kind : {"let", "param", "layer", "fn", "cell", "const", "state", "next", "input"}) {
      if (first.token.text == kind) return kind;
    }
    return is(pieces_[line.begin + 1], "=") ? "=" : std::string_view{};
  }

  // The pieces of a line that may be lined up with those of its neighbours.
  std::vector<int> columns_of(const Line& line) const {
    std::vector<int> result;
    for (int i = line.begin + 1; i < line.end; ++i) {
      if (pieces_[i].token.depth != pieces_[line.begin].token.depth) continue;
      const bool is_assignment = is(pieces_[i], "=") || is(pieces_[i], "~");
      if (is_assignment || is(pieces_[i], "->") || is(pieces_[i], "{")) result.push_back(i);
      if (is_assignment || is(pieces_[i], "{")) break;
    }
    return result;
  }

  bool has_gap_above(const Line& line) const {
    return pieces_[line.begin].has_blank || !pieces_[line.begin].comments.empty();
  }

  void align_columns() {
    for (std::size_t first = 0; first < lines_.size();) {
      const std::string_view kind = table_kind(lines_[first]);
      const std::vector<int> columns = columns_of(lines_[first]);
      std::size_t last = first + 1;
      while (last < lines_.size() && !kind.empty() && table_kind(lines_[last]) == kind &&
             !has_gap_above(lines_[last]) && lines_[last].indent == lines_[first].indent &&
             columns_of(lines_[last]).size() == columns.size()) {
        ++last;
      }
      for (std::size_t k = 0; k < columns.size(); ++k) align_column(first, last, k);
      first = last;
    }
  }

  // Lines up the k-th columns of those of the lines [first, last) that the author had lined up.
  void align_column(std::size_t first, std::size_t last, std::size_t k) {
    const auto source_column = [&](std::size_t i) {
      const Span span = pieces_[columns_of(lines_[i])[k]].token.span;
      return sources_.line_column(span.file, span.begin).column;
    };
    for (std::size_t begin = first; begin < last;) {
      std::size_t end = begin + 1;
      while (end < last && source_column(end) == source_column(begin)) ++end;
      if (end - begin > 1) align_run(begin, end, k);
      begin = end;
    }
  }

  // Lines that are lined up only because they are alike gain nothing; lines that would become too long stay as they
  // are.
  void align_run(std::size_t first, std::size_t last, std::size_t k) {
    const auto piece_of = [&](std::size_t i) { return columns_of(lines_[i])[k]; };
    const auto start_of = [&](std::size_t i) { return line_width({lines_[i].begin, piece_of(i), lines_[i].indent}); };
    int widest = 0;
    bool is_wanted = false;
    for (std::size_t i = first; i < last; ++i) {
      is_wanted = is_wanted || pieces_[piece_of(i)].source_gap > 1;
      widest = std::max(widest, start_of(i));
    }
    for (std::size_t i = first; i < last; ++i) {
      is_wanted = is_wanted && line_width(lines_[i]) + widest - start_of(i) <= kLineWidth;
    }
    for (std::size_t i = first; i < last && is_wanted; ++i) pieces_[piece_of(i)].gap = 1 + widest - start_of(i);
  }

  // Comments at the ends of consecutive lines stand in one column, as far from the longest line as the author had it.
  void align_comments() {
    const auto trailing = [&](std::size_t i) -> Piece& { return pieces_[lines_[i].end - 1]; };
    for (std::size_t first = 0; first < lines_.size(); ++first) {
      std::size_t last = first;
      int widest = 0;
      int gap = 0;
      while (last < lines_.size() && trailing(last).trailing.span.is_valid() &&
             (last == first || !has_gap_above(lines_[last]))) {
        const int total = line_width(lines_[last]);
        if (total > widest) gap = trailing(last).trailing_gap;
        widest = std::max(widest, total);
        ++last;
      }
      for (std::size_t i = first; i < last; ++i) {
        trailing(i).trailing_gap = widest + std::max(gap, kCommentGap) - line_width(lines_[i]);
      }
      if (last > first) first = last - 1;
    }
  }

  void write_comments(std::string& out, const Piece& piece, int indent) const {
    std::uint32_t at = 0;
    for (const Comment& comment : piece.comments) {
      const bool has_blank = at != 0 && is_blank_between(at, comment.span.begin);
      if (has_blank) out += "\n";
      out += std::string(indent, ' ') + text_of(comment) + "\n";
      at = comment.span.end;
    }
    const bool is_end = piece.token.kind == TokenKind::End || is(piece, "}");
    if (at != 0 && !is_end && is_blank_between(at, piece.token.span.begin)) out += "\n";
  }

  bool is_blank_between(std::uint32_t begin, std::uint32_t end) const {
    const std::string_view text = sources_.text(pieces_.front().token.span.file).substr(begin, end - begin);
    return std::count(text.begin(), text.end(), '\n') > 1;
  }

  std::string write() const {
    std::string out;
    for (const Line& line : lines_) {
      const Piece& first = pieces_[line.begin];
      const bool is_inside = line.begin > 0 && is_block_start(line.begin);
      const bool is_closing = is(first, "}") && first.comments.empty();
      if (first.has_blank && !out.empty() && !is_inside && !is_closing) out += "\n";
      write_comments(out, first, is_end_of_bracket(first) ? line.indent + kIndent : line.indent);
      out += std::string(line.indent, ' ');
      for (int i = line.begin; i < line.end; ++i) {
        if (i > line.begin) out += (has_semicolon(i) ? ";" : "") + std::string(pieces_[i].gap, ' ');
        out += pieces_[i].token.text;
      }
      const Piece& last = pieces_[line.end - 1];
      if (last.trailing.span.is_valid()) {
        out += std::string(last.trailing_gap, ' ') + text_of(last.trailing);
      }
      out += "\n";
    }
    const Piece& end = pieces_.back();
    if (end.has_blank && !end.comments.empty() && !out.empty()) out += "\n";
    write_comments(out, end, 0);
    return out;
  }

  static bool is_end_of_bracket(const Piece& piece) { return is(piece, "}") || is(piece, ")") || is(piece, "]"); }

  // `#text` is written `# text`.
  std::string text_of(const Comment& comment) const {
    const std::string_view text = sources_.text(comment.span);
    const bool is_tight = text.size() > 1 && std::isalnum(static_cast<unsigned char>(text[1])) != 0;
    return is_tight ? "# " + std::string(text.substr(1)) : std::string(text);
  }

  bool is_block_start(int i) const {
    return is(pieces_[i - 1], "{") || (is(pieces_[i - 1], "->") && pieces_[i].token.depth > 0);
  }

  const SourceManager& sources_;
  std::vector<Piece> pieces_;
  std::vector<Line> lines_;
  std::vector<Level> levels_;
};

}  // namespace

std::string format(const SourceManager& sources, std::int32_t file) {
  Diagnostics diagnostics;
  ast::parse(sources, file, diagnostics);
  if (diagnostics.has_errors()) return std::string(sources.text(file));
  return Formatter(sources, read_pieces(sources, file, lex(sources, file, diagnostics))).run();
}

}  // namespace nnc
