// Text files compiled into the binary, so that nnc needs no installation folder.
#pragma once

#include <span>
#include <string_view>

namespace nnc {

struct EmbeddedFile {
  std::string_view name;  // path below the source root, "templates/convolution.h"
  std::string_view text;
};

std::span<const EmbeddedFile> prelude_files();  // dsl/prelude/*.nn
std::span<const EmbeddedFile> onnx_files();     // dsl/onnx/*.nn
std::span<const EmbeddedFile> runtime_files();  // runtime/nnc/*.h and templates/*.h

}  // namespace nnc
