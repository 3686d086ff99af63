#include "compiler/onnx/tensors.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <bit>
#include <cstring>

#include "compiler/diagnostics/internal_error.h"
#include "compiler/interop/array.h"
#include "compiler/interop/file.h"
#include "compiler/onnx/external_data.h"

namespace nnc::translation {
namespace {

using ::onnx::TensorProto;

constexpr std::pair<TensorProto::DataType, ElementType> kDataTypes[] = {
    {TensorProto::FLOAT, ElementType::F32},   {TensorProto::DOUBLE, ElementType::F64},
    {TensorProto::FLOAT16, ElementType::F16}, {TensorProto::BFLOAT16, ElementType::BF16},
    {TensorProto::INT8, ElementType::I8},     {TensorProto::UINT8, ElementType::U8},
    {TensorProto::INT16, ElementType::I16},   {TensorProto::UINT16, ElementType::U16},
    {TensorProto::INT32, ElementType::I32},   {TensorProto::UINT32, ElementType::U32},
    {TensorProto::INT64, ElementType::I64},   {TensorProto::UINT64, ElementType::U64},
    {TensorProto::BOOL, ElementType::Bool}};

// The words of a typed field (float_data, int32_data, …) as elements.
template <class Field, class Store>
void copy(const Field& field, Store store) {
  for (int i = 0; i < field.size(); ++i) store(static_cast<std::size_t>(i), field[i]);
}

// The field that holds elements of this type when there are no raw bytes: its length.
int typed_size(const TensorProto& proto, ElementType element) {
  switch (element) {
    case ElementType::F32:
      return proto.float_data_size();
    case ElementType::F64:
      return proto.double_data_size();
    case ElementType::I64:
      return proto.int64_data_size();
    case ElementType::U32:
    case ElementType::U64:
      return proto.uint64_data_size();
    default:
      return proto.int32_data_size();
  }
}

void read_typed(const TensorProto& proto, Tensor& tensor) {
  const ElementType element = tensor.type.element;
  const auto to_float = [&](std::size_t i, double value) { tensor.floats()[i] = value; };
  const auto to_integer = [&](std::size_t i, std::int64_t value) { tensor.integers()[i] = wrap_to(element, value); };
  switch (element) {
    case ElementType::F32:
      return copy(proto.float_data(), to_float);
    case ElementType::F64:
      return copy(proto.double_data(), to_float);
    case ElementType::F16:
    case ElementType::BF16:
      // As their 16 bits.
      return copy(proto.int32_data(), [&](std::size_t i, std::int32_t bits) {
        tensor.floats()[i] = float_of_bits(element, static_cast<std::uint16_t>(bits));
      });
    case ElementType::I64:
      return copy(proto.int64_data(), to_integer);
    case ElementType::U32:
    case ElementType::U64:
      return copy(proto.uint64_data(),
                  [&](std::size_t i, std::uint64_t value) { to_integer(i, static_cast<std::int64_t>(value)); });
    case ElementType::Bool:
      return copy(proto.int32_data(), [&](std::size_t i, std::int32_t value) { to_integer(i, value != 0); });
    default:
      return copy(proto.int32_data(), to_integer);
  }
}

}  // namespace

Result<ElementType> element_of(std::int32_t type) {
  for (const auto& [known, element] : kDataTypes) {
    if (known == type) return element;
  }
  const std::string name = ::onnx::TensorProto_DataType_IsValid(type)
                               ? ::onnx::TensorProto_DataType_Name(::onnx::TensorProto_DataType(type))
                               : fmt::format("number {}", type);
  return Failure{fmt::format("the element type {} is not supported", name)};
}

std::int32_t data_type_of(ElementType element) {
  for (const auto& [type, known] : kDataTypes) {
    if (known == element) return type;
  }
  throw InternalError("an element type without a name in ONNX");
}

TensorProto write_tensor(const std::string& name, const Tensor& tensor) {
  TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(data_type_of(tensor.type.element));
  for (const std::int64_t size : tensor.type.shape) proto.add_dims(size);
  std::string& bytes = *proto.mutable_raw_data();
  bytes.resize(static_cast<std::size_t>(element_count(tensor.type.shape) * size_bytes(tensor.type.element)));
  write_elements(tensor, reinterpret_cast<std::byte*>(bytes.data()));
  return proto;
}

Result<Tensor> read_tensor(const TensorProto& proto, const std::string& folder) {
  const std::string place = "tensor " + quote(proto.name());
  const Result<ElementType> element = element_of(proto.data_type());
  if (!element) return Failure{fmt::format("{}: {}", place, element.error())};
  if (proto.has_segment()) return Failure{fmt::format("{}: segments are not supported", place)};
  Shape shape(proto.dims().begin(), proto.dims().end());
  const std::optional<std::uint64_t> bytes = array_bytes(*element, shape);
  constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 35;
  if (!bytes || *bytes > kBytesMax) {
    return Failure{fmt::format("{}: the sizes {} make no tensor", place, to_string(shape))};
  }
  const std::uint64_t count = *bytes / static_cast<std::uint64_t>(size_bytes(*element));
  const bool is_external = proto.data_location() == TensorProto::EXTERNAL;
  if (is_external || proto.has_raw_data()) {
    Array array;
    array.place = place;
    array.element = *element;
    array.shape = shape;
    if (is_external) {
      Result<Array> read = read_external(proto, folder, *bytes);
      if (!read) return Failure{fmt::format("{}: {}", place, read.error())};
      array.bytes = read->bytes;
      array.owner = read->owner;
    } else {
      array.bytes = std::as_bytes(std::span(proto.raw_data()));
    }
    if (array.bytes.size() != *bytes) {
      return Failure{fmt::format("{}: {} bytes of data, but {} {} take {}", place, array.bytes.size(), name(*element),
                                 to_string(shape), *bytes)};
    }
    return tensor_from_array(array);
  }
  const int held = typed_size(proto, *element);
  if (static_cast<std::uint64_t>(held) != count) {
    return Failure{fmt::format("{}: {} elements, but {} has {}", place, held, to_string(shape), count)};
  }
  Tensor tensor = Tensor::zeros({*element, shape});
  read_typed(proto, tensor);
  return tensor;
}

}  // namespace nnc::translation
