// What all commands print with: diagnostics, errors, progress.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/emit/target.h"
#include "compiler/interop/result.h"

namespace nnc {

// Exit statuses of nnc.
inline constexpr int kSuccess = 0;
inline constexpr int kBadInput = 1;
inline constexpr int kBadUsage = 2;
inline constexpr int kInternal = 70;

bool is_terminal(int descriptor);
// Colour on standard error: it is a terminal and NO_COLOR is not set.
bool wants_colour();

// All diagnostics to standard error (as JSON to standard output if `json`). kBadInput if there is an error.
int show(const Diagnostics& diagnostics, const SourceManager& sources, bool json = false);
// "nnc: error: …" to standard error; gives kBadInput.
int fail(std::string_view message);

// Before anything is computed: that each output can be written (its folder is there, it is no folder itself), that no
// two are one file, and that none would replace a file that is read. `inputs` are paths or data specs
// (compiler/interop/arrays.h).
Status check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);
// That code for the target runs here.
Status check_runs_here(const Target& target);

// One line on standard error that is written over, at most ten times a second; nothing if it is no terminal.
class Progress {
 public:
  explicit Progress(bool quiet = false);
  ~Progress();
  void show(std::string_view line);
  void clear();

 private:
  bool active_;
  bool shown_ = false;
  double last_ = 0;
};

}  // namespace nnc
