// The reference of what a program may call: see reference.h.
#include "compiler/elaborate/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "compiler/embedded.h"
#include "dsl/parser.h"

namespace nnc {
namespace {

struct BuiltinMeaning {
  std::string name;  // empty: the beginning of a group, whose title is `signature`
  std::string signature;
  std::string meaning;
};

const std::vector<BuiltinMeaning>& builtin_meanings() {
  static const std::vector<BuiltinMeaning> kMeanings = {
#define NNC_GROUP(title) {"", title, ""},
#define NNC_BUILTIN(name, signature, meaning) {#name, signature, meaning},
#include "compiler/elaborate/builtin_meanings.inc"
#undef NNC_BUILTIN
#undef NNC_GROUP
  };
  return kMeanings;
}

// A definition of the prelude, or a constant, as its file has it.
struct PreludeEntry {
  std::string name;
  std::string comment;                    // what stands above it, or above those that it follows without a blank line
  std::string header;                     // on one line
  std::string text;                       // all of it
  std::vector<std::string> requirements;  // "groups must divide the channels" (`C % groups == 0`)
};
struct PreludeFile {
  std::string name;   // "dsl/prelude/layers.nn"
  std::string title;  // the comment at its beginning
  std::vector<PreludeEntry> entries;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Without "# ", joined.
std::string comment_text(const std::vector<std::string>& lines, std::size_t first, std::size_t last) {
  std::string text;
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t begin = lines[i].find_first_not_of("# ");
    if (begin != std::string::npos) text += (text.empty() ? "" : " ") + lines[i].substr(begin);
  }
  return text;
}

std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\n';
    if (!is_blank || (!line.empty() && line.back() != ' ')) line += is_blank ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

class PreludeReader {
 public:
  explicit PreludeReader(const EmbeddedFile& file) : lines_(lines_of(file.text)) {
    const std::int32_t number = sources_.add(std::string(file.name), std::string(file.text), true);
    tree_ = ast::parse(sources_, number, diagnostics_);
    result_.name = file.name;
  }

  PreludeFile read() {
    std::size_t end = 0;
    while (end < lines_.size() && lines_[end].starts_with("#")) ++end;
    result_.title = comment_text(lines_, 0, end);
    for (const ast::Const& item : tree_.consts) {
      PreludeEntry& entry = add(item.name.text, item.span, "");
      entry.header = entry.text;
    }
    for (const ast::Definition& item : tree_.definitions) {
      PreludeEntry& entry = add(item.name.text, item.span, "");
      const Span header{item.span.file, item.span.begin, item.body.span.begin};
      entry.header = on_one_line(sources_.text(header.file).substr(header.begin, header.end - header.begin));
      for (const ast::StmtPtr& one : item.body.statements) {
        if (one->kind != ast::StmtKind::Require) continue;
        const std::string condition = text(one->value->span);
        entry.requirements.push_back(one->text.empty() ? fmt::format("`{}`", condition)
                                                       : fmt::format("{} (`{}`)", one->text, condition));
      }
    }
    return result_;
  }

 private:
  std::string text(Span span) const {
    return std::string(sources_.text(span.file).substr(span.begin, span.end - span.begin));
  }

  PreludeEntry& add(const std::string& name, Span span, const std::string& header) {
    const std::size_t first = sources_.line_column(span.file, span.begin).line - 1;
    std::size_t comment = first;
    while (comment > 0 && lines_[comment - 1].starts_with("#")) --comment;
    PreludeEntry entry{name, comment_text(lines_, comment, first), header, text(span), {}};
    const bool follows = comment == first && first > 0 && !lines_[first - 1].empty() && !result_.entries.empty();
    if (follows) entry.comment = result_.entries.back().comment;
    const std::size_t trailing = lines_[first].find(" # ");
    if (entry.comment.empty() && trailing != std::string::npos) entry.comment = lines_[first].substr(trailing + 3);
    result_.entries.push_back(std::move(entry));
    return result_.entries.back();
  }

  SourceManager sources_;
  Diagnostics diagnostics_;
  std::vector<std::string> lines_;
  ast::File tree_;
  PreludeFile result_;
};

const std::vector<PreludeFile>& prelude() {
  static const std::vector<PreludeFile> kFiles = [] {
    std::vector<PreludeFile> files;
    for (const EmbeddedFile& file : prelude_files()) files.push_back(PreludeReader(file).read());
    return files;
  }();
  return kFiles;
}

// A short definition is its own formula.
bool is_short(const PreludeEntry& entry) { return std::count(entry.text.begin(), entry.text.end(), '\n') < 3; }

std::string prelude_text(const PreludeEntry& entry, bool in_full) {
  std::string text = fmt::format("```nn\n{}\n```\n\n", in_full || is_short(entry) ? entry.text : entry.header);
  if (!entry.comment.empty()) text += entry.comment + "\n\n";
  for (const std::string& requirement : entry.requirements) text += fmt::format("* requires: {}\n", requirement);
  return text + (entry.requirements.empty() ? "" : "\n");
}

// A cell of a table.
std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

}  // namespace

std::string language_reference() {
  std::string page =
      "# What a program may call\n\n"
      "Made by `NNC_UPDATE=1 build/test_elaborate`; do not edit. `nnc ops NAME` shows one entry in full.\n\n"
      "Inputs come first, settings after them; what has a default is given by name. Shapes: `S...` is any list of "
      "sizes, a size or an element type (`float`, `any`) that is named twice is the same both times. Where only names "
      "stand, operands broadcast: equal ranks with 1s stretched, or one shape is the other's last axes. `f16` and "
      "`bf16` "
      "are kept in 16 bits; what computes does so in f32, and a call rounds its result once.\n\n"
      "## Primitives of the language\n";
  for (const BuiltinMeaning& one : builtin_meanings()) {
    if (one.name.empty()) {
      page += fmt::format("\n### {}\n\n| call | gives |\n|---|---|\n", one.signature);
    } else {
      page += fmt::format("| `{}` | {} |\n", cell(one.signature), cell(one.meaning));
    }
  }
  page +=
      "\n## Prelude\n\nAll of it is written in the language, in `dsl/prelude`; a file's own definition of the same "
      "name comes before it. What is short is shown whole.\n";
  for (const PreludeFile& file : prelude()) {
    page += fmt::format("\n### {}\n\n{}\n\n", file.name, file.title);
    for (const PreludeEntry& entry : file.entries) page += prelude_text(entry, false);
    while (page.ends_with("\n\n")) page.pop_back();
  }
  return page;
}

std::optional<std::string> describe_callable(const std::string& name) {
  for (const BuiltinMeaning& one : builtin_meanings()) {
    if (one.name == name) return fmt::format("`{}`\n\n{}\n", one.signature, one.meaning);
  }
  for (const PreludeFile& file : prelude()) {
    for (const PreludeEntry& entry : file.entries) {
      if (entry.name == name) return fmt::format("{}({})\n", prelude_text(entry, true), file.name);
    }
  }
  return std::nullopt;
}

std::vector<std::string> callable_names() {
  std::vector<std::string> names;
  for (const BuiltinMeaning& one : builtin_meanings()) {
    if (!one.name.empty()) names.push_back(one.name);
  }
  for (const PreludeFile& file : prelude()) {
    for (const PreludeEntry& entry : file.entries) names.push_back(entry.name);
  }
  return names;
}

}  // namespace nnc
