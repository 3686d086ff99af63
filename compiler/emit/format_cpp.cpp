#include "compiler/emit/format_cpp.h"

#include "clang/Format/Format.h"
#include "clang/Tooling/Core/Replacement.h"
#include "compiler/diagnostics/internal_error.h"

namespace nnc {
namespace {

constexpr llvm::StringRef kFileName = "model.cpp";

clang::format::FormatStyle repository_style() {
  clang::format::FormatStyle style = clang::format::getGoogleStyle(clang::format::FormatStyle::LK_Cpp);
  style.ColumnLimit = 120;
  return style;
}

std::string apply_changes(llvm::StringRef text, const clang::tooling::Replacements& changes) {
  llvm::Expected<std::string> result = clang::tooling::applyAllReplacements(text, changes);
  if (!result) throw InternalError("formatting failed: " + llvm::toString(result.takeError()));
  return *result;
}

}  // namespace

std::string format_cpp(std::string_view text) {
  const clang::format::FormatStyle style = repository_style();
  const llvm::StringRef given(text.data(), text.size());
  const std::string sorted = apply_changes(
      given, clang::format::sortIncludes(style, given, {{0, static_cast<unsigned>(given.size())}}, kFileName));
  return apply_changes(sorted,
                       clang::format::reformat(style, sorted, {{0, static_cast<unsigned>(sorted.size())}}, kFileName));
}

}  // namespace nnc
