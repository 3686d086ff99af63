// Random graphs through plan, emission and the in-process compiler, against the evaluator.
#include <doctest/doctest.h>
#include <fmt/format.h>

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

// Attributes of a convolution of [n, c, h, w] with [o, i, h, w].
Attributes plain_convolution() {
  Attributes attributes;
  attributes.set("x_axes", std::string("nc01"));
  attributes.set("w_axes", std::string("oi01"));
  attributes.set("y_axes", std::string("nc01"));
  for (const char* name : {"stride", "input_dilation", "window_dilation"}) {
    attributes.set(name, std::vector<std::int64_t>{1, 1});
  }
  for (const char* name : {"pad_low", "pad_high"}) attributes.set(name, std::vector<std::int64_t>{0, 0});
  attributes.set("groups", std::int64_t{1});
  attributes.set("batch_groups", std::int64_t{1});
  return attributes;
}

// A kernel's result, of which each has operands of its own, and what follows it in the epilogue: an operand that lies
// along some of the result's axes is added, for each choice of axes; the last result becomes an f64.
template <class Root>
void check_epilogues(const std::string& what, std::size_t rank, const Root& root) {
  CAPTURE(what);
  Graph graph;
  GraphBuilder builder(graph);
  for (unsigned axes = 0; axes < (1u << rank); ++axes) {
    const auto input = [&](const std::string& name, const Shape& shape) {
      return graph.input(fmt::format("{}{}", name, axes), {ElementType::F32, shape});
    };
    Value* result = root(builder, input);
    REQUIRE(result->type.shape.size() == rank);
    Shape shape;
    std::vector<std::int64_t> along;
    for (std::size_t i = 0; i < rank; ++i) {
      if ((axes >> i & 1) == 0) continue;
      shape.push_back(result->type.shape[i]);
      along.push_back(static_cast<std::int64_t>(i));
    }
    Value* sum = builder.add(result, builder.broadcast(input("b", shape), result->type.shape, along));
    if (axes + 1 == 1u << rank) {
      Attributes to;
      to.set("to", ElementType::F64);
      sum = builder.op("cast", {sum}, to);
    }
    graph.outputs.push_back({fmt::format("y{}", axes), sum});
  }
  const std::map<std::string, Tensor> inputs = test::random_inputs(graph, 1);
  compare(std::move(graph), inputs, {});
}

TEST_CASE("what is added to a kernel's result is read where it lies") {
  const auto reduced = [](std::vector<std::int64_t> axes) {
    return [axes](GraphBuilder& builder, const auto& input) {
      Attributes attributes;
      attributes.set("axes", axes);
      return builder.op("reduce_sum", {input("x", {3, 6, 4})}, attributes);
    };
  };
  check_epilogues("sum over the first axis", 2, reduced({0}));
  check_epilogues("sum over the second axis", 2, reduced({1}));
  check_epilogues("sum over the last axis", 2, reduced({2}));
  check_epilogues("sum over an axis of one", 2, [](GraphBuilder& builder, const auto& input) {
    Attributes attributes;
    attributes.set("axes", std::vector<std::int64_t>{1});
    return builder.op("reduce_sum", {input("x", {6, 1, 4})}, attributes);
  });
  const auto contracted = [](const char* spec, Shape a, Shape b) {
    return [=](GraphBuilder& builder, const auto& input) {
      return builder.contraction(spec, input("x", a), input("w", b));
    };
  };
  check_epilogues("matrices", 2, contracted("mk,kn->mn", {3, 4}, {4, 5}));
  check_epilogues("rows apart", 4, contracted("abmk,bkn->abmn", {2, 3, 2, 4}, {3, 4, 2}));
  check_epilogues("columns of two axes", 3, contracted("mk,kab->mab", {3, 4}, {4, 2, 3}));
  check_epilogues("columns apart", 3, contracted("mk,kab->amb", {3, 4}, {4, 2, 3}));
  const auto convolved = [](Shape x, Shape w) {
    return [=](GraphBuilder& builder, const auto& input) {
      return builder.op("convolution", {input("x", x), input("w", w)}, plain_convolution());
    };
  };
  check_epilogues("a convolution", 4, convolved({2, 3, 6, 5}, {4, 3, 2, 3}));
  check_epilogues("a convolution whose window is larger than its result", 4, convolved({2, 3, 4, 5}, {4, 3, 3, 4}));
  check_epilogues("windows", 4, [](GraphBuilder& builder, const auto& input) {
    Attributes attributes;
    attributes.set("window", std::vector<std::int64_t>{1, 1, 2, 3});
    for (const char* name : {"stride", "dilation"}) attributes.set(name, std::vector<std::int64_t>{1, 1, 1, 1});
    for (const char* name : {"pad_low", "pad_high"}) attributes.set(name, std::vector<std::int64_t>{0, 0, 0, 0});
    return builder.op("window_sum", {input("x", {2, 3, 5, 4})}, attributes);
  });
  check_epilogues("windows over the outer of three axes", 5, [](GraphBuilder& builder, const auto& input) {
    Attributes attributes;
    attributes.set("window", std::vector<std::int64_t>{1, 1, 2, 1, 3});
    for (const char* name : {"stride", "dilation"}) attributes.set(name, std::vector<std::int64_t>{1, 1, 1, 1, 1});
    for (const char* name : {"pad_low", "pad_high"}) attributes.set(name, std::vector<std::int64_t>{0, 0, 0, 0, 0});
    return builder.op("window_sum", {input("x", {2, 3, 4, 3, 5})}, attributes);
  });
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

}  // namespace
}  // namespace nnc
