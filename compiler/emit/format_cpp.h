// C++ text in the repository's style: what clang-format 19 makes of it with the .clang-format at the root.
#pragma once

#include <string>
#include <string_view>

namespace nnc {

// Depends on nothing but the text. Takes a second for 12,000 lines: add large tables of numbers afterwards.
std::string format_cpp(std::string_view text);

}  // namespace nnc
