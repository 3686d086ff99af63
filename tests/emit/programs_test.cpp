// Whole programs: every function of a unit, compiled in process and run, against what its graph means.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "compiler/compile.h"
#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"
#include "tests/emit/run_unit.h"

namespace nnc {
namespace {

Tensor random_value(const Type& type, std::int64_t classes, std::mt19937_64& random) {
  Tensor tensor = Tensor::zeros(type);
  std::normal_distribution<double> normal(0, 0.5);
  for (std::size_t i = 0; i < static_cast<std::size_t>(element_count(type.shape)); ++i) {
    if (is_float(type.element)) {
      tensor.floats()[i] = round_to(type.element, normal(random));
    } else {
      tensor.integers()[i] =
          static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(classes > 0 ? classes : 5));
    }
  }
  return tensor;
}

// Runs all functions of the unit once, each on values of its own.
void check_unit(const Unit& unit, const SourceManager& sources, double relative) {
  const test::CompiledUnit compiled(unit, sources);
  std::mt19937_64 random(7);
  for (const UnitFunction& function : unit.functions) {
    CAPTURE(function.name);
    std::map<std::string, Tensor> inputs, states;
    for (const Value* input : function.graph.inputs) {
      const Attributes& attributes = input->producer->attributes;
      const std::int64_t classes = attributes.has("classes") ? attributes.integer("classes") : 0;
      inputs[attributes.text("name")] = random_value(input->type, classes, random);
    }
    for (const State& state : function.graph.states) {
      Tensor value = random_value(state.value->type, 0, random);
      // What is read before it is written may have to be positive (second moments).
      if (is_float(value.type.element) && state.kind != StateKind::Parameter) {
        for (double& element : value.floats()) element = std::abs(element);
      }
      states[state.name] = value;
    }
    const Evaluation wanted = evaluate(function.graph, inputs, states);
    const test::RunResult found = compiled.run(function.name, inputs, states);
    for (const auto& [name, tensor] : wanted.outputs) {
      CAPTURE(name);
      const bool is_prepared = function.name == "prepare";
      const Tensor& value = is_prepared ? found.prepared.at(name) : found.outputs.at(name);
      CHECK(test::difference(value, tensor, relative) == "");
    }
    for (const auto& [name, tensor] : wanted.next_states) {
      CAPTURE(name);
      CHECK(test::difference(found.states.at(name), tensor, relative) == "");
    }
  }
}

struct Program {
  const char* name;
  const char* text;
};
const Program kPrograms[] = {
    {"doubles and wide integers between floats", R"(
model Net(x: f32[5], k: i64[3], u: u64[3]) -> (scores: f32[3]) {
  let wide = cast(x |> dense(7), f64)
  let t = exp(tanh(wide)) + log(1 + wide * wide) + erf(wide) * sin(wide) - cos(wide)^3
  scores = cast(gather(t, k) / cast(1 + u % 3, f64), f32) + cast(max(k), f32) + cast(argmax(t), f32)
}
train Net {
  batch 3
  input label: class[3]
  minimize cross_entropy(scores, label)
  with sgd(rate: 0.1)
}
)"},
    {"dense layers, softmax, Adam", R"(
model Net(x: f32[5]) -> (scores: f32[3]) {
  scores = x |> dense(7) |> tanh |> dense(3)
}
train Net {
  batch 4
  input label: class[3]
  minimize cross_entropy(scores, label)
  metric accuracy(scores, label)
  with adam(rate: 1e-3)
}
)"},
    {"convolution, pooling, normalisation", R"(
model Net(image: f32[2, 9, 10]) -> (scores: f32[4]) {
  scores = image |> conv(5, kernel: 3, pad: 1) |> batch_norm |> relu |> max_pool(2)
                 |> conv(6, kernel: 3) |> tanh |> avg_pool(2) |> flatten |> dense(4)
}
train Net {
  batch 3
  input label: class[4]
  minimize cross_entropy(scores, label)
  with sgd(rate: 0.1, momentum: 0.9)
}
)"},
    {"volumes", R"(
model Net(scan: f32[2, 6, 7, 8]) -> (scores: f32[3]) {
  let a = scan |> conv(4, kernel: 3, stride: [1, 2, 1], pad: same) |> batch_norm |> relu
  let b = a |> conv(4, kernel: [2, 3, 3], dilation: [2, 1, 1], pad: [1, 1, 0], pad_end: [0, 1, 2], groups: 4)
  let c = b |> max_pool([2, 2, 3], stride: [2, 1, 2], pad: [0, 1, 1]) |> conv(6, kernel: 2, groups: 2) |> tanh
  scores = c |> avg_pool([1, 2, 2], stride: 1) |> global_max_pool |> dense(3)
}
train Net {
  batch 3
  input label: class[3]
  minimize cross_entropy(scores, label)
  with sgd(rate: 0.1)
}
)"},
    {"up again, padding of all kinds, adaptive pooling", R"(
model Net(image: f32[2, 7, 6]) -> (y: f32[2, 7, 6]) {
  let a = image |> pad_with([0, 1, 2], mode: "reflect") |> conv(4, kernel: 3, stride: 2) |> tanh
  let b = a |> conv_transpose(2, kernel: 3, stride: 2, pad: 1, output_pad: [1, 0], groups: 2) |> sigmoid
  let c = pad_with(b, [0, 1, 0], end: [0, 0, 1], mode: "edge") |> pad_with([0, 2, 1], mode: "wrap")
  let d = adaptive_max_pool(c, [5, 4]) |> conv_transpose(2, kernel: 2, pad: 0, pad_end: [0, 1])
  y = pad_with(adaptive_avg_pool(d, [5, 4]), [0, 1, 1], value: 0.5)
    + avg_pool(image, 3, stride: 1, pad: 1, count_pad: false)
}
train Net {
  batch 2
  input target: f32[2, 7, 6]
  minimize mse(y, target)
  with sgd(rate: 0.1)
}
)"},
    {"recurrence", R"(
cell gru(x: f32[I], units: int) -> f32[units] {
  param W: f32[2 * units, I] ~ xavier_uniform
  param U: f32[2 * units, units] ~ orthogonal
  state h: f32[units] = 0
  let (z, c) = split(W @ x + U @ h, 2)
  next h = sigmoid(z) * h + (1 - sigmoid(z)) * tanh(c)
  next h
}
layer memory = gru(6)
layer top = dense(2)
model Sequence(frames: f32[5, 3]) -> (y: f32[2]) {
  y = frames |> scan(memory) |> last |> top
}
train Sequence {
  batch 3
  input target: f32[2]
  minimize mse(y, target)
  with sgd(rate: 0.1)
}
)"},
    {"states of cells and of the train block, names that nnc adds", R"(
model Net(seed: f32[4], example: f32[2]) -> (y: f32[3]) {
  y = concat(seed, example) |> gru(3)
}
train Net {
  batch 4
  input epoch: class[3]
  state average: f32 = 0
  let l = cross_entropy(y, epoch)
  next average = 0.9 * average + 0.1 * batch_mean(l)
  minimize l
  metric l + average
  with sgd(rate: 0.1)
}
)"},
    {"a batch in shards", R"(
model Net(image: f32[2, 6, 5], seed: f32[3]) -> (scores: f32[4]) {
  let seen = image |> conv(5, kernel: 3, pad: same, bias: false) |> batch_norm |> relu |> max_pool(2) |> flatten
  scores = concat(seen, seed |> gru(4)) |> dropout(0.3) |> dense(4)
}
train Net {
  batch 12, shards: 4
  input label: class[4]
  state average: f32 = 0
  let l = cross_entropy(scores, label)
  next average = 0.9 * average + 0.1 * batch_mean(l)
  minimize l + 1e-2 * l2(weights)
  metric accuracy(scores, label)
  metric average
  with adam(rate: 1e-2, scale: clip_norm(gradients, 1))
}
)"},
    {"a residual network in shards", R"(
layer residual(x: f32[C, H, W], channels: int, stride: int = 1) {
  let y = x |> conv(channels, kernel: 3, stride: stride, pad: same, bias: false) |> batch_norm |> relu
            |> conv(channels, kernel: 3, pad: same, bias: false) |> batch_norm
  let shortcut = if stride == 1 and C == channels { x }
                 else { x |> conv(channels, kernel: 1, stride: stride, bias: false) |> batch_norm }
  relu(y + shortcut)
}
model Net(image: u8[3, 6, 6]) -> (scores: f32[3]) {
  scores = image |> normalize(mean: [2, 2, 2], std: [1, 1, 1])
    |> residual(4) |> residual(6, stride: 2) |> global_avg_pool |> dense(3)
}
train Net {
  batch 8, shards: 2
  input label: class[3]
  let seen = image |> random_crop(pad: 1)
  minimize cross_entropy(Net(seen).scores, label) + 1e-4 * l2(weights)
  metric accuracy(scores, label)
  with sgd(rate: cosine(epoch, 0.05, until: 5), momentum: 0.9, nesterov: true)
}
)"},
};

class ProgramFile {
 public:
  explicit ProgramFile(const std::string& text)
      : path_(
            (std::filesystem::temp_directory_path() / ("nnc_program_" + std::to_string(std::random_device{}()) + ".nn"))
                .string()) {
    std::ofstream(path_) << text;
  }
  ~ProgramFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_CASE("programs compute what their graphs mean: inference, gradients, training") {
  for (const Program& program : kPrograms) {
    CAPTURE(std::string(program.name));
    const ProgramFile file(program.text);
    SourceManager sources;
    Diagnostics diagnostics;
    CompileOptions options;
    options.target = *find_target("native");
    const std::optional<ElaboratedProgram> elaborated = load_program(file.path(), sources, diagnostics, {});
    REQUIRE_MESSAGE(elaborated.has_value(), diagnostics.render(sources, false));
    const std::unique_ptr<Unit> stage = compile_stage(*elaborated, 0, options, diagnostics);
    REQUIRE_MESSAGE(stage, diagnostics.render(sources, false));
    check_unit(*stage, sources, 2e-5);
    const std::unique_ptr<Unit> backward = compile_backward(*elaborated, 0, options, diagnostics);
    REQUIRE_MESSAGE(backward, diagnostics.render(sources, false));
    check_unit(*backward, sources, 2e-5);
  }
}

// One function of a train block, compiled.
struct Function {
  std::unique_ptr<Unit> unit;
  const UnitFunction* function = nullptr;

  Evaluation evaluate_at(const std::map<std::string, Tensor>& inputs, const std::map<std::string, Tensor>& states) {
    return evaluate(function->graph, inputs, states);
  }
};

Function compile_function(const std::string& text, const std::string& name) {
  const ProgramFile file(text);
  SourceManager sources;
  Diagnostics diagnostics;
  CompileOptions options;
  options.target = *find_target("native");
  const std::optional<ElaboratedProgram> program = load_program(file.path(), sources, diagnostics, {});
  REQUIRE_MESSAGE(program.has_value(), diagnostics.render(sources, false));
  Function result{compile_stage(*program, 0, options, diagnostics)};
  REQUIRE_MESSAGE(result.unit, diagnostics.render(sources, false));
  for (const UnitFunction& function : result.unit->functions) {
    if (function.name == name) result.function = &function;
  }
  REQUIRE(result.function != nullptr);
  return result;
}

void check_same(const std::map<std::string, Tensor>& found, const std::map<std::string, Tensor>& wanted) {
  REQUIRE(found.size() == wanted.size());
  for (const auto& [name, tensor] : wanted) {
    CAPTURE(name);
    CHECK(test::difference(found.at(name), tensor, 1e-10) == "");
  }
}

TEST_CASE("shards: a step is that of the whole batch, in less memory") {
  const std::string text = R"(
model Net(image: f32[2, 8, 8], more: f32[3]) -> (scores: f32[4]) {
  let seen = image |> conv(8, kernel: 3, pad: same) |> relu |> conv(8, kernel: 3, pad: same) |> relu |> max_pool(2)
  scores = concat(flatten(seen), more |> gru(4)) |> dropout(0.3) |> dense(4)
}
train Net {
  input label: class[4]
  minimize cross_entropy(scores, label) + 1e-2 * l2(weights)
  metric accuracy(scores, label)
  with adam(rate: 1e-2, scale: clip_norm(gradients, 0.1))
  batch 16)";
  for (const std::string name : {"step", "evaluate"}) {
    CAPTURE(name);
    Function whole = compile_function(text + "\n}\n", name),
             sharded = compile_function(text + ", shards: 4\n}\n", name);
    std::mt19937_64 random(3);
    std::map<std::string, Tensor> inputs, states;
    for (const Value* input : whole.function->graph.inputs) {
      const Attributes& attributes = input->producer->attributes;
      inputs[attributes.text("name")] = random_value(input->type, attributes.integer("classes"), random);
    }
    for (const State& state : whole.function->graph.states) {
      Tensor value = random_value(state.value->type, 0, random);
      if (state.kind == StateKind::Optimizer) {
        for (double& element : value.floats()) element = std::abs(element);
      }
      states[state.name] = value;
    }
    const Evaluation wanted = whole.evaluate_at(inputs, states), found = sharded.evaluate_at(inputs, states);
    check_same(found.outputs, wanted.outputs);
    check_same(found.next_states, wanted.next_states);
    CHECK(sharded.function->plan.arena_bytes < whole.function->plan.arena_bytes / 2);
  }
}

TEST_CASE("shards: batch norm knows its shard; the running statistics are the mean of what the shards make of them") {
  Function step = compile_function(R"(
model Net(x: f32[1]) -> (y: f32[1]) { y = x |> batch_norm }
train Net {
  minimize sum(y * x)
  with sgd(rate: 0)
  batch 4, shards: 2
}
)",
                                   "step");
  std::map<std::string, Tensor> inputs, states;
  for (const Value* input : step.function->graph.inputs) {
    inputs[input->producer->attributes.text("name")] = Tensor::zeros(input->type);
  }
  // Shards (1, 3) and (2, 6): means 2 and 4, variances 1 and 4, corrected 2 and 8.
  inputs.at("x").floats() = {1, 3, 2, 6};
  for (const State& state : step.function->graph.states) states[state.name] = Tensor::zeros(state.value->type);
  states.at("batch_norm.scale").floats() = {1};
  states.at("batch_norm.running_var").floats() = {1};
  const Evaluation at = step.evaluate_at(inputs, states);
  CHECK(at.next_states.at("batch_norm.running_mean").at(0) == doctest::Approx(0.1 * 3));
  CHECK(at.next_states.at("batch_norm.running_var").at(0) == doctest::Approx(0.9 + 0.1 * 5));
  // Values of both shards are -1 and 1 (but for epsilon): the loss is the mean of -1 + 3 and -2 + 6, each over two.
  CHECK(at.outputs.at("loss").at(0) == doctest::Approx(1.5).epsilon(1e-4));
}

}  // namespace
}  // namespace nnc
