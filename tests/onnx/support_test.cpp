// dsl/onnx/support.md names every operator of the library, with its older meanings.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace nnc {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("the page of operators names every operator of the library and its older meanings") {
  const fs::path folder = fs::path(NNC_SOURCE_DIR) / "dsl" / "onnx";
  std::istringstream page(read_text(folder / "support.md"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line);
  // Operators with their files, and the opsets below which they have other meanings.
  std::set<std::pair<std::string, std::string>> operators;
  std::map<std::string, std::set<int>> limits;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".nn") continue;
    const std::string text = "\n" + read_text(entry.path());
    for (std::size_t at = text.find("\nfn "); at != std::string::npos; at = text.find("\nfn ", at + 1)) {
      std::string name = text.substr(at + 4, text.find('(', at) - at - 4);
      for (const std::string domain : {"ai_onnx_ml_", "ai_onnx_preview_training_", "com_microsoft_"}) {
        if (name.starts_with(domain)) name = name.substr(domain.size());
      }
      const std::size_t before = name.find("_before_");
      if (before != std::string::npos) {
        limits[name.substr(0, before)].insert(std::stoi(name.substr(before + 8)));
      } else if (name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 0) {
        operators.emplace(name, entry.path().filename().string());
      }
    }
  }
  REQUIRE(operators.size() > 150);
  for (const auto& [name, file] : operators) {
    CAPTURE(name);
    const auto is_row = [&, name = name, file = file](const std::string& line) {
      if (!line.starts_with("| " + name + " |")) return false;
      return line.find("(" + file + ")") != std::string::npos || line.find("| refused |") != std::string::npos;
    };
    const std::vector<std::string>::const_iterator row = std::find_if(lines.begin(), lines.end(), is_row);
    REQUIRE_MESSAGE(row != lines.end(), "run ./dev conformance, which writes dsl/onnx/support.md");
    if (file == "microsoft.nn") continue;
    for (const int limit : limits[name]) CHECK(row->find("before " + std::to_string(limit)) != std::string::npos);
  }
}

}  // namespace
}  // namespace nnc
