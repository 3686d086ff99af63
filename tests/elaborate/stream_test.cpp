// The pass make_stream on small programs: the stream, evaluated step by step, gives the numbers of the whole sequence.
#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

// The evaluation sums in an order of its own; emitted code gives the same bits (tests/commands/stream_test.cpp).
constexpr double kTolerance = 1e-13;

// A numeric input of 9 steps, or classes.
Tensor some_sequence(const Type& type) {
  Tensor tensor = some_tensor(is_float(type.element) ? type : Type{ElementType::F32, type.shape}, 5);
  if (is_float(type.element)) return tensor;
  Tensor classes = Tensor::zeros(type);
  for (std::size_t i = 0; i < classes.integers().size(); ++i) classes.integers()[i] = tensor.floats()[i] < 0 ? 1 : 2;
  return classes;
}

Tensor row_of(const Tensor& tensor, std::size_t row, const Type& type) {
  Tensor part = Tensor::zeros(type);
  const std::size_t size = static_cast<std::size_t>(element_count(type.shape));
  for (std::size_t i = 0; i < size; ++i) {
    if (is_float(type.element)) {
      part.floats()[i] = tensor.floats()[row * size + i];
    } else {
      part.integers()[i] = tensor.integers()[row * size + i];
    }
  }
  return part;
}

// The model's input is `xs`; its output `y` has a row a step along axis `time`, or is of the end (-1).
void check_stream(const std::string& text, int time, const std::vector<std::string>& expected_states) {
  CAPTURE(text);
  std::unique_ptr<Elaborated> program = elaborate_text(text);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& whole = program->model().forward;
  Graph stream = whole.clone();
  Graph init = program->model().init.clone();
  remove_dead(stream);
  make_stream(stream, init, "xs", program->diagnostics);
  REQUIRE_MESSAGE(!program->diagnostics.has_errors(), program->errors());
  REQUIRE(verify(stream) == "");
  REQUIRE(verify(init) == "");
  const Tensor xs = some_sequence(whole.inputs[0]->type);
  const std::map<std::string, Tensor> parameters = some_states(whole, 1);
  const std::map<std::string, Tensor> initial = initial_states(init, 1);
  std::map<std::string, Tensor> states, own = parameters;
  std::vector<std::string> recurrent;
  for (const State& state : stream.states) {
    const bool is_recurrent = state.kind == StateKind::Recurrent;
    states[state.name] = is_recurrent ? initial.at(state.name) : parameters.at(state.name);
    if (!is_recurrent) continue;
    recurrent.push_back(state.name);
    if (own.count(state.name) != 0) own[state.name] = initial.at(state.name);
  }
  CHECK(recurrent == expected_states);
  const Evaluation expected = evaluate(whole, {{"xs", xs}}, own);
  const Tensor& y = expected.outputs.at("y");
  const std::size_t length = static_cast<std::size_t>(xs.type.shape[0]);
  Tensor step;
  for (std::size_t t = 0; t < length; ++t) {
    Evaluation result = evaluate(stream, {{"xs", row_of(xs, t, stream.inputs[0]->type)}}, states);
    for (auto& [name, value] : result.next_states) states[name] = value;
    step = result.outputs.at("y");
    if (time < 0) continue;
    const std::size_t size = step.floats().size();
    std::vector<double> row;
    for (std::size_t i = 0; i < size; ++i) row.push_back(y.floats()[time == 0 ? t * size + i : i * length + t]);
    check_close(step.floats(), row, kTolerance);
  }
  if (time < 0) check_close(step.floats(), y.floats(), kTolerance);
  for (const auto& [name, value] : expected.next_states) {
    check_close(states.at(name).floats(), value.floats(), kTolerance);
  }
}

TEST_CASE("make_stream: recurrent cells, stacked, one a step and the last") {
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 3]) { y = xs |> scan(lstm(5)) |> dense(3) |> tanh }\n", 0,
               {"lstm.h", "lstm.c"});
  check_stream(
      "layer a = gru(5)\n"
      "cell mean_of(x: f32[N]) -> f32[N] { state h: f32[N] = 0.5; next h = 0.9 * h + 0.1 * x; next h }\n"
      "model M(xs: f32[9, 4]) -> (y: f32[2]) {\n"
      "  y = xs |> layer_norm |> scan(a) |> dense(4) |> relu |> scan(mean_of) |> last |> dense(2) |> softmax\n"
      "}\n",
      -1, {"a.h", "mean_of.h"});
}

TEST_CASE("make_stream: an instance applied twice has two states; a scan that carries on keeps its own") {
  check_stream(
      "layer a = rnn(4)\n"
      "model M(xs: f32[9, 4]) -> (y: f32[9, 4]) { y = xs |> scan(a) |> scan(a) }\n",
      0, {"a.h", "a.h_2"});
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 3]) { y = scan(xs, gru(3), carry: true) }\n", 0, {"gru.h"});
}

TEST_CASE("make_stream: convolutions over time read from rings") {
  // Dilated, and cut back to the length of the sequence.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3, 9]) {\n"
      "  layer a = conv(5, kernel: 3, pad: 2); layer b = conv(3, kernel: 2, dilation: 4, pad: 4)\n"
      "  y = ((transpose(xs) |> a)[:, 0:9] |> relu |> b)[:, 0:9]\n"
      "}\n",
      1, {"a.ring", "a.place", "b.ring", "b.place"});
  // Depthwise, of one step, and delayed: more padding than the kernel reaches.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[6, 9]) {\n"
      "  layer a = conv(4, kernel: 3, groups: 4, pad: 2); layer b = conv(6, kernel: 1); layer c = conv(6, kernel: 2, "
      "pad: 3)\n"
      "  y = ((transpose(xs) |> a)[:, 0:9] |> b |> c)[:, 0:9]\n"
      "}\n",
      1, {"a.ring", "a.place", "c.ring", "c.place"});
  // Over time and another axis, then the mean over that one.
  check_stream(
      "model M(xs: f32[9, 5]) -> (y: f32[2, 9]) {\n"
      "  layer a = conv(2, kernel: [3, 3], pad: [2, 1])\n"
      "  y = (xs |> reshape([1, 9, 5]) |> a)[:, 0:9, :] |> relu |> mean(axis: 2)\n"
      "}\n",
      1, {"a.ring", "a.place"});
}

TEST_CASE("make_stream: what stays within a step") {
  check_stream("model M(xs: class[4][9]) -> (y: f32[9, 3]) { y = xs |> embedding(5) |> scan(gru(3)) }\n", 0, {"gru.h"});
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 6]) {\n"
      "  let halves = xs |> reshape([9, 2, 2]) |> reverse(axis: 1)\n"
      "  let a = halves |> max(axis: 1); let b = halves |> transpose([1, 0, 2])\n"
      "  y = concat(a, b[0] * 2, sum(halves, axis: 2), axis: 1) |> softmax\n"
      "}\n",
      0, {});
}

}  // namespace
}  // namespace nnc
