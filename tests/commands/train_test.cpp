// nnc train as its user meets it: recurrent states, checkpoints, the best epoch, data that cannot be.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/interop/safetensors.h"
#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

// y = 2 x0 - x1 > 0, a line an example.
std::string separable_data(int count) {
  std::string text;
  unsigned noise = 1;
  const auto draw = [&noise] {
    noise = noise * 1664525u + 1013904223u;
    return static_cast<double>(noise >> 8) / (1 << 23) - 1;
  };
  for (int i = 0; i < count; ++i) {
    const double a = draw(), b = draw();
    text += std::to_string(a) + "," + std::to_string(b) + "," + (2 * a - b > 0 ? "1" : "0") + "\n";
  }
  return text;
}

constexpr const char* kClassifier = R"(model Side(x: f32[2]) -> (scores: f32[2]) {
  scores = x |> dense(8) |> tanh |> dense(2)
}
train Side {
  input label: class[2]
  minimize cross_entropy(scores, label)
  metric accuracy(scores, label)
  metric loss = cross_entropy(scores, label)
  with adam(rate: 0.02)
  batch 16
  epochs 6
}
)";

// A cell that remembers the input before: only with its state can `y` be what came a step earlier.
constexpr const char* kMemory = R"(cell before(x: f32[1]) -> f32[1] {
  state last: f32[1] = 0.5
  next last = x
  last
}
model Echo(x: f32[1]) -> (y: f32[1]) {
  let old = x |> before
  y = old |> dense(1, bias: false)
}
train Echo {
  input t: f32[1]
  minimize sum((y - t)^2)
  metric error = sum((y - t)^2)
  with sgd(rate: 0.2)
  batch 4
  epochs 30
}
)";

// x is a sequence of -1 and 1 in no order, t the element before, in 4 stretches of 16 that each begin with 0.5 before.
std::string echo_data() {
  std::string text;
  unsigned noise = 7;
  for (int stretch = 0; stretch < 4; ++stretch) {
    double before = 0.5;
    for (int i = 0; i < 16; ++i) {
      noise = noise * 1664525u + 1013904223u;
      const double x = (noise >> 16 & 1) == 1 ? 1 : -1;
      text += std::to_string(x) + "," + std::to_string(before) + "\n";
      before = x;
    }
  }
  return text;
}

float only_weight(const Folder& folder, const std::string& file) {
  const Result<Safetensors> read = read_safetensors(folder.file(file));
  REQUIRE_MESSAGE(read, read.error());
  REQUIRE(read->tensors.size() == 1);
  return static_cast<float>(read_element(ElementType::F32, read->tensors[0].bytes.data()));
}

TEST_CASE("recurrent states: of independent examples they begin anew, in a stream they go on") {
  const Folder folder;
  folder.write("echo.nn", kMemory);
  folder.write("echo.csv", echo_data());
  const std::string command = "train echo.nn --data echo.csv:x=0:1,t=1:2 --quiet ";
  Outcome outcome = folder.nnc(command + "--carry -o stream.safetensors");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(only_weight(folder, "stream.safetensors") == doctest::Approx(1).epsilon(1e-3));
  // An independent example sees the initial 0.5 alone: the least error is that of the mean of t.
  outcome = folder.nnc(command + "-o alone.safetensors --test echo.csv:x=0:1,t=1:2 --json log.jsonl");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(std::abs(only_weight(folder, "alone.safetensors")) < 0.9);
  std::string line = folder.read("log.jsonl");
  line = line.substr(line.rfind('\n', line.size() - 2) + 1);
  CHECK(nlohmann::json::parse(line).at("metrics").at("error").get<double>() > 0.5);
  CHECK(has(folder.nnc("check echo.nn --gradients"), "train Echo"));
  CHECK(folder.nnc("check echo.nn --gradients").status == 0);
  CHECK(folder.nnc(command + "--carry --hold-out 0.5").status == 2);
}

TEST_CASE("a cell applied to each example trains, and what is emitted holds a state a row") {
  const Folder folder;
  folder.write("m.nn", R"(model M(x: f32[4]) -> (y: f32[3]) { y = x |> gru(3) }
train M {
  input label: class[3]
  minimize cross_entropy(y, label)
  with adam(rate: 1e-2)
  batch 8
}
)");
  std::string data;
  for (int i = 0; i < 64; ++i) data += std::to_string(i % 3) + ",1,0.5,-1," + std::to_string(i % 3) + "\n";
  folder.write("m.csv", data);
  Outcome outcome = folder.nnc("train m.nn --data m.csv:x=0:4,label=4 -o m.safetensors --quiet");
  CHECK_MESSAGE(outcome.status == 0, outcome.output);
  outcome = folder.nnc("m.nn --train -o cm.cpp");
  CHECK_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(folder.read("cm.hpp").find("float gru_h[8][3];") != std::string::npos);
  CHECK(folder.read("cm.hpp").find("float forward_gru_h[3];") != std::string::npos);
  CHECK(folder.read("cm.hpp").find("void reset(State& state);") != std::string::npos);
  CHECK(folder.run("g++ -std=c++17 -O1 -Wall -Wextra -Wconversion -Wshadow -Werror -c cm.cpp").output == "");
}

TEST_CASE("shards: training goes the same way, in less memory") {
  const Folder folder;
  folder.write("side.nn", kClassifier);
  folder.write("side.csv", separable_data(256));
  const std::string train = "train side.nn --data side.csv:x=0:2,label=2 --hold-out 0.25 --epochs 3 --quiet ";
  const auto last_line = [&](const std::string& options) {
    const Outcome outcome = folder.nnc(train + "--json log.jsonl " + options);
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    std::string log = folder.read("log.jsonl");
    folder.run("rm log.jsonl");
    return nlohmann::json::parse(log.substr(log.rfind('\n', log.size() - 2) + 1));
  };
  const nlohmann::json whole = last_line(""), sharded = last_line("--shards 4");
  CHECK(sharded.at("loss").get<double>() == doctest::Approx(whole.at("loss").get<double>()).epsilon(1e-5));
  CHECK(sharded.at("metrics").at("loss").get<double>() ==
        doctest::Approx(whole.at("metrics").at("loss").get<double>()).epsilon(1e-5));
  CHECK(folder.nnc("check side.nn --gradients --shards 2").status == 0);
  CHECK(has(folder.nnc(train + "--shards 5"), "a batch of 16 cannot be cut in 5 equal shards"));
  CHECK(folder.nnc("side.nn --train --shards 4 -o side.cpp").output == "");
  CHECK(folder.read("side.cpp").find("// the 4 shards of the batch, one after the other\nvoid each_shard(") !=
        std::string::npos);
  CHECK(folder.read("side.hpp").find("const float (&x)[16][2]") != std::string::npos);
}

TEST_CASE("shards: a number that is not finite is found in its layer") {
  const Folder folder;
  folder.write("m.nn", R"(model M(x: f32[2]) -> (y: f32[2]) { layer first = dense(2); y = exp(x |> first) |> dense(2) }
train M {
  input label: class[2]
  minimize cross_entropy(y, label)
  with sgd(rate: 1e30)
  batch 8, shards: 2
}
)");
  folder.write("m.csv", separable_data(64));
  const Outcome outcome = folder.nnc("train m.nn --data m.csv:x=0:2,label=2 --quiet");
  CHECK(outcome.status == 1);
  CHECK_MESSAGE(has(outcome, "first in 'exp' (exp, m.nn:1)"), outcome.output);
}

TEST_CASE("a train block has states of its own; names that nnc adds clash with none") {
  const Folder folder;
  folder.write("m.nn", R"(model M(seed: f32[2], example: f32[1]) -> (y: f32[2]) { y = seed |> dense(2) |> dropout(0.1) }
train M {
  input epoch: class[2]
  state avg: f32 = 0
  let l = cross_entropy(y, epoch)
  next avg = 0.9 * avg + 0.1 * batch_mean(l)
  minimize l
  metric average = avg
  with sgd(rate: 0.1 / (1 + avg))
  batch 8
}
)");
  folder.write("m.csv", separable_data(64));
  const std::string data = " --data m.csv:seed=0:2,example=0:1,epoch=2";
  Outcome outcome = folder.nnc("train m.nn --hold-out 0.25 --json log.jsonl --quiet --checkpoint c" + data);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  const double average = nlohmann::json::parse(folder.read("log.jsonl")).at("metrics").at("average").get<double>();
  CHECK(average > 0.1);
  CHECK(average < 1);
  CHECK(folder.nnc("m.nn --train -o m.cpp").output == "");
  CHECK(folder.read("m.hpp").find("const float (&seed)[8][2]") != std::string::npos);
}

TEST_CASE("--resume goes on within an epoch, to the same bits") {
  const Folder folder;
  folder.write("side.nn", kClassifier);
  folder.write("side.csv", separable_data(8192));
  const std::string train = "train side.nn --data side.csv:x=0:2,label=2 --batch 1 --quiet --checkpoint c ";
  // It may be caught between two epochs; then another time.
  std::map<std::string, std::string> place;
  for (int attempt = 0; attempt < 20 && (place.empty() || place.at("step") == "0"); ++attempt) {
    const Outcome outcome = folder.run("rm -f log.jsonl; { " NNC_BINARY_DIR "/nnc " + train +
                                       "--epochs 1000000 --json log.jsonl & nnc=$!; "
                                       "while kill -0 $nnc && [ ! -s log.jsonl ]; do sleep 0.01; done; "
                                       "sleep 0.02; kill -INT $nnc; wait $nnc; }");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    CHECK(has(outcome, "nnc: interrupted; --resume goes on from 'c'"));
    const Result<Safetensors> checkpoint = read_safetensors(folder.file("c"));
    REQUIRE_MESSAGE(checkpoint, checkpoint.error());
    place = checkpoint->metadata;
  }
  CHECK(place.at("step") != "0");
  const std::string epochs = "--epochs " + std::to_string(std::stoll(place.at("epoch")) + 1);
  REQUIRE(folder.nnc(train + epochs + " --resume -o a.safetensors --json resumed.jsonl").status == 0);
  REQUIRE(folder.nnc(train + epochs + " -o b.safetensors --json whole.jsonl").status == 0);
  CHECK(folder.read("a.safetensors") == folder.read("b.safetensors"));
  const std::string whole = folder.read("whole.jsonl");
  const auto loss = [](const std::string& line) { return nlohmann::json::parse(line).at("loss").get<double>(); };
  CHECK(loss(folder.read("resumed.jsonl")) == loss(whole.substr(whole.rfind('\n', whole.size() - 2) + 1)));
  // Other data of as many examples.
  std::string other = separable_data(8192);
  other.replace(0, 1, other[0] == '-' ? " " : "-");
  folder.write("side.csv", other);
  CHECK(has(folder.nnc(train + epochs + " --resume"), "resume with the same --data"));
}

TEST_CASE("--resume of several stages: those before the checkpoint's are complete") {
  const Folder folder;
  folder.write("two.nn", R"(layer body = dense(4)
model First(x: f32[2]) -> (y: f32[2]) { y = x |> body |> dense(2) }
model Second(x: f32[2]) -> (z: f32[2]) { layer top = dense(2); z = x |> body |> top }
train First { input label: class[2]; minimize cross_entropy(y, label); with sgd(rate: 0.1); epochs 3 }
train Second { input label: class[2]; minimize cross_entropy(z, label); with adam(rate: 0.1); epochs 3 }
)");
  folder.write("side.csv", separable_data(256));
  const std::string train = "train two.nn --data side.csv:x=0:2,label=2 --quiet ";
  REQUIRE(folder.nnc(train + "-o whole.safetensors").status == 0);
  // The first stage alone, then all the rest.
  REQUIRE(folder.nnc(train + "--stage First --checkpoint c").status == 0);
  Outcome outcome = folder.nnc(train + "--checkpoint c --resume -o a.safetensors");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(folder.read("a.safetensors") == folder.read("whole.safetensors"));
  // Now the checkpoint is one of the second stage, which alone does not have what the first left.
  outcome = folder.nnc(train + "--checkpoint c --resume -o b.safetensors");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(folder.read("b.safetensors") == folder.read("whole.safetensors"));
  CHECK(has(folder.nnc(train + "--stage First --checkpoint c --resume"), "a checkpoint of stage 'Second'"));
}

TEST_CASE("the weights are those of the best epoch, and patience ends a stage") {
  const Folder folder;
  std::string program = kClassifier;
  // Learns, then forgets.
  program.replace(program.find("rate: 0.02"), 10, "rate: 0.05 * (4 - epoch)");
  program.replace(program.find("epochs 6"), 8, "epochs 40");
  folder.write("side.nn", program);
  folder.write("side.csv", separable_data(256));
  const std::string train = "train side.nn --data side.csv:x=0:2,label=2 --hold-out 0.25 ";
  Outcome outcome = folder.nnc(train + "--minimum loss --patience 3 -o best.safetensors --json log.jsonl");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  int epochs = 0, best = 0;
  double least = 1e9;
  std::istringstream log(folder.read("log.jsonl"));
  for (std::string line; std::getline(log, line);) {
    const double value = nlohmann::json::parse(line).at("metrics").at("loss").get<double>();
    ++epochs;
    if (value < least) best = epochs;
    least = std::min(least, value);
  }
  CHECK(best < epochs);
  CHECK(epochs == best + 3);
  CHECK(has(outcome, "is that of epoch " + std::to_string(best)));
  CHECK(folder.nnc(train + "--quiet -o there.safetensors --epochs " + std::to_string(best)).status == 0);
  CHECK(folder.read("best.safetensors") == folder.read("there.safetensors"));
  // The same in two parts.
  const std::string parts = train + "--quiet --minimum loss --patience 3 --checkpoint c ";
  CHECK(folder.nnc(parts + "--epochs " + std::to_string(epochs - 1)).status == 0);
  CHECK(folder.nnc(parts + "--resume -o resumed.safetensors --json rest.jsonl").status == 0);
  CHECK(folder.read("resumed.safetensors") == folder.read("best.safetensors"));
  const std::string rest = folder.read("rest.jsonl");
  CHECK(std::count(rest.begin(), rest.end(), '\n') == 1);
  CHECK(has(folder.nnc(parts + "--resume --minimum accuracy"), "--minimum"));
  CHECK(has(folder.nnc(train + "--maximum acuracy"), "did you mean 'accuracy'?"));
  CHECK(has(folder.nnc("train side.nn --data side.csv:x=0:2,label=2 --maximum accuracy"), "needs examples"));
  CHECK(folder.nnc(train + "--patience 3").status == 2);
  CHECK(folder.nnc(train + "--maximum accuracy --minimum loss").status == 2);
}

TEST_CASE("a parameter that no output needs is kept with the others, and read again") {
  const Folder folder;
  folder.write("m.nn",
               "model M(x: f32[2]) -> (y: f32[2]) {\n"
               "  param w: f32[2] = 1\n"
               "  param b: f32[2] = 0\n"
               "  fn back(h: f32[2]) -> f32[2] { w * h + b }\n"
               "  y = w * x\n"
               "}\n"
               "train M { layer own = dense(1); minimize mse(back(x), x + 1) + sum(own(x)^2); with sgd(rate: 0.3) }\n");
  folder.write("m.csv", "0,1\n1,0\n");
  const std::string train = "train m.nn --data m.csv:x=0:2 --batch 2 --quiet ";
  Outcome outcome = folder.nnc(train + "--epochs 50 -o a.safetensors");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  const Result<Safetensors> first = read_safetensors(folder.file("a.safetensors"));
  REQUIRE_MESSAGE(first, first.error());
  CHECK(first->tensors.size() == 2);
  REQUIRE(first->find("b") != nullptr);
  const double learned = read_element(ElementType::F32, first->find("b")->bytes.data());
  CHECK(learned > 0.5);
  outcome = folder.nnc(train + "--epochs 0 --weights a.safetensors -o b.safetensors");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  const Result<Safetensors> again = read_safetensors(folder.file("b.safetensors"));
  REQUIRE_MESSAGE(again, again.error());
  REQUIRE(again->find("b") != nullptr);
  CHECK(read_element(ElementType::F32, again->find("b")->bytes.data()) == learned);
  outcome = folder.nnc("m.nn --weights a.safetensors -o m.cpp");
  CHECK_MESSAGE(outcome.status == 0, outcome.output);
}

TEST_CASE("what is wrong with a command or its data is said, before any work") {
  const Folder folder;
  folder.write("side.nn", kClassifier);
  folder.write("side.csv", separable_data(64));
  const std::string train = "train side.nn --data side.csv:x=0:2,label=2 --quiet ";
  CHECK(has(folder.nnc(train + "--seed -1"), "'-1' is not a whole number of at least 0"));
  CHECK(has(folder.nnc(train + "--epochs -1"), "'-1' is not a whole number of at least 0"));
  CHECK(has(folder.nnc("bench side.nn --seconds 0"), "'0' is not a number above 0"));
  CHECK(has(folder.nnc(train + "-o X --json ./X"), "two outputs would be written to './X'"));
  CHECK(has(folder.nnc(train + "-o X --checkpoint X"), "two outputs would be written to 'X'"));
  CHECK_FALSE(folder.has("X"));
  CHECK(has(folder.nnc(train + "--model nix"), "there is no model 'nix'; the file has Side"));
  CHECK(has(folder.nnc("train side.nn --data side.csv:x=0:1,label=2 --quiet"), "input 'x' takes f32[2]"));
  CHECK(has(folder.nnc("run side.nn --input side.csv:foo=0:2 --output scores=y.npy"), "the model has no input 'foo'"));
  CHECK(folder.nnc("run side.nn --input side.csv:x=0:2 --cotangent side.csv:scores=0:2").status == 2);
  const Outcome outcome = folder.nnc("run side.nn --input side.csv:x=0:2 --output-dir new/out/");
  CHECK_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(folder.has("new/out/scores.npy"));
}

TEST_CASE("metrics without examples for them: a note says what gives some") {
  const Folder folder;
  folder.write("side.nn", kClassifier);
  folder.write("side.csv", separable_data(64));
  const std::string train = "train side.nn --data side.csv:x=0:2,label=2 --epochs 1 -o side.safetensors";
  const std::string note = "nnc: note: Side: no metric is shown; --hold-out FRACTION or --test DATA";
  CHECK(has(folder.nnc(train), note));
  CHECK_FALSE(has(folder.nnc(train + " --hold-out 0.25"), note));
  CHECK(folder.nnc(train + " --quiet").output.empty());
}

TEST_CASE("numbers that are not finite: of the data, of the loss, of the parameters") {
  const Folder folder;
  folder.write("side.nn", kClassifier);
  folder.write("side.csv", "-nan,1,0\n" + separable_data(31));
  Outcome outcome = folder.nnc("train side.nn --data side.csv:x=0:2,label=2 --quiet");
  CHECK(outcome.status == 1);
  CHECK_MESSAGE(has(outcome,
                    "the loss is nan in epoch 1: the data of 'x' hold a number that is not finite, in example "
                    "0\n"),
                outcome.output);
  // The loss of the only step is finite, what it leaves is not.
  std::string program = kClassifier;
  program.replace(program.find("adam(rate: 0.02)"), 16, "sgd(rate: exp(100 + iteration))");
  program.replace(program.find("epochs 6"), 8, "epochs 1");
  folder.write("side.nn", program);
  folder.write("side.csv", separable_data(16));
  outcome = folder.nnc("train side.nn --data side.csv:x=0:2,label=2 --quiet");
  CHECK(outcome.status == 1);
  CHECK_MESSAGE(has(outcome, "after epoch 1 these hold numbers that are not finite: dense.weight"), outcome.output);
}

TEST_CASE("a model that draws runs with a seed") {
  const Folder folder;
  folder.write("m.nn", "model M(x: f32[3]) -> (y: f32[3]) { y = x + uniform([3]) }\n");
  folder.write("x.csv", "1,2,3\n");
  for (const char* seed : {"1", "1", "2"}) {
    const std::string run = "run m.nn --input x.csv:x=0:3 --output y=y.npy --seed " + std::string(seed);
    const std::string before = folder.has("y.npy") ? folder.read("y.npy") : "";
    const Outcome outcome = folder.nnc(run);
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    if (before.empty()) continue;
    CHECK((folder.read("y.npy") == before) == (std::string(seed) == "1"));
  }
}

TEST_CASE("a loss is told with an exponent where digits behind the point would tell nothing") {
  const Folder folder;
  folder.write("m.nn",
               "model M(x: f32) -> (y: f32) {\n  param w: f32 = 0\n  y = w * x\n}\n"
               "train M {\n  input target: f32\n  minimize (y - target)^2\n  with sgd(rate: 0)\n  batch 1\n}\n");
  const std::pair<const char*, const char*> cases[] = {{"1,0\n", "loss 0.00000  "},
                                                       {"1,0.5\n", "loss 0.25000  "},
                                                       {"1,1e-3\n", "loss 1.00000e-06  "},
                                                       {"1,1e9\n", "loss 1.00000e+18  "}};
  for (const auto& [data, text] : cases) {
    folder.write("d.csv", data);
    CHECK(has(folder.nnc("train m.nn --data d.csv:x=0,target=1"), text));
  }
}

}  // namespace
}  // namespace nnc
