// fold_affine: any chain of per-channel scales and shifts, however spelled, next to any product; and where it must not.
#include <doctest/doctest.h>

#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

namespace {

using Integers = std::vector<std::int64_t>;

struct Window {
  std::int64_t stride = 1, pad = 0, groups = 1;
};

// x [n, c, s, s] with weights [o, c / groups, k, k].
Value* convolve(Written& w, Value* x, Value* weights, const Window& window) {
  Attributes a;
  a.set("x_axes", std::string("nc01"));
  a.set("w_axes", std::string("oi01"));
  a.set("y_axes", std::string("nc01"));
  a.set("stride", Integers{window.stride, window.stride});
  a.set("input_dilation", Integers{1, 1});
  a.set("window_dilation", Integers{1, 1});
  a.set("pad_low", Integers{window.pad, window.pad});
  a.set("pad_high", Integers{window.pad, window.pad});
  a.set("groups", window.groups);
  a.set("batch_groups", std::int64_t{1});
  return w.build.op("convolution", {x, weights}, a);
}

int counter = 0;

// A parameter that varies along `axis` of x alone, spelled in one of several ways.
Value* along(Written& w, Value* x, std::int64_t axis, std::mt19937& random) {
  const Shape& shape = x->type.shape;
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  const std::string name = "p" + std::to_string(counter++);
  switch (random() % 5) {
    case 0:
      return w.build.broadcast(w.parameter(name, {extent}), shape, {axis});
    case 1: {
      // As ONNX says it: an axis of extent 1 for each of the others.
      Shape ones(shape.size(), 1);
      ones[static_cast<std::size_t>(axis)] = extent;
      Value* p = w.build.reshape(w.parameter(name, ones), {extent});
      return w.build.broadcast(w.build.op("sqrt", {p}), shape, {axis});
    }
    case 2: {
      Value* p = w.build.broadcast(w.parameter(name, {extent}), shape, {axis});
      return w.build.add(w.build.multiply(p, p), w.build.like(x, 0.25));
    }
    case 3:
      return w.build.like(x, 1.5);
    default: {
      // Through a larger broadcast, transposed back.
      Shape turned = shape;
      std::swap(turned[0], turned[static_cast<std::size_t>(axis)]);
      Integers permutation;
      for (std::size_t i = 0; i < shape.size(); ++i) permutation.push_back(static_cast<std::int64_t>(i));
      std::swap(permutation[0], permutation[static_cast<std::size_t>(axis)]);
      return w.build.transpose(w.build.broadcast(w.parameter(name, {extent}), turned, {0}), permutation);
    }
  }
}

Value* random_affine(Written& w, Value* x, std::int64_t axis, std::mt19937& random) {
  const int links = static_cast<int>(random() % 4);
  for (int i = 0; i < links; ++i) {
    Value* p = along(w, x, axis, random);
    switch (random() % 7) {
      case 0:
        x = w.build.multiply(x, p);
        break;
      case 1:
        x = w.build.multiply(p, x);
        break;
      case 2:
        x = w.build.divide(x, p);
        break;
      case 3:
        x = w.build.add(x, p);
        break;
      case 4:
        x = w.build.subtract(x, p);
        break;
      case 5:
        x = w.build.subtract(p, x);
        break;
      default:
        x = w.build.negate(x);
        break;
    }
  }
  return x;
}

void clean_up(Graph& graph) {
  simplify(graph);
  remove_dead(graph);
  fold_affine(graph);
}

// Operations on data that are neither products nor reductions: what is left to do for each element.
int data_work(const Graph& graph) {
  std::set<const Value*> inputs(graph.inputs.begin(), graph.inputs.end());
  const std::set<const Value*> data = dependents(graph, inputs);
  int found = 0;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    found += op->def->has(Elementwise) && data.count(op->result());
  }
  return found;
}

}  // namespace

TEST_CASE("fold_affine: random chains around convolutions keep the result") {
  std::mt19937 random(11);
  for (int trial = 0; trial < 150; ++trial) {
    CAPTURE(trial);
    Written w;
    const Window window{1 + static_cast<std::int64_t>(random() % 2), static_cast<std::int64_t>(random() % 2),
                        1 + static_cast<std::int64_t>(random() % 2)};
    Value* x = random_affine(w, w.input("x", {2, 4, 5, 5}), 1, random);
    const std::int64_t k = 1 + 2 * static_cast<std::int64_t>(random() % 2);
    Value* y = convolve(w, x, w.parameter("w", {6, 4 / window.groups, k, k}), window);
    w.output("y", random_affine(w, y, 1, random));
    const Graph folded = check_pass(w.graph, clean_up, 2e-5, static_cast<unsigned>(trial));
    if (window.pad == 0) CHECK(data_work(folded) <= 1);
  }
}

TEST_CASE("fold_affine: random chains around contractions keep the result") {
  std::mt19937 random(12);
  for (int trial = 0; trial < 150; ++trial) {
    CAPTURE(trial);
    Written w;
    const bool weights_first = random() % 2;
    Value* x = random_affine(w, w.input("x", {3, 4}), 1, random);
    Value* weights = w.parameter("w", {5, 4});
    Value* y =
        weights_first ? w.build.contraction("oi,ni->no", weights, x) : w.build.contraction("ni,oi->no", x, weights);
    w.output("y", random_affine(w, y, 1, random));
    const Graph folded = check_pass(w.graph, clean_up, 2e-5, static_cast<unsigned>(trial));
    CHECK(data_work(folded) <= 1);
  }
}

TEST_CASE("fold_affine: batch normalisation in inference leaves one addition") {
  Written w;
  Value* y = convolve(w, w.input("x", {1, 3, 6, 6}), w.parameter("w", {4, 3, 3, 3}), {1, 1, 1});
  auto channel = [&](Value* p) { return w.build.broadcast(p, y->type.shape, {1}); };
  Value *mean = w.parameter("mean", {4}), *variance = w.parameter("variance", {4});
  Value* deviation = w.build.op("sqrt", {w.build.add(variance, w.build.like(variance, 1e-5))});
  Value* scale = w.build.divide(w.parameter("scale", {4}), deviation);
  Value* z = w.build.multiply(w.build.subtract(y, channel(mean)), channel(scale));
  z = w.build.add(z, channel(w.parameter("shift", {4})));
  w.output("y", w.build.op("maximum", {z, w.build.zeros_like(z)}));
  const Graph folded = check_pass(w.graph, clean_up, 1e-5);
  CHECK(data_work(folded) == 2);
}

TEST_CASE("fold_affine: before zero padding a scale folds and a shift does not") {
  Written w;
  Value* x = w.input("x", {1, 3, 6, 6});
  auto channel = [&](const char* name) { return w.build.broadcast(w.parameter(name, {3}), x->type.shape, {1}); };
  Value* normalised = w.build.divide(w.build.subtract(x, channel("mean")), channel("std"));
  w.output("y", convolve(w, normalised, w.parameter("w", {4, 3, 3, 3}), {1, 1, 1}));
  const Graph folded = check_pass(w.graph, clean_up, 1e-5);
  CHECK(data_work(folded) == 1);
  const Op* convolution = folded.outputs[0].value->producer;
  CHECK(convolution->def->name == "convolution");
  CHECK(is_op(convolution->inputs[0], "subtract"));
}

TEST_CASE("fold_affine: known weights become constants") {
  Written w;
  std::mt19937 random(3);
  Value* weights = w.build.constant(random_tensor({ElementType::F32, {4, 3}}, random));
  Value* y = w.build.contraction("ni,oi->no", w.input("x", {2, 3}), weights);
  w.output("y", w.build.multiply(y, w.build.broadcast(w.constant({4}, {1, 2, 3, 4}), {2, 4}, {1})));
  const Graph folded = check_pass(
      w.graph,
      [](Graph& graph) {
        clean_up(graph);
        for (int i = 0; i < 3; ++i) {
          fold_constants(graph);
          simplify(graph);
        }
      },
      1e-6);
  CHECK(count(folded, "multiply") == 0);
}

TEST_CASE("fold_affine: what is used elsewhere, varies along other axes or depends on data stays") {
  Written w;
  Value *x = w.input("x", {2, 3}), *weights = w.parameter("w", {4, 3});
  Value* y = w.build.contraction("ni,oi->no", x, weights);
  Value* by_row = w.build.multiply(y, w.build.broadcast(w.parameter("r", {2}), {2, 4}, {0}));
  w.output("by_row", by_row);
  w.output("by_data", w.build.multiply(w.build.contraction("ni,oi->no", x, w.parameter("v", {4, 3})), by_row));
  Value* shared = w.build.contraction("ni,oi->no", x, w.parameter("u", {4, 3}));
  w.output("shared", shared);
  w.output("scaled", w.build.multiply(shared, w.build.broadcast(w.parameter("s", {4}), {2, 4}, {1})));
  const Graph same = check_pass(w.graph, clean_up);
  CHECK(count(same, "multiply") == 3);
}
