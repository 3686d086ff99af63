// File tests: taking expectations out, running, writing them in again; see file_test.h.
#include "tests/support/file_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>

namespace nnc::file_test {
namespace {

constexpr std::array<std::string_view, 7> kMarks = {"# ERROR", "# WARNING", "# UNSUPPORTED", "# NOTE",
                                                    "# FIX",   "# EXIT",    "# OUTPUT:"};

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

bool is_expectation(const std::string& line) {
  return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) { return line.starts_with(mark); });
}

std::string upper(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  return word;
}

// Reads what nnc printed, line by line, into expectations.
class Reader {
 public:
  Reader(std::string name, const Result& result) : name_(std::move(name)), lines_(lines_of(result.output)) {
    static const std::regex header("^([^ :][^:]*):([0-9]+):([0-9]+): (error|warning|unsupported|note): (.*)$");
    static const std::regex placeless("^nnc: (error|warning|unsupported|note): (.*)$");
    for (std::size_t i = 0; i < lines_.size();) {
      std::smatch match;
      if (std::regex_match(lines_[i], match, header)) {
        i = diagnostic(i, match);
      } else if (std::regex_match(lines_[i], match, placeless)) {
        count_error(match[1]);
        below[1].push_back("# " + upper(match[1]) + ": " + match[2].str());
        ++i;
      } else {
        rest.push_back(lines_[i++]);
      }
    }
    if (result.status != (has_error_ ? 1 : 0)) exit_status = "# EXIT: " + std::to_string(result.status);
  }

  std::map<std::size_t, std::vector<std::string>> below;  // by line of the text, from 1
  std::vector<std::string> rest;
  std::string exit_status;

 private:
  void count_error(const std::string& word) { has_error_ = has_error_ || word == "error" || word == "unsupported"; }

  // A header, the line of the source, the mark below it, and perhaps what a repair would write. Returns what follows.
  std::size_t diagnostic(std::size_t i, const std::smatch& match) {
    const std::string word = match[4];
    const std::string message = match[5];
    const std::string file = match[1];
    count_error(word);
    std::size_t column = std::stoul(match[3]);
    if (file != name_) {
      below[line_].push_back("# " + upper(word) + " " + file + ": " + message);
    } else {
      line_ = std::stoul(match[2]);
    }
    ++i;
    const std::size_t mark_at = i + 1;
    const bool has_mark = mark_at < lines_.size() && lines_[mark_at].find_first_not_of(" ") != std::string::npos &&
                          lines_[mark_at].find_first_not_of(" ^~") == std::string::npos;
    const std::size_t length = has_mark ? lines_[mark_at].size() - lines_[mark_at].find('^') : 1;
    if (file == name_) {
      below[line_].push_back("# " + upper(word) + " " + std::to_string(column) + "-" +
                             std::to_string(column + length - 1) + ": " + message);
    }
    if (!has_mark) return i;
    i = mark_at + 1;
    // Nothing but a repair is indented.
    if (i < lines_.size() && is_repair(lines_[i], lines_[mark_at])) {
      const std::size_t shift = lines_[mark_at].find('^') + 1 - column;  // tabs
      const std::size_t begin = lines_[i].find_first_not_of(' ');
      if (file == name_) {
        below[line_].push_back("# FIX " + std::to_string(begin + 1 - shift) + ": " + lines_[i].substr(begin));
      }
      ++i;
    }
    return i;
  }

  // A repair stands at or before the mark, and is no header of what comes next.
  static bool is_repair(const std::string& line, const std::string& mark) {
    static const std::regex header("^[^ ].*: (error|warning|unsupported|note): .*$");
    const std::size_t begin = line.find_first_not_of(' ');
    return begin != std::string::npos && !std::regex_match(line, header) && (begin > 0 || mark.front() == '^');
  }

  std::string name_;
  std::vector<std::string> lines_;
  std::size_t line_ = 1;
  bool has_error_ = false;
};

}  // namespace

std::string arguments_of(const std::string& text) {
  constexpr std::string_view kHeader = "# TEST:";
  if (!text.starts_with(kHeader)) return "";
  const std::string line = text.substr(0, text.find('\n'));
  const std::size_t begin = line.find_first_not_of(' ', kHeader.size());
  return begin == std::string::npos ? "" : line.substr(begin);
}

std::string without_expectations(const std::string& text) {
  std::vector<std::string> kept;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("# OUTPUT:")) break;  // up to the end of the file
    if (!is_expectation(line)) kept.push_back(line);
  }
  return joined(kept);
}

std::string annotate(const std::string& name, const std::string& text, const Runner& run) {
  const std::string bare = without_expectations(text);
  const Reader reader(name, run(arguments_of(text), name, bare));
  std::vector<std::string> result;
  const std::vector<std::string> lines = lines_of(bare);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    result.push_back(lines[i]);
    const auto found = reader.below.find(i + 1);
    if (found != reader.below.end()) result.insert(result.end(), found->second.begin(), found->second.end());
  }
  // A place behind the last line: the end of the file.
  for (auto it = reader.below.upper_bound(lines.size()); it != reader.below.end(); ++it) {
    result.insert(result.end(), it->second.begin(), it->second.end());
  }
  if (!reader.exit_status.empty()) result.push_back(reader.exit_status);
  if (!reader.rest.empty()) result.emplace_back("# OUTPUT:");
  for (const std::string& line : reader.rest) result.push_back(line.empty() ? "#" : "#   " + line);
  return joined(result);
}

Result run_binary(const std::string& binary, const std::string& folder, const std::string& arguments,
                  const std::string& name, const std::string& text) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "nnc_file_test_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return {"cannot make a temporary folder\n", 1};
  const fs::path place = pattern;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() != name)
      fs::create_symlink(fs::absolute(entry.path()), place / entry.path().filename());
  }
  std::ofstream(place / name, std::ios::binary) << text;
  const std::size_t hole = arguments.find("%s");
  const std::string full = hole == std::string::npos ? arguments + " " + name
                                                     : arguments.substr(0, hole) + name + arguments.substr(hole + 2);
  const std::string command =
      "cd '" + place.string() + "' && '" + fs::absolute(binary).string() + "' " + full + " 2>&1 < /dev/null";
  Result result;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    std::array<char, 4096> buffer;
    for (std::size_t count = 0; (count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
      result.output.append(buffer.data(), count);
    }
    const int status = pclose(pipe);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  fs::remove_all(place);
  return result;
}

std::vector<std::string> find(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> result;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".nn" && !arguments_of(read(entry.path().string())).empty()) {
      result.push_back(entry.path().string());
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace nnc::file_test
