#include "compiler/commands/import.h"

#include <fmt/format.h>

#include <filesystem>

#include "compiler/commands/console.h"
#include "compiler/interop/file.h"
#include "compiler/interop/safetensors.h"
#include "compiler/onnx/import.h"
#include "dsl/format.h"

namespace nnc {

int import_model(const ImportOptions& options) {
  std::filesystem::path program = options.output;
  if (program.empty()) program = std::filesystem::path(options.model_path).filename().replace_extension(".nn");
  if (program.extension() != ".nn")
    return fail(fmt::format("'{}' is no name for a program: it must end in .nn", program.string()));
  const std::string weights = std::filesystem::path(program).replace_extension(".safetensors").string();
  const Status possible = check_outputs({program.string(), weights}, {options.model_path});
  if (!possible) return fail(possible.error());
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ImportedModel> model =
      import_onnx_readable(options.model_path, options.settings, sources, diagnostics);
  if (!model) return show(diagnostics, sources);
  std::vector<Array> arrays;
  for (const auto& [name, tensor] : model->weights) {
    Result<Array> array = array_from_tensor(name, tensor);
    if (!array) return fail(array.error());
    arrays.push_back(std::move(*array));
  }
  const std::int32_t file = sources.add(program.string(), model->program);
  Status written = arrays.empty() ? Status(Done{}) : write_safetensors(weights, std::move(arrays));
  if (written) written = write_file(program.string(), format(sources, file));
  return written ? kSuccess : fail(written.error());
}

}  // namespace nnc
