// Program -> ONNX model: the inference graph of one model, node by node, with its parameters.
//
// The file describes one example, as the program does, or, with a batch, several: inputs, and what depends on them,
// then have an axis for the examples in front. Inputs, outputs and parameters have the names of the program. The
// program itself lies in the metadata of the file, and import takes it back if it is what the nodes say (carried.h).
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

struct ExportBatch {
  std::int64_t size = 0;  // 0: one example, without an axis for it
  bool is_open = false;   // any number; `size` means nothing
};
// "16", "open"; nothing if it is neither. And back; "" of one example.
std::optional<ExportBatch> parse_export_batch(const std::string& text);
std::string to_string(const ExportBatch& batch);

struct ExportedModel {
  std::string bytes;               // of the file
  std::vector<std::string> notes;  // what the file says otherwise than the program does
};

// `weights`: of all parameters, by path. `program`: the text that elaborates to `model`, alone; or empty. Nothing on
// error: each operation that ONNX cannot say is in `diagnostics`, at its place (kind not_in_onnx).
std::optional<ExportedModel> export_onnx(const ElaboratedModel& model, const std::map<std::string, Tensor>& weights,
                                         const std::string& program, const ExportBatch& batch, SourceManager& sources,
                                         Diagnostics& diagnostics);

namespace translation {

// The message of that file but for the program. Without `weights` its parameters have no data.
void write_model(const ElaboratedModel& model, const std::map<std::string, Tensor>* weights, const ExportBatch& batch,
                 ::onnx::ModelProto& proto, Diagnostics& diagnostics);

}  // namespace translation
}  // namespace nnc
