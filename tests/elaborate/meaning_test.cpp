// Graphs of small programs against the same mathematics written as loops.
#include <cmath>

#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;

// weight @ x + bias, weight in row-major order.
Numbers dense(const Numbers& weight, const Numbers& bias, const Numbers& x) {
  Numbers y(bias);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) y[i] += weight[i * x.size() + k] * x[k];
  }
  return y;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_CASE("two dense layers") {
  auto program = elaborate_text(
      "model M(x: f32[5]) -> (y: f32[3]) {\n"
      "  layer a = dense(4)\n"
      "  y = x |> a |> relu |> dense(3, bias: false)\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  Tensor x = some_tensor({ElementType::F32, {5}}, 99);
  Numbers hidden = dense(states.at("a.weight").floats(), states.at("a.bias").floats(), x.floats());
  for (double& value : hidden) value = std::max(value, 0.0);
  check_close(evaluate(graph, {{"x", x}}, states).outputs.at("y").floats(),
              dense(states.at("dense.weight").floats(), Numbers(3, 0), hidden));
}

TEST_CASE("a convolution with same padding and stride, then pooling") {
  auto program = elaborate_text(
      "model M(x: f32[2, 7, 6]) -> (y: f32[3, 2, 1]) {\n"
      "  y = x |> conv(3, kernel: 3, stride: 2, pad: same) |> max_pool([2, 3])\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  Tensor x = some_tensor({ElementType::F32, {2, 7, 6}}, 5);
  const Numbers& w = states.at("conv.weight").floats();
  // 7 rows: 4 cells, padding (1, 1); 6 columns: 3 cells, padding (0, 1).
  Numbers y(3 * 4 * 3);
  for (int o = 0; o < 3; ++o) {
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 3; ++j) {
        double sum = states.at("conv.bias").at(o);
        for (int c = 0; c < 2; ++c) {
          for (int p = 0; p < 3; ++p) {
            for (int q = 0; q < 3; ++q) {
              int row = 2 * i + p - 1, column = 2 * j + q;
              if (row < 0 || row >= 7 || column >= 6) continue;
              sum += w[static_cast<std::size_t>(((o * 2 + c) * 3 + p) * 3 + q)] * x.at((c * 7 + row) * 6 + column);
            }
          }
        }
        y[static_cast<std::size_t>((o * 4 + i) * 3 + j)] = sum;
      }
    }
  }
  Numbers pooled;
  for (std::size_t o = 0; o < 3; ++o) {
    for (std::size_t i = 0; i < 2; ++i) {
      double best = -1e30;
      for (std::size_t p = 0; p < 2; ++p) {
        for (std::size_t q = 0; q < 3; ++q) best = std::max(best, y[(o * 4 + 2 * i + p) * 3 + q]);
      }
      pooled.push_back(best);
    }
  }
  check_close(evaluate(graph, {{"x", x}}, states).outputs.at("y").floats(), pooled);
}

TEST_CASE("a transposed convolution") {
  auto program =
      elaborate_text("model M(x: f32[2, 3]) -> (y: f32[1, 7]) { y = x |> conv_transpose(1, kernel: 3, stride: 2) }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  Tensor x = some_tensor({ElementType::F32, {2, 3}}, 5);
  Numbers y(7, states.at("conv_transpose.bias").at(0));
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) {
        y[2 * i + k] += x.floats()[c * 3 + i] * states.at("conv_transpose.weight").floats()[c * 3 + k];
      }
    }
  }
  check_close(evaluate(graph, {{"x", x}}, states).outputs.at("y").floats(), y);
}

constexpr const char* kRecurrent =
    "layer memory = lstm(3)\n"
    "model Whole(xs: f32[6, 2]) -> (y: f32[6, 3]) { y = xs |> scan(memory) }\n"
    "model Part(xs: f32[6, 2], n: i32) -> (y: f32[6, 3]) { y = scan(xs, memory, length: n) }\n"
    "model Step(x: f32[2]) -> (y: f32[3]) { y = x |> memory }\n"
    "model Chunk(xs: f32[3, 2]) -> (y: f32[3, 3]) { y = scan(xs, memory, carry: true) }\n";

TEST_CASE("a scan is its steps one after the other, and the steps are the equations") {
  auto program = elaborate_text(kRecurrent);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  auto states = some_states(program->model(2).forward, 1);
  states["memory.h"] = states["memory.c"] = Tensor::zeros({ElementType::F32, {3}});
  auto start = states;
  Tensor xs = some_tensor({ElementType::F32, {6, 2}}, 5);
  Numbers stepped, chunked, h(3), c(3), equations;
  for (std::size_t t = 0; t < 6; ++t) {
    Numbers x = {xs.floats()[2 * t], xs.floats()[2 * t + 1]};
    Evaluation result = evaluate(program->model(2).forward, {{"x", vector_of(x)}}, states);
    for (double value : result.outputs.at("y").floats()) stepped.push_back(value);
    for (const auto& [name, value] : result.next_states) states[name] = value;
    Numbers gates = dense(states["memory.W"].floats(), states["memory.b"].floats(), x);
    Numbers recurrent = dense(states["memory.U"].floats(), Numbers(12, 0), h);
    for (std::size_t i = 0; i < 12; ++i) gates[i] += recurrent[i];
    for (std::size_t i = 0; i < 3; ++i) {
      c[i] = sigmoid(gates[i]) * c[i] + sigmoid(gates[3 + i]) * std::tanh(gates[9 + i]);
      h[i] = sigmoid(gates[6 + i]) * std::tanh(c[i]);
      equations.push_back(h[i]);
    }
  }
  check_close(stepped, equations);
  auto parameters = start;
  parameters.erase("memory.h");
  parameters.erase("memory.c");
  check_close(evaluate(program->model(0).forward, {{"xs", xs}}, parameters).outputs.at("y").floats(), equations);
  states = start;
  for (std::int64_t part = 0; part < 2; ++part) {
    Tensor chunk = Tensor::zeros({ElementType::F32, {3, 2}});
    for (std::size_t i = 0; i < 6; ++i) chunk.floats()[i] = xs.floats()[static_cast<std::size_t>(part) * 6 + i];
    Evaluation result = evaluate(program->model(3).forward, {{"xs", chunk}}, states);
    for (double value : result.outputs.at("y").floats()) chunked.push_back(value);
    for (const auto& [name, value] : result.next_states) states[name] = value;
  }
  check_close(chunked, equations);
  // From the length on, the output stays.
  Tensor length = Tensor::scalar(ElementType::I32, 4);
  Numbers part = evaluate(program->model(1).forward, {{"xs", xs}, {"n", length}}, parameters).outputs.at("y").floats();
  for (std::size_t i = 0; i < 12; ++i) CHECK(part[i] == doctest::Approx(equations[i]));
  for (std::size_t i = 12; i < 18; ++i) CHECK(part[i] == doctest::Approx(equations[9 + i % 3]));
}

TEST_CASE("attention with a mask") {
  auto program =
      elaborate_text("model M(x: f32[3, 4]) -> (y: f32[3, 4]) { layer a = attention(2, causal: true); y = x |> a }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  Tensor x = some_tensor({ElementType::F32, {3, 4}}, 5);
  std::vector<Numbers> qkv;
  for (std::size_t t = 0; t < 3; ++t) {
    Numbers row(x.floats().begin() + static_cast<std::ptrdiff_t>(4 * t),
                x.floats().begin() + static_cast<std::ptrdiff_t>(4 * t + 4));
    qkv.push_back(dense(states.at("a.qkv.weight").floats(), states.at("a.qkv.bias").floats(), row));
  }
  Numbers expected;
  for (std::size_t t = 0; t < 3; ++t) {
    Numbers mixed(4, 0);
    for (std::size_t head = 0; head < 2; ++head) {
      Numbers weights;
      double sum = 0;
      for (std::size_t s = 0; s <= t; ++s) {
        double score = 0;
        for (std::size_t d = 0; d < 2; ++d) score += qkv[t][2 * head + d] * qkv[s][4 + 2 * head + d];
        weights.push_back(std::exp(score / std::sqrt(2.0)));
        sum += weights.back();
      }
      for (std::size_t s = 0; s <= t; ++s) {
        for (std::size_t d = 0; d < 2; ++d) mixed[2 * head + d] += weights[s] / sum * qkv[s][8 + 2 * head + d];
      }
    }
    for (double value : dense(states.at("a.out.weight").floats(), states.at("a.out.bias").floats(), mixed)) {
      expected.push_back(value);
    }
  }
  check_close(evaluate(graph, {{"x", x}}, states).outputs.at("y").floats(), expected);
}

// PyTorch 2.15, in f64: x = sin(3 + i), element i of every parameter 0.8 sin(1 + 0.7 i); its weights lie as ours do.
//   a = MultiheadAttention(4, 2, batch_first=True); a(x, x, x); a(x, x, x, attn_mask=triu(ones(4, 4, dtype=bool), 1))
//   TransformerEncoderLayer(4, 2, 6, dropout=0, activation="gelu", norm_first=True, batch_first=True)(x)
TEST_CASE("attention and the encoder's block are PyTorch's") {
  auto program = elaborate_text(
      "model M(x: f32[4, 4]) -> (whole: f32[4, 4], causal: f32[4, 4], block: f32[4, 4]) {\n"
      "  whole = x |> attention(2)\n"
      "  causal = x |> attention(2, causal: true)\n"
      "  block = x |> encoder(2, hidden: 6)\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  for (auto& [path, tensor] : states) {
    for (std::size_t i = 0; i < tensor.floats().size(); ++i) {
      tensor.floats()[i] = 0.8 * std::sin(1 + 0.7 * static_cast<double>(i));
    }
  }
  Tensor x = Tensor::zeros({ElementType::F32, {4, 4}});
  for (std::size_t i = 0; i < 16; ++i) x.floats()[i] = std::sin(3 + static_cast<double>(i));
  const Evaluation found = evaluate(graph, {{"x", x}}, states);
  check_close(
      found.outputs.at("whole").floats(),
      {1.350671293, -0.091570327, 1.530425238, -0.947536596, 2.216522091, -0.848418260, 2.090812500, -1.246707459,
       1.832845155, -0.686457032, 2.169282463, -1.556540990, 1.419819115, -0.177030195, 1.622321808, -1.035250732});
  check_close(
      found.outputs.at("causal").floats(),
      {2.074828434, -0.572790686, 1.713101242, -0.810559062, 2.195089313, -1.035419305, 2.464638404, -1.764160649,
       1.948216302, -0.804429590, 2.276224074, -1.640093984, 1.419819115, -0.177030195, 1.622321808, -1.035250732});
  check_close(
      found.outputs.at("block").floats(),
      {4.845261733, -1.892582819, 0.630822366, 0.505171610, 5.842573516, -0.300168948, 1.797986625, 0.533599639,
       3.490292199, -1.376557898, 2.075843870, 1.254833323, 5.593150209, -1.584762726, 0.610494197, 0.185996201});
}

TEST_CASE("positions: a learned table, and sines and cosines") {
  auto program = elaborate_text(
      "model M(x: f32[3, 4]) -> (learned: f32[3, 4], waves: f32[3, 4]) {\n"
      "  learned = x |> learned_positions\n"
      "  waves = x |> sinusoidal_positions\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  const Tensor x = some_tensor({ElementType::F32, {3, 4}}, 5);
  Numbers learned = x.floats();
  Numbers waves = x.floats();
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < 4; ++i) {
      learned[4 * t + i] += states.at("learned_positions.table").floats()[4 * t + i];
      const double angle = static_cast<double>(t) / std::pow(10000, static_cast<double>(i / 2) / 2);
      waves[4 * t + i] += i % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  const Evaluation found = evaluate(graph, {{"x", x}}, states);
  check_close(found.outputs.at("learned").floats(), learned);
  check_close(found.outputs.at("waves").floats(), waves);
}

TEST_CASE("a random matrix made orthogonal") {
  auto program = elaborate_text("model M(x: f32[4]) -> (y: f32[4]) { param W: f32[4, 4] ~ orthogonal; y = W @ x }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Numbers w = initial_states(program->model().init, 5).at("W").floats();
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      double dot = 0;
      for (std::size_t k = 0; k < 4; ++k) dot += w[4 * i + k] * w[4 * j + k];
      CHECK(dot == doctest::Approx(i == j ? 1 : 0).epsilon(1e-5));
    }
  }
}

TEST_CASE("two element types in one header, and inputs that may be absent") {
  const char* text =
      "fn limited(x: any[N], low: any = absent, high: any = absent) -> any[N] {\n"
      "  let y = if low == absent { x } else { maximum(x, low) }\n"
      "  if high != absent { minimum(y, high) } else { y }\n"
      "}\n"
      "fn like(x: any[N], y: other[M], low: any = absent) -> other[N] { cast(limited(x, low: low), other) }\n"
      "model M(x: f32[3], i: i32[2]) -> (a: f32[3], b: i32[3], c: f32[2]) {\n"
      "  a = limited(x, high: 1)\n"
      "  b = like(x, i, low: 0)\n"
      "  c = like(i, x)\n"
      "}\n";
  auto program = elaborate_text(text);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Tensor i = Tensor::zeros({ElementType::I32, {2}});
  i.integers() = {3, -4};
  const Evaluation result = evaluate(program->model().forward, {{"x", vector_of({-2, 0.5, 7})}, {"i", i}}, {});
  check_close(result.outputs.at("a").floats(), {-2, 0.5, 1});
  CHECK(result.outputs.at("b").integers() == std::vector<std::int64_t>{0, 0, 7});
  check_close(result.outputs.at("c").floats(), {3, -4});
}

TEST_CASE("settings from the command line") {
  const char* text = "model M(x: f32[4], hidden: int = 8) -> (y: f32[2]) { y = x |> dense(hidden) |> dense(2) }\n";
  auto program = elaborate_text(text);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  CHECK(program->model().forward.find_state("dense.weight")->value->type.shape == Shape{8, 4});
  ElaborateOptions options;
  options.settings["hidden"] = "3";
  auto set = elaborate_text(text, options);
  REQUIRE_MESSAGE(set->program.has_value(), set->errors());
  CHECK(set->model().forward.find_state("dense.weight")->value->type.shape == Shape{3, 4});
}

TEST_CASE("operators by name from the command line") {
  const char* text =
      "fn twice(x: f32[N]) -> f32[N] { 2 * x }\n"
      "model M(x: f32[2], f: op = relu) -> (y: f32[2]) { y = x |> f }\n";
  const auto result = [&](const std::string& name) {
    ElaborateOptions options;
    options.settings["f"] = name;
    auto program = elaborate_text(text, options);
    REQUIRE_MESSAGE(program->program.has_value(), program->errors());
    std::map<std::string, Tensor> states;
    for (const State& state : program->model().forward.states) {
      CHECK(state.name == "f.slope");
      states[state.name] = vector_of({0.5, 0.25});
    }
    return evaluate(program->model().forward, {{"x", vector_of({-2, 3})}}, states).outputs.at("y").floats();
  };
  check_close(result("relu"), {0, 3});
  check_close(result("tanh"), {std::tanh(-2), std::tanh(3)});
  check_close(result("twice"), {-4, 6});
  check_close(result("prelu"), {-1, 3});
}

}  // namespace
}  // namespace nnc
