// The program that an exported file carries in its metadata, so that import gives back what was written: layers,
// functions, comments, `train`.
//
// A file may have been changed since, or may lie. So the program is taken only if exporting it gives the nodes of the
// file again; the weights are those of the file. It must stand alone: nothing that a file says makes nnc read another.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/interop/result.h"
#include "compiler/onnx/export.h"
#include "compiler/onnx/import.h"

namespace onnx {
class ModelProto;
}

namespace nnc::translation {

// The text of a program's file with its imports in their place, the settings as defaults, and of its models, with their
// `train` blocks, the chosen one alone.
Result<std::string> standalone_program(const std::string& path, const std::string& model,
                                       const std::map<std::string, std::string>& settings, SourceManager& sources);

// `batch`: of the file, since the program has none.
void carry(const std::string& program, const ExportBatch& batch, ::onnx::ModelProto& model);
bool carries_program(const ::onnx::ModelProto& model);
// Was the file exported with an axis for a batch, which the program that it carries does not have?
bool has_batch_of_its_own(const ::onnx::ModelProto& model);
// Nothing: there is no program, or it is not that of the nodes. `folder`: of the file, for external data.
std::optional<ImportedModel> carried_program(const ::onnx::ModelProto& model, const std::string& folder,
                                             SourceManager& sources);

}  // namespace nnc::translation
