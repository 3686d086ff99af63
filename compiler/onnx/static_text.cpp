#include "compiler/onnx/static_text.h"

#include <onnx-ml.pb.h>

#include "compiler/onnx/tensors.h"
#include "compiler/onnx/words.h"

namespace nnc::translation {
namespace {

using ::onnx::AttributeProto;

template <class Items, class Text>
std::string list_text(const Items& items, Text text) {
  std::string result = "[";
  for (int i = 0; i < items.size(); ++i) result += (i == 0 ? "" : ", ") + text(items[i]);
  return result + "]";
}

std::string real_text(float value) { return literal(ElementType::F32, value); }

}  // namespace

std::optional<std::string> static_text(const std::string& kind, const Tensor& tensor) {
  const bool is_number = tensor.type.element != ElementType::Bool;
  const bool is_one = element_count(tensor.type.shape) == 1;
  const bool is_list = tensor.type.shape.size() <= 1;
  const std::string list = list_literal(tensor);
  const std::string one = is_one ? list.substr(1, list.size() - 2) : "";
  const bool are_integers = is_integer(tensor.type.element);
  if (kind == "int" && is_one && are_integers) return one;
  if (kind == "real" && is_one && is_number) return one;
  if (kind == "ints" && is_list && !is_float(tensor.type.element)) return list;
  if (kind == "reals" && is_list && is_number) return list;
  if (kind == "flag" && is_one && !is_float(tensor.type.element)) return tensor.integers()[0] != 0 ? "true" : "false";
  return std::nullopt;
}

std::optional<std::string> static_text(const std::string& kind, const AttributeProto& attribute) {
  const AttributeProto::AttributeType type = attribute.type();
  if (kind == "int" && type == AttributeProto::INT) return literal(attribute.i());
  if (kind == "flag" && type == AttributeProto::INT) return attribute.i() != 0 ? "true" : "false";
  if (kind == "real" && type == AttributeProto::FLOAT) return real_text(attribute.f());
  if (kind == "text" && type == AttributeProto::STRING) return text_literal(attribute.s());
  if (kind == "ints" && type == AttributeProto::INT) return "[" + literal(attribute.i()) + "]";
  if (kind == "ints" && type == AttributeProto::INTS) {
    return list_text(attribute.ints(), [](std::int64_t item) { return literal(item); });
  }
  if (kind == "reals" && type == AttributeProto::FLOATS) return list_text(attribute.floats(), real_text);
  if (kind == "texts" && type == AttributeProto::STRINGS) return list_text(attribute.strings(), text_literal);
  if (kind == "elem" && type == AttributeProto::INT) {
    const Result<ElementType> element = attribute.i() >= 0 && attribute.i() < 1000
                                            ? element_of(static_cast<std::int32_t>(attribute.i()))
                                            : Failure{"not an element type"};
    if (element) return std::string(name(*element));
  }
  return std::nullopt;
}

}  // namespace nnc::translation
