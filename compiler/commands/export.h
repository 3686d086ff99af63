// nnc export: a model of a program as an ONNX file.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"
#include "compiler/onnx/export.h"

namespace nnc {

struct ExportOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  std::uint64_t seed = 0;  // of the parameters if there are no weights
  ExportBatch batch;
  std::string output;  // an .onnx file; empty: beside where nnc runs, <program>.onnx
};
int export_model(const ExportOptions& options);

}  // namespace nnc
