// Universal approximation: a function of one number, ever better fitted by more units.
#include <cmath>

#include "tests/examples/example.h"
#include "tests/examples/line_chart.h"

namespace nnc {
namespace {

// The root of the mean squared error after 3,000 steps, over five starts. PyTorch 2.15, the same network and start:
//   Adam(lr=0.02), CosineAnnealingLR(3000), all 128 points in each step
struct Fit {
  int units;
  double error_min;
  double error_max;
};
constexpr Fit kTorch[] = {{2, 0.2502, 0.3408}, {4, 0.0640, 0.1780}, {32, 0.0039, 0.0156}};

TEST_CASE("more units fit a function better") {
  const Example example("fit_function");
  constexpr int kPoints = 128;
  Curve target{"sin 3x + 0.3 x²", {}, {}, true};
  std::vector<float> x, y;
  for (int i = 0; i < kPoints; ++i) {
    const double at = -2 + 4.0 * i / (kPoints - 1);
    target.x.push_back(at);
    target.y.push_back(std::sin(3 * at) + 0.3 * at * at);
    x.push_back(static_cast<float>(at));
    y.push_back(static_cast<float>(target.y.back()));
  }
  example.save("curve.npz", {floats("x", {kPoints, 1}, x), floats("target", {kPoints, 1}, y)});
  std::vector<Curve> curves = {target};
  for (const Fit& torch : kTorch) {
    CAPTURE(torch.units);
    const std::string units = " --set units=" + std::to_string(torch.units);
    example.train("--data curve.npz --batch 128 --epochs 3000 --seed 1" + units);
    const std::vector<float> fitted = example.run("--input curve.npz" + units, "y");
    REQUIRE(fitted.size() == kPoints);
    double sum = 0;
    for (std::size_t i = 0; i < kPoints; ++i) sum += std::pow(static_cast<double>(fitted[i]) - target.y[i], 2);
    const double error = std::sqrt(sum / kPoints);
    CHECK(error > torch.error_min * 0.7);
    CHECK(error < torch.error_max * 1.1);
    curves.push_back({std::to_string(torch.units) + " units", target.x, {fitted.begin(), fitted.end()}, false});
  }
  example.picture("fit.svg", line_chart(curves, {"x", "y"}));
}

}  // namespace
}  // namespace nnc
