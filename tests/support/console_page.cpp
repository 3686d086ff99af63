#include "tests/support/console_page.h"

#include <algorithm>
#include <regex>
#include <sstream>
#include <string_view>

namespace nnc::console_page {
namespace {

constexpr std::string_view kAny = "...";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

bool line_matches(std::string_view shown, std::string_view line) {
  const std::size_t any = shown.find(kAny);
  if (any == std::string_view::npos) return shown == line;
  if (line.substr(0, any) != shown.substr(0, any)) return false;
  const std::string_view rest = shown.substr(any + kAny.size());
  for (std::size_t at = any; at <= line.size(); ++at) {
    if (line_matches(rest, line.substr(at))) return true;
  }
  return false;
}

bool lines_match(const std::vector<std::string>& shown, std::size_t i, const std::vector<std::string>& lines,
                 std::size_t j) {
  for (; i < shown.size(); ++i, ++j) {
    if (shown[i] == kAny) {
      for (std::size_t next = j + 1; next <= lines.size(); ++next) {
        if (lines_match(shown, i + 1, lines, next)) return true;
      }
      return false;
    }
    if (j == lines.size() || !line_matches(shown[i], lines[j])) return false;
  }
  return j == lines.size();
}

// What a page should show of the text: times left out, and where lines were left out before, as many shown around them.
// If they were left out in several places, what to show is not for a program to say.
std::vector<std::string> shown_anew(const std::vector<std::string>& before, const std::string& text) {
  if (std::count(before.begin(), before.end(), kAny) > 1) return before;
  static const std::regex time(R"( [0-9]+\.[0-9]+ s$)");
  std::vector<std::string> lines = lines_of(text);
  for (std::string& line : lines) line = std::regex_replace(line, time, " ... s");
  const std::vector<std::string>::const_iterator any = std::find(before.begin(), before.end(), kAny);
  const std::size_t head = static_cast<std::size_t>(any - before.begin());
  if (any == before.end() || before.size() > lines.size()) return lines;
  const std::size_t tail = before.size() - head - 1;
  std::vector<std::string> result(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(head));
  result.emplace_back(kAny);
  result.insert(result.end(), lines.end() - static_cast<std::ptrdiff_t>(tail), lines.end());
  return result;
}

class Follower {
 public:
  Follower(const std::string& page, const Runner& run, const Reader& read)
      : lines_(lines_of(page)), run_(run), read_(read) {}

  Followed follow() {
    while (at_ < lines_.size()) {
      const std::string opening = take();
      if (!opening.starts_with("```")) continue;
      if (opening == "```console") {
        commands();
      } else if (const std::size_t blank = opening.find(' '); blank != std::string::npos) {
        file(opening.substr(blank + 1));
      } else {
        problem("a fence is of commands (```console) or names its file (```nn neuron.nn)");
        while (!is_end()) take();
      }
      if (at_ < lines_.size()) take();
    }
    result_.page = joined(done_);
    return result_;
  }

 private:
  bool is_end() const { return at_ == lines_.size() || lines_[at_] == "```"; }
  std::string take() {
    done_.push_back(lines_[at_]);
    return lines_[at_++];
  }
  void problem(const std::string& text) { result_.problems.push_back("line " + std::to_string(at_) + ": " + text); }

  void commands() {
    while (!is_end()) {
      if (!lines_[at_].starts_with("$ ")) {
        problem("a fence of commands begins with one");
        take();
        continue;
      }
      std::string command = take().substr(2);
      while (command.ends_with('\\') && !is_end()) command.replace(command.size() - 1, 1, take());
      std::vector<std::string> shown;
      while (!is_end() && !lines_[at_].starts_with("$ ")) shown.push_back(lines_[at_++]);
      const Outcome outcome = run_(command);
      compare(shown, outcome.output, "'" + command + "' prints");
      const bool says_error = outcome.output.find("error:") != std::string::npos;
      if ((outcome.status != 0) != says_error) {
        problem("'" + command + "' ends with status " + std::to_string(outcome.status));
      }
    }
  }

  void file(const std::string& name) {
    std::vector<std::string> shown;
    while (!is_end()) shown.push_back(lines_[at_++]);
    compare(shown, read_(name), name + " is");
  }

  void compare(const std::vector<std::string>& shown, const std::string& text, const std::string& what) {
    const bool is_same = lines_match(shown, 0, lines_of(text), 0);
    const std::vector<std::string> now = is_same ? shown : shown_anew(shown, text);
    done_.insert(done_.end(), now.begin(), now.end());
    if (!is_same) problem(what + "\n" + text + "\nbut the page shows\n" + joined(shown));
  }

  const std::vector<std::string> lines_;
  const Runner& run_;
  const Reader& read_;
  std::size_t at_ = 0;
  std::vector<std::string> done_;
  Followed result_;
};

}  // namespace

bool matches(const std::string& shown, const std::string& text) {
  return lines_match(lines_of(shown), 0, lines_of(text), 0);
}

Followed follow(const std::string& page, const Runner& run, const Reader& read) {
  return Follower(page, run, read).follow();
}

}  // namespace nnc::console_page
