// The inputs of an ONNX model: their types, the open sizes set by the user.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/tensor.h"

namespace onnx {
class GraphProto;
}

namespace nnc::translation {

struct ModelInput {
  std::string name;  // in ONNX
  Type type;
  std::optional<Tensor> pinned;  // the user set its value: it is none of the program's inputs
};

// `settings`: a size by its name in the model ("batch"), or by its input and axis ("image.0"); or the value of a whole
// input, its elements separated by commas ("sr" -> "16000"). All that is open or wrong is reported, with the path of
// the model in front.
std::vector<ModelInput> read_inputs(const ::onnx::GraphProto& graph, const std::map<std::string, std::string>& settings,
                                    const std::string& path, Diagnostics& diagnostics);

}  // namespace nnc::translation
