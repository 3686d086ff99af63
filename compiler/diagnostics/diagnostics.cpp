// Diagnostics as text (Clang's layout) and as JSON, and the nearest name for "did you mean".
//
//   mnist.nn:7:12: error: dense expects 784 input features, but 'flat' has 576 [shape-mismatch]
//     scores = flat |> fc1
//              ^~~~
//   mnist.nn:3:9: note: 576 comes from here
//
// Columns count code points; for display a tab advances to the next multiple of kTabWidth.
#include "compiler/diagnostics/diagnostics.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr std::size_t kTabWidth = 4;
constexpr std::size_t kMaxShown = 50;       // more is noise: the rest is only counted
constexpr std::size_t kMaxNotes = 20;       // likewise, of one diagnostic
constexpr std::size_t kLineShown = 240;     // bytes of a line: of a longer one what is around the place
constexpr std::size_t kMessageShown = 600;  // bytes of a message: names may be as long as the file

struct KindRow {
  std::string name;
  Severity severity;
  std::string_view format;
};

const KindRow& row(Kind kind) {
  static const std::vector<KindRow> rows = [] {
    std::vector<KindRow> all = {
#define NNC_KIND(name, severity, format) {#name, Severity::severity, format},
#include "compiler/diagnostics/kinds.def"
#undef NNC_KIND
    };
    for (KindRow& each : all) std::replace(each.name.begin(), each.name.end(), '_', '-');
    return all;
  }();
  return rows.at(static_cast<std::size_t>(kind));
}

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      return "error";
    case Severity::Unsupported:
      return "unsupported";
  }
  return "";
}

std::string_view severity_colour(Severity severity) {
  return severity == Severity::Warning ? "\033[1;35m" : severity == Severity::Error ? "\033[1;31m" : "\033[1;33m";
}

// The position of each byte of a line on the screen, and the line with its tabs expanded.
struct ScreenLine {
  std::string text;
  std::vector<std::size_t> column;  // of each byte, and of the end
};

ScreenLine lay_out(std::string_view line) {
  ScreenLine screen;
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size();) {
    const utf8::CodePoint point = utf8::decode(line, i);
    for (std::size_t k = 0; k < point.length; ++k) screen.column.push_back(column);
    if (point.value == '\t') {
      const std::size_t next = (column / kTabWidth + 1) * kTabWidth;
      screen.text.append(next - column, ' ');
      column = next;
    } else {
      // What is no character would damage the terminal: U+FFFD is shown in its place.
      const bool is_printable = point.is_valid && point.value >= 0x20 && point.value != 0x7F;
      screen.text += is_printable ? std::string(line.substr(i, point.length)) : std::string("\uFFFD");
      ++column;
    }
    i += point.length;
  }
  screen.column.push_back(column);
  return screen;
}

// A note that says the same of the same place as one before it adds nothing, nor one that a number comes from where the
// error is.
std::vector<Note> distinct_notes(const Diagnostic& diagnostic) {
  std::vector<Note> distinct;
  for (std::size_t i = 0; i < diagnostic.notes.size(); ++i) {
    const Note& note = diagnostic.notes[i];
    const bool is_new = std::none_of(distinct.begin(), distinct.end(), [&](const Note& before) {
      return before.span == note.span && before.message == note.message;
    });
    const bool is_here = note.span == diagnostic.span && note.message.ends_with("comes from here");
    if (!is_new || is_here) continue;
    if (distinct.size() == kMaxNotes) {
      distinct.push_back({Span{}, fmt::format("{} more notes are not shown", diagnostic.notes.size() - i)});
      break;
    }
    distinct.push_back(note);
  }
  return distinct;
}

// The nearest place at or before `offset` at which a code point begins.
std::size_t code_point_at(std::string_view text, std::size_t offset) {
  while (offset > 0 && offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xC0) == 0x80) --offset;
  return offset;
}

// Without its middle, if it is long.
std::string shortened(const std::string& message) {
  if (message.size() <= kMessageShown) return message;
  const std::size_t head = code_point_at(message, kMessageShown * 2 / 3);
  const std::size_t tail = code_point_at(message, message.size() - kMessageShown / 3);
  return message.substr(0, head) + " … " + message.substr(tail);
}

class Renderer {
 public:
  Renderer(const SourceManager& sources, bool colour) : sources_(sources), colour_(colour) {}

  void render(const Diagnostic& diagnostic) {
    const Severity level = severity(diagnostic.kind);
    header(diagnostic.span, severity_word(level), severity_colour(level),
           fmt::format("{} [{}]", diagnostic.message, name(diagnostic.kind)));
    std::vector<FixIt> here;
    std::vector<FixIt> elsewhere;
    for (const FixIt& fixit : diagnostic.fixits) {
      const bool is_here = diagnostic.span.is_valid() && fixit.span.file == diagnostic.span.file &&
                           line_of(fixit.span) == line_of(diagnostic.span);
      (is_here ? here : elsewhere).push_back(fixit);
    }
    snippet(diagnostic.span, here);
    for (const Note& note : distinct_notes(diagnostic)) {
      header(note.span, "note", "\033[1;36m", note.message);
      snippet(note.span, {});
    }
    for (const FixIt& fixit : elsewhere) {
      header(fixit.span, "note", "\033[1;36m", "change this");
      snippet(fixit.span, {fixit});
    }
  }

  void line(const std::string& text) { out_ += text + "\n"; }
  std::string take() { return std::move(out_); }

 private:
  std::uint32_t line_of(Span span) const { return sources_.line_column(span.file, span.begin).line; }

  std::string paint(std::string_view colour, std::string_view text) const {
    return colour_ ? fmt::format("{}{}\033[0m", colour, text) : std::string(text);
  }

  void header(Span span, std::string_view word, std::string_view colour, const std::string& message) {
    std::string place = "nnc:";
    if (span.is_valid()) {
      const LineColumn at = sources_.line_column(span.file, span.begin);
      place = fmt::format("{}:{}:{}:", sources_.name(span.file), at.line, at.column);
    }
    out_ += fmt::format("{} {} {}\n", paint("\033[1m", place), paint(colour, fmt::format("{}:", word)),
                        paint("\033[1m", message));
  }

  // The line of the place, the mark below it, and below that what the repairs would write there.
  void snippet(Span span, std::vector<FixIt> fixits) {
    if (!span.is_valid()) return;
    const LineColumn at = sources_.line_column(span.file, span.begin);
    const std::string_view line = sources_.line_text(span.file, at.line);
    const std::size_t line_begin = static_cast<std::size_t>(line.data() - sources_.text(span.file).data());
    std::size_t first = 0;
    if (line.size() > kLineShown && span.begin - line_begin > kLineShown / 2) {
      first = code_point_at(line, span.begin - line_begin - kLineShown / 2);
    }
    const std::string_view shown = line.substr(first, code_point_at(line, first + kLineShown) - first);
    const std::string_view mark_before = first > 0 ? "…" : "";
    const std::string_view mark_after = first + shown.size() < line.size() ? "…" : "";
    const ScreenLine screen = lay_out(shown);
    const auto column = [&](std::uint32_t offset) {
      const std::size_t in_line = std::max<std::size_t>(offset, line_begin + first) - line_begin - first;
      return screen.column[std::min(in_line, shown.size())] + (first > 0 ? 1 : 0);
    };
    const std::size_t begin = column(span.begin);
    const std::size_t end = std::max(begin + 1, column(std::max(span.end, span.begin)));
    out_ += fmt::format("{}{}{}\n", mark_before, screen.text, mark_after);
    out_ += std::string(begin, ' ') + paint("\033[1;32m", "^" + std::string(end - begin - 1, '~')) + "\n";
    if (fixits.empty()) return;
    std::stable_sort(fixits.begin(), fixits.end(),
                     [](const FixIt& a, const FixIt& b) { return a.span.begin < b.span.begin; });
    std::string repairs;
    std::size_t width = 0;
    for (const FixIt& fixit : fixits) {
      const std::size_t from = column(fixit.span.begin);
      const std::size_t size = std::max<std::size_t>(column(fixit.span.end), from + 1) - from;
      const std::string text = fixit.replacement.empty() ? std::string(size, '-') : fixit.replacement;
      if (from > width) repairs.append(from - width, ' ');
      repairs += text;
      width = std::max(from, width) + utf8::count(text);
    }
    out_ += paint("\033[32m", repairs) + "\n";
  }

  const SourceManager& sources_;
  bool colour_;
  std::string out_;
};

// Places in order; a diagnostic without a place comes first. Equal ones are shown once.
std::vector<const Diagnostic*> in_order(const std::vector<Diagnostic>& all) {
  std::vector<const Diagnostic*> order;
  for (const Diagnostic& each : all) order.push_back(&each);
  const auto key = [](const Diagnostic* d) {
    return std::tuple(d->span.file, d->span.begin, d->span.end, static_cast<int>(d->kind),
                      std::string_view(d->message));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const Diagnostic* a, const Diagnostic* b) { return key(a) < key(b); });
  const auto last = std::unique(order.begin(), order.end(),
                                [&](const Diagnostic* a, const Diagnostic* b) { return key(a) == key(b); });
  order.erase(last, order.end());
  return order;
}

nlohmann::ordered_json place_json(const SourceManager& sources, Span span) {
  if (!span.is_valid()) return nullptr;
  const LineColumn begin = sources.line_column(span.file, span.begin);
  const LineColumn end = sources.line_column(span.file, span.end);
  return {{"file", sources.name(span.file)},
          {"line", begin.line},
          {"column", begin.column},
          {"end_line", end.line},
          {"end_column", end.column}};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> previous(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  std::vector<std::size_t> before = previous;  // the row before `previous`, for exchanged neighbours
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> row = {i + 1};
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t best = std::min({previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0u : 1u)});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) best = std::min(best, before[j - 1] + 1);
      row.push_back(best);
    }
    before = std::move(previous);
    previous = std::move(row);
  }
  return previous.back();
}

// Without what styles of naming differ in: `MaxPool` is `max_pool`.
std::string plain(std::string_view word) {
  std::string result;
  for (const char letter : word) {
    if (letter != '_') result += 'A' <= letter && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  return result;
}

}  // namespace

std::string_view name(Kind kind) { return row(kind).name; }
std::string_view format(Kind kind) { return row(kind).format; }
Severity severity(Kind kind) { return row(kind).severity; }

Diagnostic& Diagnostics::add(Diagnostic diagnostic) {
  if (severity(diagnostic.kind) != Severity::Warning) ++errors_;
  diagnostic.message = shortened(diagnostic.message);
  all_.push_back(std::move(diagnostic));
  return all_.back();
}

std::string Diagnostics::render(const SourceManager& sources, bool colour) const {
  Renderer renderer(sources, colour);
  const std::vector<const Diagnostic*> order = in_order(all_);
  for (std::size_t i = 0; i < std::min(order.size(), kMaxShown); ++i) renderer.render(*order[i]);
  if (order.size() > kMaxShown) renderer.line(fmt::format("nnc: {} more are not shown", order.size() - kMaxShown));
  return renderer.take();
}

std::string Diagnostics::to_json(const SourceManager& sources) const {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const Diagnostic* diagnostic : in_order(all_)) {
    nlohmann::ordered_json entry = {
        {"kind", name(diagnostic->kind)},           {"severity", severity_word(severity(diagnostic->kind))},
        {"message", diagnostic->message},           {"place", place_json(sources, diagnostic->span)},
        {"notes", nlohmann::ordered_json::array()}, {"fixits", nlohmann::ordered_json::array()}};
    for (const Note& note : distinct_notes(*diagnostic)) {
      entry["notes"].push_back({{"message", note.message}, {"place", place_json(sources, note.span)}});
    }
    for (const FixIt& fixit : diagnostic->fixits) {
      entry["fixits"].push_back({{"replacement", fixit.replacement}, {"place", place_json(sources, fixit.span)}});
    }
    array.push_back(std::move(entry));
  }
  // What is no UTF-8 in a message (a quoted byte of the source) must not make the report fail.
  return array.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string nearest(std::string_view wanted, const std::vector<std::string>& candidates) {
  const std::string word = plain(wanted);
  const std::size_t limit = word.size() <= 1 ? 0 : word.size() <= 4 ? 1 : word.size() <= 7 ? 2 : word.size() / 3;
  std::size_t best = limit + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    if (candidate == wanted) continue;
    const std::string other = plain(candidate);
    if (other.size() > word.size() + limit || word.size() > other.size() + limit) continue;
    const std::size_t distance = edit_distance(word, other);
    if (distance < best && distance < std::max(word.size(), other.size())) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace nnc
