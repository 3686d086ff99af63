// The programs of tests/programs: their graphs hold together, and their states have the names and shapes that they say.
#include <algorithm>

#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

std::vector<std::string> states_of(const Graph& graph) {
  std::vector<std::string> lines;
  for (const State& state : graph.states) {
    lines.push_back(std::string(name(state.kind)) + " " + state.name + " " + to_string(state.value->type));
  }
  return lines;
}

void check_program(Elaborated& program, std::size_t models, std::size_t stages) {
  REQUIRE_MESSAGE(program.program.has_value(), program.errors());
  CHECK_MESSAGE(program.diagnostics.all().empty(), program.errors());
  REQUIRE(program.program->models.size() == models);
  REQUIRE(program.program->stages.size() == stages);
  for (const ElaboratedModel& model : program.program->models) {
    CAPTURE(model.name);
    CHECK(verify(model.forward) == "");
    CHECK(verify(model.init) == "");
    for (const State& state : model.forward.states) {
      const Output* initial = nullptr;
      for (const Output& output : model.init.outputs) {
        if (output.name == state.name) initial = &output;
      }
      REQUIRE_MESSAGE(initial != nullptr, state.name);
      CHECK(initial->value->type == state.value->type);
    }
  }
  for (const ElaboratedStage& stage : program.program->stages) {
    CAPTURE(stage.name);
    CHECK(verify(stage.init) == "");
    CHECK(verify(stage.step) == "");
    CHECK(verify(stage.evaluate) == "");
    Graph step = stage.step.clone();
    add_batch(step, 2);
    CHECK(verify(step) == "");
    Diagnostics diagnostics;
    differentiate(step, diagnostics);
    CHECK(diagnostics.all().empty());
    CHECK(verify(step) == "");
    for (const State& state : stage.step.states) {
      bool has_initial = false;
      for (const Output& output : stage.init.outputs) {
        has_initial = has_initial || (output.name == state.name && output.value->type == state.value->type);
      }
      CHECK_MESSAGE(has_initial, state.name);
    }
  }
}

TEST_CASE("a linear classifier") {
  auto program = elaborate_program("01_linear_classifier");
  check_program(*program, 1, 1);
  CHECK(states_of(program->model().forward) ==
        std::vector<std::string>{"parameter dense.weight f32[10, 3072]", "parameter dense.bias f32[10]"});
  const ElaboratedStage& stage = program->stage();
  CHECK(states_of(stage.step) == std::vector<std::string>{"parameter dense.weight f32[10, 3072]",
                                                          "parameter dense.bias f32[10]", "counter $iteration u32[]"});
  CHECK(stage.step.outputs.size() == 3);
  CHECK(stage.step.outputs[0].name == "loss");
  CHECK(stage.step.outputs[1].name == "gradient:dense.weight");
  CHECK(stage.evaluate.outputs.at(0).name == "accuracy");
  CHECK(stage.batch == 32);
}

TEST_CASE("XOR by threshold units") {
  auto program = elaborate_program("02_xor");
  check_program(*program, 1, 0);
  for (double a : {0.0, 1.0}) {
    for (double b : {0.0, 1.0}) {
      Evaluation result = evaluate(program->model().forward, {{"x", vector_of({a, b})}}, {});
      CHECK(result.outputs.at("y").floats() == std::vector<double>{a != b ? 1.0 : 0.0});
    }
  }
}

TEST_CASE("a perceptron written as equations") {
  auto program = elaborate_program("03_mlp");
  check_program(*program, 1, 1);
  CHECK(states_of(program->model().forward) ==
        std::vector<std::string>{"parameter W1 f32[512, 784]", "parameter b1 f32[512]", "parameter W2 f32[512, 512]",
                                 "parameter b2 f32[512]", "parameter W3 f32[10, 512]", "parameter b3 f32[10]"});
  CHECK(program->stage().step.find_state("Mlp.W1.m")->kind == StateKind::Optimizer);
  for (const State& state : program->stage().step.states) CHECK_MESSAGE(state.next != nullptr, state.name);
  std::map<std::string, Tensor> states = initial_states(program->model().init, 3);
  CHECK(states.at("b1").at(5) == doctest::Approx(0.1));
  double square = 0;
  for (double value : states.at("W1").floats()) square += value * value;
  CHECK(square / static_cast<double>(512 * 784) == doctest::Approx(2.0 / 784).epsilon(0.02));
  CHECK(initial_states(program->model().init, 4).at("W1").at(0) != states.at("W1").at(0));
}

TEST_CASE("learned activations") {
  auto program = elaborate_program("04_maxout_prelu");
  check_program(*program, 1, 0);
  CHECK(states_of(program->model().forward) ==
        std::vector<std::string>{"parameter maxout.dense.weight f32[160, 64]", "parameter maxout.dense.bias f32[160]",
                                 "parameter dense.weight f32[32, 32]", "parameter dense.bias f32[32]",
                                 "parameter prelu.slope f32[32]", "parameter dense_2.weight f32[10, 32]",
                                 "parameter dense_2.bias f32[10]"});
}

TEST_CASE("LeNet-5") {
  auto program = elaborate_program("05_lenet5");
  check_program(*program, 1, 1);
  CHECK(states_of(program->model().forward) ==
        std::vector<std::string>{"parameter conv1.weight f32[6, 1, 5, 5]", "parameter conv1.bias f32[6]",
                                 "parameter conv2.weight f32[16, 6, 5, 5]", "parameter conv2.bias f32[16]",
                                 "parameter fc1.weight f32[120, 400]", "parameter fc1.bias f32[120]",
                                 "parameter fc2.weight f32[84, 120]", "parameter fc2.bias f32[84]",
                                 "parameter out.weight f32[10, 84]", "parameter out.bias f32[10]"});
  bool has_layer = false;
  for (const auto& op : program->model().forward.ops) {
    if (op->def->name == "convolution") has_layer = has_layer || op->origin.layer == "conv1";
  }
  CHECK(has_layer);
}

TEST_CASE("a residual network with batch norm") {
  auto program = elaborate_program("06_resnet");
  check_program(*program, 1, 1);
  const Graph& forward = program->model().forward;
  int parameters = 0, statistics = 0;
  for (const State& state : forward.states) {
    parameters += state.kind == StateKind::Parameter ? 1 : 0;
    statistics += state.kind == StateKind::Statistic ? 1 : 0;
    CHECK(state.next == nullptr);
  }
  CHECK(parameters == 29);  // 9 convolutions, 9 batch norms of two, one dense of two
  CHECK(statistics == 18);
  const ElaboratedStage& stage = program->stage();
  CHECK(stage.batch == 128);
  CHECK(stage.epochs == 60);
  for (const State& state : stage.step.states) CHECK_MESSAGE(state.next != nullptr, state.name);
  CHECK(stage.step.find_state("residual_2.batch_norm_3.running_var") != nullptr);
  int draws = 0;
  for (const auto& op : stage.step.ops) draws += op->def->name == "uniform" ? 1 : 0;
  CHECK(draws == 2);  // one application: the flip and the crop
  for (const auto& op : stage.evaluate.ops) CHECK(op->def->name != "uniform");
}

TEST_CASE("a fully convolutional network") {
  auto program = elaborate_program("07_fcn");
  check_program(*program, 1, 1);
  CHECK(program->model().forward.outputs[0].value->type.shape == Shape{21, 64, 64});
  CHECK(program->stage().evaluate.outputs.at(0).name == "accuracy");
}

TEST_CASE("an LSTM, scanned and streaming") {
  auto program = elaborate_program("08_lstm");
  check_program(*program, 2, 1);
  const std::vector<std::string> shared = {"parameter memory.W f32[512, 40]", "parameter memory.U f32[512, 128]",
                                           "parameter memory.b f32[512]", "parameter top.weight f32[12, 128]",
                                           "parameter top.bias f32[12]"};
  CHECK(states_of(program->model(0).forward) == shared);
  CHECK(states_of(program->model(1).forward) ==
        std::vector<std::string>{shared[0], shared[1], shared[2], "recurrent memory.h f32[128]",
                                 "recurrent memory.c f32[128]", shared[3], shared[4]});
}

TEST_CASE("stages of an autoencoder") {
  auto program = elaborate_program("09_autoencoder");
  check_program(*program, 1, 3);
  const ElaboratedStage& first = program->stage(0);
  CHECK(first.step.find_state("pretrain1.dec1.weight")->next != nullptr);
  CHECK(first.step.find_state("enc1.dense.weight")->next != nullptr);
  CHECK(first.step.find_state("top.weight") == nullptr);
  const ElaboratedStage& second = program->stage(1);
  CHECK(second.step.find_state("enc1.dense.weight")->next == nullptr);
  CHECK(second.step.find_state("enc2.dense.weight")->next != nullptr);
  CHECK(second.step.find_output("gradient:enc1.dense.weight") == nullptr);
}

TEST_CASE("a Boltzmann machine") {
  auto program = elaborate_program("10_rbm");
  check_program(*program, 1, 1);
  bool has_chain = false;
  for (const auto& op : program->stage().step.ops) {
    if (op->def->name != "scan") continue;
    has_chain = true;
    CHECK(op->attributes.integer("length") == 3);
  }
  CHECK(has_chain);
  CHECK(program->stage().evaluate.outputs.at(0).name == "reconstruction");
}

TEST_CASE("a transformer") {
  auto program = elaborate_program("12_transformer");
  check_program(*program, 1, 0);
  const Graph& forward = program->model().forward;
  auto has = [&](const std::string& line) {
    std::vector<std::string> lines = states_of(forward);
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  CHECK(has("parameter block.1.attention.qkv.weight f32[384, 128]"));
  CHECK(has("parameter block.0.layer_norm_2.scale f32[128]"));
  CHECK(has("parameter embedding.table f32[1000, 128]"));
  CHECK(has("parameter position f32[64, 128]"));
}

}  // namespace
}  // namespace nnc
