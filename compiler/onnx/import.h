// ONNX model -> program of the language, and its weights.
//
// The program is text: what `nnc import` writes, and what `nnc model.onnx` compiles. It imports the library of ONNX
// operators (dsl/onnx), and calls them as the model does; what can be computed from the shapes alone, is.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/tensor.h"

namespace nnc {

struct ImportedModel {
  std::string program;
  std::map<std::string, Tensor> weights;  // of its parameters, by path
};

// `settings`: sizes for symbolic dimensions ("batch" -> "1"). Nothing on error: all that is not supported is in
// `diagnostics`, each with its node.
std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics);

// The same as a person would write it: the batch is left out where every node keeps examples apart, and weights are in
// layers. Where that cannot be, the program is the one of import_onnx, and its first lines say why.
std::optional<ImportedModel> import_onnx_readable(const std::string& path,
                                                  const std::map<std::string, std::string>& settings,
                                                  SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
