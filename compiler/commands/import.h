// nnc import: a model of another format becomes a program and its weights.
#pragma once

#include <map>
#include <string>

namespace nnc {

struct ImportOptions {
  std::string model_path;                       // an .onnx file
  std::string output;                           // the program; empty: beside where nnc runs, <model>.nn
  std::map<std::string, std::string> settings;  // sizes of symbolic dimensions
};
int import_model(const ImportOptions& options);

}  // namespace nnc
