// Data of tensors that lie in files beside the model.
#pragma once

#include <string>

#include "compiler/interop/array.h"

namespace onnx {
class TensorProto;
}

namespace nnc::translation {

// The bytes (`size` of them) of a tensor whose data_location is EXTERNAL. The file must be a regular one below
// `folder`, reached without links: what a model names is not trusted. Only `bytes` and `owner` of the result are set.
Result<Array> read_external(const ::onnx::TensorProto& proto, const std::string& folder, std::uint64_t size);

}  // namespace nnc::translation
