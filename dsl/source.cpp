// Source text and places in it: loading, validation of UTF-8, lines and columns.
#include "dsl/source.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{64} << 20;  // offsets are 32 bits; no model needs more

std::vector<std::uint32_t> find_line_starts(std::string_view text) {
  std::vector<std::uint32_t> starts = {0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts.push_back(static_cast<std::uint32_t>(i + 1));
  }
  return starts;
}

}  // namespace

Span join(Span a, Span b) {
  if (!a.is_valid()) return b;
  if (!b.is_valid()) return a;
  return {a.file, std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

std::int32_t SourceManager::add(std::string name, std::string text, bool is_prelude) {
  std::vector<std::uint32_t> starts = find_line_starts(text);
  files_.push_back({std::move(name), std::move(text), std::move(starts), is_prelude});
  return static_cast<std::int32_t>(files_.size() - 1);
}

std::optional<std::int32_t> SourceManager::load(const std::string& path, std::string& error) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    error = "'" + path + "' is a folder";
    return std::nullopt;
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    error = "cannot open '" + path + "'";
    return std::nullopt;
  }
  if (std::filesystem::is_regular_file(path, code) && std::filesystem::file_size(path, code) > kMaxFileBytes) {
    error = "'" + path + "' is larger than 64 MiB";
    return std::nullopt;
  }
  std::ostringstream buffer;
  buffer << stream.rdbuf();
  std::string text = buffer.str();
  const std::size_t bad = utf8::find_invalid(text);
  if (bad != std::string::npos) {
    error = "'" + path + "' is not UTF-8 text (byte " + std::to_string(bad) + ")";
    return std::nullopt;
  }
  return add(path, std::move(text));
}

const std::string& SourceManager::name(std::int32_t file) const { return files_.at(file).name; }

std::string_view SourceManager::text(std::int32_t file) const { return files_.at(file).text; }

std::string_view SourceManager::text(Span span) const {
  if (!span.is_valid()) return {};
  return text(span.file).substr(span.begin, span.end - span.begin);
}

std::string_view SourceManager::line_text(std::int32_t file, std::uint32_t line) const {
  const File& source = files_.at(file);
  const std::uint32_t begin = source.line_starts.at(line - 1);
  std::string_view rest = std::string_view(source.text).substr(begin);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

LineColumn SourceManager::line_column(std::int32_t file, std::uint32_t offset) const {
  const File& source = files_.at(file);
  offset = std::min(offset, static_cast<std::uint32_t>(source.text.size()));
  const auto after = std::upper_bound(source.line_starts.begin(), source.line_starts.end(), offset);
  const std::uint32_t begin = *(after - 1);
  const std::size_t points = utf8::count(std::string_view(source.text).substr(begin, offset - begin));
  return {static_cast<std::uint32_t>(after - source.line_starts.begin()), static_cast<std::uint32_t>(points + 1)};
}

std::string SourceManager::short_place(Span span) const {
  if (!span.is_valid()) return "";
  const std::string& path = name(span.file);
  const std::size_t slash = path.find_last_of('/');
  const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return file + ":" + std::to_string(line_column(span.file, span.begin).line);
}

bool SourceManager::is_prelude(std::int32_t file) const { return files_.at(file).is_prelude; }

}  // namespace nnc
