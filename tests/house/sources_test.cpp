// Habits of the code base that a program can check.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/file_test.h"

namespace nnc {
namespace {

struct Source {
  std::string path;  // below the root of the repository
  std::vector<std::string> lines;
};

bool is_under(const std::string& path, std::string_view folder) { return path.starts_with(folder); }

std::vector<Source> read_sources() {
  namespace fs = std::filesystem;
  std::vector<Source> result;
  const fs::path root = NNC_SOURCE_DIR;
  for (const char* folder : {"dsl", "compiler", "runtime", "templates", "tests", "bench"}) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      const std::string path = fs::relative(entry.path(), root).string();
      if ((extension != ".cpp" && extension != ".h") || path.find("golden") != std::string::npos) continue;
      Source source{path, {}};
      std::istringstream stream(file_test::read(entry.path().string()));
      for (std::string line; std::getline(stream, line);) source.lines.push_back(line);
      result.push_back(std::move(source));
    }
  }
  std::sort(result.begin(), result.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  return result;
}

const std::vector<Source>& sources() {
  static const std::vector<Source> all = read_sources();
  return all;
}

// Calls `each(line, number)` for the lines that match.
template <class Each>
void for_matches(const Source& source, const std::regex& pattern, const Each& each) {
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    if (std::regex_search(source.lines[i], pattern)) each(source.lines[i], i + 1);
  }
}

TEST_CASE("LLVM and Clang are included under compiler/emit only, and by no header") {
  static const std::regex include("^#include [<\"](llvm|clang)/");
  for (const Source& source : sources()) {
    for_matches(source, include, [&](const std::string& line, std::size_t number) {
      const bool is_allowed = is_under(source.path, "compiler/emit/") && source.path.ends_with(".cpp");
      CHECK_MESSAGE(is_allowed, source.path << ":" << number << ": " << line);
    });
  }
}

TEST_CASE("Eigen is included by the meaning of the operators and by tests only") {
  static const std::regex include("^#include [<\"](unsupported/)?Eigen/");
  for (const Source& source : sources()) {
    for_matches(source, include, [&](const std::string& line, std::size_t number) {
      const bool is_allowed = is_under(source.path, "compiler/ops/") ||
                              is_under(source.path, "compiler/graph/evaluate") || is_under(source.path, "tests/");
      CHECK_MESSAGE(is_allowed, source.path << ":" << number << ": " << line);
    });
  }
}

// dsl <- graph <- {ops, passes} <- plan <- emit; runtime and templates stand alone.
TEST_CASE("folders depend on each other in one direction") {
  struct Rule {
    std::string_view folder;
    std::string_view may_not_include;  // as a regular expression of a path
  };
  const std::vector<Rule> rules = {
      {"dsl/", "compiler/(?!diagnostics/|embedded.h)|runtime/|templates/"},
      {"compiler/diagnostics/", "compiler/(?!diagnostics/)|runtime/|templates/"},
      {"compiler/graph/", "compiler/(elaborate|passes|plan|emit|interop|commands)/"},
      {"compiler/ops/", "compiler/(elaborate|passes|emit|interop|commands)/"},
      {"compiler/passes/", "compiler/(elaborate|plan|emit|interop|commands)/"},
      {"compiler/plan/", "compiler/(elaborate|emit|interop|commands)/"},
      {"compiler/emit/", "compiler/(elaborate|interop|commands)/"},
      {"runtime/", "compiler/|dsl/|templates/"},
      {"templates/", "compiler/|dsl/"},
  };
  for (const Source& source : sources()) {
    for (const Rule& rule : rules) {
      if (!is_under(source.path, rule.folder)) continue;
      const std::regex include("^#include \"(" + std::string(rule.may_not_include) + ")");
      for_matches(source, include, [&](const std::string& line, std::size_t number) {
        FAIL_CHECK(source.path << ":" << number << ": " << line);
      });
    }
  }
}

TEST_CASE("every source begins with a comment that says what it is, or has a header that does") {
  std::set<std::string> paths;
  for (const Source& source : sources()) paths.insert(source.path);
  for (const Source& source : sources()) {
    REQUIRE_MESSAGE(!source.lines.empty(), source.path);
    const std::string stem = source.path.substr(0, source.path.rfind('.'));
    if (source.path.ends_with(".cpp") && paths.contains(stem + ".h")) continue;
    CHECK_MESSAGE((source.lines.front().starts_with("// ") || source.lines.size() < 5), source.path);
  }
}

TEST_CASE("every pass states its contract") {
  const std::string table = file_test::read(NNC_SOURCE_DIR "/compiler/passes/pass_table.cpp");
  for (const Source& source : sources()) {
    const std::string stem = std::filesystem::path(source.path).stem().string();
    const bool is_pass = is_under(source.path, "compiler/passes/") && source.path.ends_with(".cpp") &&
                         table.find("\"" + stem + "\"") != std::string::npos;
    if (!is_pass) continue;
    std::string header;
    for (const std::string& line : source.lines) {
      if (!line.starts_with("//")) break;
      header += line + "\n";
    }
    const bool has_contract =
        header.find("equires") != std::string::npos || header.find("stablishes") != std::string::npos;
    CHECK_MESSAGE(has_contract, source.path << ": the header comment says neither 'Requires' nor 'Establishes'");
  }
}

TEST_CASE("no code is commented out, and nothing is left to do") {
  static const std::regex to_do(
      "//.*\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  for (const Source& source : sources()) {
    for_matches(source, to_do, [&](const std::string& line, std::size_t number) {
      FAIL_CHECK(source.path << ":" << number << ": " << line);
    });
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      // Programs shown in comments are indented by three blanks or more; prose may end in ';'.
      const std::string& line = source.lines[i];
      const bool is_shown = line.find("//   ") != std::string::npos;
      static const std::regex statement("^\\s*// ?[A-Za-z_:<>\\*&\\.\\[\\]\\(\\)]+ *(=|\\().*;\\s*$");
      static const std::regex brace("^\\s*// ?\\}\\s*$");
      const bool is_code = !is_shown && (std::regex_match(line, statement) || std::regex_match(line, brace));
      CHECK_MESSAGE(!is_code, source.path << ":" << i + 1 << ": " << line);
    }
  }
}

TEST_CASE("files and lines are not too long") {
  for (const Source& source : sources()) {
    CHECK_MESSAGE(source.lines.size() <= 700, source.path << " has " << source.lines.size() << " lines");
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      const std::string& line = source.lines[i];
      const auto points = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
      const bool is_address = line.find("http") != std::string::npos || line.find("R\"") != std::string::npos;
      CHECK_MESSAGE((points <= 120 || is_address), source.path << ":" << i + 1);
    }
  }
}

TEST_CASE("names of files are snake_case, and headers are guarded by pragma once") {
  static const std::regex name("^[a-z0-9_]+\\.(h|cpp)$");
  for (const Source& source : sources()) {
    CHECK_MESSAGE(std::regex_match(std::filesystem::path(source.path).filename().string(), name), source.path);
    if (!source.path.ends_with(".h")) continue;
    // A header that is included several times says so at its top.
    static const std::regex is_repeated("[Ii]nclud(ed|es|ing)");
    const bool is_textual = std::regex_search(source.lines[0], is_repeated) ||
                            (source.lines.size() > 1 && std::regex_search(source.lines[1], is_repeated));
    const bool is_guarded =
        is_textual || std::find(source.lines.begin(), source.lines.end(), "#pragma once") != source.lines.end();
    CHECK_MESSAGE(is_guarded, source.path);
  }
}

}  // namespace
}  // namespace nnc
