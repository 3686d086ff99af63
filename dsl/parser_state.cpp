// The parser's cursor and its recovery; see parser_state.h.
#include "dsl/parser_state.h"

namespace nnc::ast {
namespace {

constexpr int kMaxHeight = 1000;

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::End:
      return "the end of the file";
    case TokenKind::LineEnd:
      return token.ends_by_newline ? "the end of the line" : "`;`";
    case TokenKind::Text:
      return "a text";
    case TokenKind::Keyword:
      return fmt::format("the reserved word `{}`", token.text);
    default:
      return fmt::format("`{}`", token.text);
  }
}

}  // namespace

bool ParserState::is(std::string_view text, std::size_t ahead) const {
  const Token& token = peek(ahead);
  return (token.kind == TokenKind::Symbol || token.kind == TokenKind::Keyword) && token.text == text;
}

bool ParserState::is_word(std::string_view text, std::size_t ahead) const {
  return is_kind(TokenKind::Identifier, ahead) && peek(ahead).text == text;
}

Token ParserState::take() {
  const Token token = peek();
  if (!at_end()) ++at_;
  return token;
}

bool ParserState::accept(std::string_view text) {
  if (!is(text)) return false;
  take();
  return true;
}

Token ParserState::expect(std::string_view text) {
  if (!is(text)) fail(fmt::format("`{}`", text));
  return take();
}

Name ParserState::name(std::string_view what) {
  if (is_kind(TokenKind::Keyword)) fail_with(Kind::reserved_word, peek().span, peek().text);
  if (!is_kind(TokenKind::Identifier)) fail(what);
  const Token token = take();
  return {std::string(token.text), token.span};
}

void ParserState::fail(std::string_view expected, const std::string& meant) {
  const Token& found = peek();
  const bool is_reported = found.kind == TokenKind::Invalid || found.is_synthetic;
  if (!is_reported) {
    diagnostics_.report(Kind::expected_token, found.span, expected, describe(found)).did_you_mean(meant);
  }
  throw Recover{};
}

std::vector<Name> ParserState::defined_since(std::size_t begin) const {
  const Token& first = tokens_[begin];
  // Also after a word that is none of this language: `var h = …`.
  const bool is_assigned =
      (begin + 1 < at_ && tokens_[begin + 1].text == "=") || (begin + 2 < at_ && tokens_[begin + 2].text == "=");
  const bool is_definition = first.kind == TokenKind::Keyword || first.text == "state" || first.text == "next" ||
                             first.text == "input" || is_assigned;
  std::vector<Name> names;
  for (std::size_t i = begin; is_definition && i < at_; ++i) {
    const Token& token = tokens_[i];
    const bool ends = token.text == "=" || token.text == ":" || token.text == "{" || token.text == "[" ||
                      (token.text == "(" && first.text != "let");
    if (ends) break;
    if (token.kind == TokenKind::Identifier) names.push_back({std::string(token.text), token.span});
  }
  return names;
}

void ParserState::skip_line(std::int32_t depth) {
  while (!at_end() && peek().depth >= depth && !(is_kind(TokenKind::LineEnd) && peek().depth == depth)) take();
}

void ParserState::skip_element(std::int32_t depth) {
  while (!at_end() && peek().depth >= depth && !(is(",") && peek().depth == depth)) take();
}

void ParserState::grow(int steps) {
  height_ += steps;
  if (height_ > kMaxHeight) fail_with(Kind::nested_too_deeply, peek().span);
}

}  // namespace nnc::ast
