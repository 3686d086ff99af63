// Places of errors: see report.h.
#include "compiler/elaborate/report.h"

#include <fmt/format.h>

namespace nnc::semantics {

std::vector<Note> join_notes(std::initializer_list<std::vector<Note>> parts) {
  std::vector<Note> joined;
  for (const std::vector<Note>& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

void Reporter::unknown_argument(Span argument, const std::string& callee, const std::string& name,
                                const std::vector<std::string>& names) {
  Span written = argument;
  written.end = written.begin + static_cast<std::uint32_t>(name.size());
  const std::string near = nearest(name, names);
  std::string all;
  for (const std::string& one : names) all += (all.empty() ? "; it has " : ", ") + one;
  report(Kind::unknown_argument, written, callee, name, near.empty() ? all : "").did_you_mean(near);
  throw Abandon{};
}

bool Reporter::is_prelude(Span span) const { return !span.is_valid() || sources_.is_prelude(span.file); }

Span Reporter::user_place(Span span) const {
  const CallSite* site = is_prelude(span) ? user_site() : nullptr;
  return site != nullptr ? site->span : span;
}

const CallSite* Reporter::user_site() const {
  for (auto site = chain.rbegin(); site != chain.rend(); ++site) {
    if (!is_prelude(site->span)) return &*site;
  }
  return nullptr;
}

void Reporter::add_notes(Diagnostic& diagnostic, Span span) const {
  constexpr std::size_t kNotesMax = 6;
  Span place = user_place(span);
  if (!(place == span) && span.is_valid()) {
    diagnostic.note(span, chain.empty() ? "here" : fmt::format("in the body of `{}`", chain.back().callee));
  }
  for (auto site = chain.rbegin(); site != chain.rend() && diagnostic.notes.size() < kNotesMax; ++site) {
    if (is_prelude(site->span) || site->span == place) continue;
    diagnostic.note(site->span, fmt::format("in this application of `{}`", site->callee));
  }
}

}  // namespace nnc::semantics
