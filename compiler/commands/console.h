// What all commands print with: diagnostics, errors, progress.
#pragma once

#include <string>
#include <string_view>

#include "compiler/diagnostics/diagnostics.h"

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
