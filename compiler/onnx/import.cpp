#include "compiler/onnx/import.h"

#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx-ml.pb.h>

#include <filesystem>

#include "compiler/interop/file.h"
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

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' ? ' ' : c;
  return line;
}

}  // namespace

std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics, Given given) {
  ::onnx::ModelProto model;
  if (!read_model(path, model, diagnostics)) return std::nullopt;
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
  std::string comment = "# From " + one_line(std::filesystem::path(path).filename().string());
  if (!model.producer_name().empty()) comment += ", written by " + one_line(quote(model.producer_name()));
  comment += ".\n";
  try {
    Diagnostics found;
    std::optional<ImportedModel> result =
        translate(model, path, settings, Style::PerExample, Given::Outputs, comment, sources, found);
    if (result) return result;
  } catch (const NotPerExample& why) {
    comment += "# Its batch is an axis like others: " + one_line(why.reason) + ".\n";
  }
  return translate(model, path, settings, Style::Readable, Given::Outputs, comment, sources, diagnostics);
}

}  // namespace nnc
