// Does pre-training help where labels are few? The same network, from machines and from chance, on several draws of
// fifty labels.
#include "tests/examples/example.h"

namespace nnc {
namespace {

constexpr std::size_t kPixels = 64;
constexpr std::size_t kTraining = 1437;
constexpr int kDraws = 3;

// scikit-learn 1.9.1, the network from chance with the same labels, rate, batch and epochs; the mean of the draws:
//   MLPClassifier((100, 80, 60), activation="logistic", learning_rate_init=3e-3, batch_size=50, max_iter=100, alpha=0,
//                 tol=0, n_iter_no_change=1000, random_state=draw)
constexpr double kFromChance = 0.6009;

// Five examples of each digit, drawn from the first 1,437.
std::vector<std::size_t> draw(const Digits& digits, std::uint64_t seed) {
  Random random(seed);
  std::vector<int> wanted(10, 5);
  std::vector<bool> is_taken(kTraining);
  std::vector<std::size_t> drawn;
  while (drawn.size() < 50) {
    const std::size_t i = static_cast<std::size_t>(random.below(static_cast<int>(kTraining)));
    int& left = wanted[static_cast<std::size_t>(digits.labels[i])];
    if (is_taken[i] || left == 0) continue;
    is_taken[i] = true;
    --left;
    drawn.push_back(i);
  }
  return drawn;
}

void save(const Example& example, const std::string& file, const Digits& digits,
          const std::vector<std::size_t>& which) {
  std::vector<float> x;
  std::vector<std::int32_t> label;
  for (const std::size_t i : which) {
    for (std::size_t k = 0; k < kPixels; ++k) x.push_back(digits.images[i * kPixels + k] / 16);
    label.push_back(digits.labels[i]);
  }
  example.save(file, {floats("x", {static_cast<std::int64_t>(which.size()), kPixels}, x), labels("label", label)});
}

TEST_CASE("with five labels a digit, a network tuned from machines is better than the same from chance") {
  const Example example("deep_belief");
  const Digits digits = read_digits();
  std::vector<std::size_t> training, held_out;
  for (std::size_t i = 0; i < digits.size(); ++i) (i < kTraining ? training : held_out).push_back(i);
  save(example, "all.npz", digits, training);
  save(example, "test.npz", digits, held_out);
  example.train("--model Belief --data all.npz --seed 0");
  REQUIRE(example.folder().run("mv weights.safetensors machines.safetensors").status == 0);

  double from_machines = 0;
  double from_chance = 0;
  for (int seed = 1; seed <= kDraws; ++seed) {
    save(example, "few.npz", digits, draw(digits, static_cast<std::uint64_t>(seed)));
    const std::string arguments = "--model Classifier --data few.npz --test test.npz --seed " + std::to_string(seed);
    const double tuned = example.train(arguments + " --weights machines.safetensors --partial").back().at("accuracy");
    const double anew = example.train(arguments).back().at("accuracy");
    CHECK(tuned > anew);
    from_machines += tuned / kDraws;
    from_chance += anew / kDraws;
  }
  CHECK(from_chance == doctest::Approx(kFromChance).epsilon(0.06));
  CHECK(from_machines > from_chance + 0.1);
}

}  // namespace
}  // namespace nnc
