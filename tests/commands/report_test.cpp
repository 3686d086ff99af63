// nnc report --activations, and nnc train --monitor: which calls are shown, and that their figures are those defined.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/interop/arrays.h"
#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

// The rows of `nnc report <arguments>`, in a folder that holds m.nn and x.csv.
nlohmann::json rows(const Folder& folder, const std::string& arguments) {
  const Outcome outcome = folder.nnc("report m.nn --activations --target x86-64-v3 --json r.json " + arguments);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  return nlohmann::json::parse(folder.read("r.json")).at("activations");
}

std::vector<std::string> names(const nlohmann::json& all) {
  std::vector<std::string> result;
  for (const nlohmann::json& row : all) result.push_back(row.at("call"));
  return result;
}

double number(const nlohmann::json& row, const char* key) { return row.at(key).get<double>(); }

// Three examples of two units.
constexpr const char* kData = "0,-0.5\n3,-0.25\n-3,-1\n";

TEST_CASE("mean, std, saturation and dead units are those of the definitions") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("m.nn", "model M(x: f32[2]) -> (y: f32[2]) { y = tanh(x) + relu(x) + sigmoid(x) + step(x) + abs(x) }\n");
  const nlohmann::json all = rows(folder, "--data x.csv:x=0:2");
  REQUIRE(names(all) == std::vector<std::string>{"tanh", "relu", "sigmoid", "step", "abs"});
  std::vector<double> values;
  for (const double x : {0.0, -0.5, 3.0, -0.25, -3.0, -1.0}) values.push_back(std::tanh(x));
  double mean = 0, variance = 0;
  for (const double value : values) mean += value / 6;
  for (const double value : values) variance += (value - mean) * (value - mean) / 6;
  CHECK(number(all[0], "mean") == doctest::Approx(mean).epsilon(1e-6));
  CHECK(number(all[0], "std") == doctest::Approx(std::sqrt(variance)).epsilon(1e-6));
  CHECK(number(all[0], "minimum") == doctest::Approx(std::tanh(-3.0)).epsilon(1e-6));
  // 1 - tanh² is below 0.1 beyond 1.82: twice of six times. No unit is dead.
  CHECK(number(all[0], "saturated") == doctest::Approx(2.0 / 6));
  CHECK(number(all[0], "dead") == 0);
  // relu has the slope 1 at 3 alone, and the second unit is never above 0.
  CHECK(number(all[1], "saturated") == doctest::Approx(5.0 / 6));
  CHECK(number(all[1], "dead") == 0.5);
  // The slope s (1 - s) of a sigmoid is below 0.1 beyond 2.06.
  CHECK(number(all[2], "saturated") == doctest::Approx(2.0 / 6));
  CHECK(number(all[3], "saturated") == 1);
  CHECK(number(all[3], "dead") == 1);
  std::uint64_t counted = 0;
  for (const nlohmann::json& count : all[0].at("histogram").at("counts")) counted += count.get<std::uint64_t>();
  CHECK(counted == 6);
  CHECK(all[0].at("histogram").at("counts").back() == 1);
}

TEST_CASE("the calls of the user's text are shown, each by its path, and what they do not compute is not") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("m.nn", R"(fn twice(x: f32[N]) -> f32[N] { relu(2 * x) }

layer block(x: f32[N], units: int) -> f32[units] {
  x |> dense(units) |> batch_norm |> twice
}

model M(x: f32[2]) -> (y: f32[4], z: i32) {
  layer first = block(3)
  layer more[2] = dense(3)
  let a = x |> first |> more |> reshape([3, 1]) |> flatten |> dropout(rate: 0.5)
  let (b, c) = split(tanh(concat(a, exp(a))), 2)
  let s = scan(reshape(b, [3, 1]), { v -> tanh(v) })
  let (d, e, f) = split(2 * flatten(s) + 1, 3)
  y = maximum(b + c, 0) * 0.5 + concat(d, e, f) |> dense(4) |> tanh
  z = argmax(y)
}
)");
  const nlohmann::json all = rows(folder, "--data x.csv:x=0:2");
  CHECK(names(all) == std::vector<std::string>{"first.dense", "first.batch_norm", "first.relu", "more.0", "more.1",
                                               "exp", "concat", "tanh", "tanh_2", "split_2[0]", "split_2[1]",
                                               "split_2[2]", "maximum", "concat_2", "dense", "tanh_3"});
  for (const nlohmann::json& row : all) {
    CAPTURE(row.dump());
    const std::string function = row.at("function");
    const bool is_activation = function == "relu" || function == "exp" || function == "tanh" || function == "maximum";
    CHECK(row.contains("saturated") == is_activation);
  }
}

// Sequences of three steps; of each the state is x1, x1 + x2 and x1 + x2 + x3 before tanh.
TEST_CASE("the calls in a loop are shown, over all of its steps") {
  const Folder folder;
  folder.write("x.csv", "0.1,0.2,0.3\n5,-4.8,5\n-6,0,5.9\n0,0,0\n");
  folder.write("m.nn", R"(cell sum_of(x: f32[1]) -> f32[1] {
  state s: f32[1] = 0
  next s = s + x
  tanh(next s)
}
model M(x: f32[3, 1]) -> (y: f32[1], z: f32[3, 2]) {
  y = x |> scan(sum_of()) |> last
  z = x |> scan({ v -> scan(concat(v, 0 * v), { w -> relu(2 * w) }) })
}
)");
  const nlohmann::json all = rows(folder, "--data x.csv:x:3x1=0:3");
  REQUIRE(names(all) == std::vector<std::string>{"sum_of.tanh", "concat", "relu"});
  double mean = 0;
  for (const double s : {0.1, 0.3, 0.6, 5.0, 0.2, 5.2, -6.0, -6.0, -0.1, 0.0, 0.0, 0.0}) mean += std::tanh(s) / 12;
  CHECK(all[0].at("shape") == std::vector<int>{3, 1});
  CHECK(all[0].at("mean").get<double>() == doctest::Approx(mean).epsilon(1e-5));
  CHECK(all[0].at("saturated").get<double>() == doctest::Approx(4.0 / 12));
  CHECK(all[2].at("shape") == std::vector<int>{3, 2});
  // Of the copies of 0 none, of the twelve numbers two below 0 and four that are 0: there relu has no slope.
  CHECK(all[2].at("saturated").get<double>() == doctest::Approx(18.0 / 24));
}

TEST_CASE("values are those that run computes, whatever is folded or fused") {
  const Folder folder;
  folder.write("m.nn", R"(model M(x: f32[2, 5]) -> (a: f32[4, 3], b: f32[4, 3], c: f32[4, 3], y: f32[2]) {
  a = x |> conv(4, kernel: 3)
  b = a |> batch_norm
  c = b |> relu
  y = c |> flatten |> dense(2)
}
train M {
  input label: class[2]
  minimize cross_entropy(y, label)
  with sgd(rate: 0.1)
  batch 8
}
)");
  std::string text;
  for (int i = 0; i < 80; ++i) {
    for (int k = 0; k < 10; ++k) text += fmt::format("{:.4f},", 2 + 3 * std::sin(1 + 7 * i + 5 * k));
    text += i % 3 == 0 ? "1\n" : "0\n";
  }
  folder.write("d.csv", text);
  REQUIRE(folder.nnc("train m.nn --data d.csv:x:2x5=0:10,label=10 -o w.safetensors --target x86-64-v3").status == 0);
  const nlohmann::json all = rows(folder, "--weights w.safetensors --data d.csv:x:2x5=0:10");
  REQUIRE(names(all) == std::vector<std::string>{"conv", "batch_norm", "relu", "dense"});
  const Outcome run =
      folder.nnc("run m.nn --weights w.safetensors --input d.csv:x:2x5=0:10 --output-dir out --target x86-64-v3");
  REQUIRE_MESSAGE(run.status == 0, run.output);
  const char* const outputs[] = {"a", "b", "c", "y"};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(outputs[i]);
    const Result<std::vector<Array>> file = load_file(folder.file(fmt::format("out/{}.npy", outputs[i])));
    REQUIRE_MESSAGE(file, file.error());
    const Tensor values = tensor_from_array(file->front());
    const double count = static_cast<double>(values.floats().size());
    double mean = 0, variance = 0;
    for (const double value : values.floats()) mean += value / count;
    for (const double value : values.floats()) variance += (value - mean) * (value - mean) / count;
    CHECK(number(all[i], "mean") == doctest::Approx(mean).epsilon(1e-5));
    CHECK(number(all[i], "std") == doctest::Approx(std::sqrt(variance)).epsilon(1e-5));
  }
  CHECK(number(all[1], "std") != doctest::Approx(number(all[0], "std")).epsilon(0.01));
}

TEST_CASE("activations do not depend on the order of the examples, nor on what was before") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("reversed.csv", "-3,-1\n3,-0.25\n0,-0.5\n");
  folder.write("m.nn", "model M(x: f32[2]) -> (y: f32[3]) { y = x |> gru(3) }\n");
  const nlohmann::json one = rows(folder, "--seed 3 --data x.csv:x=0:2");
  const nlohmann::json other = rows(folder, "--seed 3 --data reversed.csv:x=0:2");
  REQUIRE(names(one) == std::vector<std::string>{"gru"});
  CHECK(number(one[0], "std") == doctest::Approx(number(other[0], "std")).epsilon(1e-12));
  CHECK(number(one[0], "std") != number(rows(folder, "--seed 4 --data x.csv:x=0:2")[0], "std"));
}

TEST_CASE("text, picture and page hold the same rows") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("m.nn", "model M(x: f32[2]) -> (y: f32[2]) { y = x |> tanh |> relu }\n");
  const std::string command = "report m.nn --activations --data x.csv:x=0:2 --target x86-64-v3";
  const Outcome text = folder.nnc(command + " -o r.svg");
  CHECK(text.status == 0);
  CHECK(has(text, "M: activations over 3 examples\n"));
  CHECK(has(text, "  tanh     -0.245      0.642     33.3 %    0.0 %    -0.995 █ █   █  █  █          █ 0.995\n"));
  CHECK(has(text, "█"));
  const std::string svg = folder.read("r.svg");
  CHECK(svg.starts_with("<svg xmlns="));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find(">33.3 %<") != std::string::npos);
  CHECK(folder.nnc(command + " -o r.html").status == 0);
  CHECK(folder.read("r.html").find(svg) != std::string::npos);
  folder.nnc(command + " -o again.svg");
  CHECK(folder.read("again.svg") == svg);
}

TEST_CASE("what is wrong with a report's command, program or data is said, and nothing is written") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("m.nn", "model M(x: f32[2]) -> (y: f32[2]) { y = tanh(x) }\n");
  folder.write("plain.nn", "model M(x: f32[2]) -> (y: f32[2]) { y = 2 * x }\n");
  folder.write("bad.csv", "0,1\n1,nan\n");
  CHECK(has(folder.nnc("report m.nn"), "what is to be reported? --activations --data DATA"));
  CHECK(folder.nnc("report m.nn").status == 2);
  CHECK(folder.nnc("report m.nn --activations").status == 2);
  const std::string command = "report m.nn --activations --data ";
  CHECK(has(folder.nnc(command + "x.csv:x=0:2 -o r.txt"), "'r.txt' should end in .svg or .html"));
  CHECK(folder.nnc(command + "x.csv:x=0:2 -o r.txt").status == 2);
  const auto fails = [&](const std::string& arguments, const std::string& message) {
    const Outcome outcome = folder.nnc(arguments + " -o r.svg --json r.json");
    CAPTURE(outcome.output);
    CHECK(outcome.status == 1);
    CHECK(has(outcome, message));
    CHECK(!folder.has("r.svg"));
    CHECK(!folder.has("r.json"));
  };
  fails(command + "x.csv:y=0:2", "input 'x' takes f32[2], but the data has no array of this name");
  fails(command + "bad.csv:x=0:2", "the data of 'x' hold a number that is not finite, in example 1");
  fails("report plain.nn --activations --data x.csv:x=0:2",
        "the model M applies no layer and no function to its inputs: no activations to show");
  CHECK(has(folder.nnc(command + "x.csv:x=0:2 -o nowhere/r.svg"), "there is no folder 'nowhere'"));
}

TEST_CASE("numbers that are not finite are counted apart") {
  const Folder folder;
  folder.write("x.csv", kData);
  folder.write("m.nn", "model M(x: f32[2]) -> (y: f32[2]) { y = sqrt(x) }\n");
  const nlohmann::json all = rows(folder, "--data x.csv:x=0:2");
  CHECK(all[0].at("not_finite") == 4);
  CHECK(number(all[0], "mean") == doctest::Approx(std::sqrt(3.0) / 2));
  CHECK(has(folder.nnc("report m.nn --activations --data x.csv:x=0:2"), "4 numbers are not finite"));
}

TEST_CASE("train --monitor shows and logs what report would, after each epoch") {
  const Folder folder;
  folder.write("m.nn", R"(model M(x: f32[2]) -> (y: f32[1]) { y = x |> dense(8) |> tanh |> dense(1) }
train M {
  input t: f32[1]
  minimize sum((y - t)^2)
  with sgd(rate: 0.1)
  batch 2
}
)");
  folder.write("d.csv", "0,-0.5,1\n3,-0.25,0\n-3,-1,1\n0.5,0.5,0\n");
  const std::string command =
      "train m.nn --data d.csv:x=0:2,t=2:3 --target x86-64-v3 --epochs 2 --json log.jsonl -o w.safetensors --monitor";
  const Outcome outcome = folder.nnc(command);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(has(outcome, "  tanh  "));
  CHECK(!has(folder.nnc(command + " --quiet"), "tanh"));
  std::istringstream log(folder.read("log.jsonl"));
  std::string line;
  std::vector<nlohmann::json> epochs;
  while (std::getline(log, line)) epochs.push_back(nlohmann::json::parse(line).at("activations"));
  REQUIRE(epochs.size() == 2);
  const nlohmann::json all = rows(folder, "--weights w.safetensors --data d.csv:x=0:2");
  REQUIRE(names(all) == std::vector<std::string>{"dense", "tanh", "dense_2"});
  CHECK(names(epochs[1]) == names(all));
  CHECK(number(epochs[0][1], "std") != number(epochs[1][1], "std"));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(number(epochs[1][i], "mean") == doctest::Approx(number(all[i], "mean")).epsilon(1e-12));
    CHECK(number(epochs[1][i], "std") == doctest::Approx(number(all[i], "std")).epsilon(1e-12));
    CHECK(epochs[1][i].at("histogram") == all[i].at("histogram"));
  }
}

}  // namespace
}  // namespace nnc
