#include "compiler/onnx/import.h"

#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx-ml.pb.h>

#include "compiler/interop/file.h"
#include "compiler/onnx/translate.h"

namespace nnc {

std::optional<ImportedModel> import_onnx(const std::string& path, const std::map<std::string, std::string>& settings,
                                         SourceManager& sources, Diagnostics& diagnostics) {
  // It would write to standard error.
  google::protobuf::SetLogHandler(nullptr);
  const Result<FileBytes> file = map_file(path);
  if (!file) {
    diagnostics.report(Kind::unreadable_file, Span{}, file.error());
    return std::nullopt;
  }
  ::onnx::ModelProto model;
  constexpr std::size_t kSizeMax = std::size_t{1} << 31;
  google::protobuf::io::ArrayInputStream stream(file->bytes.data(),
                                                static_cast<int>(std::min(file->bytes.size(), kSizeMax - 1)));
  if (file->bytes.size() >= kSizeMax || !model.ParseFromZeroCopyStream(&stream) || !model.has_graph()) {
    diagnostics.report(Kind::onnx_malformed, Span{}, path + ": is not an ONNX model, or is damaged");
    return std::nullopt;
  }
  translation::Translator translator(model, path, settings, sources, diagnostics);
  ImportedModel result;
  result.program = translator.run();
  if (diagnostics.has_errors()) return std::nullopt;
  result.weights = translator.weights();
  return result;
}

}  // namespace nnc
