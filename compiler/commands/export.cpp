#include "compiler/commands/export.h"

#include <fmt/format.h>

#include <filesystem>

#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/interop/file.h"
#include "compiler/onnx/carried.h"
#include "compiler/onnx/export.h"

namespace nnc {

int export_model(const ExportOptions& options) {
  std::filesystem::path output = options.output;
  if (output.empty()) output = std::filesystem::path(options.model_path).filename().replace_extension(".onnx");
  if (output.extension() != ".onnx")
    return fail(fmt::format("'{}' is no name for an ONNX model: it must end in .onnx", output.string()));
  const Status possible = check_outputs({output.string()}, {options.model_path, options.weights.path});
  if (!possible) return fail(possible.error());
  SourceManager sources;
  const auto failed = [&](const Diagnostics& diagnostics) { return show(diagnostics, sources); };
  Diagnostics diagnostics;
  const std::optional<ChosenModel> chosen = load_model(options.model_path, options.compile, sources, diagnostics);
  if (!chosen) return kBadInput;
  const ElaboratedModel& model = chosen->program.models[chosen->index];
  const Result<std::map<std::string, Tensor>> weights =
      parameter_tensors(chosen->program, chosen->index, options.weights, options.seed);
  if (!weights) return fail(weights.error());
  std::string program;
  if (options.model_path.ends_with(".nn")) {
    const Result<std::string> text =
        translation::standalone_program(options.model_path, model.name, options.compile.elaborate.settings, sources);
    if (text) program = *text;
  }
  Diagnostics found;
  const std::optional<ExportedModel> exported = export_onnx(model, *weights, program, options.batch, sources, found);
  if (!exported) return failed(found);
  const Status written = write_file(output.string(), exported->bytes);
  if (!written) return fail(written.error());
  for (const std::string& note : exported->notes) fmt::print(stderr, "nnc: note: {}\n", note);
  return kSuccess;
}

}  // namespace nnc
