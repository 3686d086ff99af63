// The smallest problem that one unit cannot solve: with given thresholds, and learned.
#include "tests/examples/example.h"

namespace nnc {
namespace {

const std::vector<float> kCases = {0, 0, 0, 1, 1, 0, 1, 1};
const std::vector<float> kXor = {0, 1, 1, 0};

TEST_CASE("threshold units compute XOR") {
  const Example example("xor");
  example.save("cases.npz", {floats("x", {4, 2}, kCases)});
  const Outcome outcome = example.folder().nnc("run '" + example.program() + "' --input cases.npz --output y=y.npy");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  CHECK(read_floats(example.folder().file("y.npy")) == kXor);
}

TEST_CASE("two sigmoid units learn XOR") {
  const Example example("xor");
  example.save("cases.npz", {floats("x", {4, 2}, kCases), floats("y", {4, 1}, kXor)});
  example.train("--data cases.npz --epochs 2000 --seed 1", "learned.nn");
  const std::vector<float> scores = example.run("--input cases.npz", "score", "learned.nn");
  REQUIRE(scores.size() == 4);
  // Each case with a probability of 0.99 or more.
  for (std::size_t i = 0; i < 4; ++i) CHECK((kXor[i] == 1 ? scores[i] : -scores[i]) > 4.6F);
}

}  // namespace
}  // namespace nnc
