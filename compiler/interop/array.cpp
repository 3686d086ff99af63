#include "compiler/interop/array.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace nnc {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read where they lie, in little-endian order");

template <class T>
T load(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

std::int64_t read_integer(ElementType element, const std::byte* source) {
  switch (element) {
    case ElementType::I8:
      return load<std::int8_t>(source);
    case ElementType::U8:
      return load<std::uint8_t>(source);
    case ElementType::Bool:
      return load<std::uint8_t>(source) != 0;
    case ElementType::I16:
      return load<std::int16_t>(source);
    case ElementType::U16:
      return load<std::uint16_t>(source);
    case ElementType::I32:
      return load<std::int32_t>(source);
    case ElementType::U32:
      return load<std::uint32_t>(source);
    default:
      return load<std::int64_t>(source);
  }
}

// An element by its bits, in the low bytes.
void write_element(ElementType element, std::byte* target, std::uint64_t bits) {
  std::memcpy(target, &bits, static_cast<std::size_t>(size_bytes(element)));
}

// The number as an element of the integer type, of u64 by its bits; nothing if the type does not have it. The bounds
// are exact as doubles; beyond them the conversion would be undefined. NaN fails them.
std::optional<std::int64_t> whole_number(ElementType element, double value) {
  if (std::trunc(value) != value) return std::nullopt;
  if (element == ElementType::U64) {
    if (!(value >= 0 && value < 0x1p64)) return std::nullopt;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(value));
  }
  if (!(value >= -0x1p63 && value < 0x1p63)) return std::nullopt;
  const std::int64_t whole = static_cast<std::int64_t>(value);
  return holds(element, whole) ? std::optional<std::int64_t>(whole) : std::nullopt;
}

Failure cannot_hold(const Array& array, std::uint64_t flat, ElementType element, const std::string& value) {
  return {fmt::format("{}: the element at {} is {}, which {} cannot hold", array.place, index_text(array.shape, flat),
                      value, name(element))};
}

}  // namespace

Result<ByteBuffer> allocate_buffer(std::uint64_t size, const std::string& place) {
  std::byte* const data = size <= static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max())
                              ? new (std::nothrow) std::byte[size]
                              : nullptr;
  if (data == nullptr) return Failure{fmt::format("{}: there is no memory for its {} bytes", place, size)};
  return ByteBuffer{std::shared_ptr<std::byte[]>(data), static_cast<std::size_t>(size)};
}

std::optional<std::uint64_t> array_bytes(ElementType element, const Shape& shape) {
  if (shape.size() > kRankMax) return std::nullopt;
  std::int64_t bytes = size_bytes(element);
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    // An empty array may have any other extents; their product must not overflow all the same.
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

void swap_bytes(std::span<std::byte> bytes, std::size_t element_size) {
  for (std::size_t i = 0; i + element_size <= bytes.size(); i += element_size) {
    for (std::size_t low = i, high = i + element_size - 1; low < high; ++low, --high)
      std::swap(bytes[low], bytes[high]);
  }
}

double read_element(ElementType element, const std::byte* source) {
  switch (element) {
    case ElementType::F32:
      return load<float>(source);
    case ElementType::F64:
      return load<double>(source);
    case ElementType::F16:
    case ElementType::BF16:
      return float_of_bits(element, load<std::uint16_t>(source));
    case ElementType::U64:
      return static_cast<double>(load<std::uint64_t>(source));
    default:
      return static_cast<double>(read_integer(element, source));
  }
}

std::string element_text(ElementType element, const std::byte* source) {
  if (element == ElementType::F64) return fmt::format("{}", load<double>(source));
  if (is_float(element)) return fmt::format("{}", static_cast<float>(read_element(element, source)));
  return integer_text(element, read_integer(element, source));
}

Result<Array> convert_array(const Array& array, ElementType element) {
  if (array.element == element) {
    Array same = array;
    same.from_text = false;
    return same;
  }
  Array converted = array;
  converted.element = element;
  converted.from_text = false;
  const std::optional<std::uint64_t> size = array_bytes(element, array.shape);
  if (!size) return Failure{fmt::format("{}: is too large to convert", array.place)};
  Result<ByteBuffer> buffer = allocate_buffer(*size, array.place);
  if (!buffer) return buffer.failure();
  const std::size_t from_size = static_cast<std::size_t>(size_bytes(array.element));
  const std::size_t to_size = static_cast<std::size_t>(size_bytes(element));
  const std::uint64_t count = *size / to_size;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::byte* const source = array.bytes.data() + i * from_size;
    std::byte* const target = buffer->data.get() + i * to_size;
    if (is_float(element)) {
      write_element(element, target, float_bits(element, read_element(array.element, source)));
    } else if (is_float(array.element)) {
      const double value = read_element(array.element, source);
      const std::optional<std::int64_t> whole = whole_number(element, value);
      if (!whole) return cannot_hold(array, i, element, fmt::format("{}", value));
      write_element(element, target, static_cast<std::uint64_t>(*whole));
    } else {
      const std::int64_t value = read_integer(array.element, source);
      // A negative number is none of u64, whose bits from 2^63 on look like one.
      const bool is_above = array.element == ElementType::U64 && value < 0;
      if (is_above || !holds(element, value)) {
        return cannot_hold(array, i, element, integer_text(array.element, value));
      }
      write_element(element, target, static_cast<std::uint64_t>(value));
    }
  }
  converted.bytes = buffer->bytes();
  converted.owner = buffer->data;
  return converted;
}

Result<Array> reshape_array(const Array& array, const Shape& shape) {
  const std::optional<std::uint64_t> size = array_bytes(array.element, shape);
  if (!size || *size != array.bytes.size()) {
    return Failure{fmt::format("{}: has shape {} and so cannot be read as {}, which has another number of elements",
                               array.place, to_string(array.shape), to_string(shape))};
  }
  Array reshaped = array;
  reshaped.shape = shape;
  return reshaped;
}

Tensor tensor_from_array(const Array& array) {
  Tensor tensor = Tensor::zeros({array.element, array.shape});
  const std::size_t size = static_cast<std::size_t>(size_bytes(array.element));
  const std::size_t count = array.bytes.size() / size;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* const source = array.bytes.data() + i * size;
    if (is_float(array.element)) {
      tensor.floats()[i] = read_element(array.element, source);
    } else {
      tensor.integers()[i] = read_integer(array.element, source);
    }
  }
  return tensor;
}

Result<Array> array_from_tensor(const std::string& name, const Tensor& tensor) {
  const ElementType element = tensor.type.element;
  const std::string place = fmt::format("array '{}'", name);
  const std::size_t size = static_cast<std::size_t>(size_bytes(element));
  const std::size_t count = static_cast<std::size_t>(element_count(tensor.type.shape));
  Result<ByteBuffer> buffer = allocate_buffer(count * size, place);
  if (!buffer) return buffer.failure();
  write_elements(tensor, buffer->data.get());
  return Array{name, element, tensor.type.shape, buffer->bytes(), buffer->data, place, false};
}

std::string index_text(const Shape& shape, std::uint64_t flat) {
  Shape index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    const std::uint64_t extent = static_cast<std::uint64_t>(shape[axis]);
    index[axis] = static_cast<std::int64_t>(flat % extent);
    flat /= extent;
  }
  return to_string(index);
}

}  // namespace nnc
