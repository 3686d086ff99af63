// Errors, warnings and notes, each with its place, rendered as Clang renders them.
//
// A kind is a row of kinds.def: its name, its severity and the format of its message ({} are filled in order).
// Library code collects diagnostics; it never exits and never throws because of what a user wrote.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "dsl/source.h"

namespace nnc {

enum class Kind {
#define NNC_KIND(name, severity, format) name,
#include "compiler/diagnostics/kinds.def"
#undef NNC_KIND
};

enum class Severity { Warning, Error, Unsupported };

struct Note {
  Span span;
  std::string message;
};

// Replaces the text of `span`; offered only where the repair is certain.
struct FixIt {
  Span span;
  std::string replacement;
};

struct Diagnostic {
  Kind kind;
  Span span;
  std::string message;
  std::vector<Note> notes;
  std::vector<FixIt> fixits;

  Diagnostic& note(Span place, std::string text) {
    notes.push_back({place, std::move(text)});
    return *this;
  }
  Diagnostic& fixit(Span place, std::string replacement) {
    fixits.push_back({place, std::move(replacement)});
    return *this;
  }
  // "…; did you mean `word`?", and the repair; nothing if the word is empty, as `nearest` gives it.
  Diagnostic& did_you_mean(const std::string& word) {
    if (word.empty()) return *this;
    message += fmt::format("; did you mean `{}`?", word);
    return fixit(span, word);
  }
};

std::string_view name(Kind kind);    // "shape-mismatch"
std::string_view format(Kind kind);  // "{} expects …"
Severity severity(Kind kind);

class Diagnostics {
 public:
  // Adds a diagnostic; the returned reference is valid until the next call.
  template <class... Args>
  Diagnostic& report(Kind kind, Span span, const Args&... args) {
    return add({kind, span, fmt::vformat(format(kind), fmt::make_format_args(args...)), {}, {}});
  }
  Diagnostic& add(Diagnostic diagnostic);

  bool has_errors() const { return errors_ > 0; }
  const std::vector<Diagnostic>& all() const { return all_; }
  // Sorted by place, duplicates removed, as text; `colour` for a terminal.
  std::string render(const SourceManager& sources, bool colour) const;
  // The same as a JSON array of objects.
  std::string to_json(const SourceManager& sources) const;

 private:
  std::vector<Diagnostic> all_;
  int errors_ = 0;
};

// The candidate nearest to `word` by edit distance, or "" if none is near: for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace nnc
