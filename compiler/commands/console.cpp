#include "compiler/commands/console.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace nnc {

bool is_terminal(int descriptor) { return isatty(descriptor) != 0; }

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return is_terminal(STDERR_FILENO) && (no_colour == nullptr || *no_colour == '\0');
}

int show(const Diagnostics& diagnostics, const SourceManager& sources, bool json) {
  if (json) {
    fmt::print(stdout, "{}\n", diagnostics.to_json(sources));
  } else if (!diagnostics.all().empty()) {
    fmt::print(stderr, "{}", diagnostics.render(sources, wants_colour()));
  }
  return diagnostics.has_errors() ? kBadInput : kSuccess;
}

int fail(std::string_view message) {
  fmt::print(stderr, "nnc: error: {}\n", message);
  return kBadInput;
}

Progress::Progress(bool quiet) : active_(!quiet && is_terminal(STDERR_FILENO)) {}
Progress::~Progress() { clear(); }

void Progress::show(std::string_view line) {
  if (!active_) return;
  const double now = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (shown_ && now - last_ < 0.1) return;
  last_ = now;
  shown_ = true;
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
}

void Progress::clear() {
  if (!active_ || !shown_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace nnc
