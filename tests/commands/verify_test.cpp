// nnc verify: sound code passes, and a fault planted in a plan, in memory or in a pass is found where it is.
#include "compiler/commands/verify.h"

#include <nlohmann/json.hpp>

#include "compiler/commands/verification.h"
#include "compiler/ops/op.h"
#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

constexpr const char* kNetwork = R"(model Net(x: f32[2, 8, 8]) -> (y: f32[3], best: i32) {
  layer first = conv(4, kernel: 3, pad: same)
  layer top = dense(3)
  let h = first(x) |> batch_norm |> relu |> max_pool(2)
  y = h |> tanh |> flatten |> top
  best = argmax(y)
}
)";

constexpr const char* kRecurrent = R"(model Memory(x: f32[5, 3]) -> (y: f32[5, 2]) {
  layer memory = gru(4)
  layer top = dense(2)
  y = x |> scan(memory) |> top
}
)";

struct Checked {
  std::optional<ElaboratedProgram> program;
  SourceManager sources;
  std::optional<Verification> verification;

  // `plant` may change what was planned.
  Checked(const char* text, const std::function<void(Unit&)>& plant, Verified what = Verified::Forward,
          const decltype(CompileOptions::after_pass)& after_pass = nullptr) {
    const Folder folder;
    folder.write("net.nn", text);
    Diagnostics diagnostics;
    CompileOptions options;
    options.target = *find_target("native");
    options.after_pass = after_pass;
    program = load_program(folder.file("net.nn"), sources, diagnostics, options.elaborate);
    REQUIRE(program.has_value());
    verification.emplace(*program, sources, what, 0, options);
    REQUIRE(verification->compile(diagnostics));
    if (plant) plant(verification->planned());
    Draws draws(1);
    Progress progress(true);
    std::vector<Verification::Tensors> inputs;
    for (int call = 0; call < 3; ++call) inputs.push_back(random_inputs(draws, verification->function().graph));
    REQUIRE(verification->run(inputs, {}, 0, 1, draws, progress));
  }
};

Step* find_step(std::vector<Node>& nodes, const std::string& kernel) {
  for (Node& node : nodes) {
    if (node.step && node.step->kernel == kernel) return node.step.get();
    Step* inner = node.loop ? find_step(node.loop->body, kernel) : nullptr;
    if (inner != nullptr) return inner;
  }
  return nullptr;
}

Step& step_of(Unit& unit, const std::string& kernel) {
  Step* const step = find_step(
      unit.functions.front().name == "prepare" ? unit.functions[1].plan.nodes : unit.functions[0].plan.nodes, kernel);
  REQUIRE(step != nullptr);
  return *step;
}

void set_field(Step& step, const std::string& name, std::int64_t change) {
  for (Field& field : step.config) {
    if (field.name == name) field.values[0] += change;
  }
}

TEST_CASE("sound code: every step is compared, none leaves its tolerance") {
  for (const char* text : {kNetwork, kRecurrent}) {
    for (const Verified what : {Verified::Forward, Verified::Backward}) {
      const Checked sound(text, nullptr, what);
      const Verification& verification = *sound.verification;
      CHECK(verification.first_wrong() == nullptr);
      CHECK(verification.wrong_pass() == "");
      REQUIRE(verification.steps().size() > 4);
      std::size_t compared = 0;
      for (const StepReport& report : verification.steps()) {
        CAPTURE(report.step);
        CHECK(report.errors.unbounded == 0);
        compared += report.has ? 1 : 0;
        if (report.has) CHECK(report.errors.elements > 0);
      }
      // What is padded is filled first.
      CHECK(compared + 6 >= verification.steps().size());
      REQUIRE(!verification.outputs().empty());
      for (const OutputReport& output : verification.outputs()) CHECK(output.errors.absolute < 1e-4);
    }
  }
}

TEST_CASE("a kernel that leaves out one product of each sum is named") {
  const Checked wrong(kNetwork, [](Unit& unit) { set_field(step_of(unit, "contraction"), "k", -1); });
  const StepReport* const report = wrong.verification->first_wrong();
  REQUIRE(report != nullptr);
  CHECK(report->function == "forward");
  CHECK(report->origin.layer == "top");
  CHECK(wrong.sources.short_place(report->origin.span) == "net.nn:5");
  CHECK(report->wrong.starts_with("call 1, element [0]: "));
  // What follows is given the wrong numbers, and computes rightly with them.
  for (const StepReport& other : wrong.verification->steps()) {
    if (&other != report) CHECK(other.wrong == "");
  }
  CHECK(wrong.verification->wrong_pass() == "");
}

TEST_CASE("a number that is a little wrong is named, though the rest of its step is right") {
  const Checked wrong(kNetwork, [](Unit& unit) {
    // The 0 of relu, in the epilogue of the convolution.
    for (FunctorLiteral& literal : step_of(unit, "convolution").functor.literals) literal.number += 1e-4;
  });
  const StepReport* const report = wrong.verification->first_wrong();
  REQUIRE(report != nullptr);
  CHECK(report->origin.layer == "first");
}

TEST_CASE("within a loop the turn is told") {
  const Checked wrong(kRecurrent, [](Unit& unit) {
    for (Node& node : unit.functions[1].plan.nodes) {
      if (!node.loop) continue;
      Step* const step = find_step(node.loop->body, "contraction");
      REQUIRE(step != nullptr);
      set_field(*step, "k", -1);
    }
  });
  const StepReport* const report = wrong.verification->first_wrong();
  REQUIRE(report != nullptr);
  CHECK(report->origin.layer == "memory");
  // The state is 0 in the first turn.
  CHECK(report->wrong.starts_with("call 1, turn 1 of "));
}

TEST_CASE("two buffers in one place are seen where the second is read") {
  const Checked wrong(kNetwork, [](Unit& unit) {
    for (Buffer& buffer : unit.functions[1].plan.buffers) {
      if (buffer.memory == Memory::Scratch) buffer.offset = 0;
    }
  });
  CHECK(wrong.verification->first_wrong() != nullptr);
}

TEST_CASE("a pass that changes the meaning is named") {
  const auto change = [](const std::string& function, const std::string& pass, const Graph& graph, double, bool) {
    if (function != "forward" || pass != "fold_affine") return;
    for (const std::unique_ptr<Op>& op : graph.ops) {
      if (op->def->name == "tanh") op->def = &op_def("erf");
    }
  };
  const Checked wrong(kNetwork, nullptr, Verified::Forward, change);
  CHECK(wrong.verification->first_wrong() == nullptr);
  CHECK(wrong.verification->wrong_pass() == "fold_affine");
  CHECK(wrong.verification->change_by_passes() > 1e-3);
}

TEST_CASE("the command: a table, figures as JSON, the status") {
  const Folder folder;
  folder.write("net.nn", kNetwork);
  const Outcome sound = folder.nnc("verify net.nn --seed 3 --json v.json");
  CHECK(sound.status == 0);
  CHECK(has(sound, "prepare\n"));
  CHECK(has(sound, "first"));
  CHECK(has(sound, "net.nn:4"));
  CHECK(has(sound, "passes: the outputs change by "));
  const nlohmann::json figures = nlohmann::json::parse(folder.read("v.json"));
  CHECK(figures["ok"] == true);
  CHECK(figures["calls"] == 1);
  CHECK(figures["outputs"].size() == 2);
  CHECK(figures["steps"].size() > 4);
  CHECK(folder.nnc("verify net.nn --seed 3").output == sound.output);

  const Outcome strict = folder.nnc("verify net.nn --tolerance 1e-6 --json w.json");
  CHECK(strict.status == 1);
  CHECK(has(strict, "FAIL"));
  CHECK(has(strict, "nnc: error: the first step that leaves its tolerance is "));
  CHECK(nlohmann::json::parse(folder.read("w.json"))["ok"] == false);
  CHECK(folder.nnc("verify net.nn --tolerance 0").status == 2);
  CHECK(folder.nnc("verify net.nn --skip fold_affine").status == 0);
  CHECK(folder.nnc("verify net.nn --gradients").status == 0);
}

TEST_CASE("the programs of the language's contract hold") {
  const std::filesystem::path programs = std::filesystem::path(NNC_SOURCE_DIR) / "tests" / "programs";
  const Folder folder;
  int verified = 0;
  for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(programs)) {
    const std::string path = entry.path().string();
    if (path.find("custom_op") != std::string::npos) continue;  // extern is not supported
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("model ")) continue;
      const std::string model = line.substr(6, line.find('(') - 6);
      CAPTURE(path);
      const Outcome outcome = folder.nnc("verify '" + path + "' --model " + model);
      CHECK_MESSAGE(outcome.status == 0, outcome.output);
      ++verified;
    }
  }
  CHECK(verified > 10);
}

TEST_CASE("the command: states go on from call to call, and training steps") {
  const Folder folder;
  folder.write("net.nn", R"(model Sum(x: f32[2]) -> (y: f32[2]) {
  layer memory = gru(2)
  y = memory(x)
}
train Sum {
  input target: f32[2]
  minimize mean((y - target) ^ 2)
  with sgd(rate: 0.1)
}
)");
  const Outcome calls = folder.nnc("verify net.nn");
  CHECK(calls.status == 0);
  CHECK(has(calls, "3 calls beside"));
  CHECK(has(calls, "reset\n"));
  const Outcome training = folder.nnc("verify net.nn --stage Sum --batch 2 --calls 4");
  CHECK(training.status == 0);
  CHECK(has(training, "4 calls beside"));
  CHECK(has(training, "init\n"));
  CHECK(has(training, "loss"));
  CHECK(has(folder.nnc("verify net.nn --stage Som"), "there is no `train` block 'Som'"));
}

TEST_CASE("the command: inputs and expected outputs from files") {
  const Folder folder;
  folder.write("double.nn", "model Double(x: f32[3]) -> (y: f32[3]) {\n  y = 2 * x\n}\n");
  folder.write("x.csv", "1,2,3\n-4,5,6\n");
  folder.write("y.csv", "2,4,6\n-8,10,12.1\n");
  for (const char* command : {"verify", "run"}) {
    CAPTURE(command);
    const std::string start = std::string(command) + " double.nn --input x.csv:x=0:3 --expect y.csv:y=0:3";
    const Outcome far = folder.nnc(start);
    CHECK(far.status == 1);
    CHECK(has(far, "y f32[2, 3]: 1 of 6 elements differ, the first [1, 2]: 12, expected 12.1; largest difference 0.1"));
    CHECK(has(far, "nnc: error: not as expected, by more than 1e-07 and 0.001 of the expected number: y"));
    CHECK(folder.nnc(start + " --rtol 0.01").status == 0);
    CHECK(folder.nnc(start + " --rtol 0 --atol 0.101").status == 0);
    CHECK(folder.nnc(start + " --rtol 0 --atol 0.099").status == 1);
    const std::string inputs = std::string(command) + " double.nn --input x.csv:x=0:3 ";
    CHECK(folder.nnc(inputs + "--rtol 0").status == 2);
    CHECK(has(folder.nnc(inputs + "--expect y.csv:z=0:3"), "the model has no output 'z'"));
    CHECK(has(folder.nnc(inputs + "--expect y.csv:y=0:2"), "has shape [2, 2], but the output 'y' is [2, 3]"));
  }
  CHECK(has(folder.nnc("verify double.nn --input x.csv:x=0:3 --calls 3"),
            "--calls is 3, but the inputs have 2 examples"));
  CHECK(has(folder.nnc("verify double.nn --input x.csv:z=0:3"), "the model has no input 'z'"));
}

TEST_CASE("closeness is NumPy's") {
  const auto array = [](std::vector<float>& values) {
    Array result;
    result.shape = {static_cast<std::int64_t>(values.size())};
    result.bytes = std::as_bytes(std::span(values));
    return result;
  };
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> expected = {1, inf, -inf, nan, 0, 100};
  std::vector<float> same = {1.0009f, inf, -inf, nan, 5e-8f, 100.05f};
  CHECK(compare(array(same), array(expected), {}).far == 0);
  std::vector<float> other = {1.0011f, 3e38f, inf, 0, 2e-7f, nan};
  const Closeness far = compare(array(other), array(expected), {});
  CHECK(far.far == 6);
  CHECK(far.first == 0);
}

}  // namespace
}  // namespace nnc
