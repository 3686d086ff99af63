#include "compiler/onnx/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace nnc::translation {

std::string expression(const Line& line) { return line.head.empty() ? line.right : line.head + " |> " + line.right; }

std::string text(const Line& line) {
  if (line.kind == Line::Kind::Parameter) return fmt::format("param {}: {}", line.results[0], line.right);
  if (line.kind == Line::Kind::Layer) {
    const std::string copies = line.copies == 0 ? "" : fmt::format("[{}]", line.copies);
    return fmt::format("layer {}{} = {}", line.results[0], copies, line.right);
  }
  const std::string names = fmt::format("{}", fmt::join(line.results, ", "));
  return fmt::format("let {} = {}", line.results.size() == 1 ? names : "(" + names + ")", expression(line));
}

void drop_unused(std::vector<Line>& lines, const std::vector<std::string>& outputs) {
  std::set<std::string> needed(outputs.begin(), outputs.end());
  for (std::size_t i = lines.size(); i-- > 0;) {
    Line& line = lines[i];
    const auto is_needed = [&](const std::string& name) { return needed.count(name) != 0; };
    if (std::none_of(line.results.begin(), line.results.end(), is_needed)) {
      line.results.clear();
      continue;
    }
    for (std::string& name : line.results) {
      if (!is_needed(name) && name.front() != '_') name = "_" + name;
    }
    needed.insert(line.used.begin(), line.used.end());
  }
  std::erase_if(lines, [](const Line& line) { return line.results.empty(); });
}

void join_pipes(std::vector<Line>& lines, const std::vector<std::string>& outputs) {
  std::map<std::string, int> uses;
  for (const Line& line : lines) {
    for (const std::string& name : line.used) ++uses[name];
  }
  for (const std::string& name : outputs) ++uses[name];
  std::map<std::string, std::size_t> made_by;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Line& line = lines[i];
    const std::map<std::string, std::size_t>::const_iterator before = made_by.find(line.head);
    if (!line.head.empty() && before != made_by.end() && uses[line.head] == 1) {
      Line& first = lines[before->second];
      line.right = first.right + " |> " + line.right;
      // All but the head.
      line.used.erase(line.used.begin());
      line.used.insert(line.used.begin(), first.used.begin(), first.used.end());
      line.head = first.head;
      first.results.clear();
    }
    if (line.kind == Line::Kind::Value && line.results.size() == 1) made_by[line.results[0]] = i;
  }
  std::erase_if(lines, [](const Line& line) { return line.results.empty(); });
}

}  // namespace nnc::translation
