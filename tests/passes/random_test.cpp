// Every pass on random graphs: what keeps the meaning keeps it; gradients are slopes; a batch is its examples.
#include <doctest/doctest.h>

#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/batch_support.h"
#include "tests/passes/support.h"
#include "tests/support/random_graph.h"

using namespace nnc;
using nnc::test::random_graph;

namespace {

constexpr unsigned kGraphs = 250;

// Passes that compute nothing anew give the same numbers; the others sum in another order or round beforehand.
double tolerance(std::string_view pass) {
  return pass == "simplify" || pass == "merge_common" || pass == "remove_dead" ? 0 : 1e-5;
}

double weighted_outputs(const Evaluation& evaluation) {
  double sum = 0;
  for (const auto& [name, value] : evaluation.outputs) {
    for (std::int64_t i = 0; i < element_count(value.type.shape); ++i)
      sum += value.at(i) * (1 + 0.1 * static_cast<double>(i % 7));
  }
  return sum;
}

// The gradient of weighted_outputs with respect to all inputs, as outputs "d <name>" of a new graph.
Graph gradient_graph(const Graph& graph) {
  Graph extended = graph.clone();
  GraphBuilder build(extended);
  std::vector<Output> gradients;
  std::vector<Value*> sums(extended.inputs.size());
  for (const Output& output : extended.outputs) {
    Tensor weights = Tensor::zeros(output.value->type);
    for (std::size_t i = 0; i < weights.floats().size(); ++i)
      weights.floats()[i] = 1 + 0.1 * static_cast<double>(i % 7);
    std::vector<Value*> operands = {output.value, build.constant(weights)};
    operands.insert(operands.end(), extended.inputs.begin(), extended.inputs.end());
    const std::vector<Value*> results = build.op_all("gradient", operands);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = sums[i] ? build.add(sums[i], results[i]) : results[i];
  }
  extended.outputs.clear();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    extended.outputs.push_back({"d " + extended.inputs[i]->producer->attributes.text("name"), sums[i]});
  }
  return extended;
}

}  // namespace

TEST_CASE("random graphs: each pass of the table that keeps the meaning keeps it") {
  for (const PassInfo& pass : pass_table()) {
    if (!pass.keeps_meaning || !pass.run) continue;
    CAPTURE(std::string(pass.name));
    for (unsigned seed = 0; seed < kGraphs; ++seed) {
      CAPTURE(seed);
      check_pass(random_graph(seed), pass.run, tolerance(pass.name), seed);
    }
  }
}

TEST_CASE("random graphs: lower_layout, and all passes one after the other, twice") {
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    CAPTURE(seed);
    const Graph graph = random_graph(seed);
    check_pass(graph, [](Graph& g) { lower_layout(g, {}); }, 1e-5, seed);
    check_pass(
        graph,
        [](Graph& g) {
          for (int i = 0; i < 2; ++i) {
            for (const PassInfo& pass : pass_table()) {
              if (pass.run) pass.run(g);
            }
          }
          lower_layout(g, {});
        },
        1e-5, seed);
  }
}

TEST_CASE("random graphs: the gradient is the slope along a random direction") {
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    CAPTURE(seed);
    const Graph graph = random_graph(seed, {.operations = 10, .smooth = true});
    Graph differentiated = gradient_graph(graph);
    Diagnostics diagnostics;
    differentiate(differentiated, diagnostics);
    CHECK(diagnostics.all().empty());
    CHECK(verify(differentiated) == "");
    const Values inputs = random_inputs(graph, seed), states = random_states(graph, seed);
    const Evaluation found = evaluate(differentiated, inputs, states);
    const Values direction = random_inputs(graph, seed + 77);
    constexpr double kStep = 1e-5;
    double slope = 0;
    Values up = inputs, down = inputs;
    for (const auto& [name, along] : direction) {
      for (std::size_t i = 0; i < along.floats().size(); ++i) {
        slope += found.outputs.at("d " + name).floats()[i] * along.floats()[i];
        up[name].floats()[i] += kStep * along.floats()[i];
        down[name].floats()[i] -= kStep * along.floats()[i];
      }
    }
    const double measured =
        (weighted_outputs(evaluate(graph, up, states)) - weighted_outputs(evaluate(graph, down, states))) / (2 * kStep);
    CHECK(slope == doctest::Approx(measured).epsilon(1e-5));
  }
}

TEST_CASE("random graphs: a batch is its examples") {
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    CAPTURE(seed);
    check_batch(random_graph(seed), 3, seed);
  }
}
