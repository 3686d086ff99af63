// ONNX model -> program of the language, and its weights.
//
// The program is text: what `nnc import` writes, and what `nnc model.onnx` compiles. It imports the library of ONNX
// operators (dsl/onnx), and calls them as the model does; what can be computed from the shapes alone, is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/tensor.h"
#include "compiler/interop/result.h"

namespace nnc {

// An input or output, or another value of the model's graph.
struct ImportedValue {
  std::string name;       // in the program
  std::string onnx_name;  // in the file
  std::string node;       // that gives it, as messages name it; empty: an input, or a constant
};

struct ImportedModel {
  std::string program;
  std::map<std::string, Tensor> weights;  // of its parameters, by path
  std::vector<ImportedValue> inputs, outputs;
  std::map<std::string, Tensor> pinned;  // inputs to which `settings` give values, by their names in the file
};

// Which values the program gives.
enum class Given {
  Outputs,  // those of the model
  All,      // of those of its nodes and of all that they depend on, in an order of computation
};

// `settings`: sizes for symbolic dimensions ("batch" -> "1"). Nothing on error: all that is not supported is in
// `diagnostics`, each with its node.
std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics,
                                         Given given = Given::Outputs);

// The model's file with these values of its graph as its only outputs.
Result<std::string> onnx_with_outputs(const std::string& path, const std::vector<std::string>& names);

// The same as a person would write it: the batch is left out where every node keeps examples apart, and weights are in
// layers. Where that cannot be, the program is the one of import_onnx, and its first lines say why.
std::optional<ImportedModel> import_onnx_readable(const std::string& path,
                                                  const std::map<std::string, std::string>& settings,
                                                  SourceManager& sources, Diagnostics& diagnostics);

}  // namespace nnc
