// Random graphs over most primitives. See random_graph.h.
#include "tests/passes/random_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tests/passes/support.h"

namespace nnc {
namespace {

using Integers = std::vector<std::int64_t>;

class Generator {
 public:
  Generator(unsigned seed, const RandomGraphOptions& options) : random_(seed), options_(options) {}

  Graph run() {
    for (int i = 0; i < 3; ++i) values_.push_back(written_.input(fmt::format("x{}", i), random_shape()));
    for (int i = 0; i < options_.operations; ++i) {
      Value* value = step();
      // Keeps numbers in a range in which errors can be compared.
      if (below(3) == 0) value = build().op("tanh", {value});
      values_.push_back(value);
    }
    for (std::size_t i = 0; i < 3; ++i) written_.output(fmt::format("y{}", i), values_[values_.size() - 1 - i]);
    Value* count = written_.graph.state("count", {ElementType::F32, {}}, StateKind::Counter);
    written_.graph.find_state("count")->next = build().add(count, build().full({ElementType::F32, {}}, 1));
    return std::move(written_.graph);
  }

 private:
  GraphBuilder& build() { return written_.build; }
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<unsigned>(n)); }
  Shape random_shape() {
    Shape shape;
    const std::int64_t rank = below(4);
    for (std::int64_t i = 0; i < rank; ++i) shape.push_back(1 + below(3));
    return shape;
  }
  // The later, the likelier: so that chains grow.
  Value* pick() {
    return values_[values_.size() - 1 -
                   static_cast<std::size_t>(
                       below(std::min<std::int64_t>(6, static_cast<std::int64_t>(values_.size()))))];
  }
  Value* parameter(const Shape& shape) { return written_.parameter(fmt::format("p{}", parameters_++), shape); }

  // Something of the shape: a value, a number that identities look for, a constant, or a parameter along one axis.
  Value* operand(const Shape& shape) {
    for (int i = 0; i < 4; ++i) {
      Value* value = pick();
      if (value->type.shape == shape) return value;
      if (value->type.shape.empty()) return build().broadcast_scalar(value, shape);
    }
    constexpr double kNumbers[] = {0, -0.0, 1, -1, 2, 0.5, 3};
    if (below(2) == 0) return build().full({ElementType::F32, shape}, kNumbers[below(7)]);
    if (below(2) == 0 || shape.empty()) return build().constant(random_tensor({ElementType::F32, shape}, random_));
    const std::int64_t axis = below(static_cast<std::int64_t>(shape.size()));
    return build().broadcast(parameter({shape[static_cast<std::size_t>(axis)]}), shape, {axis});
  }

  Value* step() {
    Value* x = pick();
    switch (below(10)) {
      case 0:
        return unary(x);
      case 1:
      case 2:
      case 3:
        return binary(x);
      case 4:
        return contraction(x);
      case 5:
        return reduction(x);
      case 6:
        return scan(x);
      default:
        return movement(x);
    }
  }

  Value* unary(Value* x) {
    switch (below(options_.smooth ? 4 : 6)) {
      case 0:
        return build().negate(x);
      case 1:
        return build().op("sin", {x});
      case 2:
        return build().op("exp", {build().op("tanh", {x})});
      case 3:
        return build().op("sqrt", {build().add(build().multiply(x, x), build().like(x, 1))});
      case 4:
        return build().op("abs", {x});
      default:
        return build().cast(build().cast(x, ElementType::I32), ElementType::F32);
    }
  }

  Value* binary(Value* x) {
    Value* y = operand(x->type.shape);
    if (below(2) == 0) std::swap(x, y);
    switch (below(options_.smooth ? 4 : 6)) {
      case 0:
        return build().add(x, y);
      case 1:
        return build().subtract(x, y);
      case 2:
        return build().multiply(x, y);
      case 3:
        return build().divide(x, build().add(build().multiply(y, y), build().like(y, 1)));
      case 4:
        return build().op("maximum", {x, y});
      default:
        return build().select(build().op("less", {x, y}), x, y);
    }
  }

  Value* contraction(Value* x) {
    const std::size_t rank = x->type.shape.size();
    if (rank == 0) return unary(x);
    std::string letters = std::string("abcdefghijklmn").substr(0, rank);
    const std::size_t summed = static_cast<std::size_t>(below(static_cast<std::int64_t>(rank)));
    std::string result = letters;
    result[summed] = 'o';
    const bool turned = below(2) == 0;
    const std::int64_t extent = x->type.shape[summed];
    Value* p = parameter(turned ? Shape{2, extent} : Shape{extent, 2});
    const std::string p_letters = turned ? std::string{'o', letters[summed]} : std::string{letters[summed], 'o'};
    Value* y = below(2) == 0 ? build().contraction(letters + "," + p_letters + "->" + result, x, p)
                             : build().contraction(p_letters + "," + letters + "->" + result, p, x);
    return below(2) == 0 ? binary(y) : y;
  }

  Value* reduction(Value* x) {
    Integers axes;
    for (std::size_t i = 0; i < x->type.shape.size(); ++i) {
      if (below(2) == 0) axes.push_back(static_cast<std::int64_t>(i));
    }
    if (options_.smooth || below(2) == 0) return build().reduce_sum(x, axes);
    Attributes attributes;
    attributes.set("axes", axes);
    return build().op("reduce_max", {x}, attributes);
  }

  // h' = tanh(h f + x), or with a product of h.
  Value* scan(Value* x) {
    const std::int64_t length = 1 + below(3);
    Shape stacked = x->type.shape;
    stacked.insert(stacked.begin(), length);
    ScanBuilder loop;
    Value *h = loop.carry(x), *step = loop.sequence(operand(stacked)), *fixed = loop.fixed(operand(x->type.shape));
    GraphBuilder body(loop.body());
    Value* next = body.op("tanh", {body.add(body.multiply(h, fixed), step)});
    if (x->type.shape.size() == 1 && below(2) == 0) {
      Value* p = loop.fixed(parameter({x->type.shape[0], x->type.shape[0]}));
      next = body.add(next, body.contraction("ab,b->a", p, below(2) == 0 ? h : step));
    }
    loop.next(next);
    loop.stack(body.multiply(next, body.op("sin", {step})));
    const std::vector<Value*> results = loop.finish(build(), length, below(2) == 0);
    values_.push_back(results[0]);
    return results[1];
  }

  Value* movement(Value* x) {
    const Shape& shape = x->type.shape;
    const std::size_t rank = shape.size();
    Attributes attributes;
    switch (below(6)) {
      case 0: {
        Integers permutation(rank);
        std::iota(permutation.begin(), permutation.end(), 0);
        std::shuffle(permutation.begin(), permutation.end(), random_);
        return build().transpose(x, permutation);
      }
      case 1:
        return build().reshape(x, below(2) == 0 ? Shape{element_count(shape)} : Shape{1, element_count(shape), 1});
      case 2: {
        if (rank > 2) return build().reduce_sum(x, {0});
        Shape wide = shape;
        const std::int64_t at = below(static_cast<std::int64_t>(rank) + 1);
        wide.insert(wide.begin() + at, 2);
        Integers axes;
        for (std::int64_t i = 0; i <= static_cast<std::int64_t>(rank); ++i) {
          if (i != at) axes.push_back(i);
        }
        return build().broadcast(x, wide, axes);
      }
      case 3: {
        Integers start, stop;
        for (std::int64_t extent : shape) {
          start.push_back(below(extent));
          stop.push_back(extent);
        }
        attributes.set("start", start);
        attributes.set("stop", stop);
        attributes.set("step", Integers(rank, 1 + below(2)));
        return build().op("slice", {x}, attributes);
      }
      case 4: {
        Integers sizes;
        for (std::size_t i = 0; i < rank; ++i) sizes.push_back(below(2));
        attributes.set("low", sizes);
        attributes.set("high", Integers(rank, 0));
        attributes.set("interior", sizes);
        attributes.set("value", 0.0);
        return build().op("pad", {x}, attributes);
      }
      default: {
        Integers axes;
        for (std::size_t i = 0; i < rank; ++i) {
          if (below(2) == 0) axes.push_back(static_cast<std::int64_t>(i));
        }
        attributes.set("axes", axes);
        return build().op("reverse", {x}, attributes);
      }
    }
  }

  std::mt19937 random_;
  RandomGraphOptions options_;
  Written written_;
  std::vector<Value*> values_;
  int parameters_ = 0;
};

}  // namespace

Graph random_graph(unsigned seed, const RandomGraphOptions& options) { return Generator(seed, options).run(); }

}  // namespace nnc
