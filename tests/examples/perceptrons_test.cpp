// Multilayer perceptrons with every activation, and with two inputs and two outputs.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// Accuracies on held-out digits (359 of 1,797) after ten epochs, over five starts and splits. PyTorch 2.15, the same
// network, start and batches of 32, with nn.Sigmoid(), nn.Tanh(), …; Adam(lr=3e-3).
struct Accuracy {
  std::string activation;
  double lowest;
  double highest;
};
const Accuracy kTorch[] = {
    {"sigmoid", 0.922, 0.961}, {"relu", 0.950, 0.989},        {"prelu", 0.950, 0.989},
    {"gelu", 0.947, 0.989},    {"maxout_of_3", 0.955, 0.978},
};

// Five of the activations; tests/elaborate has the values and slopes of all.
TEST_CASE("perceptrons learn the digits with activations of all kinds") {
  const Example example("perceptrons");
  const std::string digits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:image=0:64,label=64";
  for (const Accuracy& torch : kTorch) {
    CAPTURE(torch.activation);
    const Epoch last =
        example.train("--data " + digits + " --hold-out 0.2 --epochs 10 --set activation=" + torch.activation).back();
    CHECK(last.at("accuracy") > torch.lowest - 0.02);
  }
}

TEST_CASE("a perceptron with two inputs answers two questions") {
  const Example example("perceptrons");
  const std::string digits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:top=0:32,bottom=32:64,label=64";
  const Epoch last = example.train("--data " + digits + " --hold-out 0.2 --epochs 20", "halves.nn").back();
  CHECK(last.at("digit_right") > 0.95);
  CHECK(last.at("odd_right") > 0.95);
}

}  // namespace
}  // namespace nnc
