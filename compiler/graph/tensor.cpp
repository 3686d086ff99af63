// Element types, shapes, and tensors whose value the compiler knows.
//
// Rounding to f16 and bf16 goes through the bits, since C++20 has neither type.
#include "compiler/graph/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace nnc {
namespace {

struct ElementRow {
  std::string_view name;
  int bytes;
  bool is_float;
  bool is_signed;
};

constexpr std::array<ElementRow, 13> kElements = {{{"f32", 4, true, true},
                                                   {"f64", 8, true, true},
                                                   {"f16", 2, true, true},
                                                   {"bf16", 2, true, true},
                                                   {"i8", 1, false, true},
                                                   {"u8", 1, false, false},
                                                   {"i16", 2, false, true},
                                                   {"u16", 2, false, false},
                                                   {"i32", 4, false, true},
                                                   {"u32", 4, false, false},
                                                   {"i64", 8, false, true},
                                                   {"u64", 8, false, false},
                                                   {"bool", 1, false, false}}};

const ElementRow& row(ElementType type) { return kElements[static_cast<std::size_t>(type)]; }

// Rounds to `digits` binary digits, to even at ties; below 2^(exponent_min) the spacing stays as it is there.
double round_binary(double value, int digits, int exponent_min, double largest) {
  if (!std::isfinite(value) || value == 0) return value;
  const int exponent = std::max(std::ilogb(value), exponent_min);
  const double spacing = std::ldexp(1.0, exponent - digits + 1);
  const double rounded = std::nearbyint(value / spacing) * spacing;
  return std::abs(rounded) > largest ? std::copysign(HUGE_VAL, value) : std::copysign(rounded, value);
}

// Beyond 64 bits (a padding of -inf, say) the type's extreme; NaN becomes 0. All else wraps.
std::int64_t whole_number(ElementType type, double value) {
  if (std::isnan(value)) return 0;
  if (type == ElementType::U64 && value >= 0x1p63) {
    const bool is_beyond = value >= 0x1p64;
    return is_beyond ? highest(type) : static_cast<std::int64_t>(static_cast<std::uint64_t>(value));
  }
  if (value >= 0x1p63) return highest(type);
  if (value <= -0x1p63 || (type == ElementType::U64 && value < 0)) return lowest(type);
  return wrap_to(type, static_cast<std::int64_t>(value));
}

}  // namespace

std::string_view name(ElementType type) { return row(type).name; }

bool parse_element_type(std::string_view text, ElementType& type) {
  for (std::size_t i = 0; i < kElements.size(); ++i) {
    if (kElements[i].name == text) {
      type = static_cast<ElementType>(i);
      return true;
    }
  }
  return false;
}

bool is_float(ElementType type) { return row(type).is_float; }
bool is_integer(ElementType type) { return !row(type).is_float && type != ElementType::Bool; }
int size_bytes(ElementType type) { return row(type).bytes; }

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  return count;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }
std::string to_string(const Type& type) { return fmt::format("{}{}", name(type.element), to_string(type.shape)); }

Tensor Tensor::zeros(const Type& type) {
  const std::size_t count = static_cast<std::size_t>(element_count(type.shape));
  if (is_float(type.element)) return {type, std::vector<double>(count)};
  return {type, std::vector<std::int64_t>(count)};
}

Tensor Tensor::filled(const Type& type, double value) {
  Tensor tensor = zeros(type);
  if (is_float(type.element)) {
    std::fill(tensor.floats().begin(), tensor.floats().end(), value);
  } else {
    std::fill(tensor.integers().begin(), tensor.integers().end(), whole_number(type.element, value));
  }
  return tensor;
}

Tensor Tensor::whole(ElementType element, std::int64_t value) {
  Tensor tensor = zeros({element, {}});
  tensor.integers()[0] = wrap_to(element, value);
  return tensor;
}

Tensor Tensor::scalar(ElementType element, double value) { return filled({element, {}}, value); }

double Tensor::at(std::int64_t flat) const {
  const std::size_t i = static_cast<std::size_t>(flat);
  if (data.index() == 0) return floats()[i];
  return type.element == ElementType::U64 ? static_cast<double>(static_cast<std::uint64_t>(integers()[i]))
                                          : static_cast<double>(integers()[i]);
}

bool Tensor::is_splat() const {
  if (data.index() == 1) {
    const std::vector<std::int64_t>& all = integers();
    return !all.empty() && std::all_of(all.begin(), all.end(), [&](std::int64_t x) { return x == all[0]; });
  }
  const std::vector<double>& all = floats();
  const auto same = [&](double x) {
    return std::isnan(all[0]) ? std::isnan(x) : x == all[0] && std::signbit(x) == std::signbit(all[0]);
  };
  return !all.empty() && std::all_of(all.begin(), all.end(), same);
}

Tensor tensor_row(const Tensor& x, std::size_t index) {
  Tensor y = Tensor::zeros({x.type.element, Shape(x.type.shape.begin() + 1, x.type.shape.end())});
  const auto copy = [&](const auto& from, auto& to) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(index * to.size()), to.size(), to.begin());
  };
  if (is_float(y.type.element)) {
    copy(x.floats(), y.floats());
  } else {
    copy(x.integers(), y.integers());
  }
  return y;
}

void set_tensor_row(Tensor& y, std::size_t index, const Tensor& x) {
  const auto copy = [&](const auto& from, auto& to) {
    std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(index * from.size()));
  };
  if (is_float(y.type.element)) {
    copy(x.floats(), y.floats());
  } else {
    copy(x.integers(), y.integers());
  }
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.type != b.type || a.data.index() != b.data.index()) return false;
  if (a.data.index() == 1) return a.integers() == b.integers();
  const auto same = [](double x, double y) {
    return std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y);
  };
  return std::equal(a.floats().begin(), a.floats().end(), b.floats().begin(), b.floats().end(), same);
}

double round_to(ElementType type, double value) {
  switch (type) {
    case ElementType::F32:
      return static_cast<double>(static_cast<float>(value));
    case ElementType::F16:
      return round_binary(value, 11, -14, 65504);
    case ElementType::BF16:
      return round_binary(value, 8, -126, 0x1.FEp127);
    default:
      return value;
  }
}

std::uint64_t float_bits(ElementType type, double value) {
  switch (type) {
    case ElementType::F64:
      return std::bit_cast<std::uint64_t>(value);
    case ElementType::F16:
      return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
    case ElementType::BF16:
      // The upper half of a float, whose lower half rounding has made zero.
      return std::bit_cast<std::uint32_t>(static_cast<float>(round_to(type, value))) >> 16;
    default:
      return std::bit_cast<std::uint32_t>(static_cast<float>(value));
  }
}

double float_of_bits(ElementType type, std::uint64_t bits) {
  switch (type) {
    case ElementType::F64:
      return std::bit_cast<double>(bits);
    case ElementType::F16:
      return static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits)));
    case ElementType::BF16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    default:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  }
}

void write_elements(const Tensor& tensor, std::byte* target) {
  static_assert(std::endian::native == std::endian::little, "the low bytes of a number come first");
  const ElementType type = tensor.type.element;
  const std::size_t size = static_cast<std::size_t>(size_bytes(type));
  const std::size_t count = static_cast<std::size_t>(element_count(tensor.type.shape));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits =
        is_float(type) ? float_bits(type, tensor.floats()[i]) : static_cast<std::uint64_t>(tensor.integers()[i]);
    std::memcpy(target + i * size, &bits, size);
  }
}

std::int64_t wrap_to(ElementType type, std::int64_t value) {
  if (type == ElementType::Bool) return value != 0 ? 1 : 0;
  const int bits = 8 * size_bytes(type);
  if (bits >= 64) return value;
  const std::uint64_t modulus = std::uint64_t{1} << bits;
  const std::uint64_t low = static_cast<std::uint64_t>(value) & (modulus - 1);
  const bool is_negative = row(type).is_signed && low >= modulus / 2;
  return static_cast<std::int64_t>(is_negative ? low - modulus : low);
}

std::int64_t lowest(ElementType type) {
  return row(type).is_signed ? -(std::int64_t{1} << (8 * size_bytes(type) - 2)) * 2 : 0;
}

std::int64_t highest(ElementType type) {
  if (type == ElementType::Bool) return 1;
  const int bits = 8 * size_bytes(type) - (row(type).is_signed ? 1 : 0);
  return static_cast<std::int64_t>(std::numeric_limits<std::uint64_t>::max() >> (64 - bits));
}

bool holds(ElementType type, std::int64_t value) {
  if (type == ElementType::Bool) return value == 0 || value == 1;
  return type == ElementType::U64 ? value >= 0 : wrap_to(type, value) == value;
}

std::string integer_text(ElementType type, std::int64_t element) {
  return type == ElementType::U64 ? std::to_string(static_cast<std::uint64_t>(element)) : std::to_string(element);
}

}  // namespace nnc
