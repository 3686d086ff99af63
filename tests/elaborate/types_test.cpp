// Element types: integers of all widths meet numbers, layers are of doubles, infinity and nan reach tensors.
#include <cmath>
#include <limits>

#include "tests/elaborate/support.h"

namespace nnc {
namespace {

TEST_CASE("infinity and nan reach tensors") {
  auto program = elaborate_text(
      "model M(x: f32[2], d: f64[2]) -> (y: f32[2], z: f64[2], n: f32[2]) {\n"
      "  y = where(x > 0, x, -infinity)\n"
      "  z = d * 0 + infinity\n"
      "  n = x + nan\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Tensor x = Tensor::zeros({ElementType::F32, {2}});
  x.floats() = {1.5, -0.5};
  const Evaluation result =
      evaluate(program->model().forward, {{"x", x}, {"d", Tensor::zeros({ElementType::F64, {2}})}}, {});
  CHECK(result.outputs.at("y").floats() == std::vector<double>{1.5, -std::numeric_limits<double>::infinity()});
  CHECK(std::isinf(result.outputs.at("z").at(0)));
  CHECK(std::isnan(result.outputs.at("n").at(1)));
}

TEST_CASE("layers of doubles: their parameters begin from what is drawn") {
  auto program = elaborate_text("model M(x: f64[4]) -> (y: f64[3]) { y = x |> dense(3) |> tanh }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  for (const Output& output : program->model().init.outputs) CHECK(output.value->type.element == ElementType::F64);
  CHECK(verify(program->model().init) == "");
}

TEST_CASE("integers of every type meet integer numbers") {
  auto program = elaborate_text(
      "model M(a: i64[2], b: u64[2], c: i16[2], d: u16[2], e: u32[2], f: i8[2]) ->\n"
      "       (v: i64[2], w: u64[2], p: i16[2], q: u16[2], r: u32[2], s: i8[2]) {\n"
      "  v = a + 9007199254740993\n"
      "  w = maximum(b, 9223372036854775807)\n"
      "  p = c - 32768 // 2\n"
      "  q = d % 7\n"
      "  r = e // 4294967295\n"
      "  s = where(f > -128, f, [1, -1])\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  std::map<std::string, Tensor> inputs;
  const std::pair<const char*, ElementType> types[] = {{"a", ElementType::I64}, {"b", ElementType::U64},
                                                       {"c", ElementType::I16}, {"d", ElementType::U16},
                                                       {"e", ElementType::U32}, {"f", ElementType::I8}};
  for (const auto& [name, type] : types) {
    inputs[name] = Tensor::zeros({type, {2}});
    inputs[name].integers() = {lowest(type), highest(type)};
  }
  inputs["a"].integers() = {0, -1};
  const Evaluation result = evaluate(program->model().forward, inputs, {});
  using Integers = std::vector<std::int64_t>;
  CHECK(result.outputs.at("v").integers() == Integers{9007199254740993, 9007199254740992});
  CHECK(result.outputs.at("w").integers() == Integers{9223372036854775807, -1});
  CHECK(result.outputs.at("p").integers() == Integers{16384, 16383});
  CHECK(result.outputs.at("q").integers() == Integers{0, 65535 % 7});
  CHECK(result.outputs.at("r").integers() == Integers{0, 1});
  CHECK(result.outputs.at("s").integers() == Integers{1, 127});
}

}  // namespace
}  // namespace nnc
