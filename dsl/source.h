// Source text and places in it.
//
// A Span is a half-open range of bytes in one file; lines and columns are computed only for display.
// Everything that a user wrote is traced back to a Span: tokens, AST nodes, graph operations, diagnostics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct Span {
  std::int32_t file = -1;  // index in SourceManager; -1: no place
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  bool is_valid() const { return file >= 0; }
  bool operator==(const Span&) const = default;
};

// From the first byte of `a` to the last of `b`; both in the same file.
Span join(Span a, Span b);

struct LineColumn {
  std::uint32_t line = 1;    // from 1
  std::uint32_t column = 1;  // from 1, in UTF-8 code points
};

class SourceManager {
 public:
  // Adds text under a display name; returns its file number.
  std::int32_t add(std::string name, std::string text, bool is_prelude = false);
  // Reads a file; nothing if it cannot be read (`error` says why) or is not valid UTF-8.
  std::optional<std::int32_t> load(const std::string& path, std::string& error);

  const std::string& name(std::int32_t file) const;
  std::string_view text(std::int32_t file) const;
  std::string_view text(Span span) const;
  // The whole line that holds the offset, without its newline.
  std::string_view line_text(std::int32_t file, std::uint32_t line) const;
  LineColumn line_column(std::int32_t file, std::uint32_t offset) const;
  // "mnist.nn:7"; "" for a span without a place. Used in printed graphs and emitted banners: no directory.
  std::string short_place(Span span) const;
  bool is_prelude(std::int32_t file) const;

 private:
  struct File {
    std::string name;
    std::string text;
    std::vector<std::uint32_t> line_starts;
    bool is_prelude = false;
  };
  std::vector<File> files_;
};

}  // namespace nnc
