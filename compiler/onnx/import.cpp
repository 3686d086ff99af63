#include "compiler/onnx/import.h"

#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx-ml.pb.h>

#include <filesystem>

#include "compiler/interop/file.h"
#include "compiler/onnx/carried.h"
#include "compiler/onnx/translate.h"

namespace nnc {

namespace {

using translation::NotPerExample;
using translation::Style;
using translation::Translator;

bool read_model(const std::string& path, ::onnx::ModelProto& model, Diagnostics& diagnostics) {
  // It would write to standard error.
  google::protobuf::SetLogHandler(nullptr);
  const Result<FileBytes> file = map_file(path);
  if (!file) {
    diagnostics.report(Kind::unreadable_file, Span{}, file.error());
    return false;
  }
  constexpr std::size_t kSizeMax = std::size_t{1} << 31;
  google::protobuf::io::ArrayInputStream stream(file->bytes.data(),
                                                static_cast<int>(std::min(file->bytes.size(), kSizeMax - 1)));
  if (file->bytes.size() >= kSizeMax || !model.ParseFromZeroCopyStream(&stream) || !model.has_graph()) {
    diagnostics.report(Kind::onnx_malformed, Span{}, path + ": is not an ONNX model, or is damaged");
    return false;
  }
  return true;
}

std::optional<ImportedModel> translate(const ::onnx::ModelProto& model, const std::string& path,
                                       const std::map<std::string, std::string>& settings, Style style, Given given,
                                       const std::string& comment, SourceManager& sources, Diagnostics& diagnostics) {
  Translator translator(model, path, settings, style, sources, diagnostics);
  std::optional<ImportedModel> result = translator.run(given, comment);
  if (diagnostics.has_errors()) return std::nullopt;
  return result;
}

// The program that nnc exported, where the nodes are still its own; with settings, the nodes alone are read.
std::optional<ImportedModel> exported(const ::onnx::ModelProto& model, const std::string& path,
                                      const std::map<std::string, std::string>& settings, SourceManager& sources) {
  if (!settings.empty()) return std::nullopt;
  return translation::carried_program(model, std::filesystem::path(path).parent_path().string(), sources);
}

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' ? ' ' : c;
  return line;
}

// The settings, and 1 for each open first axis: where the batch is left out, its size need not be known.
std::map<std::string, std::string> of_one_example(const ::onnx::GraphProto& graph,
                                                  std::map<std::string, std::string> settings) {
  const std::map<std::string, std::string> given = settings;
  for (const ::onnx::ValueInfoProto& input : graph.input()) {
    const ::onnx::TensorShapeProto& shape = input.type().tensor_type().shape();
    if (shape.dim_size() == 0 || shape.dim(0).has_dim_value()) continue;
    if (given.count(input.name()) == 0 && given.count(shape.dim(0).dim_param()) == 0)
      settings.emplace(input.name() + ".0", "1");
  }
  return settings;
}

}  // namespace

std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics, Given given) {
  ::onnx::ModelProto model;
  if (!read_model(path, model, diagnostics)) return std::nullopt;
  if (given == Given::Outputs && !translation::has_batch_of_its_own(model)) {
    if (std::optional<ImportedModel> own = exported(model, path, settings, sources)) return own;
  }
  return translate(model, path, settings, Style::Explicit, given, "", sources, diagnostics);
}

Result<std::string> onnx_with_outputs(const std::string& path, const std::vector<std::string>& names) {
  ::onnx::ModelProto model;
  Diagnostics diagnostics;
  if (!read_model(path, model, diagnostics)) return Failure{path + ": is not an ONNX model, or is damaged"};
  model.mutable_graph()->clear_output();
  for (const std::string& name : names) model.mutable_graph()->add_output()->set_name(name);
  return model.SerializeAsString();
}

std::optional<ImportedModel> import_onnx_readable(const std::string& path,
                                                  const std::map<std::string, std::string>& settings,
                                                  SourceManager& sources, Diagnostics& diagnostics) {
  ::onnx::ModelProto model;
  if (!read_model(path, model, diagnostics)) return std::nullopt;
  if (std::optional<ImportedModel> own = exported(model, path, settings, sources)) return own;
  std::string comment = "# From " + one_line(std::filesystem::path(path).filename().string());
  if (!model.producer_name().empty()) comment += ", written by " + one_line(quote(model.producer_name()));
  comment += ".\n";
  if (translation::carries_program(model)) {
    comment += "# The program that it carries is not what its nodes say: this one is made of them.\n";
  }
  try {
    Diagnostics found;
    std::optional<ImportedModel> result = translate(model, path, of_one_example(model.graph(), settings),
                                                    Style::PerExample, Given::Outputs, comment, sources, found);
    if (result) return result;
  } catch (const NotPerExample& why) {
    comment += "# Its batch is an axis like others: " + one_line(why.reason) + ".\n";
  }
  return translate(model, path, settings, Style::Readable, Given::Outputs, comment, sources, diagnostics);
}

}  // namespace nnc
