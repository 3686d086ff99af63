// Functions of the prelude, value by value against their published formulas.
#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;
using Tensors = std::map<std::string, Tensor>;

// What a model `y = <expression>` of numbers x makes of them.
Numbers value_of(const std::string& expression, const Numbers& x, std::size_t results) {
  auto program = elaborate_text("model M(x: f32[" + std::to_string(x.size()) + "]) -> (y: f32[" +
                                std::to_string(results) + "]) { y = " + expression + " }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  return evaluate(graph, {{"x", vector_of(x)}}, some_states(graph, 1)).outputs.at("y").floats();
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

struct Activation {
  std::string name;
  std::function<double(double)> formula;
};
const Activation kActivations[] = {
    {"relu(x)", [](double x) { return x > 0 ? x : 0; }},
    {"leaky_relu(x)", [](double x) { return x > 0 ? x : 0.01 * x; }},
    {"leaky_relu(x, slope: 0.2)", [](double x) { return x > 0 ? x : 0.2 * x; }},
    {"x |> prelu", [](double x) { return x > 0 ? x : 0.25 * x; }},
    {"elu(x)", [](double x) { return x > 0 ? x : std::expm1(x); }},
    {"selu(x)", [](double x) { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x)); }},
    {"tanh(x)", [](double x) { return std::tanh(x); }},
    {"sigmoid(x)", logistic},
    {"hard_sigmoid(x)", [](double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
    {"silu(x)", [](double x) { return x * logistic(x); }},
    {"hard_swish(x)", [](double x) { return x * std::clamp((x + 3) / 6, 0.0, 1.0); }},
    {"softplus(x)", [](double x) { return x > 30 ? x : std::log1p(std::exp(x)); }},
    {"gelu(x)", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }},
    {"step(x)", [](double x) { return x < 0 ? 0 : 1; }},
    {"clip(x, -1, 0.5)", [](double x) { return std::clamp(x, -1.0, 0.5); }},
};

TEST_CASE("activations") {
  const Numbers x = {-100, -5, -3, -1.5, -0.25, 0, 0.5, 2, 3, 7.5, 100};
  for (const Activation& activation : kActivations) {
    CAPTURE(activation.name);
    auto program = elaborate_text("model M(x: f32[11]) -> (y: f32[11]) { y = " + activation.name + " }\n");
    REQUIRE_MESSAGE(program->program.has_value(), program->errors());
    const Graph& graph = program->model().forward;
    Tensors states;
    for (const State& state : graph.states) states[state.name] = Tensor::filled(state.value->type, 0.25);
    const Numbers y = evaluate(graph, {{"x", vector_of(x)}}, states).outputs.at("y").floats();
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      CHECK(y[i] == doctest::Approx(activation.formula(x[i])).epsilon(1e-6).scale(1e-3));
    }
  }
}

TEST_CASE("slopes of activations") {
  // Away from corners, and where nothing is lost to rounding.
  const Numbers x = {-80, -4, -2.5, -1.5, -0.25, 0.25, 2, 2.75, 7.5, 80};
  for (const Activation& activation : kActivations) {
    CAPTURE(activation.name);
    auto program = elaborate_text(
        "model M(at: f32[10]) -> (y: f32[10]) { param p: f32[10] = 0; let x = at + p; y = " + activation.name +
        " }\ntrain M { minimize sum(y); update p with sgd(rate: 1); batch 1 }\n");
    REQUIRE_MESSAGE(program->program.has_value(), program->errors());
    Graph step = program->stage().step.clone();
    add_batch(step, 1);
    Diagnostics diagnostics;
    differentiate(step, diagnostics);
    Tensors inputs, states;
    for (const Value* input : step.inputs) {
      inputs.emplace(input->producer->attributes.text("name"), Tensor::zeros(input->type));
    }
    inputs.at("at").floats() = x;
    for (const State& state : step.states) {
      states[state.name] =
          state.name == "prelu.slope" ? Tensor::filled(state.value->type, 0.25) : Tensor::zeros(state.value->type);
    }
    const Numbers slopes = evaluate(step, inputs, states).outputs.at("gradient:p").floats();
    for (std::size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      constexpr double kStep = 1e-5;
      const double difference = activation.formula(x[i] + kStep) - activation.formula(x[i] - kStep);
      CHECK(slopes[i] == doctest::Approx(difference / (2 * kStep)).epsilon(1e-6).scale(1e-2));
    }
  }
}

TEST_CASE("softmax over an axis sums to 1 and does not overflow") {
  const Numbers y = value_of("softmax(x)", {1000, 1001, 998}, 3);
  const double sum = 1 + std::exp(1) + std::exp(-2);
  check_close(y, {1 / sum, std::exp(1) / sum, std::exp(-2) / sum});
}

TEST_CASE("a maxout unit is the largest of its pieces") {
  auto program = elaborate_text("model M(x: f32[3]) -> (y: f32[2]) { layer a = maxout(2, pieces: 4); y = x |> a }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  const Tensors states = some_states(graph, 1);
  const Tensor x = some_tensor({ElementType::F32, {3}}, 5);
  Numbers expected(2, -1e30);
  for (std::int64_t i = 0; i < 8; ++i) {
    double z = states.at("a.dense.bias").at(i);
    for (std::int64_t k = 0; k < 3; ++k) z += states.at("a.dense.weight").at(3 * i + k) * x.at(k);
    double& unit = expected[static_cast<std::size_t>(i / 4)];
    unit = std::max(unit, z);
  }
  check_close(evaluate(graph, {{"x", x}}, states).outputs.at("y").floats(), expected);
}

TEST_CASE("losses") {
  check_close(value_of("binary_hinge(x, [1, 1, 0, 0])", {2, 0.25, 0.5, -3}, 4), {0, 0.75, 1.5, 0});
  check_close(value_of("binary_hinge(x, [1, 0], margin: 2)", {1.5, -1.5}, 2), {0.5, 0.5});
  check_close(value_of("binary_cross_entropy(x, [1, 0, 0.5])", {2, -1, 0}, 3),
              {-std::log(logistic(2)), -std::log(1 - logistic(-1)), std::log(2)});
  check_close(value_of("binary_cross_entropy(x, [0, 1])", {800, -800}, 2), {800, 800});
  check_close(value_of("reshape(mse(x, [1, 1, 1]), [1])", {0, 1, 4}, 1), {10.0 / 3});
  check_close(value_of("reshape(mae(x, [1, 1, 1]), [1])", {0, 1, 4}, 1), {4.0 / 3});
  check_close(value_of("reshape(huber(x, [1, 1, 1]), [1])", {0.5, 1, 4}, 1), {(0.125 + 0 + 2.5) / 3});
  check_close(value_of("reshape(kl(x, [0.5, 0.25, 0.25]), [1])", {0.25, 0.75, 0}, 1),
              {0.25 * std::log(0.5) + 0.75 * std::log(3)});
}

TEST_CASE("schedules") {
  const auto at = [](const std::string& schedule) {
    return value_of("x |> scan({ t -> " + schedule + " })", {0, 5, 10, 30}, 4);
  };
  check_close(at("linear(t, 0.4, until: 10)"), {0.4, 0.2, 0, 0});
  check_close(at("linear(t, 1, until: 20, end: 3)"), {1, 1.5, 2, 3});
  check_close(at("cosine(t, 0.4, until: 10, end: 0.2)"), {0.4, 0.3, 0.2, 0.2});
  check_close(at("step_decay(t, 0.4, every: 10, factor: 0.5)"), {0.4, 0.4, 0.2, 0.05});
  check_close(at("exponential_decay(t, 0.4, every: 10, factor: 0.25)"), {0.4, 0.2, 0.1, 0.4 / 64});
  check_close(at("warm_up(t, until: 10)"), {0.1, 0.6, 1, 1});
}

// A program with these lines in its train block, one step from W = [[3, 0, -4], [0.5, 0, 0]] and b = [9, 9], whose
// gradients are `g` and 1.
struct OneStep {
  Tensors inputs, states;
  Evaluation end;

  explicit OneStep(const std::string& lines) {
    auto program = elaborate_text(
        "model M(x: f32[3]) -> (y: f32[2]) {\n"
        "  param W: f32[2, 3] = [[3, 0, -4], [0.5, 0, 0]]; param b: f32[2] = 9; y = W @ x + b\n"
        "}\n"
        "train M { batch 1; " +
        lines + " }\n");
    REQUIRE_MESSAGE(program->program.has_value(), program->errors());
    Graph step = program->stage().step.clone();
    add_batch(step, 1);
    Diagnostics diagnostics;
    differentiate(step, diagnostics);
    REQUIRE(!diagnostics.has_errors());
    inputs = {{"x", Tensor::zeros({ElementType::F32, {1, 3}})}};
    inputs.at("x").floats() = {1, 2, 3};
    for (const Value* input : step.inputs) {
      const std::string& name = input->producer->attributes.text("name");
      if (inputs.count(name) == 0) inputs.emplace(name, Tensor::zeros(input->type));
    }
    end = evaluate(step, inputs, initial_states(program->stage().init, 1));
  }
  const Numbers& gradient(const std::string& path) const { return end.outputs.at("gradient:" + path).floats(); }
  const Numbers& next(const std::string& path) const { return end.next_states.at(path).floats(); }
};

TEST_CASE("penalties are of weights, not of biases") {
  const OneStep cubic("minimize ln(weights, 3); with sgd(rate: 0.1)");
  check_close(cubic.end.outputs.at("loss").floats(), {27 + 64 + 0.125});
  check_close(cubic.gradient("W"), {27, 0, -48, 0.75, 0, 0});
  check_close(cubic.gradient("b"), {0, 0});
  const OneStep between("minimize ln(weights, 1.5); with sgd(rate: 0.1)");
  check_close(between.gradient("W"), {1.5 * std::sqrt(3), 0, -3, 1.5 * std::sqrt(0.5), 0, 0});
  const OneStep one("minimize ln(weights, 1); with sgd(rate: 0.1)");
  check_close(one.gradient("W"), {1, 0, -1, 1, 0, 0});
  check_close(OneStep("minimize l1(weights); with sgd(rate: 0.1)").gradient("W"), {1, 0, -1, 1, 0, 0});
  check_close(OneStep("minimize l2(weights); with sgd(rate: 0.1)").gradient("W"), {6, 0, -8, 1, 0, 0});
}

TEST_CASE("max_norm shortens the weights into a unit, by any rule") {
  const OneStep still("minimize sum(y); with max_norm(sgd(rate: 0), limit: 2)");
  check_close(still.next("W"), {1.2, 0, -1.6, 0.5, 0, 0});
  check_close(still.next("b"), {9, 9});
  // The step first, then the limit; a rule with state keeps it for each parameter.
  const OneStep moved("minimize sum(y); with max_norm(sgd(rate: 1, momentum: 0.5), limit: 2)");
  const double long_way = std::sqrt(4.0 + 4 + 49), short_way = std::sqrt(0.25 + 4 + 9);
  check_close(moved.next("W"),
              {4 / long_way, -4 / long_way, -14 / long_way, -1 / short_way, -4 / short_way, -6 / short_way});
  check_close(moved.next("b"), {8, 8});
  check_close(moved.next("M.W.m"), {1, 2, 3, 1, 2, 3});
  check_close(moved.next("M.b.m"), {1, 1});
}

TEST_CASE("AdaGrad's first step is of even size") {
  const OneStep step("minimize sum(y); with adagrad(rate: 0.5)");
  check_close(step.next("W"), {2.5, -0.5, -4.5, 0, -0.5, -0.5});
  check_close(step.next("M.W.v"), {1, 4, 9, 1, 4, 9});
}

}  // namespace
}  // namespace nnc
