// file_tests --nnc PATH [--update] FOLDER_OR_FILE…: runs all file tests found; with --update writes what came out.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/support/file_test.h"

namespace {

// The first line in which two texts differ, with what was expected and what came.
std::string first_difference(const std::string& expected, const std::string& found) {
  std::istringstream a(expected);
  std::istringstream b(found);
  std::string line_a;
  std::string line_b;
  for (int number = 1;; ++number) {
    const bool has_a = static_cast<bool>(std::getline(a, line_a));
    const bool has_b = static_cast<bool>(std::getline(b, line_b));
    if (!has_a && !has_b) return "";
    if (has_a && has_b && line_a == line_b) continue;
    return "  line " + std::to_string(number) + "\n  expected: " + (has_a ? line_a : "(the end)") +
           "\n  found:    " + (has_b ? line_b : "(the end)") + "\n";
  }
}

}  // namespace

int main(int count, char** values) {
  namespace fs = std::filesystem;
  using namespace nnc::file_test;
  const std::vector<std::string> arguments(values + 1, values + count);
  std::string binary;
  bool is_update = false;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--nnc" && i + 1 < arguments.size()) {
      binary = arguments[++i];
    } else if (arguments[i] == "--update") {
      is_update = true;
    } else {
      for (const std::string& path : find(arguments[i])) paths.push_back(path);
    }
  }
  if (binary.empty() || paths.empty()) {
    std::cerr << "usage: file_tests --nnc PATH [--update] FOLDER_OR_FILE…\n";
    return 2;
  }
  int failures = 0;
  int updates = 0;
  for (const std::string& path : paths) {
    const std::string text = read(path);
    const std::string folder = fs::path(path).parent_path().string();
    int status = 0;
    const Runner run = [&](const std::string& args, const std::string& name, const std::string& bare) {
      const Result result = run_binary(binary, folder.empty() ? "." : folder, args, name, bare);
      status = result.status;
      return result;
    };
    const std::string found = annotate(fs::path(path).filename().string(), text, run);
    if (status >= 126) {  // a signal, or no such binary: never an expectation
      std::cerr << "FAILED " << path << ": nnc crashed or could not be run\n";
      ++failures;
    } else if (found != text && is_update) {
      std::ofstream(path, std::ios::binary) << found;
      ++updates;
    } else if (found != text) {
      std::cerr << "FAILED " << path << "\n" << first_difference(text, found);
      ++failures;
    }
  }
  std::cout << paths.size() << " file tests, " << failures << " failed, " << updates << " updated\n";
  return failures == 0 ? 0 : 1;
}
