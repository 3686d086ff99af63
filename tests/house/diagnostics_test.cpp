// Every kind of diagnostic has a file test tests/diagnostics/fail_<kind>.nn that shows it and says how to repair it (or
// is exempt, with a reason), and compiler/diagnostics/README.md is the page made from them. NNC_UPDATE=1 writes the
// page.
#include "compiler/diagnostics/diagnostics.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/file_test.h"

namespace nnc {
namespace {

const std::string kTests = NNC_SOURCE_DIR "/tests/diagnostics/";
const std::string kPage = NNC_SOURCE_DIR "/compiler/diagnostics/README.md";

struct Row {
  std::string name;  // with underscores
  Kind kind;
};

const std::vector<Row> kRows = {
#define NNC_KIND(name, severity, format) {#name, Kind::name},
#include "compiler/diagnostics/kinds.def"
#undef NNC_KIND
};

// Exempt kinds and their reasons.
std::map<std::string, std::string> read_exempt() {
  std::map<std::string, std::string> result;
  std::istringstream stream(file_test::read(kTests + "exempt.txt"));
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find(' ');
    result[line.substr(0, blank)] = blank == std::string::npos ? "" : line.substr(blank + 1);
  }
  return result;
}

struct Test {
  std::string repair;
  std::string program;  // with its expectations
};

Test read_test(const std::string& kind) {
  Test result;
  std::istringstream stream(file_test::read(kTests + "fail_" + kind + ".nn"));
  for (std::string line; std::getline(stream, line);) {
    constexpr std::string_view kRepair = "# REPAIR: ";
    if (line.starts_with("# TEST:")) continue;
    if (line.starts_with(kRepair)) {
      result.repair += (result.repair.empty() ? "" : " ") + line.substr(kRepair.size());
    } else {
      result.program += line + "\n";
    }
  }
  return result;
}

std::string make_page() {
  const std::map<std::string, std::string> exempt = read_exempt();
  std::string page =
      "# What nnc says, and what to do\n\n"
      "Made from `kinds.def` and the programs `tests/diagnostics/fail_<kind>.nn` by `NNC_UPDATE=1 test_house`; do not\n"
      "edit. In each program the comments `# ERROR` (and `# WARNING`, `# UNSUPPORTED`, `# NOTE`, `# FIX`) say what "
      "nnc\n"
      "reports of the line above, in which columns. To add a kind: a row in `kinds.def`, a program, `--update`.\n";
  for (const Row& row : kRows) {
    page += fmt::format("\n## {}\n\n", name(row.kind));
    const auto found = exempt.find(row.name);
    if (found != exempt.end()) {
      page += fmt::format("`{}`\n\nNo program shows it: {}.\n", format(row.kind), found->second);
      continue;
    }
    const Test test = read_test(row.name);
    page += fmt::format("```nn\n{}```\n\n{}\n", test.program, test.repair);
  }
  return page;
}

TEST_CASE("every kind of diagnostic has a file test or a reason to have none") {
  const std::map<std::string, std::string> exempt = read_exempt();
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    const auto found = exempt.find(row.name);
    if (found != exempt.end()) {
      CHECK_MESSAGE(found->second.size() > 10, "the reason is missing");
      continue;
    }
    const Test test = read_test(row.name);
    CHECK_MESSAGE(!test.repair.empty(), "fail_" << row.name << ".nn or its line '# REPAIR: …' is missing");
    CHECK_MESSAGE(test.program.find(fmt::format("[{}]", name(row.kind))) != std::string::npos,
                  "fail_" << row.name << ".nn does not show the kind; run file_tests --update");
  }
}

TEST_CASE("every file test of a diagnostic, and every exemption, is of a kind that exists") {
  const auto exists = [](const std::string& kind) {
    return std::any_of(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == kind; });
  };
  int seen = 0;
  for (const std::string& path : file_test::find(kTests)) {
    const std::string stem = std::filesystem::path(path).stem().string();
    if (!stem.starts_with("fail_")) continue;
    // fail_shape_mismatch__conv.nn is one more test of a kind.
    CHECK_MESSAGE(exists(stem.substr(5, stem.find("__") - 5)), path);
    ++seen;
  }
  CHECK(seen > 0);
  for (const auto& [kind, reason] : read_exempt()) CHECK_MESSAGE(exists(kind), kind);
}

TEST_CASE("the page of diagnostics is up to date") {
  const std::string page = make_page();
  if (std::getenv("NNC_UPDATE") != nullptr) std::ofstream(kPage, std::ios::binary) << page;
  CHECK_MESSAGE(file_test::read(kPage) == page, "run NNC_UPDATE=1 test_house");
}

}  // namespace
}  // namespace nnc
