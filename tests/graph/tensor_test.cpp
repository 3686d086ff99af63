// Element types, rounding, wrapping, tensors.
#include "compiler/graph/tensor.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace nnc {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("element types are known by name") {
  for (int i = 0; i <= static_cast<int>(ElementType::Bool); ++i) {
    const ElementType type = static_cast<ElementType>(i);
    ElementType parsed = ElementType::F32;
    REQUIRE(parse_element_type(name(type), parsed));
    CHECK(parsed == type);
    CHECK(!(is_float(type) && is_integer(type)));
  }
  ElementType parsed;
  CHECK(!parse_element_type("f31", parsed));
  CHECK(!is_integer(ElementType::Bool));
  CHECK(size_bytes(ElementType::BF16) == 2);
  CHECK(size_bytes(ElementType::I64) == 8);
}

TEST_CASE("shapes") {
  CHECK(element_count({}) == 1);
  CHECK(element_count({2, 0, 3}) == 0);
  CHECK(row_major_strides({2, 3, 4}) == Shape{12, 4, 1});
  CHECK(to_string(Type{ElementType::F32, {1, 28, 28}}) == "f32[1, 28, 28]");
  CHECK(to_string(Type{ElementType::Bool, {}}) == "bool[]");
}

TEST_CASE("floats are rounded to nearest, to even at ties") {
  CHECK(round_to(ElementType::F32, 0.1) == static_cast<double>(0.1f));
  CHECK(round_to(ElementType::F64, 0.1) == 0.1);
  CHECK(round_to(ElementType::F16, 1 + 0x1p-11) == 1);
  CHECK(round_to(ElementType::F16, 1 + 0x3p-11) == 1 + 0x1p-9);
  CHECK(round_to(ElementType::F16, 65519) == 65504);
  CHECK(round_to(ElementType::F16, 65520) == kInfinity);
  CHECK(round_to(ElementType::F16, 0x1p-24) == 0x1p-24);  // the smallest
  CHECK(round_to(ElementType::F16, 0x1p-25) == 0);        // a tie
  CHECK(round_to(ElementType::F16, -0x1.8p-25) == -0x1p-24);
  CHECK(round_to(ElementType::BF16, 1 + 0x1p-8) == 1);
  CHECK(round_to(ElementType::BF16, 1 + 0x3p-8) == 1 + 0x1p-6);
  CHECK(round_to(ElementType::BF16, -1e39) == -kInfinity);
  CHECK(std::isnan(round_to(ElementType::F16, kNaN)));
  CHECK(std::signbit(round_to(ElementType::BF16, -0.0)));
}

TEST_CASE("floats of 16 bits are what IEEE 754 says of their bits") {
  const std::pair<ElementType, int> formats[] = {{ElementType::F16, 10}, {ElementType::BF16, 7}};
  for (const auto& [type, digits] : formats) {
    const int bias = (1 << (14 - digits)) - 1;
    int wrong = 0;
    for (int bits = 0; bits < 0x10000; ++bits) {
      const int exponent = (bits & 0x7fff) >> digits, rest = bits & ((1 << digits) - 1);
      const double value = float_of_bits(type, static_cast<std::uint64_t>(bits));
      if (exponent == 0x7fff >> digits) {
        wrong += rest == 0 ? !std::isinf(value) : !std::isnan(value);
        wrong += rest == 0 && float_bits(type, value) != static_cast<std::uint64_t>(bits);
        continue;
      }
      const double magnitude = exponent == 0 ? rest : rest + (1 << digits);
      const double wanted = std::ldexp(magnitude, std::max(exponent, 1) - bias - digits);
      wrong += value != (bits >= 0x8000 ? -wanted : wanted);
      wrong += float_bits(type, value) != static_cast<std::uint64_t>(bits) || round_to(type, value) != value;
    }
    CHECK(wrong == 0);
  }
  CHECK(float_bits(ElementType::F32, 1.5) == 0x3fc00000);
  CHECK(float_of_bits(ElementType::F64, 0x3ff8000000000000) == 1.5);
}

TEST_CASE("integers wrap to their width") {
  CHECK(wrap_to(ElementType::I8, 128) == -128);
  CHECK(wrap_to(ElementType::U8, -1) == 255);
  CHECK(wrap_to(ElementType::I32, std::int64_t{1} << 31) == -(std::int64_t{1} << 31));
  CHECK(wrap_to(ElementType::U32, -1) == 0xFFFFFFFF);
  CHECK(wrap_to(ElementType::I64, -5) == -5);
  CHECK(wrap_to(ElementType::U64, -5) == -5);  // its bits
  CHECK(wrap_to(ElementType::Bool, 7) == 1);
  CHECK(holds(ElementType::U8, 255));
  CHECK(!holds(ElementType::U8, 256));
  CHECK(!holds(ElementType::U64, -1));
  CHECK(integer_text(ElementType::U64, -1) == "18446744073709551615");
  CHECK(Tensor::whole(ElementType::I64, 9007199254740993).integers()[0] == 9007199254740993);
  CHECK(Tensor::scalar(ElementType::U64, kInfinity).at(0) == 0x1p64);
  CHECK(Tensor::scalar(ElementType::U64, -1).at(0) == 0);
}

TEST_CASE("tensors") {
  const Tensor threes = Tensor::filled({ElementType::I32, {2, 2}}, 3);
  CHECK(threes.is_splat());
  CHECK(threes.at(3) == 3);
  CHECK(!Tensor::zeros({ElementType::F32, {0}}).is_splat());
  Tensor signs = Tensor::zeros({ElementType::F32, {2}});
  CHECK(signs.is_splat());
  signs.floats()[1] = -0.0;
  CHECK(!signs.is_splat());
  CHECK(signs == Tensor::zeros(signs.type));
  CHECK(!same_bits(signs, Tensor::zeros(signs.type)));
  const Tensor nan = Tensor::scalar(ElementType::F32, kNaN);
  CHECK(same_bits(nan, nan));
  CHECK(!(nan == nan));
}

}  // namespace
}  // namespace nnc
