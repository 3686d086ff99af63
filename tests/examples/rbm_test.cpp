// Contrastive divergence: its update against the textbook's formula, and what it learns against scikit-learn.
#include <cmath>

#include "compiler/interop/safetensors.h"
#include "tests/examples/example.h"
#include "tests/examples/svg.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;

constexpr std::size_t kVisible = 64;
constexpr std::size_t kHidden = 32;
constexpr double kRate = 0.05;
constexpr int kSteps = 3;

// scikit-learn 1.9.1 on the same 1,437 digits, with as many units, the same batch and epochs, and the rate that
// momentum makes of ours; its machine learns by persistent chains of one step:
//   m = BernoulliRBM(n_components=32, learning_rate=0.1, batch_size=32, n_iter=30, random_state=0).fit(V[:1437])
// The mean over V[1437:] of the pseudo-likelihood (below, of all 64 pixels) and of the squared error of reconstruction.
constexpr double kPseudoLikelihood = -17.369;
constexpr double kReconstruction = 0.06219;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

struct Machine {
  std::vector<float> W, b, d;

  explicit Machine(const Example& example)
      : W(example.weights("W")), b(example.weights("b")), d(example.weights("d")) {}

  Numbers inputs_up(const Numbers& v) const {
    Numbers h(d.begin(), d.end());
    for (std::size_t j = 0; j < kHidden; ++j) {
      for (std::size_t i = 0; i < kVisible; ++i) h[j] += static_cast<double>(W[j * kVisible + i]) * v[i];
    }
    return h;
  }
  Numbers up(const Numbers& v) const {
    Numbers h = inputs_up(v);
    for (double& x : h) x = sigmoid(x);
    return h;
  }
  Numbers down(const Numbers& h) const {
    Numbers v(b.begin(), b.end());
    for (std::size_t j = 0; j < kHidden; ++j) {
      for (std::size_t i = 0; i < kVisible; ++i) v[i] += static_cast<double>(W[j * kVisible + i]) * h[j];
    }
    for (double& x : v) x = sigmoid(x);
    return v;
  }
  // The free energy.
  double energy(const Numbers& v) const {
    double sum = 0;
    for (std::size_t i = 0; i < kVisible; ++i) sum -= static_cast<double>(b[i]) * v[i];
    for (const double x : inputs_up(v)) sum -= softplus(x);
    return sum;
  }
  // The sum over the pixels of log P(pixel | all others) (Besag, 1975).
  double pseudo_likelihood(Numbers v) const {
    const double here = energy(v);
    double sum = 0;
    for (double& pixel : v) {
      pixel = 1 - pixel;
      sum -= softplus(here - energy(v));
      pixel = 1 - pixel;
    }
    return sum;
  }
  // The end of a chain from v, each unit drawn by `draw` from its probability.
  template <class Draw>
  Numbers chain(Numbers v, const Draw& draw) const {
    for (int step = 0; step < kSteps; ++step) {
      Numbers h = up(v);
      for (double& unit : h) unit = draw(unit);
      v = down(h);
      for (double& unit : v) unit = draw(unit);
    }
    return v;
  }
};

// Hinton, 2002: rate · (⟨h v⟩ of the data − ⟨h v⟩ at the chains' ends), and the same for both biases; h stands for the
// hidden units' probabilities.
struct Update {
  Numbers W = Numbers(kHidden * kVisible), b = Numbers(kVisible), d = Numbers(kHidden);

  void add(const Machine& machine, const Numbers& v, double factor) {
    const Numbers h = machine.up(v);
    for (std::size_t j = 0; j < kHidden; ++j) {
      for (std::size_t i = 0; i < kVisible; ++i) W[j * kVisible + i] += factor * h[j] * v[i];
      d[j] += factor * h[j];
    }
    for (std::size_t i = 0; i < kVisible; ++i) b[i] += factor * v[i];
  }
};

// The largest difference between the change of values and an update of them.
double largest_error(const std::vector<float>& after, const std::vector<float>& before, const Numbers& update) {
  double error = 0;
  for (std::size_t i = 0; i < update.size(); ++i) {
    const double change = static_cast<double>(after[i]) - static_cast<double>(before[i]);
    error = std::max(error, std::abs(change - update[i]));
  }
  return error;
}

// One step of training on a batch of images, from the weights that the example has.
Machine step(const Example& example, const std::vector<Numbers>& batch) {
  std::vector<float> values;
  for (const Numbers& image : batch) values.insert(values.end(), image.begin(), image.end());
  const std::int64_t count = static_cast<std::int64_t>(batch.size());
  example.save("batch.npz", {floats("v", {count, 64}, values)});
  REQUIRE(example.folder().run("mv weights.safetensors start.safetensors").status == 0);
  example.train("--data batch.npz --epochs 1 --weights start.safetensors --batch " + std::to_string(count));
  return Machine(example);
}

// The digits, black and white.
std::vector<Numbers> images() {
  const Digits digits = read_digits();
  std::vector<Numbers> result(digits.size(), Numbers(kVisible));
  for (std::size_t i = 0; i < digits.images.size(); ++i) {
    result[i / kVisible][i % kVisible] = digits.images[i] >= 8 ? 1 : 0;
  }
  return result;
}

std::vector<float> tile(const Numbers& pixels) { return {pixels.begin(), pixels.end()}; }

TEST_CASE("a machine that is certain of its units: the update is the textbook's, over a batch") {
  // Every unit's input is 20 at least or -20 at most, so nothing is left to chance.
  const Example example("rbm");
  Random random(1);
  const auto signs = [&](std::size_t count, float size) {
    std::vector<float> values(count);
    for (float& value : values) value = random.below(2) == 0 ? size : -size;
    return values;
  };
  REQUIRE(write_safetensors(example.folder().file("weights.safetensors"),
                            {floats("W", {32, 64}, signs(kHidden * kVisible, 40)),
                             floats("b", {64}, signs(kVisible, 20)), floats("d", {32}, signs(kHidden, 20))}));
  const Machine before(example);
  std::vector<Numbers> batch(32, Numbers(kVisible));
  Update update;
  for (Numbers& image : batch) {
    for (double& pixel : image) pixel = random.below(2);
    update.add(before, image, kRate / 32);
    update.add(before, before.chain(image, [](double p) { return std::round(p); }), -kRate / 32);
  }
  const Machine after = step(example, batch);
  // Half a unit of the last place of numbers about 40, and 20.
  CHECK(largest_error(after.W, before.W, update.W) < 4e-6);
  CHECK(largest_error(after.b, before.b, update.b) < 2e-6);
  CHECK(largest_error(after.d, before.d, update.d) < 2e-6);
}

TEST_CASE("a machine of digits: learned as well as by scikit-learn; chains that follow its distribution") {
  const Example example("rbm");
  const std::vector<Numbers> digits = images();
  std::vector<float> first;
  for (std::size_t i = 0; i < 1437; ++i) first.insert(first.end(), digits[i].begin(), digits[i].end());
  example.save("train.npz", {floats("v", {1437, 64}, first)});
  example.train("--data train.npz --epochs 30");
  const Machine trained(example);
  double likelihood = 0;
  double reconstruction = 0;
  for (std::size_t i = 1437; i < digits.size(); ++i) {
    likelihood += trained.pseudo_likelihood(digits[i]) / 360;
    const Numbers again = trained.down(trained.up(digits[i]));
    for (std::size_t k = 0; k < kVisible; ++k) reconstruction += std::pow(again[k] - digits[i][k], 2) / (360 * 64);
  }
  CHECK(likelihood == doctest::Approx(-16.37).epsilon(0.01));
  CHECK(likelihood > kPseudoLikelihood);
  CHECK(reconstruction < kReconstruction);

  // One example: the visible biases move by rate · (v − v'), which tells where the chain ended.
  const Numbers& image = digits[1437];
  const Machine once = step(example, {image});
  Numbers end(kVisible);
  int changed = 0;
  for (std::size_t i = 0; i < kVisible; ++i) {
    const double moved = (static_cast<double>(once.b[i]) - static_cast<double>(trained.b[i])) / kRate;
    end[i] = std::round(image[i] - moved);
    CHECK(std::abs(image[i] - moved - end[i]) < 1e-4);
    CHECK((end[i] == 0 || end[i] == 1));
    changed += end[i] == image[i] ? 0 : 1;
  }
  CHECK(changed > 0);
  Update exact;
  exact.add(trained, image, kRate);
  exact.add(trained, end, -kRate);
  CHECK(largest_error(once.W, trained.W, exact.W) < 1e-6);
  CHECK(largest_error(once.d, trained.d, exact.d) < 1e-6);

  // Many chains from one image, against as many that the test draws: per pixel, a difference in standard deviations.
  constexpr int kChains = 4096;
  const Machine many = step(example, std::vector<Numbers>(kChains, image));
  Random random(2);
  Numbers mean(kVisible);
  for (int c = 0; c < kChains; ++c) {
    const Numbers drawn = once.chain(image, [&](double p) { return random.uniform(0, 1) < p ? 1.0 : 0.0; });
    for (std::size_t i = 0; i < kVisible; ++i) mean[i] += drawn[i] / kChains;
  }
  double squares = 0;
  for (std::size_t i = 0; i < kVisible; ++i) {
    const double theirs = image[i] - (static_cast<double>(many.b[i]) - static_cast<double>(once.b[i])) / kRate;
    const double deviation = (theirs - mean[i]) / std::sqrt((mean[i] * (1 - mean[i]) + 1e-4) * 2 / kChains);
    CHECK(std::abs(deviation) < 4.5);
    squares += deviation * deviation / kVisible;
  }
  CHECK(squares < 1.7);

  std::vector<TileRow> rows = {
      {"digits", {}}, {"what the machine makes of them", {}}, {"weights of its units", {}}, {}};
  for (std::size_t i = 0; i < 16; ++i) {
    rows[0].tiles.push_back(tile(digits[1437 + i]));
    rows[1].tiles.push_back(tile(trained.down(trained.up(digits[1437 + i]))));
  }
  for (std::size_t j = 0; j < kHidden; ++j) {
    std::vector<float> filter(kVisible);
    for (std::size_t i = 0; i < kVisible; ++i) filter[i] = 0.5F + 0.2F * trained.W[j * kVisible + i];
    rows[j < 16 ? 2 : 3].tiles.push_back(filter);
  }
  example.picture("machine.svg", tiles_svg(rows, 8));
}

}  // namespace
}  // namespace nnc
