// Element types, shapes, and tensors whose value the compiler knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nnc {

enum class ElementType { F32, F64, F16, BF16, I8, U8, I16, U16, I32, U32, I64, U64, Bool };

std::string_view name(ElementType type);  // "f32", …, "bool"
bool parse_element_type(std::string_view text, ElementType& type);
bool is_float(ElementType type);
bool is_integer(ElementType type);  // not bool
int size_bytes(ElementType type);

using Shape = std::vector<std::int64_t>;

std::int64_t element_count(const Shape& shape);
Shape row_major_strides(const Shape& shape);
std::string to_string(const Shape& shape);  // "[1, 28, 28]"

struct Type {
  ElementType element = ElementType::F32;
  Shape shape;

  bool operator==(const Type&) const = default;
};
std::string to_string(const Type& type);  // "f32[1, 28, 28]"; "f32[]" for a scalar

// A tensor in row-major order. Values live in the class of their element type: floats as double (rounded to the
// element type only where a rounding is asked for), integers and bools as int64, already wrapped to their width; those
// of u64 by their bits.
struct Tensor {
  Type type;
  std::variant<std::vector<double>, std::vector<std::int64_t>> data;

  static Tensor zeros(const Type& type);
  static Tensor scalar(ElementType element, double value);
  static Tensor filled(const Type& type, double value);
  static Tensor whole(ElementType element, std::int64_t value);  // a scalar of an integer type; wrapped

  std::vector<double>& floats() { return std::get<0>(data); }
  const std::vector<double>& floats() const { return std::get<0>(data); }
  std::vector<std::int64_t>& integers() { return std::get<1>(data); }
  const std::vector<std::int64_t>& integers() const { return std::get<1>(data); }
  double at(std::int64_t flat) const;  // any class, as double; 64-bit integers beyond 2^53 are rounded
  bool is_splat() const;               // all elements equal (as same_bits says); false if empty
  bool operator==(const Tensor&) const = default;
};

// Row `index` along the first axis, without that axis; and the same replaced by `x`.
Tensor tensor_row(const Tensor& x, std::size_t index);
void set_tensor_row(Tensor& y, std::size_t index, const Tensor& x);

// The same type and the same elements: NaN equals NaN, -0 differs from 0. (== follows the numbers instead.)
bool same_bits(const Tensor& a, const Tensor& b);

// The value as the element type can hold it: f32/f16/bf16 rounded to nearest even, integers wrapped.
double round_to(ElementType type, double value);
std::int64_t wrap_to(ElementType type, std::int64_t value);
// The bits of a float of the type, in the low size_bytes(type) bytes; the value is rounded to it first. And back.
std::uint64_t float_bits(ElementType type, double value);
double float_of_bits(ElementType type, std::uint64_t bits);
// The elements as they lie in files and in emitted code: element_count * size_bytes bytes, little-endian.
void write_elements(const Tensor& tensor, std::byte* target);
// f16 and bf16: kept in 16 bits, computed with in f32.
inline bool is_half(ElementType type) { return type == ElementType::F16 || type == ElementType::BF16; }
// The least and the greatest number of an integer type (or bool), of u64 by its bits.
std::int64_t lowest(ElementType type);
std::int64_t highest(ElementType type);
// Is the number one of the integer type (or bool)?
bool holds(ElementType type, std::int64_t value);
// An element of a tensor of integers as a number in digits: u64 is not what its bits mean as an int64.
std::string integer_text(ElementType type, std::int64_t element);

}  // namespace nnc
