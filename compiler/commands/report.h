// nnc report: what a model does, in words and pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

struct ReportOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  bool activations = false;       // --activations: of the data
  std::vector<std::string> data;  // --data
  std::uint64_t seed = 0;         // of the parameters if there are no weights, and of what the model draws
  std::string output;             // -o: a picture, .svg or .html
  std::string json;               // --json
};
int report(const ReportOptions& options);

}  // namespace nnc
