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
                                       const std::map<std::string, std::string>& settings, Style style,
                                       const std::string& comment, SourceManager& sources, Diagnostics& diagnostics) {
  Translator translator(model, path, settings, style, sources, diagnostics);
  ImportedModel result;
  result.program = translator.run(comment);
  if (diagnostics.has_errors()) return std::nullopt;
  result.weights = translator.weights();
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

}  // namespace

std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics) {
  ::onnx::ModelProto model;
  if (!read_model(path, model, diagnostics)) return std::nullopt;
  if (!translation::has_batch_of_its_own(model)) {
    if (std::optional<ImportedModel> own = exported(model, path, settings, sources)) return own;
  }
  return translate(model, path, settings, Style::Explicit, "", sources, diagnostics);
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
    std::optional<ImportedModel> result = translate(model, path, settings, Style::PerExample, comment, sources, found);
    if (result) return result;
  } catch (const NotPerExample& why) {
    comment += "# Its batch is an axis like others: " + one_line(why.reason) + ".\n";
  }
  return translate(model, path, settings, Style::Explicit, comment, sources, diagnostics);
}

}  // namespace nnc
