#include "compiler/commands/against.h"

#include <fmt/format.h>

#include <filesystem>

#include "compiler/commands/step_check.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"
#include "compiler/graph/evaluate.h"
#include "compiler/interop/file.h"

namespace nnc {
namespace {

std::vector<std::string> onnx_names(const std::vector<ImportedValue>& values) {
  std::vector<std::string> names;
  for (const ImportedValue& value : values) names.push_back(value.onnx_name);
  return names;
}

}  // namespace

Against::Against(const std::string& path, const std::map<std::string, std::string>& settings,
                 const ImportedModel& model, const std::vector<Tensors>& inputs, const std::string& python)
    : path_(path), settings_(settings), model_(model), inputs_(inputs), python_(chosen_python(python)) {}

// The inputs of all calls by their names in the file, with those whose values are set.
std::vector<Against::Tensors> Against::named(const ImportedModel& model) const {
  std::vector<Tensors> calls;
  for (const Tensors& inputs : inputs_) {
    Tensors& named = calls.emplace_back(model.pinned);
    for (const ImportedValue& input : model.inputs) named[input.onnx_name] = inputs.at(input.name);
  }
  return calls;
}

Result<std::vector<Array>> Against::outputs(bool has_axis) {
  const Result<OnnxRuntimeResults> results =
      run_onnxruntime(python_, {path_, "", named(model_), onnx_names(model_.outputs)});
  if (!results) return results.failure();
  version_ = results->version;
  std::vector<Array> outputs;
  for (std::size_t i = 0; i < model_.outputs.size(); ++i) {
    Array& all = outputs.emplace_back(results->calls[0][i]);
    all.name = model_.outputs[i].name;
    if (!has_axis) continue;
    std::size_t size = 0;
    for (const std::vector<Array>& call : results->calls) {
      if (call[i].shape != all.shape) return Failure{all.place + " has another shape in each call"};
      size += call[i].bytes.size();
    }
    const Result<ByteBuffer> buffer = allocate_buffer(size, all.place);
    if (!buffer) return buffer.failure();
    std::byte* at = buffer->data.get();
    for (const std::vector<Array>& call : results->calls)
      at = std::copy(call[i].bytes.begin(), call[i].bytes.end(), at);
    all.shape.insert(all.shape.begin(), static_cast<std::int64_t>(results->calls.size()));
    all.bytes = buffer->bytes();
    all.owner = buffer->data;
  }
  return outputs;
}

Result<std::string> Against::first_apart(const ExpectOptions& closeness) {
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ImportedModel> all = import_onnx(path_, settings_, sources, diagnostics, Given::All);
  std::optional<ElaboratedProgram> program;
  if (all) program = elaborate_imported(*all, path_, sources, diagnostics);
  if (!program) throw InternalError("the model with all of its values as outputs is not imported");
  const std::vector<std::string> names = onnx_names(all->outputs);
  const Result<std::string> text = onnx_with_outputs(path_, names);
  if (!text) return text.failure();
  const std::string folder = std::filesystem::absolute(path_).parent_path().string();
  const Result<OnnxRuntimeResults> theirs = run_onnxruntime(python_, {*text, folder, named(*all), names});
  if (!theirs) return theirs.failure();
  const Result<Tensors> parameters = parameter_tensors(*program, 0, {}, 0);
  if (!parameters) return parameters.failure();
  for (std::size_t call = 0; call < inputs_.size(); ++call) {
    const Graph& graph = program->models[0].forward;
    const Tensors ours = evaluate(graph, inputs_[call], *parameters).outputs;
    const Tensors rounded = evaluate(graph, inputs_[call], *parameters, {.round_to_type = true}).outputs;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ImportedValue& value = all->outputs[i];
      const Result<Array> found = array_from_tensor(value.name, ours.at(value.name));
      if (!found) return found.failure();
      const Array& expected = theirs->calls[call][i];
      const std::string node = value.node.empty() ? "" : ", of " + value.node;
      const std::string start = fmt::format("the first value that differs is {}{}: ", quote(value.onnx_name), node);
      if (found->shape != expected.shape) {
        return start + fmt::format("its shape is {}, that of ONNX Runtime {}", to_string(found->shape),
                                   to_string(expected.shape));
      }
      Errors by_rounding;
      by_rounding.add(rounded.at(value.name), ours.at(value.name));
      const double more = closeness.atol ? 0 : kAgainstRounding * by_rounding.absolute;
      const Closeness close = compare(*found, expected, closeness, more);
      if (close.far == 0) continue;
      return start + fmt::format("{} is {:.9g}, by ONNX Runtime {:.9g}",
                                 index_text(found->shape, static_cast<std::uint64_t>(close.first)), close.found,
                                 close.expected);
    }
  }
  return std::string(
      "each value of the program in double agrees with ONNX Runtime: the difference is of the rounding of many nodes, "
      "which --rtol and --atol allow, or of the emitted code");
}

}  // namespace nnc
