// Editing and verifying graphs; evaluation of whole graphs.
#include "compiler/graph/graph.h"

#include <doctest/doctest.h>

#include "compiler/graph/evaluate.h"
#include "compiler/graph/print.h"
#include "compiler/graph/verify.h"
#include "compiler/ops/op.h"
#include "tests/support/random_graph.h"
#include "tests/support/samples.h"

namespace nnc {
namespace {

const Type kPair{ElementType::F32, {2}};

struct Small {
  Graph graph;
  Value* x = nullptr;
  Value* w = nullptr;
  Value* y = nullptr;

  Small() {
    x = graph.input("x", kPair);
    w = graph.state("w", kPair, StateKind::Parameter);
    y = GraphBuilder(graph).add(x, w);
    graph.outputs = {{"y", y}};
    graph.find_state("w")->next = y;
  }
};

bool breaks(const std::string& what, void (*damage)(Small&)) {
  Small small;
  REQUIRE(verify(small.graph) == "");
  damage(small);
  const std::string wrong = verify(small.graph);
  CHECK_MESSAGE(wrong.find(what) != std::string::npos, wrong);
  return !wrong.empty();
}

TEST_CASE("verify finds what is broken") {
  CHECK(breaks("not defined before it", [](Small& s) { std::swap(s.graph.ops[1], s.graph.ops[2]); }));
  CHECK(breaks("inferred is", [](Small& s) { s.y->type.shape = {3}; }));
  CHECK(breaks("operands are not", [](Small& s) { s.y->producer->inputs.pop_back(); }));
  CHECK(breaks("no attribute", [](Small& s) { s.y->producer->attributes.set("axis", std::int64_t{1}); }));
  CHECK(breaks("of another kind", [](Small& s) { s.x->producer->attributes.set("name", std::int64_t{1}); }));
  CHECK(breaks("null", [](Small& s) { s.y->producer->inputs[0] = nullptr; }));
  CHECK(breaks("another producer", [](Small& s) { s.y->producer = s.x->producer; }));
  CHECK(breaks("two outputs", [](Small& s) { s.graph.outputs.push_back({"y", s.x}); }));
  CHECK(breaks("not defined", [](Small& s) { s.graph.outputs[0].value = nullptr; }));
  CHECK(breaks("inputs are not", [](Small& s) { s.graph.inputs.clear(); }));
  CHECK(breaks("states are not", [](Small& s) { s.graph.states.clear(); }));
  CHECK(breaks("differ in name", [](Small& s) { s.graph.states[0].name = "v"; }));
  CHECK(breaks("two inputs", [](Small& s) { s.graph.input("x", kPair); }));
  CHECK(breaks("its next value",
               [](Small& s) { s.graph.states[0].next = s.graph.constant(Tensor::scalar(ElementType::F32, 1)); }));
}

TEST_CASE("add refuses what does not fit") {
  Graph graph;
  Value* x = graph.input("x", kPair);
  Value* y = graph.input("y", {ElementType::F32, {3}});
  CHECK_THROWS_AS(GraphBuilder(graph).add(x, y), InternalError);
  CHECK_THROWS_AS(GraphBuilder(graph).op("negate", {x, x}), InternalError);
  CHECK(graph.ops.size() == 2);
}

TEST_CASE("uses are replaced and counted, and appended operations sorted in") {
  Small small;
  Graph& graph = small.graph;
  Value* before = GraphBuilder(graph).negate(small.x);
  CHECK(use_counts(graph).at(small.y) == 2);
  CHECK(use_counts(graph).at(before) == 0);
  small.y->producer->inputs[0] = before;
  CHECK(verify(graph) != "");
  graph.sort();
  CHECK(verify(graph) == "");
  CHECK(graph.ops[2]->def->name == "negate");
  Value* other = GraphBuilder(graph).negate(small.y);
  graph.replace_uses(small.x, other);
  CHECK_THROWS_AS(graph.sort(), InternalError);  // y needs itself
}

TEST_CASE("random graphs evaluate to what their clones do") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const Graph graph = test::random_graph(seed);
    const std::map<std::string, Tensor> inputs = test::random_inputs(graph, seed);
    const std::map<std::string, Tensor> states = test::random_states(graph, seed);
    const Evaluation result = evaluate(graph, inputs, states, {.keep_values = true});
    const Evaluation again = evaluate(graph.clone(), inputs, states);
    for (const auto& [name, tensor] : result.outputs) CHECK(same_bits(tensor, again.outputs.at(name)));
    CHECK(same_bits(result.next_states.at("memory"), again.next_states.at("memory")));
    for (const std::unique_ptr<Op>& op : graph.ops) {
      for (const std::unique_ptr<Value>& value : op->results) {
        CHECK(result.values.at(value.get()).type == value->type);
      }
    }
    const Evaluation rounded = evaluate(graph, inputs, states, {.round_to_type = true});
    for (const auto& [name, tensor] : rounded.outputs) {
      CHECK(test::difference(tensor, result.outputs.at(name)) < 1e-3);
      for (double x : tensor.floats()) CHECK((x == static_cast<double>(static_cast<float>(x)) || x != x));
    }
    CHECK_THROWS_AS(evaluate(graph, {}, states), InternalError);
  }
}

TEST_CASE("an evaluation from an earlier one computes what depends on the change, to the same bits") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const Graph graph = test::random_graph(seed);
    std::map<std::string, Tensor> inputs = test::random_inputs(graph, seed);
    std::map<std::string, Tensor> states = test::random_states(graph, seed);
    const Evaluation before = evaluate(graph, inputs, states, {.keep_values = true});
    const std::map<std::string, Tensor> other_inputs = test::random_inputs(graph, seed + 100);
    for (const auto& [name, input] : other_inputs) {
      std::map<std::string, Tensor> changed = inputs;
      changed[name] = input;
      const Evaluation whole = evaluate(graph, changed, states);
      const Evaluation part = evaluate(graph, changed, states, {.before = &before, .changed = name});
      for (const auto& [output, tensor] : whole.outputs) CHECK(same_bits(tensor, part.outputs.at(output)));
      CHECK(same_bits(whole.next_states.at("memory"), part.next_states.at("memory")));
    }
    states["memory"] = test::random_states(graph, seed + 100).at("memory");
    const Evaluation whole = evaluate(graph, inputs, states);
    const Evaluation part = evaluate(graph, inputs, states, {.before = &before, .changed = "memory"});
    for (const auto& [output, tensor] : whole.outputs) CHECK(same_bits(tensor, part.outputs.at(output)));
  }
}

TEST_CASE("scan carries and stacks, in both directions") {
  for (const bool reverse : {false, true}) {
    std::unique_ptr<Graph> body = std::make_unique<Graph>();
    Value* carry = body->input("c0", {ElementType::F32, {}}, false);
    Value* x = body->input("x0", {ElementType::F32, {}}, false);
    Value* f = body->input("f0", {ElementType::F32, {}}, false);
    GraphBuilder inner(*body);
    Value* next = inner.add(inner.multiply(carry, f), x);
    body->outputs = {{"c0", next}, {"y0", carry}};
    Graph graph;
    std::vector<Value*> operands = {graph.input("start", {ElementType::F32, {}}),
                                    graph.input("xs", {ElementType::F32, {3}}),
                                    graph.input("factor", {ElementType::F32, {}})};
    Attributes attributes;
    attributes.set("length", std::int64_t{3});
    attributes.set("carries", std::int64_t{1});
    attributes.set("sequences", std::int64_t{1});
    attributes.set("reverse", reverse);
    std::vector<std::unique_ptr<Graph>> graphs;
    graphs.push_back(std::move(body));
    const std::vector<Value*> results = GraphBuilder(graph).op_all("scan", operands, attributes, std::move(graphs));
    graph.outputs = {{"last", results[0]}, {"all", results[1]}};
    REQUIRE(verify(graph) == "");
    Tensor xs = Tensor::zeros({ElementType::F32, {3}});
    xs.floats() = {1, 2, 3};
    const Evaluation result = evaluate(
        graph,
        {{"start", Tensor::scalar(ElementType::F32, 10)}, {"xs", xs}, {"factor", Tensor::scalar(ElementType::F32, 2)}},
        {});
    const std::vector<double> forward = {10, 21, 44}, backward = {48, 23, 10};
    CHECK(result.outputs.at("all").floats() == (reverse ? backward : forward));
    CHECK(result.outputs.at("last").at(0) == (reverse ? 97 : 91));
    SourceManager sources;
    Diagnostics diagnostics;
    const std::unique_ptr<Graph> again = parse_graph(sources, sources.add("g", print(graph)), diagnostics);
    REQUIRE_MESSAGE(again, diagnostics.render(sources, false));
    CHECK(same_graph(*again, graph));
  }
}

TEST_CASE("uniform gives the words of Philox 4x32-10") {
  Sample sample;
  sample.attributes.set("dims", Shape{4});
  sample.attributes.set("site", std::int64_t{0});
  std::vector<Tensor> operands;
  for (const Shape& shape : {Shape{2}, Shape{}, Shape{}, Shape{}}) {
    const Type type{ElementType::U32, shape};
    sample.operands.push_back({.type = type});
    operands.push_back(Tensor::zeros(type));
  }
  const Graph graph = test::sample_graph(op_def("uniform"), sample);
  const Evaluation result = evaluate(graph, test::named(operands, 'x'), {});
  std::vector<std::uint32_t> high_bits;
  for (double x : result.outputs.at("y0").floats()) high_bits.push_back(static_cast<std::uint32_t>(x * 0x1p24));
  // The known answer of Salmon et al. for a counter and a key of zeros.
  CHECK(high_bits == std::vector<std::uint32_t>{0x6627e8d5 >> 8, 0xe169c58d >> 8, 0xbc57ac4c >> 8, 0x9b00dbd8 >> 8});
}

}  // namespace
}  // namespace nnc
