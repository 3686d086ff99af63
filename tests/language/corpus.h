// All programs in the language that the repository holds outside the tests of single errors.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace nnc {

struct Program {
  std::string name;
  std::string text;
};

inline std::vector<Program> read_corpus() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"dsl/prelude", "tests/programs", "examples"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(NNC_SOURCE_DIR "/") + folder)) {
      if (entry.path().extension() == ".nn") paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Program> corpus;
  for (const std::filesystem::path& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    corpus.push_back({path.string(), {std::istreambuf_iterator<char>(stream), {}}});
  }
  return corpus;
}

}  // namespace nnc
