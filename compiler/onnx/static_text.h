// Constants and attributes of an ONNX model as static values of the language.
#pragma once

#include <optional>
#include <string>

#include "compiler/graph/tensor.h"

namespace onnx {
class AttributeProto;
}

namespace nnc::translation {

// The language's text where the header of a definition wants a static value of this kind ("ints"); nothing if the
// constant, or the attribute, does not fit.
std::optional<std::string> static_text(const std::string& kind, const Tensor& tensor);
std::optional<std::string> static_text(const std::string& kind, const ::onnx::AttributeProto& attribute);

}  // namespace nnc::translation
