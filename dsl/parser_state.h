// The parser's cursor: looking at tokens, taking them, reporting, and recovering.
//
// Recovery: an error is reported and thrown as Recover, which never leaves the parser. It is caught where a list or a
// body can go on: at the next ',' of the list, at the next line of the body. The lexer has matched all brackets, so
// the depth of a token says where that is.
#pragma once

#include <string>
#include <string_view>

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/ast.h"
#include "dsl/lexer.h"

namespace nnc::ast {

struct Recover {};

class ParserState {
 public:
  ParserState(TokenStream stream, Diagnostics& diagnostics)
      : tokens_(std::move(stream.tokens)), diagnostics_(diagnostics) {}

 protected:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  // A symbol or a reserved word.
  bool is(std::string_view text, std::size_t ahead = 0) const;
  bool is_kind(TokenKind kind, std::size_t ahead = 0) const { return peek(ahead).kind == kind; }
  // A word that is reserved only in its place: `state`, `next`, `from`, …
  bool is_word(std::string_view text, std::size_t ahead = 0) const;
  bool at_end() const { return is_kind(TokenKind::End); }

  Token take();
  bool accept(std::string_view text);
  Token expect(std::string_view text);
  Name name(std::string_view what);
  // From the beginning of `first` to the last token taken.
  Span since(Span first) const { return join(first, tokens_[at_ - 1].span); }

  // `meant`: what to write instead of the token found, if that is known.
  [[noreturn]] void fail(std::string_view expected, const std::string& meant = "");
  template <class... Args>
  [[noreturn]] void fail_with(Kind kind, Span span, const Args&... args) {
    diagnostics_.report(kind, span, args...);
    throw Recover{};
  }

  std::size_t position() const { return at_; }
  // What the line that begins at a position defines, as far as it can be seen: the words before its '=', ':' or header.
  std::vector<Name> defined_since(std::size_t begin) const;
  // Skips to the end of the line, or of the block, whose tokens have this depth.
  void skip_line(std::int32_t depth);
  // Skips to the ',' of the list whose tokens have this depth, or to its closing bracket.
  void skip_element(std::int32_t depth);

  // After an opening bracket: `each` up to the closing one, separated by ','. Every element's errors are reported
  // before Recover is thrown.
  template <class Each>
  void list(std::string_view closing, const Each& each) {
    const std::int32_t depth = tokens_[at_ - 1].depth + 1;
    bool is_whole = true;
    do {
      try {
        each();
        if (!is(",") && !is(closing)) fail("`,` or `" + std::string(closing) + "`");
      } catch (const Recover&) {
        is_whole = false;
        skip_element(depth);
      }
    } while (accept(","));
    expect(closing);
    if (!is_whole) throw Recover{};
  }

  // Bounds the height of the tree, for whoever walks it: one step an operator, more a nested bracket. Steps are given
  // back when the scope ends.
  class Scope {
   public:
    explicit Scope(ParserState& parser) : parser_(parser), before_(parser.height_) {}
    ~Scope() { parser_.height_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ParserState& parser_;
    int before_;
  };
  void grow(int steps);

  Diagnostics& diagnostics() { return diagnostics_; }

 private:
  std::vector<Token> tokens_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  int height_ = 0;
};

}  // namespace nnc::ast
