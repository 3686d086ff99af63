// `nnc graph`: a model as the program writes it, call by call, with shapes and sizes; in words and as a picture.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace nnc {

struct GraphOptions {
  std::string model_path;
  CompileOptions compile;
  std::string output;  // -o: a picture, .svg; empty: text alone
};
int graph(const GraphOptions& options);

}  // namespace nnc
