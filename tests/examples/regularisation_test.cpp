// Regularised linear functions, each against the closed form of its optimum or the conditions that define it.
#include <algorithm>
#include <cmath>

#include "tests/examples/example.h"

namespace nnc {
namespace {

constexpr int kInputs = 8;
constexpr int kExamples = 48;
using Numbers = std::vector<double>;

// Examples of a linear function of which three inputs matter, with noise.
struct Problem {
  std::vector<float> x;
  std::vector<float> target;

  Problem(std::uint64_t seed, int examples) {
    Random random(seed);
    const double truth[kInputs] = {1.5, -1, 0.5, 0, 0, 0, 0, 0};
    for (int i = 0; i < examples; ++i) {
      double y = 0.3 + random.normal();
      for (const double weight : truth) {
        x.push_back(static_cast<float>(random.normal()));
        y += weight * static_cast<double>(x.back());
      }
      target.push_back(static_cast<float>(y));
    }
  }
  double at(std::size_t example, std::size_t input) const {
    return input == kInputs ? 1 : static_cast<double>(x[example * kInputs + input]);
  }
  void save(const Example& example, const std::string& file) const {
    const std::int64_t count = static_cast<std::int64_t>(target.size());
    example.save(file, {floats("x", {count, kInputs}, x), floats("target", {count}, target)});
  }
};

// The matrix and the right side of the normal equations, the bias last: means over the examples.
struct Normal {
  std::vector<Numbers> matrix{kInputs + 1, Numbers(kInputs + 1)};
  Numbers right = Numbers(kInputs + 1);

  explicit Normal(const Problem& problem) {
    const std::size_t count = problem.target.size();
    for (std::size_t e = 0; e < count; ++e) {
      for (std::size_t i = 0; i <= kInputs; ++i) {
        right[i] += problem.at(e, i) * static_cast<double>(problem.target[e]) / static_cast<double>(count);
        for (std::size_t k = 0; k <= kInputs; ++k) {
          matrix[i][k] += problem.at(e, i) * problem.at(e, k) / static_cast<double>(count);
        }
      }
    }
  }

  // Half the gradient of the mean squared error.
  Numbers slope(const Numbers& w) const {
    Numbers slope(kInputs + 1);
    for (std::size_t i = 0; i <= kInputs; ++i) {
      slope[i] = -right[i];
      for (std::size_t k = 0; k <= kInputs; ++k) slope[i] += matrix[i][k] * w[k];
    }
    return slope;
  }

  // The optimum with a penalty on the square of each weight, by Gaussian elimination (the matrix is positive definite).
  Numbers solve(const Numbers& penalties) const {
    std::vector<Numbers> a = matrix;
    Numbers b = right;
    for (std::size_t i = 0; i < kInputs; ++i) a[i][i] += penalties[i];
    for (std::size_t i = 0; i <= kInputs; ++i) {
      for (std::size_t row = i + 1; row <= kInputs; ++row) {
        const double factor = a[row][i] / a[i][i];
        for (std::size_t k = i; k <= kInputs; ++k) a[row][k] -= factor * a[i][k];
        b[row] -= factor * b[i];
      }
    }
    for (std::size_t i = kInputs + 1; i-- > 0;) {
      for (std::size_t k = i + 1; k <= kInputs; ++k) b[i] -= a[i][k] * b[k];
      b[i] /= a[i][i];
    }
    return b;
  }
};

// The weights and, last, the bias that a stage finds.
Numbers found_by(const Example& example, const std::string& stage, int epochs) {
  example.train("--data train.npz --batch " + std::to_string(kExamples) + " --stage " + stage + " --epochs " +
                std::to_string(epochs));
  const std::vector<float> weights = example.weights("top.weight");
  Numbers result(weights.begin(), weights.end());
  result.push_back(static_cast<double>(example.weights("top.bias")[0]));
  return result;
}

void check_near(const Numbers& found, const Numbers& expected, double tolerance) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(found[i] - expected[i]) < tolerance);
  }
}

TEST_CASE("penalties on the weights end at their optima") {
  const Example example("regularisation");
  const Problem problem(1, kExamples);
  problem.save(example, "train.npz");
  const Normal normal(problem);
  check_near(found_by(example, "ridge", 300), normal.solve(Numbers(kInputs, 0.1)), 1e-4);

  // Where a weight is not 0 its slope is that of the penalty; where it is 0 its slope is smaller (the conditions of
  // Karush, Kuhn and Tucker: they hold at the optimum alone).
  const Numbers lasso = found_by(example, "lasso", 1000);
  Numbers slope = normal.slope(lasso);
  int zeros = 0;
  for (std::size_t i = 0; i < kInputs; ++i) {
    CAPTURE(i);
    if (std::abs(lasso[i]) < 2e-3) {
      ++zeros;
      CHECK(std::abs(2 * slope[i]) < 0.5);
    } else {
      CHECK(2 * slope[i] == doctest::Approx(lasso[i] > 0 ? -0.5 : 0.5).epsilon(0.01));
    }
  }
  CHECK(zeros >= 3);
  CHECK(std::abs(slope[kInputs]) < 1e-3);

  const Numbers cubic = found_by(example, "cubic", 300);
  slope = normal.slope(cubic);
  for (std::size_t i = 0; i < kInputs; ++i) CHECK(std::abs(2 * slope[i] + 0.3 * cubic[i] * std::abs(cubic[i])) < 1e-4);
  CHECK(std::abs(slope[kInputs]) < 1e-4);
}

TEST_CASE("noise in the inputs is a penalty") {
  const Example example("regularisation");
  const Problem problem(1, kExamples);
  problem.save(example, "train.npz");
  const Normal normal(problem);
  // The mean over the noise adds std^2 |w|^2 to the squared error (Bishop, 1995); dropout with probability p adds
  // p / (1 - p) times the mean of x_i^2 for each weight (Srivastava et al., 2014, section 9.1).
  check_near(found_by(example, "noisy", 4000), normal.solve(Numbers(kInputs, 0.25)), 0.02);
  Numbers penalties;
  for (std::size_t i = 0; i < kInputs; ++i) penalties.push_back(0.2 / 0.8 * normal.matrix[i][i]);
  check_near(found_by(example, "dropped", 4000), normal.solve(penalties), 0.02);
}

TEST_CASE("a limit to the weights is kept and used up") {
  const Example example("regularisation");
  const Problem problem(1, kExamples);
  problem.save(example, "train.npz");
  const Normal normal(problem);
  const auto length = [](const Numbers& w) {
    double sum = 0;
    for (std::size_t i = 0; i < kInputs; ++i) sum += w[i] * w[i];
    return std::sqrt(sum);
  };
  // The optimum on the sphere is that of the penalty under which the weights have this length.
  double low = 0, high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (length(normal.solve(Numbers(kInputs, middle))) > 1 ? low : high) = middle;
  }
  REQUIRE(low > 0.01);
  const Numbers found = found_by(example, "bounded", 300);
  check_near(found, normal.solve(Numbers(kInputs, low)), 1e-4);
  CHECK(length(found) == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("training stops early, with the weights of the best epoch") {
  const Example example("regularisation");
  // Twelve examples, nine unknowns: what is left to learn after a while is their noise.
  const Problem problem(5, 12), others(6, 400);
  problem.save(example, "train.npz");
  others.save(example, "test.npz");
  // The path of gradient descent in double precision, and where on it the others are predicted best.
  const Normal normal(problem);
  Numbers w(kInputs + 1), best;
  double best_error = 1e9;
  int best_epoch = 0;
  for (int epoch = 1; epoch <= 2000; ++epoch) {
    const Numbers slope = normal.slope(w);
    for (std::size_t i = 0; i <= kInputs; ++i) w[i] -= 0.02 * 2 * slope[i];
    double error = 0;
    for (std::size_t e = 0; e < others.target.size(); ++e) {
      double difference = -static_cast<double>(others.target[e]);
      for (std::size_t i = 0; i <= kInputs; ++i) difference += w[i] * others.at(e, i);
      error += difference * difference / static_cast<double>(others.target.size());
    }
    if (error < best_error) best_error = error, best = w, best_epoch = epoch;
  }
  REQUIRE(best_epoch > 20);
  REQUIRE(best_epoch < 1900);
  const std::vector<Epoch> epochs = example.train(
      "--data train.npz --test test.npz --batch 12 --stage stopped --epochs 2000 --minimum error --patience 10");
  CHECK(epochs.size() == static_cast<std::size_t>(best_epoch + 10));
  CHECK(epochs[static_cast<std::size_t>(best_epoch - 1)].at("error") == doctest::Approx(best_error).epsilon(1e-4));
  const std::vector<float> weights = example.weights("top.weight");
  for (std::size_t i = 0; i < kInputs; ++i)
    CHECK(static_cast<double>(weights[i]) == doctest::Approx(best[i]).epsilon(1e-3));
}

}  // namespace
}  // namespace nnc
