// Linear support vector machines of two and of ten classes, against the optima that other programs find.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// The objectives are the mean hinge plus 0.5e-3 times the squared weights, on the same 1,797 digits.
//
// Two classes: scikit-learn 1.9.1,
//   m = SVC(kernel="linear", C=1/(1e-3*len(y)), tol=1e-8).fit(X/16, y % 2)
constexpr double kOddOptimum = 0.199399967;
constexpr double kOddAccuracy = 0.926544240;
// Ten classes (Weston and Watkins): SciPy 1.17.1, minimize(method="L-BFGS-B") of the hinge rounded off to
// mu * log(1 + exp(z / mu)), mu falling from 1 to 3e-5, each start the last end.
constexpr double kOptimum = 0.10424;
constexpr double kAccuracy = 0.994435;

TEST_CASE("linear support vector machines find the optimum") {
  const Example example("linear_svm");
  const std::string digits = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:image=0:64,label=64";
  const std::string arguments = "--data " + digits + " --test " + digits + " --batch 1797 --epochs 1000";
  const Epoch odd = example.train(arguments, "odd.nn").back();
  CHECK(odd.at("loss") > kOddOptimum * (1 - 1e-5));
  CHECK(odd.at("loss") < kOddOptimum * 1.01);
  CHECK(odd.at("accuracy") == doctest::Approx(kOddAccuracy).epsilon(0.003));
  const Epoch ten = example.train(arguments).back();
  CHECK(ten.at("loss") > kOptimum * (1 - 1e-3));
  CHECK(ten.at("loss") < kOptimum * 1.01);
  CHECK(ten.at("accuracy") == doctest::Approx(kAccuracy).epsilon(0.003));
}

}  // namespace
}  // namespace nnc
