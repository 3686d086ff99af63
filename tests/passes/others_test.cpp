// fold_constants, merge_common, remove_dead, hoist_from_scan: what they do and what they leave.
#include <doctest/doctest.h>

#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

TEST_CASE("fold_constants: what depends on constants alone is computed, and rounded to its type") {
  Written w;
  Value* x = w.input("x", {2});
  Value* third = w.build.divide(w.constant({2}, {1, 2}), w.constant({2}, {3, 3}));
  w.output("y", w.build.multiply(x, third));
  const Graph folded = check_pass(w.graph, fold_constants, 1e-6);
  CHECK(count(folded, "divide") == 0);
  const Tensor* value = constant_value(folded.outputs[0].value->producer->inputs[1]);
  REQUIRE(value);
  CHECK(value->at(0) == static_cast<double>(1.0f / 3.0f));
}

TEST_CASE("fold_constants: a broadcast stays a broadcast; what it is reduced to is known") {
  Written w;
  Value* x = w.input("x", {8, 8});
  Value* zeros = w.build.zeros_like(x);
  w.output("y", w.build.op("maximum", {x, zeros}));
  w.output("sum", w.build.reduce_sum(w.build.like(x, 2), {0, 1}));
  const Graph folded = check_pass(w.graph, fold_constants);
  CHECK(count(folded, "reduce_sum") == 0);
  CHECK(folded.outputs[0].value->producer->inputs[1]->producer->def->name == "broadcast");
}

TEST_CASE("fold_constants: a result above 1 MB is left unless it shrinks") {
  Written w;
  Value* a = w.build.constant(Tensor::filled({ElementType::F32, {1024}}, 0.5));
  Value* product = w.build.contraction("a,b->ab", a, a);
  w.output("large", product);
  const Graph folded = check_pass(w.graph, fold_constants);
  CHECK(count(folded, "contraction") == 1);
}

TEST_CASE("drop_empty: what has no elements leaves the signature, and what depends on it is known") {
  Written w;
  Value *x = w.input("x", {2}), *empty = w.input("empty", {2, 0});
  w.output("y", w.build.add(x, w.build.reduce_sum(empty, {1})));
  w.output("nothing", w.build.negate(empty));
  Graph dropped = w.graph.clone();
  drop_empty(dropped);
  CHECK(verify(dropped).empty());
  REQUIRE(dropped.inputs.size() == 1);
  REQUIRE(dropped.outputs.size() == 1);
  const Values inputs = {{"x", tensor_of({2}, {3, 4})}};
  CHECK(evaluate(dropped, inputs, {}).outputs.at("y").floats() == std::vector<double>{3, 4});
  fold_constants(dropped);
  CHECK(count(dropped, "reduce_sum") == 0);
}

TEST_CASE("merge_common: operations alike become one, in either order of a commutative one's operands") {
  Written w;
  Value *x = w.input("x", {3}), *y = w.input("y", {3});
  Value* a = w.build.op("exp", {w.build.add(x, y)});
  Value* b = w.build.op("exp", {w.build.add(y, x)});
  Value* c = w.build.op("exp", {w.build.subtract(y, x)});
  Value* d = w.build.op("exp", {w.build.subtract(x, y)});
  w.output("z", w.build.add(w.build.add(a, b), w.build.add(c, d)));
  const Graph merged = check_pass(w.graph, merge_common);
  CHECK(count(merged, "exp") == 3);
}

TEST_CASE("merge_common: 0 is not -0") {
  Written w;
  Value* x = w.input("x", {3});
  w.output("a", w.build.divide(x, w.constant({3}, {0, 0, 0})));
  w.output("b", w.build.divide(x, w.constant({3}, {0, 0, -0.0})));
  const Graph merged = check_pass(w.graph, merge_common);
  CHECK(count(merged, "constant") == 2);
  CHECK(count(merged, "divide") == 2);
}

TEST_CASE("merge_common: two sites of chance stay two, one site is one draw") {
  Written w;
  Value *seed = w.input("seed", {2}, ElementType::U32, false), *step = w.input("step", {}, ElementType::U32, false);
  Value *example = w.input("example", {}, ElementType::U32), *index = w.build.full({ElementType::U32, {}}, 0);
  auto draw = [&](std::int64_t site) {
    Attributes attributes;
    attributes.set("dims", std::vector<std::int64_t>{4});
    attributes.set("site", site);
    return w.build.op("uniform", {seed, step, example, index}, attributes);
  };
  w.output("y", w.build.add(w.build.add(draw(1), draw(2)), draw(1)));
  const Graph merged = check_pass(w.graph, merge_common);
  CHECK(count(merged, "uniform") == 2);
}

TEST_CASE("merge_common: scans alike become one, scans that differ in a zero's sign do not") {
  Written w;
  Value* x = w.input("x", {3, 2});
  auto divided_by = [&](double zero) {
    ScanBuilder scan;
    Value* step = scan.sequence(x);
    GraphBuilder body(scan.body());
    scan.stack(body.divide(step, body.like(step, zero)));
    return scan.finish(w.build, 3, false)[0];
  };
  w.output("y", w.build.add(w.build.add(divided_by(0), divided_by(0)), divided_by(-0.0)));
  const Graph merged = check_pass(w.graph, merge_common);
  CHECK(count(merged, "scan") == 2);
}

namespace {

// Carries a and b, of which b does not need a; stacks y and z; reads xs but not vs.
Graph busy_scan(bool use_a, bool use_z) {
  Written w;
  Value *a0 = w.input("a", {2}), *b0 = w.input("b", {2}), *xs = w.input("xs", {3, 2}), *vs = w.input("vs", {3, 2});
  ScanBuilder scan;
  Value *a = scan.carry(a0), *b = scan.carry(b0), *x = scan.sequence(xs);
  scan.sequence(vs);
  GraphBuilder body(scan.body());
  Value* next = body.add(b, x);
  scan.next(body.multiply(a, b));
  scan.next(next);
  scan.stack(body.op("exp", {next}));
  scan.stack(body.op("tanh", {a}));
  const std::vector<Value*> results = scan.finish(w.build, 3, false);
  w.output("y", results[2]);
  if (use_a) w.output("a", results[0]);
  if (use_z) w.output("z", results[3]);
  return std::move(w.graph);
}

const Op& only_scan(const Graph& graph) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (op->def->name == "scan") return *op;
  }
  throw InternalError("no scan");
}

}  // namespace

TEST_CASE("remove_dead: only what outputs and next states need stays, and the signature") {
  Written w;
  Value* x = w.input("x", {2});
  w.input("unused", {2});
  Value* p = w.parameter("p", {2});
  w.build.op("exp", {x});
  w.graph.states[0].next = w.build.add(p, x);
  w.output("y", w.build.negate(x));
  const Graph live = check_pass(w.graph, remove_dead);
  CHECK(count(live, "exp") == 0);
  CHECK(count(live, "add") == 1);
  CHECK(live.inputs.size() == 2);
}

TEST_CASE("remove_dead: carries, results and operands of a scan that nobody needs go") {
  const Graph small = check_pass(busy_scan(false, false), remove_dead);
  CHECK(ScanView(only_scan(small)).carries == 1);
  CHECK(ScanView(only_scan(small)).sequences == 1);
  CHECK(only_scan(small).results.size() == 2);
  CHECK(count(small, "tanh") == 0);
  // z needs a, though a itself is not an output.
  const Graph with_z = check_pass(busy_scan(false, true), remove_dead);
  CHECK(ScanView(only_scan(with_z)).carries == 2);
  const Graph with_a = check_pass(busy_scan(true, false), remove_dead);
  CHECK(ScanView(only_scan(with_a)).carries == 2);
  CHECK(count(with_a, "tanh") == 0);
}

TEST_CASE("hoist_from_scan: the product of a sequence goes before the loop, what is fixed too") {
  Written w;
  Value *h0 = w.input("h0", {3}), *xs = w.input("xs", {4, 2}), *u = w.parameter("u", {3, 3}),
        *v = w.parameter("v", {2, 3});
  ScanBuilder scan;
  Value *h = scan.carry(h0), *x = scan.sequence(xs), *u_in = scan.fixed(u), *v_in = scan.fixed(v);
  GraphBuilder body(scan.body());
  Value* input_part = body.contraction("ab,b->a", body.transpose(v_in, {1, 0}), body.op("tanh", {x}));
  Value* next = body.op("tanh", {body.add(input_part, body.contraction("ab,b->a", u_in, h))});
  scan.next(next);
  scan.stack(body.contraction("ab,b->a", u_in, next));
  const std::vector<Value*> results = scan.finish(w.build, 4, true);
  w.output("h", results[0]);
  w.output("y", results[1]);
  const Graph hoisted = check_pass(w.graph, hoist_from_scan, 1e-6);
  CHECK(count(*only_scan(hoisted).graphs[0], "contraction") == 1);
  CHECK(count(*only_scan(hoisted).graphs[0], "transpose") == 0);
  CHECK(count(hoisted, "contraction") == 3);
}

TEST_CASE("hoist_from_scan: a scan without carries is no loop") {
  Written w;
  Value *xs = w.input("xs", {4, 2}), *v = w.parameter("v", {3, 2});
  ScanBuilder scan;
  Value *x = scan.sequence(xs), *v_in = scan.fixed(v);
  GraphBuilder body(scan.body());
  scan.stack(body.op("tanh", {body.contraction("ab,b->a", v_in, x)}));
  scan.stack(body.negate(v_in));
  const std::vector<Value*> results = scan.finish(w.build, 4, false);
  w.output("y", results[0]);
  w.output("z", results[1]);
  const Graph hoisted = check_pass(w.graph, hoist_from_scan, 1e-6);
  CHECK(count(hoisted, "scan") == 0);
}

TEST_CASE("hoist_from_scan: products of the carry stay") {
  Written w;
  Value *h0 = w.input("h0", {2}), *v = w.parameter("v", {2, 2});
  ScanBuilder scan;
  Value *h = scan.carry(h0), *v_in = scan.fixed(v);
  scan.next(GraphBuilder(scan.body()).contraction("ab,b->a", v_in, h));
  w.output("h", scan.finish(w.build, 4, false)[0]);
  const Graph same = check_pass(w.graph, hoist_from_scan);
  CHECK(count(*only_scan(same).graphs[0], "contraction") == 1);
}
