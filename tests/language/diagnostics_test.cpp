// Rendering of diagnostics: places, underlines, notes, repairs, order, JSON.
#include "compiler/diagnostics/diagnostics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nnc {
namespace {

Span find(const SourceManager& sources, std::int32_t file, std::string_view text) {
  const std::uint32_t begin = static_cast<std::uint32_t>(sources.text(file).find(text));
  return {file, begin, begin + static_cast<std::uint32_t>(text.size())};
}

TEST_CASE("a place has line and column in code points") {
  SourceManager sources;
  const std::int32_t file = sources.add("a/b.nn", "let ä = 1\r\n\tlet y = 2");
  CHECK(sources.line_column(file, 7).column == 7);
  CHECK(sources.line_text(file, 1) == "let ä = 1");
  CHECK(sources.line_column(file, 13).line == 2);
  CHECK(sources.short_place(find(sources, file, "y")) == "b.nn:2");
  CHECK(sources.line_column(file, 1000).line == 2);
}

TEST_CASE("rendering is Clang's layout") {
  SourceManager sources;
  const std::int32_t file = sources.add("m.nn", "\tlet é = $$ + 1\nlet x = 2\n");
  Diagnostics diagnostics;
  diagnostics.report(Kind::unexpected_character, find(sources, file, "$$"), "'$'")
      .note(find(sources, file, "x"), "seen here")
      .fixit(find(sources, file, "$$"), "s");
  CHECK(diagnostics.has_errors());
  CHECK(diagnostics.render(sources, false) ==
        "m.nn:1:10: error: unexpected character '$' [unexpected-character]\n"
        "    let é = $$ + 1\n"
        "            ^~\n"
        "            s\n"
        "m.nn:2:5: note: seen here\n"
        "let x = 2\n"
        "    ^\n");
  CHECK(diagnostics.render(sources, true).find("\033[1;31merror:\033[0m") != std::string::npos);
}

TEST_CASE("diagnostics come in the order of the text, equal ones once") {
  SourceManager sources;
  const std::int32_t file = sources.add("m.nn", "a\nb\n");
  Diagnostics diagnostics;
  diagnostics.report(Kind::unexpected_character, find(sources, file, "b"), "B");
  diagnostics.report(Kind::unexpected_character, find(sources, file, "a"), "A");
  diagnostics.report(Kind::unexpected_character, find(sources, file, "b"), "B");
  const std::string text = diagnostics.render(sources, false);
  CHECK(text.find("character A") < text.find("character B"));
  CHECK(text.find("character B") == text.rfind("character B"));
}

TEST_CASE("a place of several lines is marked on its first; one without length gets a caret") {
  SourceManager sources;
  const std::int32_t file = sources.add("m.nn", "ab\ncd");
  Diagnostics diagnostics;
  diagnostics.report(Kind::unexpected_character, Span{file, 1, 5}, "x");
  diagnostics.report(Kind::unexpected_character, Span{file, 5, 5}, "end");
  diagnostics.report(Kind::unexpected_character, Span{}, "nowhere");
  CHECK(diagnostics.render(sources, false) ==
        "nnc: error: unexpected character nowhere [unexpected-character]\n"
        "m.nn:1:2: error: unexpected character x [unexpected-character]\nab\n ^\n"
        "m.nn:2:3: error: unexpected character end [unexpected-character]\ncd\n  ^\n");
}

TEST_CASE("JSON holds the same") {
  SourceManager sources;
  const std::int32_t file = sources.add("m.nn", "a \xFF\n");
  Diagnostics diagnostics;
  diagnostics.report(Kind::unexpected_character, Span{file, 2, 3}, "\xFF").note({}, "n").fixit({file, 2, 3}, "");
  const nlohmann::json parsed = nlohmann::json::parse(diagnostics.to_json(sources));
  REQUIRE(parsed.size() == 1);
  CHECK(parsed[0]["kind"] == "unexpected-character");
  CHECK(parsed[0]["place"]["column"] == 3);
  CHECK(parsed[0]["notes"][0]["place"].is_null());
  CHECK(parsed[0]["fixits"][0]["replacement"] == "");
}

TEST_CASE("the nearest name is found, a far one is not") {
  CHECK(nearest("dence", {"conv", "dense"}) == "dense");
  CHECK(nearest("crossentropy", {"cross_entropy"}) == "cross_entropy");
  CHECK(nearest("rleu", {"relu", "gelu"}) == "relu");
  CHECK(nearest("x", {"y"}).empty());
  CHECK(nearest("foo", {"dense"}).empty());
  CHECK(nearest("None", {"conv"}).empty());
  CHECK(nearest("N", {"ln"}).empty());
  CHECK(nearest("X", {"x", "y"}) == "x");
}

TEST_CASE("of a line of megabytes what is around the place is shown, of a long message its ends, of many notes some") {
  SourceManager sources;
  const std::string filler(5'000'000, 'a');
  const std::int32_t file = sources.add("m.nn", filler + " é$é " + filler);
  Diagnostics diagnostics;
  Diagnostic& diagnostic = diagnostics.report(Kind::unexpected_character, find(sources, file, "$"), filler);
  for (std::uint32_t i = 0; i < 100'000; ++i) diagnostic.note({file, i, i + 1}, "opened here");
  const std::string text = diagnostics.render(sources, false);
  CHECK(text.size() < 12'000);
  CHECK(text.starts_with("m.nn:1:5000003: error: unexpected character aaa"));
  CHECK(text.find("aaa … aaa") != std::string::npos);
  CHECK(text.find("a é$é a") != std::string::npos);
  CHECK(text.find("nnc: note: 99980 more notes are not shown") != std::string::npos);
  // The mark stands below the character.
  const std::size_t line = text.find('\n') + 1, mark_line = text.find('\n', line) + 1;
  const std::string shown = text.substr(line, mark_line - line);
  const auto columns = [](const std::string& part) {
    return std::count_if(part.begin(), part.end(), [](char c) { return (c & 0xC0) != 0x80; });
  };
  CHECK(static_cast<std::ptrdiff_t>(text.find('^', mark_line) - mark_line) ==
        columns(shown.substr(0, shown.find('$'))));
  CHECK(diagnostics.to_json(sources).size() < 12'000);
}

}  // namespace
}  // namespace nnc
