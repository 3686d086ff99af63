// Networks that differ in their normalisation alone, trained from one start beside PyTorch; batch normalisation's
// running statistics; and that nothing of it is left in the code for inference.
#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "compiler/interop/safetensors.h"
#include "tests/examples/example.h"
#include "tests/examples/line_chart.h"

namespace nnc {
namespace {

constexpr std::size_t kExamples = 256, kChannels = 8, kSize = 4, kPlaces = kSize * kSize;
constexpr int kSteps[] = {1, 2, 5, 10, 20, 40};

using Numbers = std::vector<double>;

// Losses of some of the 40 steps, and how many of the last 256 digits are right after them, as the script
// normalisation_reference.py prints them (PyTorch 2.15.0) for all eight networks; here are three, because each takes
// two seconds to compile. tests/elaborate has the formulas of all.
struct Course {
  std::string norm;
  Numbers losses;
  int right;
};
const std::vector<Course> kTorch = {
    {"none", {2.29738, 2.29624, 2.29283, 2.28707, 2.27445, 2.2349}, 107},
    {"batch", {2.31792, 1.97971, 1.33674, 0.742803, 0.308959, 0.111503}, 213},
    {"contrast", {2.30277, 2.07783, 1.48901, 0.918032, 0.599169, 0.20389}, 191},
};

// The running statistics after the 40 steps, of each block; from the same script.
struct Statistics {
  std::string block;
  std::array<double, kChannels> mean;
  std::array<double, kChannels> variance;
};
const std::vector<Statistics> kTorchStatistics = {
    {"block",
     {0.0942139, 0.02718756, -0.1888531, 0.07419841, 0.1349773, -0.03062354, 0.143254, -0.02686861},
     {0.3895336, 0.1517776, 0.5402, 0.1769373, 0.7635384, 0.4264016, 0.4989649, 0.9592345}},
    {"block_2",
     {-0.1693291, 0.03181125, -0.2211328, 0.04647177, -0.1296616, -0.03984983, 0.2189451, -0.1260833},
     {0.104315, 0.1249211, 0.1610918, 0.1342437, 0.2023641, 0.09902504, 0.1594943, 0.1156084}},
    {"block_3",
     {0.02050507, -0.01841709, -0.08123036, 0.09923035, 0.005239899, 0.1165821, -0.1037983, 0.02210587},
     {0.1065571, 0.1238452, 0.1291151, 0.1454169, 0.08560991, 0.1204736, 0.09752211, 0.08521621}},
};

// 256 digits from `first` on, as the model takes them.
std::vector<Array> digits_from(const Digits& digits, std::size_t first) {
  const auto image = digits.images.begin() + static_cast<std::ptrdiff_t>(64 * first);
  const auto label = digits.labels.begin() + static_cast<std::ptrdiff_t>(first);
  return {floats("image", {kExamples, 1, 8, 8}, {image, image + 64 * kExamples}),
          labels("label", {label, label + kExamples})};
}

// Weights of half of He's standard deviation: small ones, which only a normalisation makes up for.
void write_start(const Example& example) {
  const std::pair<std::string, Shape> weights[] = {{"block.conv.weight", {8, 1, 3, 3}},
                                                   {"block_2.conv.weight", {8, 8, 3, 3}},
                                                   {"block_3.conv.weight", {8, 8, 3, 3}},
                                                   {"dense.weight", {10, 128}}};
  std::vector<Array> arrays;
  for (const auto& [path, shape] : weights) {
    Random random(arrays.size() + 1);
    const std::int64_t count = element_count(shape);
    const double limit = std::sqrt(1.5 * static_cast<double>(shape[0]) / static_cast<double>(count));
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.uniform(-limit, limit)));
    arrays.push_back(floats(path, shape, values));
  }
  const Status written = write_safetensors(example.folder().file("start.safetensors"), arrays);
  REQUIRE_MESSAGE(written, written.error());
}

double relative_difference(double found, double expected) { return std::abs(found / expected - 1); }

void check_close(const std::vector<float>& found, const std::array<double, kChannels>& expected, double tolerance) {
  REQUIRE(found.size() == kChannels);
  for (std::size_t c = 0; c < kChannels; ++c) {
    CAPTURE(c);
    CHECK(relative_difference(static_cast<double>(found[c]), expected[c]) < tolerance);
  }
}

// The running variance is the population's: the batch's, of m = 256·4·4 values a channel, times m / (m - 1). The
// tolerance is a tenth of what that factor adds.
void check_statistics(const Example& example) {
  for (const Statistics& torch : kTorchStatistics) {
    CAPTURE(torch.block);
    check_close(example.weights(torch.block + ".batch_norm.running_mean"), torch.mean, 1e-4);
    check_close(example.weights(torch.block + ".batch_norm.running_var"), torch.variance, 2e-5);
  }
}

// One block in inference as it is written: convolution of 3×3 with `same` padding, normalisation, silu.
Numbers block(const Example& example, const std::string& name, const Numbers& x, std::size_t stride) {
  const auto numbers = [&](const std::string& path) {
    const std::vector<float> values = example.weights(name + "." + path);
    return Numbers(values.begin(), values.end());
  };
  const Numbers weight = numbers("conv.weight"), mean = numbers("batch_norm.running_mean");
  const Numbers variance = numbers("batch_norm.running_var"), scale = numbers("batch_norm.scale");
  const Numbers shift = numbers("batch_norm.shift");
  const std::size_t size = stride * kSize, inputs = weight.size() / (9 * kChannels);
  // What is odd of the padding lies at the end: with stride 2 there is one place, with stride 1 one at each side.
  const std::size_t before = stride == 1 ? 1 : 0;
  Numbers y;
  for (std::size_t image = 0; image < kExamples; ++image) {
    for (std::size_t at = 0; at < kChannels * kPlaces; ++at) {
      const std::size_t channel = at / kPlaces, row = at % kPlaces / kSize, column = at % kSize;
      double sum = 0;
      for (std::size_t k = 0; k < 9 * inputs; ++k) {
        // Before the first place these are huge, so outside, too.
        const std::size_t from_row = row * stride + k % 9 / 3 - before, from_column = column * stride + k % 3 - before;
        if (std::max(from_row, from_column) >= size) continue;
        sum += weight[channel * 9 * inputs + k] * x[((image * inputs + k / 9) * size + from_row) * size + from_column];
      }
      const double normal =
          (sum - mean[channel]) / std::sqrt(variance[channel] + 1e-5) * scale[channel] + shift[channel];
      y.push_back(normal / (1 + std::exp(-normal)));
    }
  }
  return y;
}

// `run` computes with folded weights: the scores are those of the blocks as they are written.
void check_folded_scores(const Example& example, const std::vector<float>& images) {
  Numbers x;
  for (const float grey : images) x.push_back((static_cast<double>(grey) - 4.9) / 6);
  x = block(example, "block", x, 2);
  x = block(example, "block_2", x, 1);
  x = block(example, "block_3", x, 1);
  const std::vector<float> weight = example.weights("dense.weight"), bias = example.weights("dense.bias");
  const std::vector<float> scores = example.run("--set norm=batch --input test.npz", "scores");
  REQUIRE(scores.size() == 10 * kExamples);
  double largest = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    double score = static_cast<double>(bias[i % 10]);
    for (std::size_t k = 0; k < kChannels * kPlaces; ++k) {
      score += static_cast<double>(weight[i % 10 * kChannels * kPlaces + k]) * x[i / 10 * kChannels * kPlaces + k];
    }
    largest = std::max(largest, std::abs(score - static_cast<double>(scores[i])));
  }
  CHECK(largest < 2e-5);
}

// The lines of what the model compiles to that speak of a normalisation: of code, and of comments.
struct Mentions {
  int code = 0;
  int folded = 0;
};
Mentions mentions_in_code(const Example& example, const std::string& options) {
  const Outcome outcome = example.folder().nnc("'" + example.program() +
                                               "' --set norm=batch --weights weights.safetensors --runtime include " +
                                               options + " -o digits.cpp");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  Mentions mentions;
  std::istringstream code(example.folder().read("digits.cpp"));
  for (std::string line; std::getline(code, line);) {
    if (line.find("norm") == std::string::npos) continue;
    const bool is_comment = line.rfind("//", 0) == 0;
    if (!is_comment) ++mentions.code;
    if (is_comment && line.find("batch_norm folded in") != std::string::npos) ++mentions.folded;
  }
  return mentions;
}

TEST_CASE("networks train as PyTorch's with each normalisation, and batch_norm folds") {
  const Example example("normalisation");
  const Digits digits = read_digits();
  const std::vector<Array> test = digits_from(digits, digits.size() - kExamples);
  example.save("train.npz", digits_from(digits, 0));
  example.save("test.npz", test);
  write_start(example);
  std::vector<Curve> curves;
  for (const Course& torch : kTorch) {
    CAPTURE(torch.norm);
    const std::vector<Epoch> steps = example.train(
        "--set norm=" + torch.norm +
        " --data train.npz --test test.npz --weights start.safetensors --partial --batch 256 --epochs 40");
    REQUIRE(steps.size() == 40);
    for (std::size_t i = 0; i < torch.losses.size(); ++i) {
      CAPTURE(kSteps[i]);
      const double loss = steps[static_cast<std::size_t>(kSteps[i]) - 1].at("loss");
      CHECK(relative_difference(loss, torch.losses[i]) < 1e-4);
    }
    CHECK(std::abs(steps.back().at("accuracy") * kExamples - torch.right) < 1.5);
    Curve& curve = curves.emplace_back();
    curve.name = torch.norm;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(steps[i].at("loss"));
    }
    if (torch.norm != "batch") continue;
    check_statistics(example);
    check_folded_scores(example, {digits.images.end() - 64 * kExamples, digits.images.end()});
    const Mentions folded = mentions_in_code(example, "");
    CHECK(folded.code == 0);
    CHECK(folded.folded == 3);
    const Mentions unfolded = mentions_in_code(example, "--skip fold_affine");
    CHECK(unfolded.code > 0);
    CHECK(unfolded.folded == 0);
  }
  example.picture("losses.svg", line_chart(curves, {"step", "loss", true}));
}

}  // namespace
}  // namespace nnc
