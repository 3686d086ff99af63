// Logistic regression, against the optimum that another program finds.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// scikit-learn 1.9.1, on the same 1,797 digits: the objective (mean cross-entropy plus 0.5e-3 times the squared
// weights) and the accuracy at the optimum:
//   m = LogisticRegression(C=1/(1e-3*len(y)), tol=1e-10, max_iter=100000).fit(X/16, y % 2)
constexpr double kOptimum = 0.225234494;
constexpr double kAccuracy = 0.923761825;

TEST_CASE("logistic regression finds scikit-learn's optimum") {
  const Example example("logistic_regression");
  const std::string digits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:image=0:64,label=64";
  const std::vector<Epoch> epochs =
      example.train("--data " + digits + " --test " + digits + " --batch 1797 --epochs 500");
  CHECK(epochs.back().at("loss") > kOptimum * (1 - 1e-5));
  CHECK(epochs.back().at("loss") < kOptimum * 1.001);
  CHECK(epochs.back().at("accuracy") == doctest::Approx(kAccuracy).epsilon(0.002));
}

}  // namespace
}  // namespace nnc
