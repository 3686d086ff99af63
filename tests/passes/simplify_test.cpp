// simplify: each identity applies where it keeps the bits, and does not where it would not.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

namespace {

// The graph y = f(x) with x : f32[2, 3].
Graph unary(const std::function<Value*(GraphBuilder&, Value*)>& f) {
  Written w;
  Value* x = w.input("x", {2, 3});
  w.output("y", f(w.build, x));
  return std::move(w.graph);
}

// After simplify, is y the input itself?
bool vanishes(const std::function<Value*(GraphBuilder&, Value*)>& f) {
  Graph graph = unary(f);
  simplify(graph);
  return graph.outputs[0].value == graph.inputs[0];
}

}  // namespace

TEST_CASE("simplify: identities that keep the bits") {
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.multiply(x, b.like(x, 1)); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.multiply(b.like(x, 1), x); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.divide(x, b.like(x, 1)); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.subtract(x, b.like(x, 0)); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.add(x, b.like(x, -0.0)); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.negate(b.negate(x)); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.op("maximum", {x, x}); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.op("power", {x, b.like(x, 1)}); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) {
    return b.select(b.constant(Tensor::filled({ElementType::Bool, {2, 3}}, 1)), x, b.negate(x));
  }));
}

TEST_CASE("simplify: identities of real numbers that are none of floats stay") {
  CHECK_FALSE(vanishes([](GraphBuilder& b, Value* x) { return b.add(x, b.like(x, 0)); }));
  CHECK_FALSE(vanishes([](GraphBuilder& b, Value* x) { return b.subtract(x, b.like(x, -0.0)); }));
  for (const char* name : {"multiply", "subtract", "divide"}) {
    // x * 0, x - x, x / x.
    Graph graph = unary([&](GraphBuilder& b, Value* x) {
      return b.op(name, {x, std::string_view(name) == "multiply" ? b.like(x, 0) : x});
    });
    simplify(graph);
    CHECK(count(graph, name) == 1);
  }
  Graph zero_minus = unary([](GraphBuilder& b, Value* x) { return b.subtract(b.like(x, 0), x); });
  simplify(zero_minus);
  CHECK(count(zero_minus, "subtract") == 1);
}

TEST_CASE("simplify: the sign of zero, infinity and NaN pass through what is simplified") {
  const double inf = std::numeric_limits<double>::infinity();
  Graph graph = unary([](GraphBuilder& b, Value* x) {
    Value* y = b.multiply(b.add(x, b.like(x, 0)), b.like(x, -1));
    return b.divide(b.subtract(y, b.like(y, 0)), b.like(y, 4));
  });
  Graph simple = graph.clone();
  simplify(simple);
  CHECK(count(simple, "divide") == 0);
  const Values inputs = {{"x", tensor_of({2, 3}, {0.0, -0.0, inf, -inf, NAN, 3})}};
  const Tensor a = evaluate(graph, inputs, {}).outputs.at("y"), b = evaluate(simple, inputs, {}).outputs.at("y");
  for (std::int64_t i = 0; i < 6; ++i) {
    CAPTURE(i);
    if (i == 4) {
      CHECK(std::isnan(b.at(i)));
    } else {
      CHECK(a.at(i) == b.at(i));
      CHECK(std::signbit(a.at(i)) == std::signbit(b.at(i)));
    }
  }
}

TEST_CASE("simplify: integers have all identities") {
  Written w;
  Value* x = w.input("x", {4}, ElementType::I32);
  Value* y = w.build.add(x, w.build.like(x, 0));
  w.output("y", y);
  w.output("zero", w.build.subtract(x, x));
  const Graph simple = check_pass(w.graph, simplify);
  CHECK(count(simple, "add") == 0);
  CHECK(count(simple, "subtract") == 0);
}

TEST_CASE("simplify: division becomes multiplication only by an exact inverse") {
  const Graph by_8 = check_pass(unary([](GraphBuilder& b, Value* x) { return b.divide(x, b.like(x, 8)); }), simplify);
  CHECK(count(by_8, "divide") == 0);
  const Graph by_3 = check_pass(unary([](GraphBuilder& b, Value* x) { return b.divide(x, b.like(x, 3)); }), simplify);
  CHECK(count(by_3, "divide") == 1);
}

TEST_CASE("simplify: movements are merged and vanish") {
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.transpose(b.transpose(x, {1, 0}), {1, 0}); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.reshape(b.reshape(x, {6}), {2, 3}); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) { return b.broadcast(x, {2, 3}, {0, 1}); }));
  CHECK(vanishes([](GraphBuilder& b, Value* x) {
    Attributes axes;
    axes.set("axes", std::vector<std::int64_t>{1});
    return b.op("reverse", {b.op("reverse", {x}, axes)}, axes);
  }));
  const Graph slices = check_pass(unary([](GraphBuilder& b, Value* x) {
                                    Value* y = b.reshape(x, {6});
                                    for (int i = 0; i < 2; ++i) {
                                      Attributes a;
                                      a.set("start", std::vector<std::int64_t>{1});
                                      a.set("stop", std::vector<std::int64_t>{y->type.shape[0]});
                                      a.set("step", std::vector<std::int64_t>{2});
                                      y = b.op("slice", {y}, a);
                                    }
                                    return y;
                                  }),
                                  [](Graph& graph) {
                                    simplify(graph);
                                    remove_dead(graph);
                                  });
  CHECK(count(slices, "slice") == 1);
  const Graph thin = check_pass(
      unary([](GraphBuilder& b, Value* x) { return b.transpose(b.reshape(x, {1, 2, 3}), {1, 0, 2}); }), simplify);
  CHECK(count(thin, "transpose") == 0);
}

TEST_CASE("simplify: work is done before a broadcast") {
  Written w;
  Value *a = w.input("a", {3}), *s = w.input("s", {});
  Value* y = w.build.multiply(w.build.broadcast(a, {2, 3}, {1}), w.build.broadcast(s, {2, 3}, {}));
  w.output("y", w.build.op("exp", {y}));
  const Graph simple = check_pass(w.graph, simplify);
  CHECK(simple.outputs[0].value->producer->def->name == "broadcast");
  for (const std::unique_ptr<Op>& op : simple.ops) {
    if (op->def->name == "exp" || op->def->name == "multiply") CHECK(op->result()->type.shape == Shape{3});
  }
}

TEST_CASE("simplify: a scan of one step is opened") {
  Written w;
  Value *h = w.input("h", {3}), *x = w.input("x", {1, 3});
  ScanBuilder scan;
  Value *carry = scan.carry(h), *step = scan.sequence(x);
  Value* next = GraphBuilder(scan.body()).add(carry, step);
  scan.next(next);
  scan.stack(GraphBuilder(scan.body()).negate(next));
  const std::vector<Value*> results = scan.finish(w.build, 1, false);
  w.output("h", results[0]);
  w.output("y", results[1]);
  const Graph simple = check_pass(w.graph, simplify);
  CHECK(count(simple, "scan") == 0);
}

TEST_CASE("simplify: rows at equal distances are a slice, others stay a gather") {
  const auto gathered = [](const std::vector<std::int64_t>& rows, const Shape& shape) {
    Written w;
    Value* x = w.input("x", {5, 3});
    Tensor index = Tensor::zeros({ElementType::I32, shape});
    index.integers() = rows;
    w.output("y", w.build.op("gather", {x, w.build.constant(std::move(index))}));
    simplify(w.graph);
    return std::move(w.graph);
  };
  for (const auto& [rows, shape] :
       {std::pair(std::vector<std::int64_t>{2}, Shape{}), {{0, 2, 4}, {3}}, {{1, 2}, {1, 2}}, {{9}, {1}}}) {
    const Graph graph = gathered(rows, shape);
    CHECK(count(graph, "gather") == 0);
    CHECK(count(graph, "slice") == 1);
  }
  for (const std::vector<std::int64_t>& rows : {std::vector<std::int64_t>{0, 0}, {2, 1}, {0, 1, 3}}) {
    CHECK(count(gathered(rows, {static_cast<std::int64_t>(rows.size())}), "gather") == 1);
  }
}
