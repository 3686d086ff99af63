// Multilayer perceptrons with every activation, and with two inputs and two outputs.
#include <cmath>

#include "compiler/interop/safetensors.h"
#include "tests/examples/example.h"

namespace nnc {
namespace {

const std::string kDigits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:";

// Accuracies on held-out digits (359 of 1,797) after ten epochs, over ten starts and splits, as the script
// perceptrons_reference.py prints them (PyTorch 2.15.0). Three of the activations; tests/elaborate has the values and
// slopes of all.
struct Accuracy {
  std::string activation;
  double lowest;
  double highest;
};
const Accuracy kTorch[] = {{"sigmoid", 0.925, 0.969}, {"relu", 0.944, 0.981}, {"gelu", 0.955, 0.978}};

TEST_CASE("perceptrons learn the digits with activations of all kinds") {
  const Example example("perceptrons");
  for (const Accuracy& torch : kTorch) {
    CAPTURE(torch.activation);
    const Epoch last = example
                           .train("--data " + kDigits + "image=0:64,label=64 --hold-out 0.2 --epochs 10 " +
                                  "--set activation=" + torch.activation)
                           .back();
    CHECK(last.at("accuracy") > torch.lowest - 0.02);
    CHECK(last.at("accuracy") < torch.highest + 0.02);
  }
}

// Losses of steps 1, 2, 5, 10, 20, 50 and 100 of Adam on all digits at once, from one start; from the same script.
struct Course {
  std::string activation;
  std::int64_t width;  // what comes out of 48 units
  std::vector<double> losses;
};
const std::size_t kSteps[] = {1, 2, 5, 10, 20, 50, 100};
const Course kTorchCourses[] = {
    {"prelu", 48, {2.54173, 2.377177, 2.078697, 1.720124, 0.9994381, 0.196773, 0.06901983}},
    {"maxout_of_3", 16, {2.88307, 2.641333, 2.231032, 1.899798, 1.445898, 0.5532048, 0.1930184}},
    {"softmax", 48, {2.302766, 2.302561, 2.302103, 2.301514, 2.29971, 2.279179, 2.148195}},
};

// Weights of He's deviation, uniform.
void write_start(const Example& example, std::int64_t width) {
  const std::pair<std::string, Shape> weights[] = {
      {"dense.weight", {48, 64}}, {"dense_2.weight", {48, width}}, {"dense_3.weight", {10, width}}};
  std::vector<Array> arrays;
  for (const auto& [path, shape] : weights) {
    Random random(arrays.size() + 1);
    const double limit = std::sqrt(6.0 / static_cast<double>(shape[1]));
    std::vector<float> values;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      values.push_back(static_cast<float>(random.uniform(-1, 1) * limit));
    }
    arrays.push_back(floats(path, shape, values));
  }
  const Status written = write_safetensors(example.folder().file("start.safetensors"), arrays);
  REQUIRE_MESSAGE(written, written.error());
}

TEST_CASE("a hundred steps from one start are PyTorch's, where starts differ much") {
  const Example example("perceptrons");
  for (const Course& torch : kTorchCourses) {
    write_start(example, torch.width);
    const std::vector<Epoch> epochs = example.train(
        "--data " + kDigits + "image=0:64,label=64 --batch 1797 --epochs 100 --weights start.safetensors " +
        "--partial --set activation=" + torch.activation);
    for (std::size_t i = 0; i < torch.losses.size(); ++i) {
      CAPTURE(torch.activation);
      CAPTURE(kSteps[i]);
      CHECK(std::abs(epochs.at(kSteps[i] - 1).at("loss") - torch.losses[i]) < 1e-5);
    }
  }
}

TEST_CASE("a perceptron with two inputs answers two questions") {
  const Example example("perceptrons");
  const Epoch last =
      example.train("--data " + kDigits + "top=0:32,bottom=32:64,label=64 --hold-out 0.2 --epochs 20", "halves.nn")
          .back();
  CHECK(last.at("digit_right") > 0.95);
  CHECK(last.at("odd_right") > 0.95);
}

}  // namespace
}  // namespace nnc
