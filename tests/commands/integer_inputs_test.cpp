// The ranges from which integer inputs are drawn, on graphs with one use each.
#include "compiler/commands/integer_inputs.h"

#include <doctest/doctest.h>

#include "compiler/ops/op.h"

namespace nnc {
namespace {

Value* counter(GraphBuilder& builder, const Shape& shape, std::int64_t axis) {
  Attributes attributes;
  attributes.set("shape", shape);
  attributes.set("axis", axis);
  attributes.set("element", ElementType::I32);
  return builder.op("iota", {}, attributes);
}

bool spans(const IntegerRange& range, std::int64_t low, std::int64_t high) {
  return range.low == low && range.high == high;
}

TEST_CASE("what is known of an integer input's use bounds it") {
  Graph graph;
  GraphBuilder builder(graph);
  Value* length = graph.input("length", {ElementType::I32, {}});
  builder.op("less", {counter(builder, {4, 6}, 1), builder.broadcast_scalar(length, {4, 6})});
  CHECK(spans(integer_range(graph, *length), 1, 6));
  // The narrowest use counts.
  builder.op("less", {counter(builder, {4, 6}, 0), builder.broadcast_scalar(length, {4, 6})});
  CHECK(spans(integer_range(graph, *length), 1, 4));

  Value* row = graph.input("row", {ElementType::I64, {2}});
  Value* table = graph.input("table", {ElementType::F32, {5, 3}});
  builder.op("gather", {table, row});
  CHECK(spans(integer_range(graph, *row), 0, 4));

  Value* unused = graph.input("unused", {ElementType::I32, {}});
  CHECK(spans(integer_range(graph, *unused), 0, 1));
  builder.op("less", {unused, builder.like(unused, 7)});  // a bound, not a count
  CHECK(spans(integer_range(graph, *unused), 0, 1));
}

TEST_CASE("a length is followed into the loop that it ends") {
  std::unique_ptr<Graph> body = std::make_unique<Graph>();
  GraphBuilder inner(*body);
  Value* carry = body->input("c0", {ElementType::F32, {}});
  Value* step = body->input("x0", {ElementType::U32, {}});
  Value* stop = body->input("f0", {ElementType::I32, {}});
  Value* runs = inner.op("less", {inner.cast(step, ElementType::I32), stop});
  body->outputs.push_back({"c0", inner.select(runs, inner.add(carry, inner.like(carry, 1)), carry)});

  Graph graph;
  GraphBuilder builder(graph);
  Value* start = graph.input("start", {ElementType::F32, {}});
  Value* length = graph.input("length", {ElementType::I32, {}});
  Attributes attributes;
  attributes.set("length", std::int64_t{10});
  attributes.set("carries", std::int64_t{1});
  attributes.set("sequences", std::int64_t{1});
  attributes.set("reverse", false);
  std::vector<std::unique_ptr<Graph>> bodies;
  bodies.push_back(std::move(body));
  Value* steps = builder.cast(counter(builder, {10}, 0), ElementType::U32);
  builder.op_all("scan", {start, steps, length}, attributes, std::move(bodies));
  CHECK(spans(integer_range(graph, *length), 1, 10));
}

}  // namespace
}  // namespace nnc
