// Every optimiser and schedule, step by step against PyTorch.
#include "tests/examples/example.h"
#include "tests/examples/line_chart.h"

namespace nnc {
namespace {

// Losses before some of the 40 steps, and the weights after them. PyTorch 2.15, in double precision, with the
// optimisers and schedulers named above each row:
//   w = torch.tensor([-2., 2.], dtype=torch.float64, requires_grad=True); loss = ((X @ w - y)**2).mean()
struct Trajectory {
  std::string stage;
  std::vector<double> losses;
  std::vector<double> weights;
};
constexpr int kSteps[] = {1, 2, 5, 10, 20, 39};

const std::vector<Trajectory> kTorch = {
    // SGD
    {"plain",
     {10.2784766, 7.00932302, 2.24589603, 0.373777037, 0.0604027958, 0.0535759969},
     {1.01057181, -0.843905146}},
    // SGD(momentum=0.8)
    {"momentum",
     {12.5696191, 8.78896194, 0.566492568, 1.45650048, 0.171678327, 0.0537067779},
     {0.994192031, -0.828660402}},
    // SGD(momentum=0.8, nesterov=True)
    {"nesterov",
     {10.718066, 6.4707057, 0.268608326, 0.587525932, 0.0675964486, 0.0535738462},
     {1.01139313, -0.844735595}},
    // Adagrad
    {"sum_of_squares",
     {8.01375, 4.89505421, 1.41023707, 0.248179522, 0.057923075, 0.0535746552},
     {1.01071616, -0.844191726}},
    // RMSprop(alpha=0.9)
    {"mean_of_squares",
     {12.0274154, 10.1288443, 6.65133757, 3.54294138, 0.879199847, 0.0583872836},
     {0.966859395, -0.806984922}},
    // Adam
    {"moments", {13.11375, 11.2781183, 6.65467686, 1.8580496, 0.217149791, 0.0938391174}, {1.12660623, -0.942233611}},
    // AdamW(weight_decay=0.05)
    {"moments_and_decay",
     {12.92345, 10.9465949, 6.14193559, 1.53481834, 0.201287362, 0.0544936528},
     {0.996601632, -0.835063491}},
    // SGD, StepLR(10, 0.5)
    {"in_steps",
     {6.39515625, 2.73276211, 0.255632782, 0.0562917287, 0.0536294643, 0.0535755842},
     {1.01043119, -0.843764521}},
    // SGD, ExponentialLR(0.95)
    {"exponential",
     {6.39515625, 2.87897151, 0.384674671, 0.0734266265, 0.054066485, 0.0535901901},
     {1.00878551, -0.842118846}},
    // SGD, CosineAnnealingLR(40)
    {"half_cosine",
     {6.39515625, 2.73721122, 0.265840295, 0.0578411928, 0.0535860001, 0.0535722385},
     {1.01122481, -0.844558147}},
    // SGD, LinearLR(1, 0, 40)
    {"along_a_line",
     {6.39515625, 2.80538115, 0.316668431, 0.0622746741, 0.053626656, 0.0535725473},
     {1.01111221, -0.844445543}},
    // Adam, LinearLR(0.1, 1, 9)
    {"warmed_up",
     {14.787825, 14.1855929, 10.8481468, 3.16281018, 0.84974364, 0.0553955551},
     {0.907439533, -0.763575261}},
    // SGD, clip_grad_norm_(1)
    {"clipped", {14.3758512, 13.6755905, 11.6805333, 8.70731351, 4.07737785, 0.135322244}, {0.833564338, -0.666954217}},
    // SGD, clip_grad_value_(1)
    {"clipped_each", {14.08625, 13.11375, 10.40625, 6.59375, 1.59375, 0.0553019489}, {0.985954979, -0.819301519}},
};

TEST_CASE("optimisers step as PyTorch's do") {
  const Example example("optimisers");
  example.save("four.npz", {floats("x", {4, 2}, {2, 1, 1, 2, -1, 1, 0.5F, -0.5F}),
                            floats("target", {4}, {1.25F, -0.75F, -2, 0.5F})});
  std::vector<Curve> curves;
  for (const Trajectory& torch : kTorch) {
    CAPTURE(torch.stage);
    const std::vector<Epoch> steps = example.train("--data four.npz --batch 4 --epochs 40 --stage " + torch.stage);
    REQUIRE(steps.size() == 40);
    for (std::size_t i = 0; i < torch.losses.size(); ++i) {
      CAPTURE(kSteps[i]);
      CHECK(steps[static_cast<std::size_t>(kSteps[i])].at("loss") == doctest::Approx(torch.losses[i]).epsilon(1e-5));
    }
    const std::vector<float> weights = example.weights("W");
    REQUIRE(weights.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(weights[i] == doctest::Approx(torch.weights[i]).epsilon(1e-5));
    Curve& curve = curves.emplace_back();
    curve.name = torch.stage;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(steps[i].at("loss"));
    }
  }
  example.picture("losses.svg", line_chart(curves, {"step", "loss", true}));
}

}  // namespace
}  // namespace nnc
