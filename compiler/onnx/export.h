// Program -> ONNX model: the inference graph of one model, node by node, with its parameters.
//
// The file describes one example, as the program does: there is no batch axis. Inputs, outputs and parameters have the
// names of the program. The program itself lies in the metadata of the file, and import takes it back if it is what the
// nodes say (carried.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/elaborate/elaborate.h"

namespace onnx {
class ModelProto;
}

namespace nnc {

struct ExportedModel {
  std::string bytes;               // of the file
  std::vector<std::string> notes;  // what the file says otherwise than the program does
};

// `weights`: of all parameters, by path. `program`: the text that elaborates to `model`, alone; or empty. Nothing on
// error: each operation that ONNX cannot say is in `diagnostics`, at its place (kind not_in_onnx).
std::optional<ExportedModel> export_onnx(const ElaboratedModel& model, const std::map<std::string, Tensor>& weights,
                                         const std::string& program, SourceManager& sources, Diagnostics& diagnostics);

namespace translation {

// The message of that file but for the program. Without `weights` its parameters have no data.
void write_model(const ElaboratedModel& model, const std::map<std::string, Tensor>* weights, ::onnx::ModelProto& proto,
                 Diagnostics& diagnostics);

}  // namespace translation
}  // namespace nnc
