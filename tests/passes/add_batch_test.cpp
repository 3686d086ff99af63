// add_batch: a batch evaluated at once is its examples evaluated one by one.
#include <doctest/doctest.h>

#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/batch_support.h"
#include "tests/passes/support.h"

using namespace nnc;

TEST_CASE("add_batch: elementwise operations meet parameters, movements and reductions keep the batch first") {
  Written w;
  Value *x = w.input("x", {2, 3}), *p = w.parameter("p", {3}), *m = w.parameter("m", {4, 3});
  Value* y = w.build.add(x, w.build.broadcast(p, {2, 3}, {1}));
  w.output("sum", w.build.reduce_sum(y, {1}));
  w.output("turned", w.build.reshape(w.build.transpose(y, {1, 0}), {6}));
  w.output("product", w.build.op("tanh", {w.build.contraction("ti,oi->to", y, m)}));
  w.output("flat", w.build.multiply(w.build.reduce_sum(x, {0}), p));
  check_batch(w.graph, 3);
}

TEST_CASE("add_batch: what depends on no example gets no axis") {
  Written w;
  Value *x = w.input("x", {3}), *p = w.parameter("p", {3}), *rate = w.input("rate", {}, ElementType::F32, false);
  w.output("shared", w.build.multiply(w.build.op("exp", {p}), w.build.broadcast_scalar(rate, {3})));
  w.output("own", w.build.add(x, p));
  Graph batched = w.graph.clone();
  add_batch(batched, 5);
  CHECK(verify(batched) == "");
  CHECK(batched.find_output("shared")->type.shape == Shape{3});
  CHECK(batched.find_output("own")->type.shape == Shape{5, 3});
  CHECK(batched.inputs.size() == 2);
  CHECK(batched.states.size() == 1);
  CHECK(batched.inputs[0]->producer->attributes.text("name") == "x");
}

TEST_CASE("add_batch: batch_mean is the mean over the examples, and its gradient too") {
  Written w;
  Value *x = w.input("x", {2}), *p = w.parameter("p", {2});
  Value* loss = w.build.op("batch_mean", {w.build.reduce_sum(w.build.multiply(x, p), {0})});
  w.output("loss", loss);
  w.output("gradient:p", w.build.op("gradient", {loss, w.build.like(loss, 1), p}));
  Graph batched = w.graph.clone();
  add_batch(batched, 4);
  Diagnostics diagnostics;
  differentiate(batched, diagnostics);
  CHECK(verify(batched) == "");
  CHECK(count(batched, "batch_mean") == 0);
  const Tensor xs = tensor_of({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Evaluation found = evaluate(batched, {{"x", xs}}, {{"p", tensor_of({2}, {10, 1})}});
  CHECK(found.outputs.at("loss").at(0) == doctest::Approx(45));
  CHECK(found.outputs.at("gradient:p").at(0) == doctest::Approx(4));
  CHECK(found.outputs.at("gradient:p").at(1) == doctest::Approx(5));
}

TEST_CASE("add_batch: a scan over a batch, with carries that begin shared") {
  Written w;
  Value *xs = w.input("xs", {4, 2}), *u = w.parameter("u", {3, 3}), *v = w.parameter("v", {3, 2});
  Value* h0 = w.build.full({ElementType::F32, {3}}, 0);
  ScanBuilder scan;
  Value *h = scan.carry(h0), *x = scan.sequence(xs), *u_in = scan.fixed(u), *v_in = scan.fixed(v);
  GraphBuilder body(scan.body());
  Value* next = body.op("tanh", {body.add(body.contraction("ab,b->a", u_in, h), body.contraction("ab,b->a", v_in, x))});
  scan.next(next);
  scan.stack(next);
  const std::vector<Value*> results = scan.finish(w.build, 4, false);
  w.output("h", results[0]);
  w.output("hs", results[1]);
  check_batch(w.graph, 3);
  add_batch(w.graph, 3);
  CHECK(count(w.graph, "scan") == 1);
}

TEST_CASE("add_batch: an operation without a batch rule runs example by example in a scan") {
  Written w;
  Value *x = w.input("x", {2, 3}), *p = w.parameter("p", {4, 3});
  Value* y = w.build.contraction("ti,oi->to", x, p);
  w.output("y", y);
  OpDef without_rule = op_def("contraction");
  without_rule.batch = nullptr;
  y->producer->def = &without_rule;
  check_batch(w.graph, 3);
  add_batch(w.graph, 3);
  CHECK(count(w.graph, "scan") == 1);
}

TEST_CASE("add_batch: a recurrent state has a slot for each row") {
  Written w;
  Value* x = w.input("x", {2});
  Value* h = w.graph.state("h", {ElementType::F32, {2}}, StateKind::Recurrent);
  Value* next = w.build.add(h, x);
  w.graph.find_state("h")->next = next;
  w.output("y", next);
  add_batch(w.graph, 3);
  CHECK(verify(w.graph) == "");
  CHECK(w.graph.find_state("h")->value->type.shape == Shape{3, 2});
  CHECK(w.graph.find_state("h")->next->type.shape == Shape{3, 2});
}
