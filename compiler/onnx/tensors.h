// Tensors of an ONNX file.
#pragma once

#include <string>

#include "compiler/graph/tensor.h"
#include "compiler/interop/result.h"

namespace onnx {
class TensorProto;
}

namespace nnc::translation {

// The element type of TensorProto.DataType `type`; an error for texts, complex numbers and types below 8 bits.
Result<ElementType> element_of(std::int32_t type);
// And back.
std::int32_t data_type_of(ElementType element);

// The value. Its bytes lie in the message, or, if they are external, in a file below `folder`. An error if the type is
// not supported, or if the numbers of elements and of bytes do not agree.
Result<Tensor> read_tensor(const ::onnx::TensorProto& proto, const std::string& folder);

// The message, with its bytes in it; floats are rounded to their type.
::onnx::TensorProto write_tensor(const std::string& name, const Tensor& tensor);

}  // namespace nnc::translation
