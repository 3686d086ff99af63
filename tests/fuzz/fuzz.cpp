#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace nnc::fuzz {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

std::string mutate_bytes(std::string bytes, Random& random) {
  if (bytes.empty()) return std::string(1, static_cast<char>(random()));
  const std::size_t place = below(bytes.size(), random);
  const std::size_t length = std::min(bytes.size() - place, 1 + below(16, random));
  switch (below(5, random)) {
    case 0:
      bytes[place] = static_cast<char>(random());
      break;
    case 1:
      bytes.erase(place, length);
      break;
    case 2:
      bytes.insert(place, bytes.substr(place, length));
      break;
    case 3:
      bytes.resize(place);
      break;
    default: {
      const std::vector<std::uint64_t> values = {0, 1, ~0ULL, 1ULL << 31, 1ULL << 63, 1ULL << 32, 0x7fffffffffffffff};
      const std::uint64_t value = any_of(values, random);
      const std::size_t width = std::size_t{1} << below(4, random);
      std::memcpy(bytes.data() + place, &value, std::min(width, bytes.size() - place));
    }
  }
  return bytes;
}

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nnc-fuzz-XXXXXX").string();
    demand(::mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path path_;
};

}  // namespace

std::string file_with(const std::string& name, const std::string& content) {
  static const Folder folder;
  const std::string path = (folder.path_ / name).string();
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace nnc::fuzz
