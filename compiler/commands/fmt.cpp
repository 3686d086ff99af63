#include "compiler/commands/fmt.h"

#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "compiler/commands/console.h"
#include "compiler/interop/file.h"
#include "dsl/format.h"
#include "dsl/parser.h"

namespace nnc {
namespace {

std::optional<std::int32_t> load(const std::string& path, SourceManager& sources, std::string& error) {
  if (path != "-") return sources.load(path, error);
  const std::string text{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  return sources.add("<input>", text);
}

int format_one(const std::string& path, bool check) {
  SourceManager sources;
  std::string error;
  const std::optional<std::int32_t> file = load(path, sources, error);
  if (!file) return fail(error);
  Diagnostics diagnostics;
  ast::parse(sources, *file, diagnostics);
  if (show(diagnostics, sources) != kSuccess) return kBadInput;

  const std::string text = format(sources, *file);
  const bool changes = text != sources.text(*file);
  if (check) {
    if (changes) fmt::print(stderr, "nnc: '{}' is not laid out as nnc fmt does\n", path);
    return changes ? kBadInput : kSuccess;
  }
  if (path == "-") {
    fmt::print("{}", text);
  } else if (changes) {
    const Status written = write_file(path, text);
    if (!written) return fail(written.error());
  }
  return kSuccess;
}

}  // namespace

int format_files(const FmtOptions& options) {
  int status = kSuccess;
  for (const std::string& path : options.paths) {
    if (format_one(path, options.check) != kSuccess) status = kBadInput;
  }
  return status;
}

}  // namespace nnc
