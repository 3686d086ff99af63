// A file that exists only in memory: emitted code and the headers it includes.
#pragma once

#include <string>

namespace nnc {

struct SourceText {
  std::string name;  // as an #include names it, relative: "nnc/vector.h"
  std::string text;
};

}  // namespace nnc
