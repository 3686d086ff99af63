#include "compiler/emit/runtime_text.h"

#include <fmt/format.h>

#include "compiler/emit/cpp_text.h"
#include "compiler/graph/graph.h"

namespace nnc {
namespace {

constexpr std::string_view kNamespaceOpen = "namespace nnc {";
constexpr std::string_view kDefaultOpen = "#if !defined(NNC_";
constexpr std::string_view kNamespaceClose = "}  // namespace nnc";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "tiles.h" in templates/move.h is templates/tiles.h; "nnc/vector.h" is runtime/nnc/vector.h.
std::string path_of_include(std::string_view includer, std::string_view included) {
  if (included.substr(0, 4) == "nnc/") return "runtime/" + std::string(included);
  return std::string(includer.substr(0, includer.rfind('/') + 1)) + std::string(included);
}

// The comment that ends `text`, if any: it says what follows.
void remove_last_comment(std::string& text) {
  std::size_t begin = text.size();
  while (begin > 0) {
    const std::size_t line = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
    const std::size_t start = line == std::string::npos ? 0 : line + 1;
    if (text.compare(start, 2, "//") != 0) break;
    begin = start;
  }
  text.erase(begin);
}

// Emitted files are ASCII.
std::string ascii(std::string_view line) {
  static const std::pair<std::string_view, std::string_view> kPlain[] = {
      {"\u2026", "..."}, {"\u00b7", "*"}, {"\u00d7", "x"}, {"\u2013", "-"}, {"\u2192", "->"}, {"\u00b2", "^2"}};
  std::string text(line);
  for (const auto& [from, to] : kPlain) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

std::string first_sentence(std::string_view comment) {
  const std::size_t end = comment.find_first_of(".:");
  return std::string(comment.substr(0, end));
}

// At namespace scope these stand before a parenthesis, or before `=`, without naming anything.
bool declares_nothing(std::string_view word) {
  static const std::set<std::string_view> words = {"decltype", "alignas", "__attribute__", "static_assert", "sizeof",
                                                   "noexcept", "class",   "operator",      "typename"};
  return words.count(word) != 0;
}

}  // namespace

RuntimeText::RuntimeText(std::span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files) add(file);
}

void RuntimeText::add(const EmbeddedFile& file) {
  const std::string name(file.name);
  Header& header = headers_[name];
  bool is_opening = true;  // the comment that says what the file is: written for the repository, not for the output
  int default_depth = 0;   // within `#if !defined(NNC_…)`: defaults for what a unit defines
  for (std::string_view line : lines_of(file.text)) {
    if (line.substr(0, kDefaultOpen.size()) == kDefaultOpen && default_depth == 0) {
      remove_last_comment(header.body);
      default_depth = 1;
      continue;
    }
    if (default_depth > 0) {
      if (line.substr(0, 3) == "#if") ++default_depth;
      if (line.substr(0, 6) == "#endif") --default_depth;
      continue;
    }
    if (is_opening && line.substr(0, 2) == "//") {
      if (header.summary.empty() && line.size() > 3) header.summary = ascii(first_sentence(line.substr(3)));
      continue;
    }
    is_opening = false;
    if (line.substr(0, 10) == "#include <") {
      header.standard.insert(std::string(line.substr(10, line.find('>') - 10)));
    } else if (line.substr(0, 10) == "#include \"") {
      const std::string_view path = line.substr(10);
      header.includes.push_back(path_of_include(file.name, path.substr(0, path.find('"'))));
    } else if (line != "#pragma once" && line != kNamespaceOpen && line != kNamespaceClose) {
      if (line.empty() && (header.body.empty() || header.body.ends_with("\n\n"))) continue;
      header.body += ascii(line) + "\n";
    }
  }
  while (header.body.ends_with("\n\n")) header.body.pop_back();
  collect_names(name, header);
}

void RuntimeText::declare(const std::string& name, const std::string& file) {
  names_.insert(name);
  declared_in_.emplace(name, file);
}

void RuntimeText::collect_names(const std::string& file, Header& header) {
  int braces = 0;
  int parentheses = 0;
  std::string_view before, last;  // the two latest tokens that are not space
  for (const CppToken& token : cpp_tokens(header.body)) {
    if (token.kind == CppToken::Kind::Space || token.kind == CppToken::Kind::Comment) continue;
    if (token.kind == CppToken::Kind::Directive) {
      const std::vector<CppToken> words = cpp_tokens(token.text.substr(1));
      if (words.size() > 2 && words[0].text == "define") {
        header.macros.insert(std::string(words[2].text));
        declare(std::string(words[2].text), file);
      }
      continue;
    }
    const bool is_outer = braces == 0 && parentheses == 0;
    const bool is_name = !last.empty() && (std::isalpha(static_cast<unsigned char>(last[0])) || last[0] == '_');
    if (is_outer && is_name && (token.text == "(" || token.text == "=") && !declares_nothing(last)) {
      declare(std::string(last), file);
    }
    if (is_outer && is_name && (before == "struct" || before == "using")) declare(std::string(last), file);
    if (token.text == "{") ++braces;
    if (token.text == "}") --braces;
    if (token.text == "(") ++parentheses;
    if (token.text == ")") --parentheses;
    before = last;
    last = token.text;
  }
}

std::string RuntimeText::header_of(const std::string& name) const {
  const std::map<std::string, std::string>::const_iterator found = declared_in_.find(name);
  return found == declared_in_.end() ? "" : found->second;
}

const RuntimeText::Header& RuntimeText::header(const std::string& name) const {
  const std::map<std::string, Header>::const_iterator found = headers_.find(name);
  if (found == headers_.end()) throw InternalError("no header " + name);
  return found->second;
}

void RuntimeText::visit(const std::string& name, std::set<std::string>& seen, std::vector<std::string>& order) const {
  if (!seen.insert(name).second) return;
  for (const std::string& included : header(name).includes) visit(included, seen, order);
  order.push_back(name);
}

std::vector<std::string> RuntimeText::closure(const std::set<std::string>& headers) const {
  std::set<std::string> seen;
  std::vector<std::string> order;
  for (const std::string& name : headers) visit(name, seen, order);
  return order;
}

std::string RuntimeText::text(const std::set<std::string>& headers) const {
  std::string text = std::string(kNamespaceOpen) + "\n";
  for (const std::string& name : closure(headers)) {
    const Header& one = header(name);
    text += fmt::format("\n// ======== {}: {}\n\n{}", name.substr(name.rfind('/') + 1), one.summary, one.body);
  }
  return text + "\n" + std::string(kNamespaceClose) + "\n";
}

std::set<std::string> RuntimeText::standard_headers(const std::set<std::string>& headers) const {
  std::set<std::string> result;
  for (const std::string& name : closure(headers)) {
    const Header& one = header(name);
    result.insert(one.standard.begin(), one.standard.end());
  }
  return result;
}

std::set<std::string> RuntimeText::macros(const std::set<std::string>& headers) const {
  std::set<std::string> result;
  for (const std::string& name : closure(headers)) {
    const Header& one = header(name);
    result.insert(one.macros.begin(), one.macros.end());
  }
  return result;
}

}  // namespace nnc
