// Damaged programs: whatever the text, lexer, parser and formatter end, report inside the text, and keep their
// promises.
#include <doctest/doctest.h>

#include <random>

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/format.h"
#include "dsl/lexer.h"
#include "dsl/parser.h"
#include "dsl/print.h"
#include "tests/language/corpus.h"

namespace nnc {
namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); }

// Deletes, doubles, swaps or replaces tokens; `tokens` are pieces of text that together are the program.
std::string damage_tokens(const std::vector<std::string>& tokens, Random& random) {
  std::vector<std::string> result = tokens;
  for (std::size_t i = 0, count = 1 + below(random, 3); i < count && !result.empty(); ++i) {
    const std::size_t at = below(random, result.size());
    switch (below(random, 4)) {
      case 0:
        result.erase(result.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1:
        result.insert(result.begin() + static_cast<std::ptrdiff_t>(at), result[below(random, result.size())]);
        break;
      case 2:
        std::swap(result[at], result[below(random, result.size())]);
        break;
      default:
        result[at] = result[below(random, result.size())];
    }
  }
  std::string text;
  for (const std::string& token : result) text += token;
  return text;
}

std::string damage_bytes(std::string text, Random& random) {
  for (std::size_t i = 0, count = 1 + below(random, 4); i < count && !text.empty(); ++i) {
    const std::size_t at = below(random, text.size());
    switch (below(random, 4)) {
      case 0:
        text.resize(at);
        break;
      case 1:
        text.erase(at, 1 + below(random, 10));
        break;
      default:
        text[at] = static_cast<char>(below(random, 256));
    }
  }
  return text;
}

std::vector<std::string> pieces_of(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const TokenStream stream = lex(sources, sources.add("t.nn", text), diagnostics);
  std::vector<std::string> pieces;
  std::size_t at = 0;
  for (const Token& token : stream.tokens) {
    pieces.push_back(text.substr(at, token.span.end - at));
    at = token.span.end;
  }
  return pieces;
}

// True if the text has no errors.
bool check(const std::string& text) {
  SourceManager sources;
  const std::int32_t file = sources.add("t.nn", text);
  Diagnostics diagnostics;
  const std::string tree = ast::print(ast::parse(sources, file, diagnostics));
  const std::string rendered = diagnostics.render(sources, false);
  bool is_inside = true;
  for (const Diagnostic& each : diagnostics.all()) {
    is_inside = is_inside && each.span.begin <= each.span.end && each.span.end <= text.size();
  }
  CHECK_MESSAGE(is_inside, text);
  if (diagnostics.has_errors()) {
    CHECK_MESSAGE(!rendered.empty(), text);
    return false;
  }
  const std::string once = format(sources, file);
  Diagnostics again;
  const std::int32_t laid_out = sources.add("once.nn", once);
  CHECK_MESSAGE(ast::print(ast::parse(sources, laid_out, again)) == tree, text);
  CHECK_MESSAGE(again.all().empty(), text);
  CHECK_MESSAGE(format(sources, laid_out) == once, text);
  return true;
}

TEST_CASE("damaged tokens and bytes") {
  Random random(20240229);
  int right = 0;
  int wrong = 0;
  for (const Program& program : read_corpus()) {
    const std::vector<std::string> pieces = pieces_of(program.text);
    for (int i = 0; i < 300; ++i) {
      const std::string text = i % 4 == 3 ? damage_bytes(program.text, random) : damage_tokens(pieces, random);
      (check(text) ? right : wrong) += 1;
    }
  }
  CHECK(right > 200);
  CHECK(wrong > 2000);
}

TEST_CASE("random bytes") {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::size_t k = 0, size = below(random, 200); k < size; ++k) text += static_cast<char>(below(random, 256));
    check(text);
  }
  for (int i = 0; i < 2000; ++i) {
    static const std::vector<std::string> words = {"(",   ")",      "[",      "]",     "{",    "}",    "->", "|>",
                                                   ",",   "\n",     "if ",    "else ", "let ", "x ",   "=",  ":",
                                                   "fn ", "model ", "train ", "1 ",    "-",    "next "};
    std::string text;
    for (std::size_t k = 0, size = below(random, 60); k < size; ++k) text += words[below(random, words.size())];
    check(text);
  }
}

}  // namespace
}  // namespace nnc
