// The reference of what a program may call: the primitives of the language, and the prelude with its comments,
// requirements and, where it is short, its text. `nnc ops` shows it; dsl/reference.md is the whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nnc {

// The page, in Markdown.
std::string language_reference();
// One entry of it: a primitive of the language or a definition of the prelude, in full. Nothing if there is none.
std::optional<std::string> describe_callable(const std::string& name);
// All names that have an entry.
std::vector<std::string> callable_names();

}  // namespace nnc
