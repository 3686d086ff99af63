#include "compiler/commands/console.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

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

namespace {

// The files that a data spec may name: itself, what follows '=', what precedes ':'; each between commas.
std::vector<std::string> files_of(const std::string& spec) {
  std::vector<std::string> files = {spec};
  std::string part;
  std::istringstream parts(spec);
  while (std::getline(parts, part, ',')) {
    files.push_back(part);
    files.push_back(part.substr(0, part.find(':')));
    const std::size_t equals = part.rfind('=');
    if (equals != std::string::npos) files.push_back(part.substr(equals + 1));
  }
  return files;
}

}  // namespace

Status check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto resolved = [&](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string& output = outputs[i];
    if (output.empty()) continue;
    for (std::size_t k = 0; k < i; ++k) {
      if (outputs[k].empty() || resolved(outputs[k]) != resolved(output)) continue;
      return Failure{fmt::format("two outputs would be written to '{}'; give each a file of its own", output)};
    }
    if (fs::is_directory(output, ignored)) return Failure{fmt::format("'{}' is a folder; name a file", output)};
    fs::path folder = fs::path(output).parent_path();
    if (folder.empty()) folder = ".";
    if (!fs::is_directory(folder, ignored)) {
      return Failure{fmt::format("cannot write '{}': there is no folder '{}'", output, folder.string())};
    }
    if (access(folder.c_str(), W_OK) != 0) {
      return Failure{fmt::format("cannot write '{}': the folder '{}' is not writable", output, folder.string())};
    }
    for (const std::string& input : inputs) {
      for (const std::string& file : files_of(input)) {
        if (!file.empty() && fs::equivalent(output, file, ignored) && !ignored) {
          return Failure{fmt::format("'{}' would be replaced by the output; give another name", output)};
        }
      }
    }
  }
  return Done{};
}

Status check_runs_here(const Target& target) {
  if (runs_on_host(target)) return Done{};
  return Failure{fmt::format("this machine ({}) does not run code for {}; compile it with -o instead", host_target(),
                             target.name)};
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
