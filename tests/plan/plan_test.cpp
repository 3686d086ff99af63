// Plans: what is fused, where buffers lie, and that whatever graph is planned, no two live buffers overlap.
#include "compiler/plan/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/groups.h"
#include "compiler/plan/views.h"
#include "tests/support/random_graph.h"

namespace nnc {
namespace {

Attributes convolution_attributes() {
  Attributes attributes;
  attributes.set("x_axes", std::string("c01"));
  attributes.set("w_axes", std::string("oi01"));
  attributes.set("y_axes", std::string("c01"));
  for (const char* name : {"stride", "input_dilation", "window_dilation", "pad_low", "pad_high"}) {
    attributes.set(name, std::vector<std::int64_t>{1, 1});
  }
  attributes.set("groups", std::int64_t{1});
  attributes.set("batch_groups", std::int64_t{1});
  return attributes;
}

// relu(convolution(x, w) + bias) as a model writes it.
Graph convolution_bias_relu() {
  Graph graph;
  GraphBuilder builder(graph);
  Value* x = graph.input("x", {ElementType::F32, {8, 10, 10}});
  Value* w = graph.state("conv.weight", {ElementType::F32, {16, 8, 3, 3}}, StateKind::Parameter);
  Value* bias = graph.state("conv.bias", {ElementType::F32, {16}}, StateKind::Parameter);
  Value* y = builder.op("convolution", {x, w}, convolution_attributes());
  y = builder.add(y, builder.broadcast(bias, y->type.shape, {0}));
  y = builder.op("maximum", {y, builder.zeros_like(y)});
  graph.outputs.push_back({"y", y});
  return graph;
}

int count_steps(const std::vector<Node>& nodes, const std::string& kernel) {
  int count = 0;
  for (const Node& node : nodes) {
    count += node.step != nullptr ? (node.step->kernel == kernel ? 1 : 0) : count_steps(node.loop->body, kernel);
  }
  return count;
}

TEST_CASE("bias and activation go into the epilogue of a convolution") {
  Graph graph = convolution_bias_relu();
  const std::vector<Group> groups = form_groups(graph);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].root->def->name == "convolution");
  CHECK(groups[0].elementwise.size() == 2);
  const Plan plan = make_plan(graph, "forward", {});
  CHECK(count_steps(plan.nodes, "convolution") == 1);
  CHECK(count_steps(plan.nodes, "for_each") == 0);
}

TEST_CASE("a convolution over an image of width 1 has its tiles along the height") {
  Graph graph;
  GraphBuilder builder(graph);
  Value* x = graph.input("x", {ElementType::F32, {8, 40, 1}});
  Value* w = graph.state("w", {ElementType::F32, {16, 8, 5, 1}}, StateKind::Parameter);
  Attributes attributes = convolution_attributes();
  attributes.set("pad_low", std::vector<std::int64_t>{2, 0});
  attributes.set("pad_high", std::vector<std::int64_t>{2, 0});
  graph.outputs.push_back({"y", builder.op("convolution", {x, w}, attributes)});
  const Plan plan = make_plan(graph, "forward", {});
  std::map<std::string, std::int64_t> config;
  for (const Node& node : plan.nodes) {
    if (node.step->kernel != "convolution") continue;
    for (const Field& field : node.step->config) config[field.name] = field.values.front();
  }
  CHECK(config["out_0"] == 1);
  CHECK(config["out_1"] == 40);
  CHECK(config["k_1"] == 5);
  CHECK(config["pad_low_0"] == 0);
  CHECK(config["pad_low_1"] == 2);
  CHECK(config["tile_m"] > 1);
}

TEST_CASE("parameters are packed by prepare, not by forward") {
  Graph forward = convolution_bias_relu();
  lower_layout(forward, {8, 16});
  Graph prepare = split_prepare(forward);
  CHECK(prepare.outputs.size() == 2);
  for (const State& state : forward.states) CHECK(state.kind == StateKind::Prepared);
  const Plan plan = make_plan(forward, "forward", {});
  for (const Node& node : plan.nodes) {
    for (const StepArgument& argument : node.step->arguments) {
      const bool is_copied_weight =
          node.step->kernel == "copy" &&
          plan.buffers[static_cast<std::size_t>(argument.view.buffer)].memory == Memory::Prepared;
      CHECK_FALSE(is_copied_weight);
    }
  }
}

TEST_CASE("a state that is updated elementwise is overwritten where it lies") {
  Graph graph;
  GraphBuilder builder(graph);
  Value* x = graph.input("x", {ElementType::F32, {64}});
  Value* m = graph.state("m", {ElementType::F32, {64}}, StateKind::Optimizer);
  graph.states.back().next = builder.add(builder.multiply(m, builder.like(m, 0.9)), x);
  const Plan plan = make_plan(graph, "step", {});
  CHECK(count_steps(plan.nodes, "for_each") == 1);
  CHECK(count_steps(plan.nodes, "copy") == 0);
  CHECK(plan.arena_bytes == 0);
}

TEST_CASE("two states that swap are saved first") {
  Graph graph;
  Value* a = graph.state("a", {ElementType::F32, {4}}, StateKind::Optimizer);
  Value* b = graph.state("b", {ElementType::F32, {4}}, StateKind::Optimizer);
  graph.states[0].next = b;
  graph.states[1].next = a;
  const Plan plan = make_plan(graph, "step", {});
  CHECK(count_steps(plan.nodes, "copy") >= 3);
}

TEST_CASE("a reshape of what lies in another order is a copy, else a view") {
  View view = contiguous_view(0, {4, 6});
  CHECK(reshape_view(view, {24}).has_value());
  CHECK(reshape_view(view, {2, 2, 6})->strides == std::vector<std::int64_t>{12, 6, 1});
  std::swap(view.strides[0], view.strides[1]);
  std::swap(view.shape[0], view.shape[1]);
  CHECK_FALSE(reshape_view(view, {24}).has_value());
  CHECK(reshape_view(view, {3, 2, 4})->strides == std::vector<std::int64_t>{2, 1, 6});
}

TEST_CASE("buffers with random lives get places that do not overlap, at most twice the bound") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Plan plan;
    for (int i = 0; i < 40; ++i) {
      Buffer buffer;
      buffer.name = "b" + std::to_string(i);
      buffer.count = static_cast<std::int64_t>(random() % 4000);
      buffer.first = static_cast<int>(random() % 30);
      buffer.last = buffer.first + static_cast<int>(random() % 8);
      plan.buffers.push_back(buffer);
    }
    place_buffers(plan);
    CHECK(verify(plan) == "");
    CHECK(plan.arena_bytes >= plan.arena_bound);
    CHECK(plan.arena_bytes <= 2 * plan.arena_bound);
  }
}

TEST_CASE("verify sees buffers that overlap") {
  Plan plan;
  plan.buffers.resize(2);
  for (Buffer& buffer : plan.buffers) {
    buffer.count = 16;
    buffer.first = 0;
    buffer.last = 1;
  }
  plan.buffers[0].name = "a";
  plan.buffers[1].name = "b";
  plan.buffers[1].offset = 32;
  CHECK(verify(plan) == "buffers 'b' and 'a' overlap");
}

TEST_CASE("every random graph has a plan that verifies") {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    Graph graph = test::random_graph(seed);
    CHECK_NOTHROW(make_plan(graph, "forward", {8, 16}));
    Graph packed = graph.clone();
    lower_layout(packed, {16, 32});
    Graph prepare = split_prepare(packed);
    CHECK_NOTHROW(make_plan(packed, "forward", {16, 32}));
    CHECK_NOTHROW(make_plan(prepare, "prepare", {16, 32}));
  }
}

}  // namespace
}  // namespace nnc
