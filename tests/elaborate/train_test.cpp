// Train blocks: the step's gradients against central differences, the optimisers' equations, the two lives.
#include <cmath>

#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Tensors = std::map<std::string, Tensor>;

// The step over a batch, ready to be evaluated.
Graph batched_step(const ElaboratedStage& stage) {
  Graph step = stage.step.clone();
  add_batch(step, stage.batch);
  Diagnostics diagnostics;
  differentiate(step, diagnostics);
  REQUIRE(!diagnostics.has_errors());
  REQUIRE(verify(step) == "");
  return step;
}

// A batch of some examples: floats in [-1, 1), classes in turn.
Tensors some_batch(const Graph& step) {
  Tensors inputs;
  unsigned seed = 50;
  for (const Value* input : step.inputs) {
    const std::string& name = input->producer->attributes.text("name");
    Tensor value = is_float(input->type.element) ? some_tensor(input->type, ++seed) : Tensor::zeros(input->type);
    std::int64_t classes = input->producer->attributes.integer("classes");
    if (!is_float(input->type.element)) {
      for (std::size_t i = 0; i < value.integers().size(); ++i) {
        value.integers()[i] = classes > 0 ? static_cast<std::int64_t>(i) % classes : static_cast<std::int64_t>(i);
      }
    }
    inputs[name] = value;
  }
  return inputs;
}

void check_gradients(const Graph& step, const Tensors& inputs, Tensors states) {
  Evaluation at = evaluate(step, inputs, states);
  int checked = 0;
  for (const auto& [name, gradient] : at.outputs) {
    if (name.rfind("gradient:", 0) != 0) continue;
    std::string path = name.substr(9);
    for (std::size_t i = 0; i < gradient.floats().size(); i += 1 + gradient.floats().size() / 7) {
      constexpr double kStep = 1e-5;
      double& place = states.at(path).floats()[i];
      double before = place;
      place = before + kStep;
      double above = evaluate(step, inputs, states).outputs.at("loss").at(0);
      place = before - kStep;
      double below = evaluate(step, inputs, states).outputs.at("loss").at(0);
      place = before;
      CAPTURE(name);
      CAPTURE(i);
      CHECK(gradient.floats()[i] == doctest::Approx((above - below) / (2 * kStep)).epsilon(1e-5).scale(1));
      ++checked;
    }
  }
  CHECK(checked > 0);
}

TEST_CASE("gradients of a network with batch norm and a penalty") {
  auto program = elaborate_text(
      "model M(x: f32[3]) -> (scores: f32[2]) { scores = x |> dense(4) |> batch_norm |> tanh |> dense(2) }\n"
      "train M {\n"
      "  input label: class[2]\n"
      "  minimize cross_entropy(scores, label) + 0.1 * l2(weights)\n"
      "  with sgd(rate: 0.5)\n"
      "  batch 4\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Graph step = batched_step(program->stage());
  Tensors inputs = some_batch(step), states = some_states(step, 3);
  check_gradients(step, inputs, states);
  Evaluation at = evaluate(step, inputs, states);
  // sgd without momentum: p - rate * g.
  std::vector<double> expected = states.at("dense.weight").floats();
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] -= 0.5 * at.outputs.at("gradient:dense.weight").at(static_cast<std::int64_t>(i));
  check_close(at.next_states.at("dense.weight").floats(), expected);
  CHECK(at.next_states.at(kIterationName).at(0) == 1);
  // The running mean moves a tenth of the way to the mean of the batch.
  double mean = 0;
  for (std::int64_t b = 0; b < 4; ++b) {
    double y = states.at("dense.bias").at(0);
    for (std::int64_t k = 0; k < 3; ++k) y += states.at("dense.weight").at(k) * inputs.at("x").at(3 * b + k);
    mean += y / 4;
  }
  double before = states.at("batch_norm.running_mean").at(0);
  CHECK(at.next_states.at("batch_norm.running_mean").at(0) == doctest::Approx(before + 0.1 * (mean - before)));
}

TEST_CASE("gradients through a scan") {
  auto program = elaborate_text(
      "model M(xs: f32[4, 2]) -> (scores: f32[2]) { scores = xs |> scan(lstm(3)) |> last |> dense(2) }\n"
      "train M {\n"
      "  input label: class[2]\n"
      "  minimize cross_entropy(scores, label)\n"
      "  with adam(rate: 1e-2, scale: clip_norm(gradients, 1))\n"
      "  batch 2\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Graph step = batched_step(program->stage());
  check_gradients(step, some_batch(step), some_states(step, 3));
}

TEST_CASE("Adam moves as its equations say") {
  auto program = elaborate_text(
      "model M(x: f32[2]) -> (y: f32) { param w: f32[2] = 0.5; y = dot(w, x) }\n"
      "train M { input t: f32; minimize (y - t)^2; with adam(rate: 0.1); batch 1 }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Graph step = batched_step(program->stage());
  Tensors inputs = some_batch(step), states = initial_states(program->stage().init, 1);
  double w = 0.5, m = 0, v = 0;
  for (int i = 1; i <= 3; ++i) {
    Evaluation at = evaluate(step, inputs, states);
    double g = at.outputs.at("gradient:w").at(0);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -= 0.1 * (m / (1 - std::pow(0.9, i))) / (std::sqrt(v / (1 - std::pow(0.999, i))) + 1e-8);
    for (const auto& [name, value] : at.next_states) states[name] = value;
    CHECK(states.at("w").at(0) == doctest::Approx(w));
    CHECK(states.at("M.w.m").at(0) == doctest::Approx(m));
  }
  CHECK(states.at(kIterationName).at(0) == 3);
}

TEST_CASE("dropout in training only, an own draw for each example and step") {
  auto program = elaborate_text(
      "model M(x: f32[64]) -> (y: f32) { y = sum(dropout(x, 0.5)) + sum(dense(x, 1)) }\n"
      "train M { minimize y; metric y; with sgd(rate: 0); batch 2 }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Graph step = batched_step(program->stage());
  Tensors states = initial_states(program->stage().init, 1), inputs = some_batch(step);
  for (double& value : inputs.at("x").floats()) value = 1;
  states.at("dense.weight") = Tensor::zeros(states.at("dense.weight").type);
  double first = evaluate(step, inputs, states).outputs.at("loss").at(0);
  CHECK(first != 64);
  CHECK(first == evaluate(step, inputs, states).outputs.at("loss").at(0));
  states.at(kIterationName).integers()[0] = 1;
  CHECK(first != evaluate(step, inputs, states).outputs.at("loss").at(0));
  Tensor ones = vector_of(std::vector<double>(64, 1));
  Tensors parameters = states;
  parameters.erase(kIterationName);
  CHECK(evaluate(program->stage().evaluate, {{"x", ones}}, parameters).outputs.at("y").at(0) == 64);
}

TEST_CASE("what is not updated is in its inference life") {
  auto program = elaborate_text(
      "model M(x: f32[3]) -> (y: f32[3]) { layer a = batch_norm(); layer b = batch_norm(); y = x |> a |> b }\n"
      "train M { minimize sum(y); update b with sgd(rate: 0.1) }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& step = program->stage().step;
  CHECK(step.find_state("a.running_mean")->next == nullptr);
  CHECK(step.find_state("b.running_mean")->next != nullptr);
  CHECK(step.find_output("gradient:a.scale") == nullptr);
}

TEST_CASE("the model applied to other inputs has the settings of the command line") {
  const char* text =
      "model M(x: f32[n], hidden: int, n: int = 2) -> (y: f32[n]) { y = x |> dense(hidden) |> dense(n) }\n"
      "train M { let seen = 2 * x; minimize sum(M(seen).y); with sgd(rate: 0.1) }\n";
  ElaborateOptions options;
  options.settings = {{"n", "5"}, {"hidden", "7"}};
  auto program = elaborate_text(text, options);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& step = program->stage().step;
  CHECK(step.find_output("gradient:dense.weight")->type.shape == Shape{7, 5});
  CHECK(step.find_output("gradient:dense_2.weight")->type.shape == Shape{5, 7});
}

// The parameters that a line `update …` finds.
std::string updated_by(const std::string& update) {
  auto program = elaborate_text(
      "cell rnn(x: f32[I], units: int) -> f32[units] {\n"
      "  layer U = dense(units); state h: f32[units] = 0; next h = tanh(U(x) + dense(h, units)); next h\n"
      "}\n"
      "model Part(x: f32[3]) -> (y: f32[3]) { layer d = dense(3); y = x |> d }\n"
      "model M(x: f32[3]) -> (y: f32[3]) {\n"
      "  layer a[2] = Part(); layer b = Part(); param w: f32[3] = 1\n"
      "  y = w * (x |> a |> b |> rnn(3) |> dense(3) |> dense(3))\n"
      "}\n"
      "train M { layer head = dense(1); minimize sum(y |> head |> dense(1)); update " +
      update + " with sgd(rate: 0.1) }\n");
  if (!program->program) return program->errors();
  std::string found;
  for (const Output& output : program->stage().step.outputs) {
    if (output.name.rfind("gradient:", 0) == 0) found += (found.empty() ? "" : " ") + output.name.substr(9);
  }
  return found;
}

TEST_CASE("update names instances and parameters by their paths, nested and anonymous ones too") {
  CHECK(updated_by("b") == "b.d.weight b.d.bias");
  CHECK(updated_by("b.d") == "b.d.weight b.d.bias");
  CHECK(updated_by("b.d.weight") == "b.d.weight");
  CHECK(updated_by("a[1].d.bias") == "a.1.d.bias");
  CHECK(updated_by("a[0], w") == "a.0.d.weight a.0.d.bias w");
  CHECK(updated_by("dense_2.weight") == "dense_2.weight");
  CHECK(updated_by("rnn.U, rnn.dense.bias") == "rnn.U.weight rnn.U.bias rnn.dense.bias");
  CHECK(updated_by("head.bias") == "M.head.bias");
  CHECK(updated_by("dense") == "M.dense.weight M.dense.bias");
  CHECK(updated_by("M.dense.bias") == "dense.bias");
  CHECK(updated_by("b.e.weight").find("did you mean `b.d.weight`?") != std::string::npos);
  CHECK(updated_by("a[2]").find("did you mean `a[") != std::string::npos);
  CHECK(updated_by("b.d, b").find("updated by two lines") != std::string::npos);
}

TEST_CASE("a tied table, and members of instances") {
  auto program = elaborate_text(
      "model M(token: class[5]) -> (scores: f32[5]) {\n"
      "  layer embed = embedding(3)\n"
      "  let v = token |> embed\n"
      "  scores = embed.table @ v\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  CHECK(program->model().forward.states.size() == 1);
}

// The parameters and statistics of the model, by path.
std::string states_of(const std::string& text, const ElaborateOptions& options = {}) {
  auto program = elaborate_text(text, options);
  if (!program->program) return program->errors();
  std::string found;
  for (const State& state : program->model().forward.states) found += (found.empty() ? "" : " ") + state.name;
  return found;
}

TEST_CASE("a layer given as a setting is an instance of its own at each place that applies it") {
  const std::string unit = "layer unit(x: f32[N], f: op) { x |> f |> tanh |> f }\n";
  const std::string twice = "layer twice(x: f32[N], f: op = prelu) { x |> unit(f) |> unit(f) }\n";
  const std::string model = "model M(x: f32[3], g: op = prelu) -> (y: f32[3]) ";
  // Handed on through two definitions; by default; with arguments; from the command line.
  CHECK(states_of(unit + twice + model + "{ y = x |> twice(f: prelu) }") ==
        "twice.unit.f.slope twice.unit.f_2.slope twice.unit_2.f.slope twice.unit_2.f_2.slope");
  CHECK(states_of(unit + twice + model + "{ y = x |> twice }") ==
        "twice.unit.f.slope twice.unit.f_2.slope twice.unit_2.f.slope twice.unit_2.f_2.slope");
  CHECK(states_of(unit + model + "{ y = x |> unit(dense(3, bias: false)) }") == "unit.f.weight unit.f_2.weight");
  ElaborateOptions options;
  options.settings["g"] = "rms_norm";
  CHECK(states_of(unit + model + "{ y = x |> g |> unit(g) |> g }", options) ==
        "g.scale unit.f.scale unit.f_2.scale g_3.scale");
  // Applied by a primitive in the body, or under a name of its own there.
  CHECK(states_of("layer both(s: f32[T, N], c: op) { s |> scan(c) |> reverse(axis: 0) |> scan(c) }\n"
                  "model M(s: f32[4, 2]) -> (y: f32[4, 3]) { y = s |> both(dense(3, bias: false)) |> both(prelu) }") ==
        "both.c.weight both.c_2.weight both_2.c.slope both_2.c_2.slope");
  CHECK(states_of("layer unit(x: f32[N], f: op) { layer g = f; x |> g |> g }\n" + model + "{ y = x |> unit(prelu) }") ==
        "unit.g.slope");
}

TEST_CASE("a layer with a name given as a setting is shared by all places that apply it") {
  CHECK(states_of("layer unit(x: f32[N], f: op) { x |> f |> tanh |> f }\n"
                  "model M(x: f32[3]) -> (y: f32[3]) { layer n = prelu; y = x |> unit(n) |> unit(n) }") == "n.slope");
}

TEST_CASE("the paths of instances do not depend on a branch that training takes") {
  auto program = elaborate_text(
      "fn extra(x: f32[2]) { x |> dense(2, bias: false) |> relu }\n"
      "model M(x: f32[2]) -> (y: f32[3]) {\n"
      "  let a = if training { x |> extra } else { x }\n"
      "  y = a |> dense(3, bias: false)\n"
      "}\n"
      "train M { minimize sum(y); with sgd(rate: 0.1) }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  CHECK(program->model().forward.find_state("dense.weight")->value->type.shape == Shape{3, 2});
  const Graph& step = program->stage().step;
  CHECK(step.find_output("gradient:dense.weight")->type.shape == Shape{3, 2});
  CHECK(step.find_output("gradient:dense_2.weight")->type.shape == Shape{2, 2});
}

TEST_CASE("members of an instance that a line above has applied") {
  auto program = elaborate_text(
      "layer machine(v: f32[I], units: int) {\n"
      "  param W: f32[units, I] ~ he_normal\n"
      "  fn energy(v: f32[I]) { -sum(softplus(W @ v)) }\n"
      "  sigmoid(W @ v)\n"
      "}\n"
      "model M(x: f32[4]) -> (y: f32[2]) { layer b[i: 2] = machine(3 - i); y = x |> b }\n"
      "train M {\n"
      "  let h = b[0](x)\n"
      "  minimize b[0].energy(x) + sum(h)\n"
      "  metric first = b[0].energy(x) * sum(h)\n"
      "  update b[0] with sgd(rate: 0.1)\n"
      "}\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  std::vector<std::string> names;
  for (const Output& output : program->stage().step.outputs) names.push_back(output.name);
  CHECK(names == std::vector<std::string>{"loss", "gradient:b.0.W"});
}

TEST_CASE("sparsity is the divergence of the units' mean over the batch") {
  auto program = elaborate_text(
      "model M(x: f32[3]) -> (y: f32[3]) { param w: f32[3] = 1; y = sigmoid(w * x) }\n"
      "train M { minimize sparsity(y, 0.2); with sgd(rate: 0); batch 4 }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph step = batched_step(program->stage());
  const Tensors states = initial_states(program->stage().init, 1);
  const Tensors inputs = some_batch(step);
  const std::vector<double>& x = inputs.at("x").floats();
  double expected = 0;
  for (std::size_t unit = 0; unit < 3; ++unit) {
    double on = 0;
    for (std::size_t i = 0; i < 4; ++i) on += 1 / (1 + std::exp(-x[3 * i + unit])) / 4;
    expected += 0.2 * std::log(0.2 / on) + 0.8 * std::log(0.8 / (1 - on));
  }
  CHECK(evaluate(step, inputs, states).outputs.at("loss").at(0) == doctest::Approx(expected));
  check_gradients(step, inputs, states);
}

}  // namespace
}  // namespace nnc
