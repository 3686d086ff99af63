// The library's operators that compute element by element, reduce and normalise, value by value against their formulas.
#include <cmath>
#include <functional>

#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;
using Tensors = std::map<std::string, Tensor>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor tensor_of(ElementType element, const Shape& shape, const Numbers& values) {
  Tensor tensor = Tensor::zeros({element, shape});
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_float(element)) {
      tensor.floats()[i] = values[i];
    } else {
      tensor.integers()[i] = static_cast<std::int64_t>(values[i]);
    }
  }
  return tensor;
}

Numbers numbers_of(const Tensor& tensor) {
  Numbers numbers;
  for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) numbers.push_back(tensor.at(i));
  return numbers;
}

// What a model with these inputs and lines makes of them; the outputs as `results` declares them.
Tensors run(const Tensors& inputs, const std::string& results, const std::string& lines) {
  std::string header;
  for (const auto& [name, tensor] : inputs) {
    const std::string type =
        tensor.type.shape.empty() ? std::string(nnc::name(tensor.type.element)) : to_string(tensor.type);
    header += (header.empty() ? "" : ", ") + name + ": " + type;
  }
  auto program = elaborate_text("import \"onnx\"\nmodel M(" + header + ") -> (" + results + ") {\n" + lines + "\n}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  return evaluate(program->model().forward, inputs, {}).outputs;
}

void check_same(const Numbers& actual, const Numbers& expected, double tolerance = 1e-12) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(expected[i])) {
      CHECK(std::isnan(actual[i]));
    } else if (std::isinf(expected[i]) || expected[i] == 0) {
      CHECK(actual[i] == expected[i]);
    } else {
      CHECK(std::abs(actual[i] - expected[i]) <= tolerance * std::abs(expected[i]));
    }
  }
}

// Floats that are far apart.
const Numbers kFar = {0,   1e-9, -1e-9, 0.5,  -0.5,  1,    -1,        1.5,        -2.5,
                      2.5, 20,   -20,   1e20, -1e20, 1e30, kInfinity, -kInfinity, kNaN};

TEST_CASE("functions of one number are those of the C library, at infinities and for the largest numbers too") {
  const std::map<std::string, std::function<double(double)>> functions = {
      {"Ceil(x)", [](double x) { return std::ceil(x); }},
      {"Round(x)", [](double x) { return std::nearbyint(x); }},
      {"Reciprocal(x)", [](double x) { return 1 / x; }},
      {"Tan(x)", [](double x) { return std::tan(x); }},
      {"Asin(x)", [](double x) { return std::asin(x); }},
      {"Acos(x)", [](double x) { return std::acos(x); }},
      {"Atan(x)", [](double x) { return std::atan(x); }},
      {"Sinh(x)", [](double x) { return std::sinh(x); }},
      {"Cosh(x)", [](double x) { return std::cosh(x); }},
      {"Asinh(x)", [](double x) { return std::asinh(x); }},
      {"Acosh(x)", [](double x) { return std::acosh(x); }},
      {"Atanh(x)", [](double x) { return std::atanh(x); }},
      {"Sign(x)", [](double x) { return x > 0   ? 1
                                        : x < 0 ? -1
                                                : x; }},
      {"ThresholdedRelu(x, alpha: 1)", [](double x) { return x > 1 ? x : 0; }},
      {"Shrink(x, lambd: 1, bias: 0.25)", [](double x) { return x < -1  ? x + 0.25
                                                                : x > 1 ? x - 0.25
                                                                        : 0; }},
      {"Clip(x, min: cast(-1, f32), max: cast(2, f32))",
       [](double x) { return std::isnan(x) ? x : std::min(std::max(x, -1.0), 2.0); }},
  };
  for (const auto& [call, function] : functions) {
    CAPTURE(call);
    Numbers expected;
    for (const double x : kFar) expected.push_back(function(x));
    const std::string type = "y: f32[" + std::to_string(kFar.size()) + "]";
    check_same(run({{"x", vector_of(kFar)}}, type, "y = " + call).at("y").floats(), expected);
  }
}

TEST_CASE("Celu bends at the scale of alpha") {
  const Tensor y = run({{"x", vector_of({-kInfinity, -4, -1, 0, 3})}}, "y: f32[5]", "y = Celu(x, alpha: 2)").at("y");
  check_same(y.floats(), {-2, 2 * std::expm1(-2), 2 * std::expm1(-0.5), 0, 3});
}

TEST_CASE("quotients and rests of integers round as ONNX says") {
  const Numbers a = {7, -7, 7, -7, 6, -128}, b = {2, 2, -2, -2, 3, -1};
  const Tensors inputs = {{"a", tensor_of(ElementType::I8, {6}, a)}, {"b", tensor_of(ElementType::I8, {6}, b)}};
  const Tensors y = run(inputs, "q: i8[6], m: i8[6], f: i8[6], p: i8[6]",
                        "q = Div(a, b)\nm = Mod(a, b)\nf = Mod(a, b, fmod: true)\np = Pow(a, b)");
  CHECK(numbers_of(y.at("q")) == Numbers{3, -3, -3, 3, 2, -128});
  CHECK(numbers_of(y.at("m")) == Numbers{1, 1, -1, -1, 0, 0});
  CHECK(numbers_of(y.at("f")) == Numbers{1, -1, 1, -1, 0, 0});
  CHECK(numbers_of(y.at("p")) == Numbers{49, 49, 0, 0, -40, 0});
}

TEST_CASE("rests of floats are exact, of numbers far apart too") {
  const Numbers a = {1e30, -7, 7, -5.5, 3, kInfinity, -3}, b = {3e-20, 2, -2, 1.5, 0, 2, kInfinity};
  const Tensors y = run({{"a", vector_of(a)}, {"b", vector_of(b)}}, "m: f32[7], f: f32[7]",
                        "m = Mod(a, b)\nf = Mod(a, b, fmod: true)");
  check_same(y.at("m").floats(), {std::fmod(1e30, 3e-20), 1, -1, 0.5, kNaN, kNaN, kInfinity});
  check_same(y.at("f").floats(), {std::fmod(1e30, 3e-20), -1, 1, -1, kNaN, kNaN, -3});
}

TEST_CASE("shapes are aligned at their ends, before opset 7 at an axis") {
  const Tensors inputs = {{"a", tensor_of(ElementType::F32, {2, 3}, {0, 1, 2, 3, 4, 5})},
                          {"b", vector_of({10, 20})},
                          {"c", tensor_of(ElementType::F32, {2, 1, 1}, {100, 200})}};
  const Tensors y = run(inputs, "s: f32[2, 3], w: f32[2, 2, 3], m: f32[2, 2, 3]",
                        "s = Add_before_7(a, b, axis: 0, broadcast: true)\n"
                        "w = Where(Greater(a, cast(2, f32)), a, c)\n"
                        "m = Mean([a, c])");
  CHECK(numbers_of(y.at("s")) == Numbers{10, 11, 12, 23, 24, 25});
  CHECK(numbers_of(y.at("w")) == Numbers{100, 100, 100, 3, 4, 5, 200, 200, 200, 3, 4, 5});
  CHECK(numbers_of(y.at("m")) == Numbers{50, 50.5, 51, 51.5, 52, 52.5, 100, 100.5, 101, 101.5, 102, 102.5});
}

TEST_CASE("reductions: over all axes, some, none, and over nothing") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {2, 3}, {1, 2, 3, 4, 5, 6})},
                          {"e", tensor_of(ElementType::F32, {2, 0}, {})},
                          {"t", tensor_of(ElementType::Bool, {2, 2}, {1, 0, 0, 0})}};
  const Tensors y = run(inputs,
                        "all: f32, some: f32[2, 1], none_: f32[2, 3], sum: f32[2], max: f32[2], product: f32[2], "
                        "log: f32[2], any_: bool[2], every: bool[2]",
                        "all = ReduceL2(x, keepdims: false)\n"
                        "some = ReduceMean(x, axes: [-1])\n"
                        "none_ = ReduceSumSquare(x, noop_with_empty_axes: true)\n"
                        "sum = ReduceSum(e, axes: [1], keepdims: false)\n"
                        "max = ReduceMax(e, axes: [1], keepdims: false)\n"
                        "product = ReduceProd(e, axes: [1], keepdims: false)\n"
                        "log = ReduceLogSumExp(e, axes: [1], keepdims: false)\n"
                        "any_ = ReduceMax(t, axes: [1], keepdims: false)\n"
                        "every = ReduceMin(t, axes: [0], keepdims: false)");
  check_same(numbers_of(y.at("all")), {std::sqrt(91.0)});
  CHECK(numbers_of(y.at("some")) == Numbers{2, 5});
  CHECK(numbers_of(y.at("none_")) == Numbers{1, 4, 9, 16, 25, 36});
  CHECK(numbers_of(y.at("sum")) == Numbers{0, 0});
  CHECK(numbers_of(y.at("max")) == Numbers{-kInfinity, -kInfinity});
  CHECK(numbers_of(y.at("product")) == Numbers{1, 1});
  CHECK(numbers_of(y.at("log")) == Numbers{-kInfinity, -kInfinity});
  CHECK(numbers_of(y.at("any_")) == Numbers{1, 0});
  CHECK(numbers_of(y.at("every")) == Numbers{0, 0});
}

TEST_CASE("the logarithm of a sum of exponentials neither overflows nor loses infinities") {
  const Tensors inputs = {
      {"x", tensor_of(ElementType::F32, {4, 2}, {1e4, 1e4, -1e4, -1e4, -kInfinity, -kInfinity, kInfinity, 1})}};
  const Tensor y = run(inputs, "y: f32[4]", "y = ReduceLogSumExp(x, axes: [1], keepdims: false)").at("y");
  check_same(y.floats(), {1e4 + std::log(2.0), -1e4 + std::log(2.0), -kInfinity, kInfinity});
}

TEST_CASE("places of the largest and the smallest: the first or the last of equals, of unsigned numbers too") {
  const Tensors inputs = {{"x", tensor_of(ElementType::U8, {2, 4}, {0, 255, 0, 255, 7, 7, 9, 9})}};
  const Tensors y = run(inputs, "a: i64[2], b: i64[2], c: i64[2], d: i64[2, 1]",
                        "a = ArgMax(x, axis: 1, keepdims: false)\n"
                        "b = ArgMin(x, axis: -1, keepdims: false)\n"
                        "c = ArgMin(x, axis: 1, keepdims: false, select_last_index: true)\n"
                        "d = ArgMax(x, axis: -1, select_last_index: true)");
  CHECK(numbers_of(y.at("a")) == Numbers{1, 2});
  CHECK(numbers_of(y.at("b")) == Numbers{0, 0});
  CHECK(numbers_of(y.at("c")) == Numbers{2, 1});
  CHECK(numbers_of(y.at("d")) == Numbers{3, 3});
}

TEST_CASE("running sums and products") {
  const Tensors inputs = {{"x", tensor_of(ElementType::I32, {2, 3}, {1, 2, 3, 4, 5, 6})}};
  const Tensors y = run(inputs, "a: i32[2, 3], b: i32[2, 3], c: i32[2, 3], d: i32[2, 3]",
                        "a = CumSum(x, 1)\nb = CumSum(x, -1, exclusive: true, reverse: true)\n"
                        "c = CumProd(x, 0)\nd = CumProd(x, 1, exclusive: true)");
  CHECK(numbers_of(y.at("a")) == Numbers{1, 3, 6, 4, 9, 15});
  CHECK(numbers_of(y.at("b")) == Numbers{5, 3, 0, 11, 6, 0});
  CHECK(numbers_of(y.at("c")) == Numbers{1, 2, 3, 4, 10, 18});
  CHECK(numbers_of(y.at("d")) == Numbers{1, 1, 2, 1, 4, 20});
}

TEST_CASE("before opset 13 softmax takes the axes from `axis` on as one") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0})}};
  const Tensors y = run(inputs, "a: f32[2, 2, 2], b: f32[2, 2, 2], c: f32[2, 2, 2]",
                        "a = Softmax(x)\nb = Softmax_before_13(x)\nc = Hardmax_before_13(x, axis: 0)");
  CHECK(numbers_of(y.at("a")) == Numbers(8, 0.5));
  CHECK(numbers_of(y.at("b")) == Numbers(8, 0.25));
  CHECK(numbers_of(y.at("c")) == Numbers{1, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("batch normalisation in training: by the batch's own mean and variance, which the running ones follow") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {2, 1, 2}, {1, 3, 5, 7})},
                          {"s", vector_of({2})},
                          {"b", vector_of({10})},
                          {"m", vector_of({100})},
                          {"v", vector_of({50})}};
  const Tensors y = run(inputs, "y: f32[2, 1, 2], z: f32[2, 1, 2], mean: f32[1], var: f32[1]",
                        "let (of_batch, running_mean, running_var) =\n"
                        "  BatchNormalization(x, s, b, m, v, epsilon: 0, momentum: 0.5, training_mode: true)\n"
                        "y = of_batch\nmean = running_mean\nvar = running_var\n"
                        "z = BatchNormalization(x, s, b, m, v, epsilon: 14)");
  const double deviation = std::sqrt(5.0);
  check_same(y.at("y").floats(), {10 - 6 / deviation, 10 - 2 / deviation, 10 + 2 / deviation, 10 + 6 / deviation});
  check_same(y.at("mean").floats(), {52});
  check_same(y.at("var").floats(), {27.5});
  check_same(y.at("z").floats(), {10 - 99 * 2 / 8.0, 10 - 97 * 2 / 8.0, 10 - 95 * 2 / 8.0, 10 - 93 * 2 / 8.0});
}

TEST_CASE("group normalisation: a scale a channel, before opset 21 one a group") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {1, 4, 1}, {0, 2, 10, 30})},
                          {"s", vector_of({1, 2, 3, 4})},
                          {"b", vector_of({0, 0, 0, 1})},
                          {"g", vector_of({5, 6})}};
  const Tensors y = run(inputs, "y: f32[1, 4, 1], z: f32[1, 4, 1]",
                        "y = GroupNormalization(x, s, b, epsilon: 0, 2)\n"
                        "z = GroupNormalization_before_21(x, g, g, epsilon: 0, 2)");
  check_same(numbers_of(y.at("y")), {-1, 2, -3, 5});
  CHECK(numbers_of(y.at("z")) == Numbers{0, 10, 0, 12});
}

TEST_CASE("layer normalisation gives the means and one over the deviations besides") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {2, 2}, {1, 3, 10, 30})}, {"s", vector_of({1, 2})}};
  const Tensors y = run(inputs, "y: f32[2, 2], m: f32[2, 1], i: f32[2, 1]",
                        "let (normal, mean, inverse) = LayerNormalization(x, s, epsilon: 0, 3)\n"
                        "y = normal\nm = mean\ni = inverse");
  check_same(numbers_of(y.at("y")), {-1, 2, -1, 2});
  CHECK(numbers_of(y.at("m")) == Numbers{2, 20});
  check_same(numbers_of(y.at("i")), {1, 0.1});
}

TEST_CASE("the neighbourhood of LRN of an even size has the odd channel behind") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {1, 3, 1}, {1, 2, 3})}};
  const Tensor y = run(inputs, "y: f32[1, 3, 1]", "y = LRN(x, alpha: 2, beta: 1, bias: 1, 2)").at("y");
  check_same(y.floats(), {1.0 / (1 + 5), 2.0 / (1 + 13), 3.0 / (1 + 9)});
}

TEST_CASE("losses: weights of classes, targets that do not count, what is averaged") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {3, 2}, {-1, -2, -3, -4, kNaN, kNaN})},
                          {"t", tensor_of(ElementType::I64, {3}, {0, 1, -1})},
                          {"w", vector_of({1, 3})}};
  const Tensors y = run(inputs, "a: f32[3], b: f32, c: f32",
                        "a = NegativeLogLikelihoodLoss(x, t, weight: w, ignore_index: -1, reduction: \"none\")\n"
                        "b = NegativeLogLikelihoodLoss(x, t, weight: w, ignore_index: -1)\n"
                        "c = NegativeLogLikelihoodLoss(x, t, ignore_index: -1, reduction: \"sum\")");
  CHECK(numbers_of(y.at("a")) == Numbers{1, 12, 0});
  CHECK(numbers_of(y.at("b")) == Numbers{13.0 / 4});
  CHECK(numbers_of(y.at("c")) == Numbers{5});
}

TEST_CASE("operators of ONNX Runtime: optional summands, and the sum as an output") {
  const Tensors inputs = {{"x", tensor_of(ElementType::F32, {1, 2}, {1, 2})},
                          {"k", tensor_of(ElementType::F32, {1, 2}, {0, 1})},
                          {"g", vector_of({1, 2})},
                          {"b", vector_of({0, 1})}};
  const Tensors y = run(inputs, "y: f32[1, 2], s: f32[1, 2], q: f32[1, 2]",
                        "let (normal, _mean, _inverse, sum) =\n"
                        "  com_microsoft_SkipLayerNormalization(x, k, g, bias: b, epsilon: 0, 4)\n"
                        "y = normal\ns = sum\nq = com_microsoft_FastGelu(x, bias: b)");
  check_same(numbers_of(y.at("y")), {-1, 2});
  CHECK(numbers_of(y.at("s")) == Numbers{1, 4});
  const auto gelu = [](double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  };
  check_same(numbers_of(y.at("q")), {gelu(1), gelu(3)});
}

}  // namespace
}  // namespace nnc
