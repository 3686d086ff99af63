// Attention on tasks whose answers are known: what it says of sequences that it has not seen.
#include <algorithm>

#include "tests/examples/example.h"

namespace nnc {
namespace {

constexpr std::size_t kSequences = 4096;
constexpr std::size_t kUnseen = 1000;

// Sequences, and the right answers: `answers` numbers for each.
struct Task {
  std::size_t length;
  std::size_t answers;
  std::vector<std::int32_t> tokens, right;

  void save(const Example& example, const std::string& file) const {
    const std::int64_t count = static_cast<std::int64_t>(tokens.size() / length);
    Shape shape = {count};
    if (answers > 1) shape.push_back(static_cast<std::int64_t>(answers));
    example.save(file,
                 {labels("tokens", {count, static_cast<std::int64_t>(length)}, tokens), labels("label", shape, right)});
  }
};

Task sorting(std::size_t count, Random& random) {
  Task task{8, 8, {}, {}};
  for (std::size_t i = 0; i < count * task.length; ++i) task.tokens.push_back(random.below(10));
  task.right = task.tokens;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<std::int32_t>::iterator begin = task.right.begin() + static_cast<std::ptrdiff_t>(i * 8);
    std::sort(begin, begin + 8);
  }
  return task;
}

// Digits, and among them one mark, 10: what follows it?
Task recalling(std::size_t count, Random& random) {
  Task task{16, 1, {}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = task.tokens.size();
    for (std::size_t t = 0; t < task.length; ++t) task.tokens.push_back(random.below(10));
    const std::size_t mark = begin + static_cast<std::size_t>(random.below(15));
    task.tokens[mark] = 10;
    task.right.push_back(task.tokens[mark + 1]);
  }
  return task;
}

// The part of the answers to unseen sequences that is right, after training; and the accuracy that training reports.
double learned(const std::string& model, Task (*make)(std::size_t, Random&)) {
  const Example example("attention");
  Random random(1);
  make(kSequences, random).save(example, "train.npz");
  const Task unseen = make(kUnseen, random);
  unseen.save(example, "test.npz");
  const std::vector<Epoch> epochs = example.train("--model " + model + " --data train.npz --test test.npz");
  const std::vector<float> scores = example.run("--model " + model + " --input test.npz", "scores");
  REQUIRE(scores.size() == 10 * unseen.right.size());
  int right = 0;
  for (std::size_t i = 0; i < unseen.right.size(); ++i) {
    const std::vector<float>::const_iterator row = scores.begin() + static_cast<std::ptrdiff_t>(10 * i);
    right += std::max_element(row, row + 10) - row == unseen.right[i] ? 1 : 0;
  }
  const double part = right / static_cast<double>(unseen.right.size());
  CHECK(epochs.back().at("accuracy") == doctest::Approx(part).epsilon(1e-5));
  return part;
}

TEST_CASE("two blocks sort eight digits") { CHECK(learned("Sort", sorting) >= 0.995); }

TEST_CASE("two causal blocks recall what followed the mark") { CHECK(learned("Recall", recalling) >= 0.995); }

}  // namespace
}  // namespace nnc
