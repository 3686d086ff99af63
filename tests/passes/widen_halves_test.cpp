// widen_halves: what is left of f16 and bf16 afterwards, and where results are rounded.
#include <doctest/doctest.h>

#include <algorithm>

#include "compiler/graph/print.h"
#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/support.h"
#include "tests/support/random_graph.h"

using namespace nnc;

namespace {

bool is_half(const Value* value) { return nnc::is_half(value->type.element); }

// What computes with halves; empty if nothing does.
std::string computing(const Graph& graph) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    const std::string& name = op->def->name;
    for (const std::unique_ptr<Graph>& inner : op->graphs) {
      if (const std::string found = computing(*inner); !found.empty()) return found;
    }
    const bool keeps = op->def->has(Movement) || op->def->has(BeforeDifferentiate) || name == "scan" || name == "cast";
    const bool has_half = std::any_of(op->inputs.begin(), op->inputs.end(), is_half) || is_half(op->result());
    if (has_half && !keeps && !(op->def->has(Leaf) && name != "iota")) return name;
  }
  return "";
}

Origin call(std::uint32_t place) { return {{0, place, place + 1}, ""}; }

// A mean in one call, and its double in another.
Graph mean_and_double(ElementType element) {
  Written w;
  Value* x = w.input("x", {8}, element);
  w.build.set_origin(call(1));
  Value* mean = w.build.divide(w.build.reduce_sum(x, {0}), w.build.constant(Tensor::scalar(element, 8)));
  w.build.set_origin(call(2));
  w.output("mean", mean);
  w.output("double", w.build.add(mean, mean));
  return std::move(w.graph);
}

}  // namespace

TEST_CASE("widen_halves: nothing computes with halves afterwards, and a second time changes nothing") {
  for (const ElementType element : {ElementType::F16, ElementType::BF16}) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      test::RandomGraphOptions options;
      options.element = element;
      Graph graph = test::random_graph(seed, options);
      CHECK(computing(graph) != "");
      widen_halves(graph);
      CHECK(verify(graph) == "");
      CHECK(computing(graph) == "");
      const Graph before = graph.clone();
      widen_halves(graph);
      CHECK(same_graph(before, graph));
    }
  }
}

TEST_CASE("widen_halves: a call rounds once, where its result leaves it") {
  Graph graph = mean_and_double(ElementType::F16);
  Tensor x = Tensor::filled({ElementType::F16, {8}}, 20000);
  x.floats()[0] = 20016;  // the sum is 160,016, above all of f16; the mean is 20,002, and f16 has 20,000 and 20,016
  const EvaluateOptions rounded = {.round_to_type = true};
  CHECK(std::isinf(evaluate(graph, {{"x", x}}, {}, rounded).outputs.at("mean").at(0)));
  widen_halves(graph);
  const Evaluation found = evaluate(graph, {{"x", x}}, {}, rounded);
  CHECK(found.outputs.at("mean").at(0) == 20000);
  CHECK(found.outputs.at("double").at(0) == 40000);
}

TEST_CASE("widen_halves: without places each operation rounds") {
  Graph graph = mean_and_double(ElementType::BF16);
  for (const std::unique_ptr<Op>& op : graph.ops) op->origin = {};
  const Tensor x = Tensor::filled({ElementType::BF16, {8}}, 1 + 0x1p-7);
  const EvaluateOptions rounded = {.round_to_type = true};
  const Evaluation before = evaluate(graph, {{"x", x}}, {}, rounded);
  widen_halves(graph);
  CHECK(evaluate(graph, {{"x", x}}, {}, rounded).outputs == before.outputs);
}

TEST_CASE("widen_halves: integers become halves by a type that holds them, halves become integers by f32") {
  Written w;
  Value* bytes = w.input("bytes", {2}, ElementType::I8);
  Value* words = w.input("words", {1}, ElementType::I32);
  w.output("a", w.build.cast(bytes, ElementType::F16));
  w.output("b", w.build.cast(words, ElementType::BF16));
  w.output("c", w.build.cast(w.input("halves", {1}, ElementType::F16), ElementType::I32));
  widen_halves(w.graph);
  const auto through = [&](int i) { return w.graph.outputs[static_cast<std::size_t>(i)].value->producer->inputs[0]; };
  CHECK(through(0)->type.element == ElementType::F32);
  CHECK(through(1)->type.element == ElementType::F64);
  CHECK(through(2)->type.element == ElementType::F32);
}

TEST_CASE("widen_halves: gradients of f16 are computed in f32") {
  Written w;
  Value* x = w.input("x", {3}, ElementType::F16);
  Value* loss = w.build.reduce_sum(w.build.multiply(w.build.multiply(x, x), x), {0});
  w.output("dx", w.build.op("gradient", {loss, w.build.constant(Tensor::scalar(ElementType::F16, 1)), x}));
  widen_halves(w.graph);
  Diagnostics diagnostics;
  differentiate(w.graph, diagnostics);
  widen_halves(w.graph);
  CHECK(computing(w.graph) == "");
  Tensor at = Tensor::zeros({ElementType::F16, {3}});
  at.floats() = {1, -2, 0.5};
  CHECK(evaluate(w.graph, {{"x", at}}, {}, {.round_to_type = true}).outputs.at("dx").floats() ==
        std::vector<double>{3, 12, 0.75});
}
