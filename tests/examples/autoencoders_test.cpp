// Autoencoders against what is known of them: principal components, the best linear restoration, PyTorch.
#include <algorithm>
#include <cmath>

#include "tests/examples/example.h"
#include "tests/examples/svg.h"

namespace nnc {
namespace {

constexpr std::size_t kPixels = 64;
constexpr std::size_t kTraining = 1437;
constexpr std::size_t kHeldOut = 360;

// NumPy 2, the mean squared error of the eight principal components of the first 1,437 digits (X in 0 … 1), of those
// digits and of the other 360:
//   m = X[:1437].mean(0); V = np.linalg.svd(X[:1437] - m)[2][:8]; ((X - m - (X - m) @ V.T @ V)**2).mean()
constexpr double kComponents = 0.0238089;
constexpr double kComponentsHeldOut = 0.0248909;
// And of the best linear restoration of a digit, each pixel kept with probability q = 0.7; its covariances follow from
// those of the digits, as holes are independent of them:
//   C = cov(X); R = X.T @ X / n; A = q*C @ inv(q*q*C + (q - q*q)*diag(R)); restored = m + A @ (noisy - q*m)
constexpr double kLinearRestoration = 0.0284072;
// PyTorch 2, CPU: the same networks, losses, rates and epochs, the mean of seeds 0 and 1, on the other 360 digits.
constexpr double kPlain = 0.01566;
constexpr double kSparse = 0.00433;
constexpr double kSparseActivity = 0.0769;
constexpr double kDenoising = 0.01838;
// scikit-learn 1.9.1, the part of the other 360 that the stacked network classifies rightly, from chance, the mean of
// seeds 0 to 2 after 90 epochs (as many as the three stages have; 0.891 after 30):
//   MLPClassifier((48, 32), activation="logistic", learning_rate_init=3e-3, batch_size=32, max_iter=90, alpha=0, tol=0,
//                 n_iter_no_change=1000)
constexpr double kStacked = 0.904;

// The digits between 0 and 1: what to train on (all of the first 1,437), and the rest.
struct Data {
  std::vector<float> training, held_out;
  std::vector<std::int32_t> training_labels, held_out_labels;

  Data() {
    const Digits digits = read_digits();
    for (std::size_t i = 0; i < digits.images.size(); ++i) {
      (i < kTraining * kPixels ? training : held_out).push_back(digits.images[i] / 16);
    }
    const std::vector<std::int32_t>::const_iterator split = digits.labels.begin() + kTraining;
    training_labels.assign(digits.labels.begin(), split);
    held_out_labels.assign(split, digits.labels.end());
  }

  void save(const Example& example) const {
    example.save("train.npz", {floats("x", {kTraining, kPixels}, training), labels("label", training_labels)});
    example.save("test.npz", {floats("x", {kHeldOut, kPixels}, held_out), labels("label", held_out_labels)});
  }
};

double mean_squared_error(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return sum / static_cast<double>(a.size());
}

// Trains one of the models, and gives what it makes of the held-out digits or of others.
std::vector<float> restored(const Example& example, const std::string& model) {
  example.train("--model " + model + " --data train.npz --test test.npz");
  return example.run("--model " + model + " --input test.npz", "y");
}

TileRow row(const std::string& caption, const std::vector<float>& images) {
  TileRow result{caption, {}};
  for (std::size_t i = 0; i < 12; ++i) {
    const std::vector<float>::const_iterator image = images.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
    result.tiles.emplace_back(image, image + kPixels);
  }
  return result;
}

TEST_CASE("a linear autoencoder is as good as principal components; others are better than those") {
  const Example example("autoencoders");
  const Data data;
  data.save(example);
  const std::vector<Epoch> epochs = example.train("--model Linear --data train.npz --test train.npz");
  CHECK(epochs.back().at("error") > kComponents);
  CHECK(epochs.back().at("error") < kComponents * 1.01);
  const std::vector<float> linear = example.run("--model Linear --input test.npz", "y");
  CHECK(mean_squared_error(linear, data.held_out) == doctest::Approx(kComponentsHeldOut).epsilon(0.01));

  const std::vector<float> plain = restored(example, "Plain");
  CHECK(mean_squared_error(plain, data.held_out) < kPlain * 1.05);
  CHECK(mean_squared_error(plain, data.held_out) < 0.7 * kComponentsHeldOut);

  const std::vector<float> sparse = restored(example, "Sparse");
  CHECK(mean_squared_error(sparse, data.held_out) == doctest::Approx(kSparse).epsilon(0.05));
  const std::vector<float> code = example.run("--model Sparse --input test.npz", "code");
  double active = 0;
  for (const float unit : code) active += static_cast<double>(unit) / static_cast<double>(code.size());
  CHECK(active == doctest::Approx(kSparseActivity).epsilon(0.05));

  // Restoring, with holes that the test draws.
  example.train("--model Denoising --data train.npz --test test.npz");
  Random random(1);
  std::vector<float> noisy = data.held_out;
  for (float& pixel : noisy) pixel *= random.uniform(0, 1) < 0.7 ? 1.0F : 0.0F;
  example.save("noisy.npz", {floats("x", {kHeldOut, kPixels}, noisy)});
  const std::vector<float> denoised = example.run("--model Denoising --input noisy.npz", "y");
  CHECK(mean_squared_error(denoised, data.held_out) < kDenoising * 1.05);
  CHECK(mean_squared_error(denoised, data.held_out) < 0.7 * kLinearRestoration);

  example.picture(
      "reconstructions.svg",
      tiles_svg({row("digits that no network has seen", data.held_out), row("through 8 linear units", linear),
                 row("through 8 numbers, not linear", plain), row("through 100 sparse units", sparse),
                 row("three pixels in ten taken out", noisy), row("restored", denoised)},
                8));
}

TEST_CASE("stacked layers, trained one by one and then together") {
  const Example example("autoencoders");
  const Data data;
  data.save(example);
  const std::vector<Epoch> epochs = example.train("--model Stacked --data train.npz --test test.npz");
  REQUIRE(epochs.size() == 90);
  CHECK(epochs[29].at("loss") < 0.5 * epochs[0].at("loss"));
  CHECK(epochs[59].at("loss") < 0.5 * epochs[30].at("loss"));
  CHECK(epochs[89].at("accuracy") >= kStacked - 0.02);
}

}  // namespace
}  // namespace nnc
