// What the tests of the passes share: graphs written with a builder, random values, and comparison by evaluation.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>

#include "compiler/graph/evaluate.h"
#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"
#include "compiler/passes/rewrite.h"

namespace nnc {

using Values = std::map<std::string, Tensor>;

// f32.
Tensor tensor_of(const Shape& shape, std::vector<double> values);

// A graph under construction.
struct Written {
  Graph graph;
  GraphBuilder build{graph};

  Value* input(const std::string& name, const Shape& shape, ElementType element = ElementType::F32,
               bool per_example = true) {
    return graph.input(name, {element, shape}, per_example);
  }
  Value* parameter(const std::string& name, const Shape& shape) {
    return graph.state(name, {ElementType::F32, shape}, StateKind::Parameter);
  }
  void output(const std::string& name, Value* value) { graph.outputs.push_back({name, value}); }
  Value* constant(const Shape& shape, std::vector<double> values) {
    return build.constant(tensor_of(shape, std::move(values)));
  }
};

Tensor random_tensor(const Type& type, std::mt19937& random, double low = -1, double high = 1);
// One value for each input, and one for each state; parameters lie in [0.5, 1.5] so that they may be divided by.
Values random_inputs(const Graph& graph, unsigned seed);
Values random_states(const Graph& graph, unsigned seed);

// The largest difference of an output or next state, relative to the largest element of that tensor (or 1). Infinite if
// one has a NaN where the other has none, or other outputs.
double difference(const Evaluation& a, const Evaluation& b);
double difference(const Graph& a, const Graph& b, unsigned seed);
// Runs the pass on a copy; checks that verify() holds and that outputs agree within `tolerance`. Returns the copy.
Graph check_pass(const Graph& graph, const std::function<void(Graph&)>& pass, double tolerance = 0, unsigned seed = 1);

// How many operations of that name there are, in sub-graphs too.
int count(const Graph& graph, std::string_view name);

}  // namespace nnc
