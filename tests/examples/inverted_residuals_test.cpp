// Inverted residuals read digits with few weights; of as many as the paper says, the whole network consists.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// Section 3.2 of the paper: h·w·d'·t(d' + k² + d'') multiply-adds in a block of 3×3, so that many weights a place.
std::size_t weights_of_block(std::size_t in, std::size_t out, std::size_t expand) {
  return in * expand * (in + 3 * 3 + out);
}

// The accuracy on the last 297 digits. PyTorch 2.15, the same network, start, penalty and 8 epochs, over three seeds:
//   Adam, lr 0.01 by half a cosine, 46 batches of 32 in an epoch
constexpr double kTorchMin = 0.9494, kTorchMax = 0.9596;

TEST_CASE("inverted residuals read digits") {
  const Example example("inverted_residuals");
  const Digits digits = read_digits();
  const auto save = [&](const std::string& file, std::size_t first, std::size_t end) {
    const auto pixel = [&](std::size_t i) { return digits.images.begin() + static_cast<std::ptrdiff_t>(64 * i); };
    const auto label = [&](std::size_t i) { return digits.labels.begin() + static_cast<std::ptrdiff_t>(i); };
    example.save(file, {floats("image", {static_cast<std::int64_t>(end - first), 1, 8, 8}, {pixel(first), pixel(end)}),
                        labels("label", {label(first), label(end)})});
  };
  save("train.npz", 0, 1500);
  save("test.npz", 1500, digits.size());
  const std::vector<Epoch> epochs = example.train("--data train.npz --test test.npz --seed 1");
  CHECK(epochs.back().at("accuracy") > kTorchMin - 0.01);
  CHECK(epochs.back().at("accuracy") < kTorchMax + 0.03);

  struct Block {
    std::string name;
    std::size_t in;
    std::size_t out;
  };
  for (const Block& block : {Block{"block1", 16, 16}, {"block2", 16, 24}, {"block3", 24, 24}, {"block4", 24, 32}}) {
    CAPTURE(block.name);
    std::size_t weights = 0;
    for (const std::string conv : {".conv.weight", ".conv_2.weight", ".conv_3.weight"}) {
      weights += example.weights(block.name + conv).size();
    }
    CHECK(weights == weights_of_block(block.in, block.out, 6));
  }
}

// What training moves: torchvision states 3,504,872 for mobilenet_v2, which is, by table 2 of the paper, the weights of
// its convolutions (2,189,760), a scale and a shift for each normalised channel, and the last layer (1,281,000).
constexpr std::int64_t kPublished = 3'504'872;
// Channels that are normalised: a running mean and variance each.
constexpr std::int64_t kNormalized = 17'056;

TEST_CASE("MobileNetV2 has 3,504,872 parameters") {
  const Example example("inverted_residuals");
  const Outcome outcome = example.folder().nnc("'" + example.program("mobilenet_v2.nn") + "' -o mobilenet.cpp");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(numbers_in_parameters(example.folder().read("mobilenet.hpp")) == kPublished + 2 * kNormalized);
}

}  // namespace
}  // namespace nnc
