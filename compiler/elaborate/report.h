// Reports a user's error at the place in the user's file, with notes along the chain of applications.
//
// An error inside the prelude is placed at the application in the user's file that led there. After reporting, fail()
// throws Abandon; it is caught within elaboration where work can go on (the next statement, the next model), and never
// leaves it.
#pragma once

#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

namespace nnc::semantics {

// An error has been reported; what was being elaborated has no meaning.
struct Abandon {};

std::vector<Note> join_notes(std::initializer_list<std::vector<Note>> parts);

// An application on the way to what is being elaborated.
struct CallSite {
  Span span;
  std::string callee;           // as messages name it: an instance by its path
  std::string definition = {};  // its name in the source; empty for a model
  bool is_instance = false;
};

class Reporter {
 public:
  Reporter(const SourceManager& sources, Diagnostics& diagnostics) : sources_(sources), diagnostics_(diagnostics) {}

  template <class... Args>
  Diagnostic& report(Kind kind, Span span, const Args&... args) {
    Diagnostic& diagnostic = diagnostics_.report(kind, user_place(span), args...);
    add_notes(diagnostic, span);
    return diagnostic;
  }
  template <class... Args>
  [[noreturn]] void fail(Kind kind, Span span, const Args&... args) {
    report(kind, span, args...);
    throw Abandon{};
  }
  template <class... Args>
  [[noreturn]] void fail_with(std::vector<Note> notes, Kind kind, Span span, const Args&... args) {
    Diagnostic& diagnostic = report(kind, span, args...);
    diagnostic.notes.insert(diagnostic.notes.begin(), notes.begin(), notes.end());
    throw Abandon{};
  }

  // An argument with a name that the callee has not: the name is underlined, and repaired if one of `names` is near.
  [[noreturn]] void unknown_argument(Span argument, const std::string& callee, const std::string& name,
                                     const std::vector<std::string>& names);

  // The innermost place in a file of the user's on the way to `span`.
  Span user_place(Span span) const;
  // The innermost application that stands in a file of the user's; null if there is none.
  const CallSite* user_site() const;
  bool is_prelude(Span span) const;
  std::string text(Span span) const { return std::string(sources_.text(span)); }

  std::vector<CallSite> chain;
  Diagnostics& diagnostics() { return diagnostics_; }

 private:
  void add_notes(Diagnostic& diagnostic, Span span) const;

  const SourceManager& sources_;
  Diagnostics& diagnostics_;
};

}  // namespace nnc::semantics
