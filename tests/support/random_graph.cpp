// Random valid graphs: a pool of values grows by operations on values drawn from it. All values stay moderate, so that
// two ways to compute them can be compared.
#include "tests/support/random_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "compiler/ops/op.h"
#include "tests/support/samples.h"

namespace nnc::test {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr std::int64_t kElementsMax = 600;

class Generator {
 public:
  Generator(std::uint32_t seed, const RandomGraphOptions& options)
      : random_(seed), options_(options), builder_(graph_) {}

  Graph run() {
    graph_.name = "random";
    pool_.push_back(graph_.input("x", {options_.element, {pick(1, 3), pick(3, 5), pick(3, 5)}}));
    pool_.push_back(graph_.input("v", {options_.element, {pick(2, 4)}}));
    pool_.push_back(graph_.input("shared", {options_.element, {}}, false));
    Value* memory = graph_.state("memory", {options_.element, {pick(2, 4)}}, StateKind::Recurrent);
    pool_.push_back(memory);
    for (int i = 0; i < options_.operations; ++i) {
      builder_.set_origin({{}, pick(0, 2) == 0 ? "layer" : ""});
      Value* value = tame(step());
      if (pick(0, 3) == 0) value->name = pick(0, 1) == 0 ? "h" : fmt::format("h{}", i);
      pool_.push_back(value);
    }
    graph_.find_state("memory")->next = builder_.op("tanh", {fit(any(), memory->type.shape)});
    for (int i = 0; i < 3; ++i) {
      graph_.outputs.push_back({fmt::format("out{}", i), pool_[pool_.size() - 1 - static_cast<std::size_t>(i)]});
    }
    return std::move(graph_);
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + pick(0, static_cast<std::int64_t>(choices.size()) - 1));
  }
  Value* any() { return pool_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(pool_.size()) - 1))]; }

  Value* parameter(Shape shape) {
    return graph_.state(fmt::format("p{}", parameters_++), {options_.element, std::move(shape)}, StateKind::Parameter);
  }

  // x brought to the shape: reduced to a scalar, then repeated.
  Value* fit(Value* x, const Shape& shape) {
    if (x->type.shape == shape) return x;
    Integers axes(x->type.shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    return builder_.broadcast_scalar(builder_.reduce_sum(x, axes), shape);
  }

  // Keeps sizes and values small.
  Value* tame(Value* x) {
    while (element_count(x->type.shape) > kElementsMax) x = builder_.reduce_sum(x, {0});
    return pick(0, 2) == 0 ? builder_.op("tanh", {x}) : x;
  }

  Value* step() {
    switch (pick(0, 10)) {
      case 0:
        return unary();
      case 1:
      case 2:
        return combine();
      case 3:
      case 4:
        return move();
      case 5:
        return rearrange();
      case 6:
        return reduce();
      case 7:
        return contract();
      case 8:
        return convolve();
      case 9:
        return loop();
      default:
        return slide();
    }
  }

  Value* unary() {
    Value* x = any();
    const std::int64_t kind = pick(0, options_.smooth ? 3 : 5);
    if (kind == 0) return builder_.op("exp", {builder_.op("tanh", {x})});
    if (kind == 1) return builder_.op("sqrt", {builder_.add(builder_.multiply(x, x), builder_.like(x, 1))});
    if (kind == 4) return builder_.op("abs", {x});
    if (kind == 5) return builder_.cast(builder_.cast(x, ElementType::I32), options_.element);
    return builder_.op(one_of({"tanh", "sin", "cos", "negate", "erf"}), {x});
  }

  // Something of the shape: a number that identities look for, a constant, a parameter along an axis, another value.
  Value* operand(const Shape& shape) {
    const Type type{options_.element, shape};
    const std::int64_t kind = pick(0, 5);
    if (kind == 0) return builder_.full(type, one_of({0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0}));
    if (kind == 1) return builder_.constant(draw({.type = type}, random_));
    if (kind == 2 && !shape.empty()) {
      const std::int64_t axis = pick(0, static_cast<std::int64_t>(shape.size()) - 1);
      return builder_.broadcast(parameter({shape[static_cast<std::size_t>(axis)]}), shape, {axis});
    }
    return fit(any(), shape);
  }

  Value* combine() {
    Value* a = any();
    Value* b = operand(a->type.shape);
    if (pick(0, 1) == 0) std::swap(a, b);
    const std::int64_t kind = pick(0, options_.smooth ? 3 : 6);
    if (kind == 0) return builder_.divide(a, builder_.add(builder_.multiply(b, b), builder_.like(b, 1)));
    if (kind == 4) return builder_.select(builder_.op("less", {a, b}), a, builder_.negate(b));
    if (kind > 4) return builder_.op(one_of({"maximum", "minimum"}), {a, b});
    return builder_.op(one_of({"add", "subtract", "multiply"}), {a, b});
  }

  // h' = tanh(h f + x), of which each step stacks h' sin(x); sometimes with a product of h.
  Value* loop() {
    Value* start = any();
    const Shape shape = start->type.shape;
    const std::int64_t length = pick(1, 3);
    Shape stacked = shape;
    stacked.insert(stacked.begin(), length);
    std::vector<Value*> operands = {start, operand(stacked), operand(shape)};
    std::unique_ptr<Graph> body = std::make_unique<Graph>();
    Value* h = body->input("c0", start->type, false);
    Value* x = body->input("x0", start->type, false);
    Value* f = body->input("f0", start->type, false);
    GraphBuilder inner(*body);
    Value* next = inner.op("tanh", {inner.add(inner.multiply(h, f), x)});
    if (shape.size() == 1 && pick(0, 1) == 0) {
      operands.push_back(parameter({shape[0], shape[0]}));
      Value* p = body->input("f1", operands.back()->type, false);
      next = inner.add(next, inner.contraction("ab,b->a", p, pick(0, 1) == 0 ? h : x));
    }
    body->outputs = {{"c0", next}, {"y0", inner.multiply(next, inner.op("sin", {x}))}};
    Attributes attributes;
    attributes.set("length", length);
    attributes.set("carries", std::int64_t{1});
    attributes.set("sequences", std::int64_t{1});
    attributes.set("reverse", pick(0, 1) == 0);
    std::vector<std::unique_ptr<Graph>> graphs;
    graphs.push_back(std::move(body));
    const std::vector<Value*> results = builder_.op_all("scan", operands, attributes, std::move(graphs));
    pool_.push_back(results[0]);
    return results[1];
  }

  Value* move() {
    Value* x = any();
    const Shape shape = x->type.shape;
    if (shape.empty()) return builder_.broadcast_scalar(x, {pick(1, 4)});
    const std::size_t axis = static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(shape.size()) - 1));
    Integers zeros(shape.size()), ones(shape.size(), 1);
    Attributes attributes;
    switch (pick(0, 3)) {
      case 0: {
        Integers start = zeros, stop = shape, step = ones;
        start[axis] = pick(0, shape[axis] - 1);
        step[axis] = pick(1, 2);
        attributes.set("start", start);
        attributes.set("stop", stop);
        attributes.set("step", step);
        return builder_.op("slice", {x}, attributes);
      }
      case 1: {
        Integers low = zeros, high = zeros, interior = zeros;
        low[axis] = pick(-1, 2);
        high[axis] = pick(0, 2);
        interior[axis] = pick(0, 1);
        attributes.set("low", low);
        attributes.set("high", high);
        attributes.set("interior", interior);
        attributes.set("value", 0.0);
        return shape[axis] > 1 ? builder_.op("pad", {x}, attributes) : x;
      }
      case 2:
        attributes.set("axis", static_cast<std::int64_t>(axis));
        return builder_.op("concat", {x, fit(any(), shape)}, attributes);
      default:
        attributes.set("axes", Integers{static_cast<std::int64_t>(axis)});
        return builder_.op("reverse", {x}, attributes);
    }
  }

  Value* rearrange() {
    Value* x = any();
    Shape shape = x->type.shape;
    if (pick(0, 1) == 0) {
      Integers permutation(shape.size());
      std::iota(permutation.begin(), permutation.end(), 0);
      std::shuffle(permutation.begin(), permutation.end(), random_);
      return builder_.transpose(x, permutation);
    }
    if (shape.size() < 2) return builder_.reshape(x, {element_count(shape), 1});
    const std::int64_t last = shape.back();
    shape.pop_back();
    shape.back() *= last;
    return builder_.reshape(x, shape);
  }

  Value* reduce() {
    Value* x = any();
    Attributes attributes;
    Integers axes;
    for (std::size_t i = 0; i < x->type.shape.size(); ++i) {
      if (pick(0, 1) == 0) axes.push_back(static_cast<std::int64_t>(i));
    }
    attributes.set("axes", axes);
    const bool is_sum = options_.smooth || pick(0, 1) == 0;
    return builder_.op(is_sum ? "reduce_sum" : one_of({"reduce_max", "reduce_min"}), {x}, attributes);
  }

  Value* contract() {
    Value* x = any();
    const Shape& shape = x->type.shape;
    if (shape.empty()) return builder_.multiply(x, parameter({pick(1, 3)}));
    if (shape.size() == 1 || pick(0, 1) == 0) {
      std::string letters = std::string("abcdefgh").substr(0, shape.size());
      const std::string spec = letters + "," + letters.back() + "z->" + letters.substr(0, shape.size() - 1) + "z";
      return builder_.contraction(spec, x, parameter({shape.back(), pick(1, 4)}));
    }
    Value* rows = builder_.reshape(x, {shape[0], element_count(shape) / shape[0]});
    return builder_.contraction("ik,jk->ij", rows, rows);
  }

  // Any value becomes an image of one or more channels.
  Value* image() {
    Value* x = any();
    if (x->type.shape.size() == 3 && element_count(x->type.shape) > 0) return x;
    return fit(x, {2, 4, 4});
  }

  Value* convolve() {
    Value* x = image();
    const Shape shape = x->type.shape;
    const Integers window = {std::min<std::int64_t>(shape[1], pick(1, 3)),
                             std::min<std::int64_t>(shape[2], pick(1, 3))};
    const std::int64_t groups = pick(0, 2) == 0 ? shape[0] : 1;
    Attributes attributes;
    for (const char* name : {"x_axes", "y_axes"}) attributes.set(name, std::string("c01"));
    attributes.set("w_axes", std::string("oi01"));
    attributes.set("stride", Integers{pick(1, 2), 1});
    attributes.set("input_dilation", Integers{1, pick(1, 2)});
    attributes.set("window_dilation", Integers{1, 1});
    attributes.set("pad_low", Integers{pick(0, 1), 0});
    attributes.set("pad_high", Integers{0, pick(0, 1)});
    attributes.set("groups", groups);
    attributes.set("batch_groups", std::int64_t{1});
    Value* w = parameter({groups * pick(1, 2), shape[0] / groups, window[0], window[1]});
    Value* y = builder_.op("convolution", {x, w}, attributes);
    Value* bias = parameter({y->type.shape[0]});
    return builder_.add(y, builder_.broadcast(bias, y->type.shape, {0}));
  }

  Value* slide() {
    Value* x = image();
    const Shape shape = x->type.shape;
    Attributes attributes;
    attributes.set("window", Integers{1, std::min<std::int64_t>(shape[1], 2), std::min<std::int64_t>(shape[2], 2)});
    attributes.set("stride", Integers{1, pick(1, 2), 2});
    attributes.set("dilation", Integers{1, 1, 1});
    attributes.set("pad_low", Integers{0, pick(0, 1), 0});
    attributes.set("pad_high", Integers{0, 0, pick(0, 1)});
    return builder_.op(options_.smooth || pick(0, 1) == 0 ? "window_sum" : "window_max", {x}, attributes);
  }

  std::mt19937 random_;
  RandomGraphOptions options_;
  Graph graph_;
  GraphBuilder builder_;
  std::vector<Value*> pool_;
  int parameters_ = 0;
};

std::map<std::string, Tensor> draw_leaves(const std::vector<const Value*>& leaves, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::map<std::string, Tensor> tensors;
  for (const Value* leaf : leaves) {
    tensors[leaf->producer->attributes.text("name")] = draw({.type = leaf->type, .low = -1, .high = 1}, random);
  }
  return tensors;
}

}  // namespace

Graph random_graph(std::uint32_t seed, const RandomGraphOptions& options) { return Generator(seed, options).run(); }

std::map<std::string, Tensor> random_inputs(const Graph& graph, std::uint32_t seed) {
  return draw_leaves({graph.inputs.begin(), graph.inputs.end()}, seed);
}

std::map<std::string, Tensor> random_states(const Graph& graph, std::uint32_t seed) {
  std::vector<const Value*> leaves;
  for (const State& state : graph.states) leaves.push_back(state.value);
  return draw_leaves(leaves, seed + 1);
}

}  // namespace nnc::test
