// Random numbers and tensors that are the same on every machine, for checks at a random point.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "compiler/commands/integer_inputs.h"
#include "compiler/graph/graph.h"

namespace nnc {

// splitmix64.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  double uniform(double low, double high);
  std::int64_t below(std::int64_t bound);

 private:
  std::uint64_t state_;
};

// Floats in [-1, 1), as the type holds them; integers in the range.
Tensor random_tensor(Draws& draws, const Type& type, IntegerRange range = {});
// Of every input; an integer from the range that its uses ask for.
std::map<std::string, Tensor> random_inputs(Draws& draws, const Graph& graph);

}  // namespace nnc
