// ONNX Runtime, as another opinion on what an ONNX model computes. It is asked through a Python that has the package
// `onnxruntime`; nnc itself does not need it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/graph/tensor.h"
#include "compiler/interop/array.h"

namespace nnc {

// --python; else the environment's NNC_PYTHON; else python3.
std::string chosen_python(const std::string& option);

struct OnnxRuntimeRun {
  std::string model;                                 // the file, or the text of one, which `folder` then goes with
  std::string folder;                                // where the external data of such a text lie; empty: a file
  std::vector<std::map<std::string, Tensor>> calls;  // inputs, by their names in the model
  std::vector<std::string> outputs;                  // those to give, by their names in the model
};

struct OnnxRuntimeResults {
  std::string version;                    // of ONNX Runtime
  std::vector<std::vector<Array>> calls;  // of each call its outputs
};

// Without optimisations of graphs, so that each node is computed as the standard says. Fails if Python or the package
// is not there, or if ONNX Runtime refuses the model, with its words.
Result<OnnxRuntimeResults> run_onnxruntime(const std::string& python, const OnnxRuntimeRun& run);

}  // namespace nnc
