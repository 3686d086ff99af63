// The file-test runner, and through it, without the nnc binary, the file tests of errors that the parser reports.
#include "tests/support/file_test.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/parser.h"

namespace nnc::file_test {
namespace {

Result parse_only(const std::string&, const std::string& name, const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  ast::parse(sources, sources.add(name, text), diagnostics);
  return {diagnostics.render(sources, false), diagnostics.has_errors() ? 1 : 0};
}

TEST_CASE("expectations are written below the lines they are about, and taken out again") {
  const std::string text = "# TEST: check\nfn f() {\n\tlet x 3\n}\nfn g() { 1 && 2 }\n";
  const std::string annotated = annotate("t.nn", text, parse_only);
  CHECK(annotated ==
        "# TEST: check\nfn f() {\n\tlet x 3\n# ERROR 8-8: expected `=`, found `3` [expected-token]\n}\n"
        "fn g() { 1 && 2 }\n# ERROR 12-13: unexpected character `&&` [unexpected-character]\n# FIX 12: and\n");
  CHECK(without_expectations(annotated) == text);
  CHECK(annotate("t.nn", annotated, parse_only) == annotated);
  CHECK(arguments_of(text) == "check");
  CHECK(arguments_of("fn f() { 1 }\n").empty());
}

TEST_CASE("notes elsewhere, other output and an unexpected status are listed") {
  const Runner run = [](const std::string& arguments, const std::string& name, const std::string&) {
    return Result{name + ":2:1: error: wrong\nabc\n^~~\nlib.nn:7:2: note: there\nx y\n  ^\nhello " + arguments +
                      "\n\nnnc: warning: of all\n",
                  3};
  };
  CHECK(annotate("t.nn", "# TEST: run\nabc\n", run) ==
        "# TEST: run\n# WARNING: of all\nabc\n# ERROR 1-3: wrong\n# NOTE lib.nn: there\n# EXIT: 3\n"
        "# OUTPUT:\n#   hello run\n#\n");
}

TEST_CASE("the binary is run beside the file's neighbours") {
  const std::string folder = NNC_SOURCE_DIR "/tests/programs";
  const Result result = run_binary("/bin/cat", folder, "%s 02_xor.nn", "new.nn", "mine\n");
  CHECK(result.status == 0);
  CHECK(result.output == "mine\n" + read(folder + "/02_xor.nn"));
  CHECK(run_binary("/bin/cat", folder, "", "missing/new.nn", "").status != 0);
}

// NNC_UPDATE=1 writes the expectations.
TEST_CASE("file tests of the parser's errors") {
  int seen = 0;
  for (const std::string& path : find(NNC_SOURCE_DIR "/tests/diagnostics")) {
    CAPTURE(path);
    const std::string text = read(path);
    if (arguments_of(text) != "check" || parse_only("", "t.nn", text).status == 0) continue;
    const std::string found = annotate(std::filesystem::path(path).filename().string(), text, parse_only);
    if (std::getenv("NNC_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << found;
    CHECK(found == read(path));
    ++seen;
  }
  CHECK(seen >= 15);
}

}  // namespace
}  // namespace nnc::file_test
