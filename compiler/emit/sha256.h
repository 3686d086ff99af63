// The hash that an emitted file states of its source.
#pragma once

#include <string>
#include <string_view>

namespace nnc {

std::string sha256(std::string_view text);  // hexadecimal

}  // namespace nnc
