#include "compiler/emit/runtime_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics/internal_error.h"
#include "compiler/emit/cpp_text.h"

namespace nnc {
namespace {

constexpr std::string_view kNamespaceOpen = "namespace nnc {";
constexpr std::string_view kNamespaceClose = "}  // namespace nnc";
constexpr std::string_view kDefaultOpen = "#if !defined(NNC_";  // a default for what a unit defines
constexpr std::string_view kRule = "// ----";                   // a headline within a header

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

bool is_word(std::string_view token) {
  return !token.empty() && (std::isalpha(static_cast<unsigned char>(token[0])) || token[0] == '_');
}

// At namespace scope these stand before a parenthesis, or before `=`, without naming anything.
bool names_nothing(std::string_view word) {
  static const std::set<std::string_view> words = {"decltype", "alignas", "__attribute__", "static_assert", "sizeof",
                                                   "noexcept", "class",   "operator",      "typename"};
  return words.count(word) != 0;
}

// Cuts the body of a header into outermost declarations and groups of `#if`.
class Cutter {
 public:
  std::vector<std::string> cut(const std::string& body) {
    const std::vector<CppToken> tokens = cpp_tokens(body);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view text = tokens[i].text;
      current_ += text;
      if (tokens[i].kind == CppToken::Kind::Directive) {
        if (text.substr(0, 3) == "#if") ++conditions_;
        if (text.substr(0, 6) == "#endif") --conditions_;
        end_if_outermost();
      } else if (tokens[i].kind == CppToken::Kind::Symbol) {
        if (text == "{" || text == "(") ++depth_;
        if (text == "}" || text == ")") --depth_;
        const bool ends_block = text == "}" && (i + 1 == tokens.size() || tokens[i + 1].text != ";");
        if (text == ";" || ends_block) end_if_outermost();
      }
    }
    return std::move(pieces_);
  }

 private:
  void end_if_outermost() {
    if (depth_ != 0 || conditions_ != 0) return;
    const std::size_t begin = current_.find_first_not_of(" \n");
    if (begin != std::string::npos) pieces_.push_back(current_.substr(begin) + "\n");
    current_.clear();
  }

  std::vector<std::string> pieces_;
  std::string current_;
  int depth_ = 0;
  int conditions_ = 0;
};

void collect_names(const std::string& text, std::set<std::string>& names, std::set<std::string>& macros) {
  int depth = 0;
  int angles = 0;                 // within the parameters of a template
  std::string_view before, last;  // the two latest tokens that are not space
  for (const CppToken& token : cpp_tokens(text)) {
    if (token.kind == CppToken::Kind::Space || token.kind == CppToken::Kind::Comment) continue;
    if (token.kind == CppToken::Kind::Directive) {
      const std::vector<CppToken> words = cpp_tokens(token.text.substr(1));
      if (words.size() > 2 && words[0].text == "define") macros.insert(std::string(words[2].text));
      continue;
    }
    if (token.text == "<" && (angles > 0 || last == "template")) ++angles;
    if (token.text == ">" && angles > 0) --angles;
    const bool opens_or_sets = token.text == "(" || token.text == "=";
    const bool names_type = before == "struct" || before == "using";
    if (depth == 0 && angles == 0 && is_word(last) && (names_type || (opens_or_sets && !names_nothing(last)))) {
      names.insert(std::string(last));
    }
    if (token.text == "{" || token.text == "(") ++depth;
    if (token.text == "}" || token.text == ")") --depth;
    before = last;
    last = token.text;
  }
  names.insert(macros.begin(), macros.end());
}

}  // namespace

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  for (const CppToken& token : cpp_tokens(text)) {
    if (token.kind == CppToken::Kind::Word) words.insert(std::string(token.text));
    if (token.kind == CppToken::Kind::Directive) words.merge(words_of(token.text.substr(1)));
  }
  return words;
}

std::string include_name(std::string_view file) {
  constexpr std::string_view kFolder = "runtime/";
  return std::string(file.substr(0, kFolder.size()) == kFolder ? file.substr(kFolder.size()) : file);
}

RuntimeText::RuntimeText(std::span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files) add(file);
  std::set<std::string> seen;
  for (const auto& [name, header] : headers_) order(name, seen);
}

void RuntimeText::add(const EmbeddedFile& file) {
  Header& header = headers_[std::string(file.name)];
  header.name = include_name(file.name);
  std::string body;
  bool is_opening = true;  // the comment that says what the file is: written for the repository, not for the output
  int default_depth = 0;
  for (std::string_view line : lines_of(file.text)) {
    if (default_depth > 0) {
      if (line.substr(0, 3) == "#if") ++default_depth;
      if (line.substr(0, 6) == "#endif") --default_depth;
      continue;
    }
    if (line.substr(0, kDefaultOpen.size()) == kDefaultOpen) {
      remove_last_comment(body);
      default_depth = 1;
      continue;
    }
    if (is_opening && line.substr(0, 2) == "//") {
      if (header.summary.empty() && line.size() > 3) {
        header.summary = ascii(line.substr(3, line.find_first_of(".:", 3) - 3));
      }
      continue;
    }
    is_opening = false;
    if (line.substr(0, 10) == "#include <") {
      header.standard.insert(std::string(line.substr(10, line.find('>') - 10)));
    } else if (line.substr(0, 10) == "#include \"") {
      const std::string_view path = line.substr(10);
      header.includes.push_back(path_of_include(file.name, path.substr(0, path.find('"'))));
    } else if (line != "#pragma once" && line != kNamespaceOpen && line != kNamespaceClose &&
               line.substr(0, kRule.size()) != kRule) {
      body += ascii(line) + "\n";
    }
  }
  for (std::string& piece : Cutter().cut(body)) {
    Declaration declaration;
    collect_names(piece, declaration.names, declaration.macros);
    declaration.words = words_of(piece);
    declaration.text = std::move(piece);
    names_.insert(declaration.names.begin(), declaration.names.end());
    header.declarations.push_back(std::move(declaration));
  }
}

void RuntimeText::order(const std::string& name, std::set<std::string>& seen) {
  if (!seen.insert(name).second) return;
  const std::map<std::string, Header>::const_iterator header = headers_.find(name);
  if (header == headers_.end()) throw InternalError("no header " + name);
  for (const std::string& included : header->second.includes) order(included, seen);
  in_order_.push_back(&header->second);
}

std::set<const RuntimeText::Declaration*> RuntimeText::reached(const std::set<std::string>& words) const {
  std::map<std::string, std::vector<const Declaration*>> declaring;
  for (const Header* header : in_order_) {
    for (const Declaration& declaration : header->declarations) {
      for (const std::string& name : declaration.names) declaring[name].push_back(&declaration);
    }
  }
  std::set<const Declaration*> found;
  std::set<std::string> seen;
  std::vector<std::string> waiting(words.begin(), words.end());
  while (!waiting.empty()) {
    const std::string word = std::move(waiting.back());
    waiting.pop_back();
    if (!seen.insert(word).second) continue;
    const std::map<std::string, std::vector<const Declaration*>>::const_iterator known = declaring.find(word);
    if (known == declaring.end()) continue;
    for (const Declaration* declaration : known->second) {
      if (found.insert(declaration).second) {
        waiting.insert(waiting.end(), declaration->words.begin(), declaration->words.end());
      }
    }
  }
  return found;
}

RuntimeText::Slice RuntimeText::slice(const std::set<std::string>& words) const {
  const std::set<const Declaration*> found = reached(words);
  Slice slice;
  slice.text = std::string(kNamespaceOpen) + "\n";
  for (const auto* header : in_order_) {
    const bool is_used = std::any_of(header->declarations.begin(), header->declarations.end(),
                                     [&](const Declaration& declaration) { return found.count(&declaration) != 0; });
    if (!is_used) continue;
    slice.standard.insert(header->standard.begin(), header->standard.end());
    slice.includes += fmt::format("#include \"{}\"  // {}\n", header->name, header->summary);
    slice.text += fmt::format("\n// ======== {}\n", header->summary);
    for (const Declaration& declaration : header->declarations) {
      if (!declaration.names.empty() && found.count(&declaration) == 0) continue;
      slice.text += "\n" + declaration.text;
      slice.macros.insert(declaration.macros.begin(), declaration.macros.end());
      slice.words.insert(declaration.words.begin(), declaration.words.end());
    }
  }
  slice.text += "\n" + std::string(kNamespaceClose) + "\n";
  return slice;
}

}  // namespace nnc
