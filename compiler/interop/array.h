// An array of a data or weights file: its name, type, shape, and its bytes as they lie in the file.
//
// The bytes are little-endian, in C order, and may be unaligned (a member of a .npz lies anywhere): copy elements
// with memcpy. They belong to a mapping of the file where its format allows, so that data sets may be larger than
// memory; otherwise to a buffer. `owner` keeps either alive, so Arrays are cheap to copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/graph/tensor.h"
#include "compiler/interop/result.h"

namespace nnc {

struct Array {
  std::string name;  // empty where the format has none (.npy, IDX)
  ElementType element = ElementType::F32;
  Shape shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  // For messages: "train.npz: array 'image'".
  std::string place;
  // Numbers from text (held as f64) have no element type of their own: they take that of the input they go to.
  bool from_text = false;
  // The command line gave it its name: the array is meant for the input of this name.
  bool is_named_by_user = false;
};

// Memory that is filled once and then kept by Arrays.
struct ByteBuffer {
  std::shared_ptr<std::byte[]> data;
  std::size_t size = 0;

  std::span<std::byte> bytes() const { return {data.get(), size}; }
};
// Fails, rather than throws, if there is not enough memory; `place` begins the message.
Result<ByteBuffer> allocate_buffer(std::uint64_t size, const std::string& place);

// The number of bytes that an array takes; none if an extent is negative, the rank absurd or a product overflows.
std::optional<std::uint64_t> array_bytes(ElementType element, const Shape& shape);
constexpr std::size_t kRankMax = 32;

// Reverses the bytes of each element.
void swap_bytes(std::span<std::byte> bytes, std::size_t element_size);

// One element of an array's bytes, as a double (exact for all types but large i64 and u64).
double read_element(ElementType element, const std::byte* source);
// One element as the shortest text that reads back as the same.
std::string element_text(ElementType element, const std::byte* source);

// The array with its elements as `element`, as if each had been written so: floats are rounded to nearest even; an
// integer type takes only values that it can hold. The message names the first that it cannot.
Result<Array> convert_array(const Array& array, ElementType element);
// The same bytes under another shape of as many elements.
Result<Array> reshape_array(const Array& array, const Shape& shape);

Tensor tensor_from_array(const Array& array);
// Fails for lack of memory only.
Result<Array> array_from_tensor(const std::string& name, const Tensor& tensor);

// "[12, 3]": the index of the element at `flat`.
std::string index_text(const Shape& shape, std::uint64_t flat);

}  // namespace nnc
