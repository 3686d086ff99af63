// ResNet-8 reads coloured digits, and has as many weights as the network published.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// Digits first to end - 1 in 16×16 pixels, each of the 8×8 as 2×2, in some dark colour on some light one.
std::vector<Array> coloured(const Digits& digits, std::size_t first, std::size_t end) {
  constexpr std::size_t kSize = 16;
  Random random(first);
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = first; i < end; ++i) {
    double ink[3], paper[3];
    for (int c = 0; c < 3; ++c) paper[c] = random.uniform(128, 256), ink[c] = paper[c] - 128;
    for (int c = 0; c < 3; ++c) {
      for (std::size_t at = 0; at < kSize * kSize; ++at) {
        const double grey = static_cast<double>(digits.images[64 * i + at / kSize / 2 * 8 + at % kSize / 2]) / 16;
        pixels.push_back(static_cast<std::uint8_t>(paper[c] + grey * (ink[c] - paper[c])));
      }
    }
  }
  const std::int64_t count = static_cast<std::int64_t>(end - first);
  const auto label = [&](std::size_t i) { return digits.labels.begin() + static_cast<std::ptrdiff_t>(i); };
  return {bytes("image", {count, 3, kSize, kSize}, pixels), labels("label", {label(first), label(end)})};
}

// The accuracy on the last 297 digits. PyTorch 2.15, the same network, start, penalty, kind of images and 5 epochs,
// over three seeds:
//   SGD, lr 0.05 by half a cosine, Nesterov's momentum 0.9, 46 batches of 32 in an epoch
constexpr double kTorchMin = 0.9427, kTorchMax = 0.9529;

TEST_CASE("ResNet-8 reads coloured digits") {
  const Example example("resnet");
  const Digits digits = read_digits();
  example.save("train.npz", coloured(digits, 0, 1500));
  example.save("test.npz", coloured(digits, 1500, digits.size()));
  const std::vector<Epoch> epochs = example.train("--set size=16 --data train.npz --test test.npz --seed 1");
  CHECK(epochs.back().at("accuracy") > kTorchMin - 0.01);
  CHECK(epochs.back().at("accuracy") < kTorchMax + 0.03);

  // The network of MLPerf Tiny has 78,666 numbers: these, a bias for each channel of a convolution (336), and four
  // numbers for each channel of the seven batch norms outside the shortcuts (960).
  std::size_t weights = example.weights("conv.weight").size() + example.weights("dense.weight").size() +
                        example.weights("dense.bias").size();
  for (const std::string block : {"residual", "residual_2", "residual_3"}) {
    weights += example.weights(block + ".conv.weight").size() + example.weights(block + ".conv_2.weight").size();
    if (block != "residual") weights += example.weights(block + ".conv_3.weight").size();
  }
  CHECK(weights == 78'666 - 336 - 960);
}

}  // namespace
}  // namespace nnc
