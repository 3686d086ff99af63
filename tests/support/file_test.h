// File tests: a program that carries the command to run on it and what that command says.
//
//   # TEST: check
//   # REPAIR: Give the layer as many inputs as the value has.        (for the page of diagnostics; free text)
//   model M(x: f3) -> (y: f32) {
//   # ERROR 12-13: unknown element type `f3` [unknown-element-type]
//     y = x
//   }
//
// The first line holds the arguments of nnc; the file's name follows them, or stands for `%s`. Expectations are
// comments: a diagnostic below the line it is about, with its columns (`ERROR`, `WARNING`, `UNSUPPORTED`, `NOTE`, and
// `FIX` with what it would write and the column), a note in another file below its diagnostic with that file's name, an
// exit status that is not what the diagnostics say (`EXIT`), and all other output at the end (`OUTPUT:`). Before the
// command runs, expectations are taken out, so they never change what is tested.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace nnc::file_test {

struct Result {
  std::string output;  // standard output and error together
  int status = 0;
};

// Runs the command on the text, which is to be seen under the given file name.
using Runner = std::function<Result(const std::string& arguments, const std::string& name, const std::string& text)>;

// The arguments of the file's first line; empty if the file is no file test.
std::string arguments_of(const std::string& text);
// The text without its expectations.
std::string without_expectations(const std::string& text);
// The text with the expectations that a run shows. A test passes if this is the text itself.
std::string annotate(const std::string& name, const std::string& text, const Runner& run);

// Runs the binary in a temporary folder that also shows the neighbours of the file, for imports.
Result run_binary(const std::string& binary, const std::string& folder, const std::string& arguments,
                  const std::string& name, const std::string& text);

// All file tests below a folder (or the one file), in order of their paths.
std::vector<std::string> find(const std::string& path);
std::string read(const std::string& path);

}  // namespace nnc::file_test
