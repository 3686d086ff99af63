// The convex classifier, against the optimum that another program finds.
#include <algorithm>

#include "tests/examples/example.h"

namespace nnc {
namespace {

// scikit-learn 1.9.1, on the same 1,797 digits: the objective (mean cross-entropy plus 0.5e-3 times the squared
// weights) and the accuracy at the optimum:
//   m = LogisticRegression(C=1/(1e-3*len(y)), tol=1e-10, max_iter=100000).fit(X/16, y)
constexpr double kOptimum = 0.26186455;
constexpr double kAccuracy = 0.97885364;

TEST_CASE("softmax regression finds scikit-learn's optimum") {
  const Example example("softmax_regression");
  const std::string digits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz";
  const std::vector<Epoch> epochs =
      example.train("--data " + digits + ":image=0:64,label=64 --batch 1797 --epochs 500");
  CHECK(epochs.back().at("loss") > kOptimum * (1 - 1e-5));
  CHECK(epochs.back().at("loss") < kOptimum * 1.001);

  const Digits data = read_digits();
  example.save("digits.npz", {floats("image", {1797, 64}, data.images)});
  const std::vector<float> scores = example.run("--input digits.npz", "scores");
  int right = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::vector<float>::const_iterator row = scores.begin() + static_cast<std::ptrdiff_t>(10 * i);
    right += std::max_element(row, row + 10) - row == data.labels[i] ? 1 : 0;
  }
  CHECK(right / 1797.0 == doctest::Approx(kAccuracy).epsilon(0.002));
}

}  // namespace
}  // namespace nnc
