// What the tests of file formats share: bytes written as text, folders that vanish, arrays made in place.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "compiler/interop/array.h"
#include "compiler/interop/file.h"

namespace nnc::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nnc-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  // Writes a file and returns its path.
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// "0a1b" -> the bytes 10, 27.
inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// A copy of exactly these bytes in memory of its own, so that sanitizers see a read beyond either end.
inline FileBytes file_bytes(std::string_view content, const std::string& path = "test.file") {
  std::shared_ptr<std::byte[]> copy(new std::byte[content.size()]);
  std::ranges::copy(std::as_bytes(std::span(content)), copy.get());
  return {path, {copy.get(), content.size()}, copy};
}

template <class T>
std::vector<T> elements(const Array& array) {
  std::vector<T> values(array.bytes.size() / sizeof(T));
  const std::span<std::byte> target = std::as_writable_bytes(std::span(values));
  std::copy_n(array.bytes.begin(), target.size(), target.begin());
  return values;
}

template <class T>
Array make_array(const std::string& name, ElementType element, const Shape& shape, const std::vector<T>& values) {
  const std::shared_ptr<std::vector<T>> owner = std::make_shared<std::vector<T>>(values);
  return {name, element, shape, std::as_bytes(std::span(*owner)), owner, "test: array '" + name + "'", false};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <class T>
void set_number(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace nnc::test
