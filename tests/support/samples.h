// The samples of the primitives as graphs and tensors, for tests that run over the table.
#pragma once

#include <cstdint>
#include <random>

#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc::test {

// Floats are values of their type (so that emitted code gets the same), integers whole. Given values are turned by
// `turn` places, so that the examples of a batch differ.
Tensor draw(const SampleOperand& operand, std::mt19937& random, int turn = 0);
std::vector<Tensor> draw(const Sample& sample, std::mt19937& random, int turn = 0);

// One operation: inputs x0, x1, …, outputs y0, y1, ….
Graph sample_graph(const OpDef& def, const Sample& sample);

std::map<std::string, Tensor> named(const std::vector<Tensor>& tensors, char letter);

// Largest difference relative to the largest element of `expected`; infinite if types, or NaN and infinities, differ.
double difference(const Tensor& actual, const Tensor& expected);

}  // namespace nnc::test
