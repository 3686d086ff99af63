// The pass make_stream on small programs: the stream, evaluated step by step, gives the numbers of the whole sequence.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

// The evaluation sums in an order of its own; emitted code gives the same bits (tests/commands/stream_test.cpp).
constexpr double kTolerance = 1e-13;

// Numbers, or classes 1 and 2.
Tensor some_input(const Type& type) {
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

// The model's first input is `xs`; its output `y` has a row a step along axis `time`, or is of the end (-1). Other
// inputs are the same in each call, integers `number`. The states that the stream gets are told by name, or "*".
void check_stream(const std::string& text, int time, const std::string& expected_states, std::int64_t number = 5) {
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
  const Tensor xs = some_input(whole.inputs[0]->type);
  std::map<std::string, Tensor> inputs = {{"xs", xs}};
  for (std::size_t i = 1; i < whole.inputs.size(); ++i) {
    const Type& type = whole.inputs[i]->type;
    inputs[whole.inputs[i]->name] =
        type.element == ElementType::I32 ? Tensor::scalar(type.element, double(number)) : some_input(type);
  }
  const std::map<std::string, Tensor> parameters = some_states(whole, 1);
  const std::map<std::string, Tensor> initial = initial_states(init, 1);
  std::map<std::string, Tensor> states, own = parameters;
  std::string recurrent;
  for (const State& state : stream.states) {
    const bool is_recurrent = state.kind == StateKind::Recurrent;
    states[state.name] = is_recurrent ? initial.at(state.name) : parameters.at(state.name);
    if (!is_recurrent) continue;
    recurrent += (recurrent.empty() ? "" : " ") + state.name;
    if (own.count(state.name) != 0) own[state.name] = initial.at(state.name);
  }
  if (expected_states != "*") CHECK(recurrent == expected_states);
  const Evaluation expected = evaluate(whole, inputs, own);
  const Tensor& y = expected.outputs.at("y");
  const std::size_t length = static_cast<std::size_t>(xs.type.shape[0]);
  Tensor step;
  for (std::size_t t = 0; t < length; ++t) {
    inputs["xs"] = row_of(xs, t, stream.inputs[0]->type);
    Evaluation result = evaluate(stream, inputs, states);
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
               "lstm.h lstm.c");
  check_stream(
      "layer a = gru(5)\n"
      "cell mean_of(x: f32[N]) -> f32[N] { state h: f32[N] = 0.5; next h = 0.9 * h + 0.1 * x; next h }\n"
      "model M(xs: f32[9, 4]) -> (y: f32[2]) {\n"
      "  y = xs |> layer_norm |> scan(a) |> dense(4) |> relu |> scan(mean_of) |> last |> dense(2) |> softmax\n"
      "}\n",
      -1, "a.h mean_of.h");
}

TEST_CASE("make_stream: an instance applied twice has two states; a scan that carries on keeps its own") {
  check_stream(
      "layer a = rnn(4)\n"
      "model M(xs: f32[9, 4]) -> (y: f32[9, 4]) { y = xs |> scan(a) |> scan(a) }\n",
      0, "a.h a.h_2");
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 3]) { y = scan(xs, gru(3), carry: true) }\n", 0, "gru.h");
}

TEST_CASE("make_stream: convolutions over time read from rings") {
  // Dilated, and cut back to the length of the sequence.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3, 9]) {\n"
      "  layer a = conv(5, kernel: 3, pad: 2); layer b = conv(3, kernel: 2, dilation: 4, pad: 4)\n"
      "  y = ((transpose(xs) |> a)[:, 0:9] |> relu |> b)[:, 0:9]\n"
      "}\n",
      1, "a.ring a.place b.ring b.place");
  // Depthwise, of one step, and delayed: more padding than the kernel reaches.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[6, 9]) {\n"
      "  layer a = conv(4, kernel: 3, groups: 4, pad: 2); layer b = conv(6, kernel: 1); layer c = conv(6, kernel: 2, "
      "pad: 3)\n"
      "  y = ((transpose(xs) |> a)[:, 0:9] |> b |> c)[:, 0:9]\n"
      "}\n",
      1, "a.ring a.place c.ring c.place ring place step");
  // Over time and another axis, then the mean over that one.
  check_stream(
      "model M(xs: f32[9, 5]) -> (y: f32[2, 9]) {\n"
      "  layer a = conv(2, kernel: [3, 3], pad: [2, 1])\n"
      "  y = (xs |> reshape([1, 9, 5]) |> a)[:, 0:9, :] |> relu |> mean(axis: 2)\n"
      "}\n",
      1, "a.ring a.place");
}

TEST_CASE("make_stream: padding before the sequence, by an operation of its own") {
  // Once for two convolutions, with another number than 0; and too much, which is cut off behind.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3, 9]) {\n"
      "  layer a = conv(5, kernel: 3); layer b = conv(3, kernel: 2, dilation: 2)\n"
      "  y = pad_with(transpose(xs), [0, 4], end: [0, 0], value: 0.5) |> a |> relu |> b\n"
      "}\n",
      1, "a.ring a.place b.ring b.place step");
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 4]) { y = tanh(pad_with(xs, [3, 0], value: -2))[0:9] + xs }\n", 0,
               "ring place");
  // Zeros, rows that are learned, and rows that are given.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 4]) {\n"
      "  let zero: f32[1, 4] = 0\n"
      "  y = 2 * concat(zero, xs[0:8]) - xs\n"
      "}\n",
      0, "ring place");
  check_stream(
      "model M(xs: f32[9, 4], begin: f32[1, 4]) -> (y: f32[9, 3]) {\n"
      "  param rows: f32[2, 4] ~ he_normal\n"
      "  y = concat(begin, rows, xs) |> dense(4) |> relu |> transpose |> conv(3, kernel: 4) |> transpose\n"
      "}\n",
      0, "conv.ring conv.place step");
  // Fewer than the window reaches back, so that it ends later than the sequence; and the first step again and again.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3]) {\n"
      "  y = transpose(xs) |> conv(3, kernel: 4, pad: 2, pad_end: 0) |> transpose |> last\n"
      "}\n",
      -1, "conv.ring conv.place");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 3]) {\n"
      "  y = pad_with(xs, [3, 0], end: [0, 0], mode: \"edge\") |> transpose |> conv(3, kernel: 4) |> transpose\n"
      "}\n",
      0, "step first conv.ring conv.place");
}

TEST_CASE("make_stream: who combines two values waits for the later one") {
  // Differences of neighbours, 7 before the first.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 4]) {\n"
      "  let seven: f32[1, 4] = 7\n"
      "  y = concat(seven, xs[1:] - xs[0:8]) + xs\n"
      "}\n",
      0, "ring place step");
  // The padding comes last, longer than what the windows lack; its rows differ.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 4]) {\n"
      "  param rows: f32[4, 4] ~ he_normal\n"
      "  let smooth = transpose(xs) |> conv(4, kernel: 3) |> transpose\n"
      "  y = concat(rows, smooth + xs[2:])[0:9] - xs[0]\n"
      "}\n",
      0, "conv.ring conv.place step first ring place");
  // Two windows over one value, one ring for both.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[4, 9]) {\n"
      "  layer a = conv(4, kernel: 2, dilation: 3, pad: 3, pad_end: 0); layer b = conv(4, kernel: 4, pad: 3, pad_end: "
      "0)\n"
      "  let x = transpose(xs)\n"
      "  y = tanh(a(x)) * sigmoid(b(x)) + x\n"
      "}\n",
      1, "a.ring a.place");
}

TEST_CASE("make_stream: pooling over the past") {
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[4, 9]) {\n"
      "  y = transpose(xs) |> max_pool(3, stride: 1, dilation: 2, pad: 4, pad_end: 0)\n"
      "}\n",
      1, "ring place");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[4, 9]) {\n"
      "  y = transpose(xs) |> avg_pool(4, stride: 1, pad: 3, pad_end: 0)\n"
      "}\n",
      1, "ring place");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[4, 9]) {\n"
      "  y = transpose(xs) |> avg_pool(4, stride: 1, pad: 3, pad_end: 0, count_pad: false)\n"
      "}\n",
      1, "ring place step");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[2, 9]) {\n"
      "  y = transpose(pad_with(xs, [2, 0], end: [0, 0])) |> reshape([1, 4, 11]) |> max_pool([2, 3], stride: [2, 1])\n"
      "        |> reshape([2, 9])\n"
      "}\n",
      1, "ring place");
}

TEST_CASE("make_stream: a scan that begins with what is given or learned, or before the sequence") {
  check_stream("model M(xs: f32[9, 4], begin: f32[3]) -> (y: f32[9, 3]) { y = xs |> scan(gru(3, h0: tanh(begin))) }\n",
               0, "step gru.h");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3]) {\n"
      "  param h: f32[3] ~ normal; param c: f32[3] ~ normal\n"
      "  y = xs |> scan(lstm(3, h0: h, c0: c)) |> last\n"
      "}\n",
      -1, "step lstm.h lstm.c");
  // Over two rows of padding, and over windows that lack two rows.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 3]) {\n"
      "  let padded = pad_with(xs, [2, 0], end: [0, 0], value: 1)\n"
      "  y = padded |> scan(gru(3)) |> transpose |> conv(3, kernel: 3) |> transpose\n"
      "}\n",
      0, "step gru.h conv.ring conv.place");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 3]) {\n"
      "  let short = transpose(xs) |> conv(3, kernel: 3) |> transpose\n"
      "  y = pad_with(short |> scan(gru(3)), [2, 0], end: [0, 0])\n"
      "}\n",
      0, "conv.ring conv.place gru.h step");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[3]) {\n"
      "  let padded = pad_with(xs, [2, 0], end: [0, 0], value: 1)\n"
      "  y = padded |> scan(gru(3), carry: true) |> last\n"
      "}\n",
      -1, "gru.h step");
  // Without a state it is a map.
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9]) { y = xs |> scan({ x -> sum(x * x) }) }\n", 0, "");
}

TEST_CASE("make_stream: `length` counts the steps of the stream") {
  for (const std::int64_t length : {0, 1, 5, 9, 100}) {
    check_stream("model M(xs: f32[9, 4], n: i32) -> (y: f32[9, 3]) { y = scan(xs, gru(3), length: n) }\n", 0,
                 "gru.h carry step", length);
    check_stream("model M(xs: f32[9, 4], n: i32) -> (y: f32[3]) { y = scan(xs, rnn(3), length: n) |> last }\n", -1,
                 "rnn.h carry step", length);
  }
}

TEST_CASE("make_stream: what depends on the place is read at the step's") {
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 4]) { y = xs |> sinusoidal_positions }\n", 0, "step");
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 2]) { y = xs |> learned_positions |> dense(2) }\n", 0, "step");
  check_stream(
      "model M(xs: f32[9, 4], n: i32, gain: f32[9]) -> (y: f32[9, 4]) {\n"
      "  let place = iota([9, 4], axis: 0); let column = iota([9, 4], axis: 1)\n"
      "  let early = where(place < n, xs, -xs)\n"
      "  y = where(place % 2 == column % 2, early, 0) + cast(place, f32) * broadcast(gain, to: [9, 4], axis: 0)\n"
      "}\n",
      0, "step");
  // Before a window: at the places that it reaches.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 3]) {\n"
      "  param rows: f32[11, 4] ~ normal\n"
      "  y = pad_with(xs, [2, 0], end: [0, 0]) + rows |> transpose |> conv(3, kernel: 3) |> transpose\n"
      "}\n",
      0, "step conv.ring conv.place");
}

TEST_CASE("make_stream: causal attention keeps its keys and values") {
  check_stream("model M(xs: f32[9, 4]) -> (y: f32[9, 4]) { y = xs |> attention(2, causal: true) }\n", 0,
               "step attention.past attention.past_2");
  for (const std::int64_t length : {1, 5, 9}) {
    check_stream(
        "model M(xs: f32[9, 4], n: i32) -> (y: f32[9, 4]) {\n"
        "  y = xs |> sinusoidal_positions |> encoder(2, hidden: 6, causal: true, length: n)\n"
        "}\n",
        0, "step encoder.attention.past encoder.attention.past_2", length);
  }
  // The last 3 steps, by a mask of the program's; no softmax; the values on the left.
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[4, 9]) {\n"
      "  let key = iota([9, 9], axis: 1); let query = iota([9, 9], axis: 0)\n"
      "  let hidden = key > query or query - key >= 3\n"
      "  let weights = where(hidden, 0, xs @ transpose(xs)) / 9\n"
      "  y = transpose(xs) @ transpose(weights)\n"
      "}\n",
      1, "step past past_2");
}

// A program of random stages over a value of 3 channels that has 9 + shift places: padding before it, windows, parts,
// scans, and sums with what came before; at the end so much padding as it lacks.
std::string random_program(unsigned seed) {
  unsigned state = seed * 2654435761u + 99u;
  const auto below = [&](int bound) {
    state = state * 1664525u + 1013904223u;
    return static_cast<int>((state >> 16) % static_cast<unsigned>(bound));
  };
  std::string text =
      "model M(xs: f32[9, 3]) -> (y: f32[3, 9]) {\n  param rows: f32[3, 9] ~ normal\n  let x0 = transpose(xs) + rows\n";
  std::vector<int> shifts = {0};
  for (int stage = 1; stage <= 6; ++stage) {
    const int other = below(stage), taps = 1 + below(3), dilation = 1 + below(2), count = 1 + below(4);
    const int reach = (taps - 1) * dilation;
    int shift = shifts.back();
    const int length = 9 + shift, both = std::min(shift, shifts[static_cast<std::size_t>(other)]);
    const std::string x = fmt::format("x{}", stage - 1);
    std::string value = x + " |> tanh";
    switch (below(7)) {
      case 0:
        value = fmt::format("pad_with({}, [0, {}], end: [0, 0], value: 0.5)", x, count);
        shift += count;
        break;
      case 1:
        value = fmt::format("concat(rows[:, 0:{}], {}, axis: 1)", count, x);
        shift += count;
        break;
      case 2:
        if (length <= reach + 2) break;
        value = fmt::format("{} |> conv(3, kernel: {}, dilation: {})", x, taps, dilation);
        shift -= reach;
        break;
      case 3:
        value = fmt::format("{} |> max_pool({}, stride: 1, pad: 1, pad_end: 0)", x, 1 + taps);
        shift += 1 - taps;
        break;
      case 4:
        if (length <= count + 2) break;
        value = fmt::format("{}[:, {}:]", x, count);
        shift -= count;
        break;
      case 5:
        value = fmt::format("transpose({}) |> scan(rnn(3)) |> transpose", x);
        break;
      default:
        if (9 + both < 2) break;
        value = fmt::format("{}[:, 0:{}] * 0.5 + x{}[:, 0:{}]", x, 9 + both, other, 9 + both);
        shift = both;
    }
    text += fmt::format("  let x{} = {}\n", stage, value);
    shifts.push_back(shift);
  }
  const int missing = std::max(0, -shifts.back());
  return text + fmt::format("  y = pad_with(x6, [0, {}], end: [0, 0])[:, 0:9] + x0\n}}\n", missing);
}

TEST_CASE("make_stream: random programs that are causal in the end") {
  for (unsigned seed = 0; seed < 60; ++seed) check_stream(random_program(seed), 1, "*");
}

TEST_CASE("make_stream: what stays within a step") {
  check_stream("model M(xs: class[4][9]) -> (y: f32[9, 3]) { y = xs |> embedding(5) |> scan(gru(3)) }\n", 0, "gru.h");
  check_stream(
      "model M(xs: f32[9, 4]) -> (y: f32[9, 6]) {\n"
      "  let halves = xs |> reshape([9, 2, 2]) |> reverse(axis: 1)\n"
      "  let a = halves |> max(axis: 1); let b = halves |> transpose([1, 0, 2])\n"
      "  y = concat(a, b[0] * 2, sum(halves, axis: 2), axis: 1) |> softmax\n"
      "}\n",
      0, "");
}

}  // namespace
}  // namespace nnc
