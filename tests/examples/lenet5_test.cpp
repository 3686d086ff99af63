// LeNet-5 reads digits: those of examples/digits, each of the 8×8 pixels as 3×3, in a margin of 2.
#include <algorithm>

#include "tests/examples/example.h"

namespace nnc {
namespace {

// Digits first to end - 1.
std::vector<Array> enlarged(const Digits& digits, std::size_t first, std::size_t end) {
  constexpr std::size_t kSize = 28, kMargin = 2, kZoom = 3;
  std::vector<float> pixels;
  for (std::size_t i = first; i < end; ++i) {
    for (std::size_t at = 0; at < kSize * kSize; ++at) {
      const std::size_t row = at / kSize, column = at % kSize;
      const bool inside = std::min(row, column) >= kMargin && std::max(row, column) < kSize - kMargin;
      const std::size_t from = inside ? (row - kMargin) / kZoom * 8 + (column - kMargin) / kZoom : 0;
      pixels.push_back(inside ? digits.images[64 * i + from] / 16 : 0);
    }
  }
  const std::int64_t count = static_cast<std::int64_t>(end - first);
  const auto label = [&](std::size_t i) { return digits.labels.begin() + static_cast<std::ptrdiff_t>(i); };
  return {floats("image", {count, 1, kSize, kSize}, pixels), labels("label", {label(first), label(end)})};
}

// The accuracy on the last 297 digits. PyTorch 2.15, the same network, start, images and 10 epochs, over three seeds:
//   Adam, lr 0.003 by half a cosine, 46 batches of 32 in an epoch
constexpr double kTorchMin = 0.9259, kTorchMax = 0.9293;

TEST_CASE("LeNet-5 reads digits") {
  const Example example("lenet5");
  const Digits digits = read_digits();
  example.save("train.npz", enlarged(digits, 0, 1500));
  example.save("test.npz", enlarged(digits, 1500, digits.size()));
  const std::vector<Epoch> epochs = example.train("--data train.npz --test test.npz --seed 1");
  CHECK(epochs.back().at("accuracy") > kTorchMin - 0.01);
  CHECK(epochs.back().at("accuracy") < kTorchMax + 0.03);

  // Table I and section II.B of the paper: the layers that are as published.
  const auto parameters = [&](const std::string& layer) {
    return example.weights(layer + ".weight").size() + example.weights(layer + ".bias").size();
  };
  CHECK(parameters("conv1") == 156);
  CHECK(parameters("fc1") == 48120);
  CHECK(parameters("fc2") == 10164);
  // 60 of the 96 pairs of maps are connected in the paper: 1,516.
  CHECK(parameters("conv2") == 1516 + 36 * 25);
}

}  // namespace
}  // namespace nnc
