// differentiate against central differences in double: operations in a row, branches, scans, gradients of gradients.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

namespace {

// The graph with an output "d <name>" for each input named: the gradient of output `of`, with a fixed cotangent.
Graph with_gradient(const Graph& graph, const std::string& of, const std::vector<std::string>& names) {
  Graph extended = graph.clone();
  GraphBuilder build(extended);
  Value* y = extended.find_output(of);
  std::mt19937 random(7);
  std::vector<Value*> operands = {y, build.constant(random_tensor(y->type, random))};
  for (const std::string& name : names) {
    for (Value* input : extended.inputs) {
      if (input->producer->attributes.text("name") == name) operands.push_back(input);
    }
  }
  const std::vector<Value*> gradients = build.op_all("gradient", operands);
  extended.outputs.clear();
  for (std::size_t i = 0; i < names.size(); ++i) extended.outputs.push_back({"d " + names[i], gradients[i]});
  return extended;
}

double weighted_sum(const Tensor& y) {
  std::mt19937 random(7);
  const Tensor weights = random_tensor(y.type, random);
  double sum = 0;
  for (std::int64_t i = 0; i < element_count(y.type.shape); ++i) sum += y.at(i) * weights.at(i);
  return sum;
}

void check_against_differences(const Graph& graph, const Graph& differentiated, const std::string& of,
                               const std::vector<std::string>& names) {
  Values inputs = random_inputs(graph, 3);
  const Evaluation found = evaluate(differentiated, inputs, {});
  constexpr double kStep = 1e-5;
  for (const std::string& name : names) {
    CAPTURE(name);
    const Tensor& gradient = found.outputs.at("d " + name);
    for (std::size_t i = 0; i < inputs.at(name).floats().size(); ++i) {
      CAPTURE(i);
      double& x = inputs.at(name).floats()[i];
      const double before = x;
      x = before + kStep;
      const double up = weighted_sum(evaluate(graph, inputs, {}).outputs.at(of));
      x = before - kStep;
      const double down = weighted_sum(evaluate(graph, inputs, {}).outputs.at(of));
      x = before;
      CHECK(gradient.at(static_cast<std::int64_t>(i)) == doctest::Approx((up - down) / (2 * kStep)).epsilon(1e-5));
    }
  }
}

Graph differentiated(Graph graph) {
  Diagnostics diagnostics;
  differentiate(graph, diagnostics);
  CHECK(diagnostics.all().empty());
  CHECK(verify(graph) == "");
  CHECK(count(graph, "gradient") == 0);
  return graph;
}

// First and second order.
void check_gradient(const Graph& graph, const std::string& of, const std::vector<std::string>& names) {
  const Graph once = with_gradient(graph, of, names);
  const Graph first = differentiated(once.clone());
  check_against_differences(graph, first, of, names);
  const Graph twice = with_gradient(once, "d " + names[0], names);
  check_against_differences(first, differentiated(twice.clone()), "d " + names[0], names);
}

// h' = tanh(u h + w x + b), with outputs "h" (last) and "hs" (all).
void recurrent(Written& w, std::int64_t length, bool reverse) {
  Value *h0 = w.input("h0", {3}), *xs = w.input("xs", {length, 2});
  Value *u = w.input("u", {3, 3}), *v = w.input("w", {3, 2}), *b = w.input("b", {3});
  ScanBuilder scan;
  Value *h = scan.carry(h0), *x = scan.sequence(xs);
  Value *u_in = scan.fixed(u), *w_in = scan.fixed(v), *b_in = scan.fixed(b);
  GraphBuilder body(scan.body());
  Value* sum = body.add(body.contraction("ab,b->a", u_in, h), body.contraction("ab,b->a", w_in, x));
  Value* next = body.op("tanh", {body.add(sum, b_in)});
  scan.next(next);
  scan.stack(body.multiply(next, next));
  const std::vector<Value*> results = scan.finish(w.build, length, reverse);
  w.output("h", results[0]);
  w.output("hs", results[1]);
}

}  // namespace

TEST_CASE("differentiate: values used several times, reductions, broadcasts, products") {
  Written w;
  Value *x = w.input("x", {2, 3}), *a = w.input("a", {4, 3}), *b = w.input("b", {4});
  Value* y = w.build.contraction("ni,oi->no", x, a);
  y = w.build.op("tanh", {w.build.add(y, w.build.broadcast(b, {2, 4}, {1}))});
  w.output("y", w.build.multiply(y, w.build.subtract(y, w.build.op("exp", {y}))));
  check_gradient(w.graph, "y", {"x", "a", "b"});
}

TEST_CASE("differentiate: with respect to a value in the middle") {
  Written w;
  Value* x = w.input("x", {3});
  Value* h = w.build.multiply(x, x);
  Value* y = w.build.op("exp", {h});
  const std::vector<Value*> gradients = w.build.op_all("gradient", {y, w.build.like(y, 1), h, x});
  w.output("dh", gradients[0]);
  w.output("dx", gradients[1]);
  const Graph graph = differentiated(w.graph.clone());
  const Values inputs = {{"x", tensor_of({3}, {0.5, -1, 2})}};
  const Evaluation found = evaluate(graph, inputs, {});
  for (std::int64_t i = 0; i < 3; ++i) {
    const double value = inputs.at("x").at(i);
    CHECK(found.outputs.at("dh").at(i) == doctest::Approx(std::exp(value * value)));
    CHECK(found.outputs.at("dx").at(i) == doctest::Approx(2 * value * std::exp(value * value)));
  }
}

TEST_CASE("differentiate: nothing flows through stop_gradient, integers and what does not depend on x") {
  Written w;
  Value *x = w.input("x", {3}), *z = w.input("z", {3});
  Value* stopped = w.build.op("stop_gradient", {w.build.multiply(x, x)});
  Value* rounded = w.build.cast(w.build.cast(x, ElementType::I32), ElementType::F32);
  w.output("y", w.build.add(w.build.multiply(stopped, x), rounded));
  const Graph graph = differentiated(with_gradient(w.graph, "y", {"x", "z"}));
  CHECK(count(graph, "stop_gradient") == 0);
  const Values inputs = random_inputs(w.graph, 5);
  const Evaluation found = evaluate(graph, inputs, {});
  std::mt19937 random(7);
  const Tensor cotangent = random_tensor(z->type, random);
  for (std::int64_t i = 0; i < 3; ++i) {
    const double value = inputs.at("x").at(i);
    CHECK(found.outputs.at("d x").at(i) == doctest::Approx(value * value * cotangent.at(i)));
    CHECK(found.outputs.at("d z").at(i) == 0);
  }
}

TEST_CASE("differentiate: an operation without a gradient rule is reported, not crashed on") {
  Written w;
  Value* x = w.input("x", {3});
  Value* y = w.build.op("floor", {x});
  w.output("y", y);
  OpDef without_rule = op_def("exp");
  without_rule.gradient = nullptr;
  y->producer->def = &without_rule;
  Graph graph = with_gradient(w.graph, "y", {"x"});
  Diagnostics diagnostics;
  differentiate(graph, diagnostics);
  REQUIRE(diagnostics.all().size() == 1);
  CHECK(diagnostics.all()[0].kind == Kind::no_gradient);
}

TEST_CASE("differentiate: scan, forward and reverse, by its last carry and by what it stacks") {
  for (bool reverse : {false, true}) {
    CAPTURE(reverse);
    Written w;
    recurrent(w, 4, reverse);
    check_gradient(w.graph, "h", {"h0", "xs", "u", "w", "b"});
    check_gradient(w.graph, "hs", {"u", "xs", "h0", "w", "b"});
  }
}

TEST_CASE("differentiate: the gradient of a recurrent layer's weights is one product after the scan") {
  Written w;
  recurrent(w, 5, false);
  const Graph graph = differentiated(with_gradient(w.graph, "hs", {"u", "w", "b"}));
  int products = 0, scans = 0;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    products += op->def->name == "contraction";
    scans += op->def->name == "scan";
    // Only h is carried.
    if (op->def->name == "scan") CHECK(ScanView(*op).carries == 1);
  }
  CHECK(products == 2);
  CHECK(scans == 2);
}

TEST_CASE("differentiate: a scan that multiplies up, whose fixed operand is no factor of a product") {
  Written w;
  Value *p0 = w.input("p0", {2}), *f = w.input("f", {2}), *xs = w.input("xs", {3, 2});
  ScanBuilder scan;
  Value *p = scan.carry(p0), *other = scan.carry(f), *x = scan.sequence(xs), *factor = scan.fixed(f);
  GraphBuilder body(scan.body());
  scan.next(body.multiply(p, body.add(factor, body.multiply(factor, x))));
  scan.next(body.op("sin", {body.add(other, x)}));
  scan.stack(body.op("exp", {factor}));
  const std::vector<Value*> results = scan.finish(w.build, 3, false);
  w.output("y", w.build.add(w.build.multiply(results[0], results[1]), w.build.reduce_sum(results[2], {0})));
  check_gradient(w.graph, "y", {"f", "p0", "xs"});
}

TEST_CASE("differentiate: a scan in a scan") {
  Written w;
  Value *h0 = w.input("h0", {2}), *xs = w.input("xs", {3, 2, 2}), *u = w.input("u", {2, 2});
  ScanBuilder outer;
  Value *h = outer.carry(h0), *slices = outer.sequence(xs), *u_outer = outer.fixed(u);
  ScanBuilder inner;
  Value *g = inner.carry(h), *x = inner.sequence(slices), *u_inner = inner.fixed(u_outer);
  GraphBuilder body(inner.body());
  inner.next(body.op("tanh", {body.add(body.contraction("ab,b->a", u_inner, g), x)}));
  GraphBuilder outer_body(outer.body());
  outer.next(outer_body.multiply(inner.finish(outer_body, 2, true)[0], h));
  w.output("y", outer.finish(w.build, 3, false)[0]);
  check_gradient(w.graph, "y", {"u", "h0", "xs"});
}
