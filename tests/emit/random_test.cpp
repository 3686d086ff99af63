// Random graphs through plan, emission and the in-process compiler, against the evaluator.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "compiler/graph/evaluate.h"
#include "compiler/graph/print.h"
#include "compiler/ops/op.h"
#include "tests/emit/run_unit.h"
#include "tests/support/random_graph.h"

namespace nnc {
namespace {

// How far rounding after each operation moves a result: the yardstick for code that rounds in other places.
double rounding(const Tensor& exact, const Tensor& rounded) {
  double worst = 0;
  for (std::int64_t i = 0; i < element_count(exact.type.shape); ++i) {
    const double distance = std::abs(exact.at(i) - rounded.at(i));
    if (std::isfinite(distance)) worst = std::max(worst, distance);
  }
  return worst;
}

void compare(Graph graph, const std::map<std::string, Tensor>& inputs, const std::map<std::string, Tensor>& states,
             double relative = 1e-5) {
  const Evaluation wanted = evaluate(graph, inputs, states, {.round_to_type = true});
  const Evaluation exact = evaluate(graph, inputs, states);
  const std::string text = print(graph);
  CAPTURE(text);
  try {
    const std::unique_ptr<Unit> unit = test::unit_of(std::move(graph), "forward", *find_target("native"));
    const test::RunResult found = test::CompiledUnit(*unit).run("forward", inputs, states);
    for (const auto& [name, tensor] : wanted.outputs) {
      CAPTURE(name);
      if (element_count(tensor.type.shape) > 0)
        CHECK(test::difference(found.outputs.at(name), tensor, relative,
                               10 * rounding(exact.outputs.at(name), tensor)) == "");
    }
    for (const auto& [name, tensor] : wanted.next_states) {
      CAPTURE(name);
      CHECK(test::difference(found.states.at(name), tensor, relative,
                             10 * rounding(exact.next_states.at(name), tensor)) == "");
    }
  } catch (const InternalError& error) {
    FAIL_CHECK(error.message.substr(0, 600));
  }
}

TEST_CASE("random graphs compute what they mean") {
  for (std::uint32_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Graph graph = test::random_graph(seed, {.operations = 20, .smooth = true});
    const std::map<std::string, Tensor> inputs = test::random_inputs(graph, seed);
    const std::map<std::string, Tensor> states = test::random_states(graph, seed);
    compare(std::move(graph), inputs, states);
  }
}

TEST_CASE("random graphs of doubles compute what they mean") {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Graph graph = test::random_graph(seed, {.operations = 20, .smooth = true, .element = ElementType::F64});
    const std::map<std::string, Tensor> inputs = test::random_inputs(graph, seed);
    const std::map<std::string, Tensor> states = test::random_states(graph, seed);
    compare(std::move(graph), inputs, states, 1e-9);
  }
}

// Elementwise operations on values and on views of them, all of one shape: what may be fused, moved or overwritten in
// place, and what may not because another place of it is still to be read.
Graph views_graph(std::uint32_t seed) {
  Graph graph;
  GraphBuilder builder(graph);
  std::mt19937 random(seed);
  const Type type{ElementType::F32, {4, 4}};
  std::vector<Value*> values = {graph.input("x", type), graph.state("s", type, StateKind::Recurrent),
                                graph.state("t", type, StateKind::Recurrent)};
  const auto any = [&] { return values[random() % values.size()]; };
  const auto look = [&](Value* value) -> Value* {
    switch (random() % 8) {
      case 0:
        return builder.transpose(value, {1, 0});
      case 1: {
        Attributes axes;
        axes.set("axes", std::vector<std::int64_t>{static_cast<std::int64_t>(random() % 2)});
        return builder.op("reverse", {value}, axes);
      }
      case 2:
        return builder.reshape(builder.transpose(builder.reshape(value, {2, 8}), {1, 0}), {4, 4});
      default:
        return value;
    }
  };
  for (int i = 0; i < 24; ++i) {
    Value* const a = look(any());
    Value* const b = look(any());
    const std::uint32_t kind = random() % 8;
    values.push_back(kind == 0   ? builder.op("tanh", {a})
                     : kind == 1 ? builder.contraction("mk,kn->mn", builder.op("tanh", {a}), builder.op("tanh", {b}))
                     : kind < 4  ? builder.op("maximum", {a, b})
                     : kind < 6  ? builder.subtract(a, b)
                                 : builder.multiply(builder.op("tanh", {a}), b));
  }
  graph.states[0].next = values[values.size() - 1];
  graph.states[1].next = values[values.size() - 3];
  graph.outputs = {{"last", values[values.size() - 2]}, {"middle", values[values.size() / 2]}};
  return graph;
}

TEST_CASE("what is read through a view is neither fused with what reads it nor overwritten") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Graph graph = views_graph(seed);
    const std::map<std::string, Tensor> inputs = test::random_inputs(graph, seed);
    const std::map<std::string, Tensor> states = test::random_states(graph, seed);
    compare(std::move(graph), inputs, states);
  }
}

TEST_CASE("a state that an output shows in another form is not overwritten before that is written") {
  Graph graph;
  GraphBuilder builder(graph);
  Value* memory = graph.state("memory", {ElementType::F32, {2}}, StateKind::Recurrent);
  graph.outputs = {{"before", builder.reshape(memory, {2, 1})}};
  graph.states[0].next = builder.op("tanh", {memory});
  const Tensor before{{ElementType::F32, {2}}, std::vector<double>{0.5, -2}};
  compare(std::move(graph), {}, {{"memory", before}});
}

// sum(x, axis) + b, with b along the last axis that is left: whether that axis fills the lanes of the reduction, alone
// or with the one before it, or lies across them.
TEST_CASE("a bias behind a reduction") {
  for (const std::int64_t axis : {0, 1, 2}) {
    CAPTURE(axis);
    Graph graph;
    GraphBuilder builder(graph);
    Value* x = graph.input("x", {ElementType::F32, {3, 4, 5}});
    Value* sum = builder.reduce_sum(x, {axis});
    Value* b = graph.input("b", {ElementType::F32, {sum->type.shape[1]}});
    graph.outputs = {{"y", builder.add(sum, builder.broadcast(b, sum->type.shape, {1}))}};
    const std::map<std::string, Tensor> inputs = test::random_inputs(graph, 1);
    compare(std::move(graph), inputs, {});
  }
}

}  // namespace
}  // namespace nnc
