// Writing graph operations: for gradients, batch rules, passes and elaboration.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/ops/op.h"

namespace nnc {

Value* GraphBuilder::op(std::string_view name, std::vector<Value*> inputs, Attributes attributes) {
  return graph_.add(op_def(name), std::move(inputs), std::move(attributes), origin_)->result();
}

std::vector<Value*> GraphBuilder::op_all(std::string_view name, std::vector<Value*> inputs, Attributes attributes,
                                         std::vector<std::unique_ptr<Graph>> graphs) {
  const Op* added = graph_.add(op_def(name), std::move(inputs), std::move(attributes), origin_, std::move(graphs));
  std::vector<Value*> results;
  for (const std::unique_ptr<Value>& value : added->results) results.push_back(value.get());
  return results;
}

Value* GraphBuilder::constant(Tensor value) { return graph_.constant(std::move(value), origin_); }

Value* GraphBuilder::full(const Type& type, double value) {
  return broadcast_scalar(constant(Tensor::scalar(type.element, value)), type.shape);
}

Value* GraphBuilder::like(Value* x, double value) { return full(x->type, value); }

Value* GraphBuilder::binary(std::string_view name, Value* a, Value* b) {
  if (a->type.shape != b->type.shape) {
    if (a->type.shape.empty()) a = broadcast_scalar(a, b->type.shape);
    if (b->type.shape.empty()) b = broadcast_scalar(b, a->type.shape);
  }
  return op(name, {a, b});
}

Value* GraphBuilder::add(Value* a, Value* b) { return binary("add", a, b); }
Value* GraphBuilder::subtract(Value* a, Value* b) { return binary("subtract", a, b); }
Value* GraphBuilder::multiply(Value* a, Value* b) { return binary("multiply", a, b); }
Value* GraphBuilder::divide(Value* a, Value* b) { return binary("divide", a, b); }
Value* GraphBuilder::negate(Value* a) { return op("negate", {a}); }

Value* GraphBuilder::select(Value* condition, Value* a, Value* b) {
  const Shape& shape = !condition->type.shape.empty() ? condition->type.shape
                       : !a->type.shape.empty()       ? a->type.shape
                                                      : b->type.shape;
  const auto fit = [&](Value* x) { return x->type.shape.empty() ? broadcast_scalar(x, shape) : x; };
  return op("select", {fit(condition), fit(a), fit(b)});
}

Value* GraphBuilder::cast(Value* x, ElementType to) {
  if (x->type.element == to) return x;
  Attributes attributes;
  attributes.set("to", to);
  return op("cast", {x}, std::move(attributes));
}

Value* GraphBuilder::reshape(Value* x, Shape shape) {
  if (x->type.shape == shape) return x;
  Attributes attributes;
  attributes.set("shape", std::move(shape));
  return op("reshape", {x}, std::move(attributes));
}

Value* GraphBuilder::transpose(Value* x, std::vector<std::int64_t> permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  Attributes attributes;
  attributes.set("permutation", std::move(permutation));
  return op("transpose", {x}, std::move(attributes));
}

Value* GraphBuilder::broadcast(Value* x, Shape shape, std::vector<std::int64_t> axes) {
  if (x->type.shape == shape) return x;
  Attributes attributes;
  attributes.set("shape", std::move(shape));
  attributes.set("axes", std::move(axes));
  return op("broadcast", {x}, std::move(attributes));
}

Value* GraphBuilder::reduce_sum(Value* x, std::vector<std::int64_t> axes) {
  if (axes.empty()) return x;
  Attributes attributes;
  attributes.set("axes", std::move(axes));
  return op("reduce_sum", {x}, std::move(attributes));
}

Value* GraphBuilder::contraction(const std::string& spec, Value* a, Value* b) {
  Attributes attributes;
  attributes.set("spec", spec);
  return op("contraction", {a, b}, std::move(attributes));
}

GradientBuilder::GradientBuilder(Graph& graph, const Op& op, std::vector<Value*> result_gradients,
                                 std::vector<bool> needed)
    : GraphBuilder(graph, op.origin.backward()),
      op_(op),
      result_gradients_(std::move(result_gradients)),
      needed_(std::move(needed)),
      gradients_(op.inputs.size()) {}

Value* GradientBuilder::dy(int i) {
  Value*& gradient = result_gradients_[static_cast<std::size_t>(i)];
  if (gradient == nullptr) gradient = zeros_like(out(i));
  return gradient;
}

bool GradientBuilder::needs(int i) const { return needed_[static_cast<std::size_t>(i)]; }

void GradientBuilder::to(int i, Value* gradient) {
  if (gradient->type != in(i)->type) {
    throw InternalError(fmt::format("{}: the gradient of operand {} is {}, the operand {}", op_.def->name, i,
                                    to_string(gradient->type), to_string(in(i)->type)));
  }
  Value*& sum = gradients_[static_cast<std::size_t>(i)];
  sum = sum == nullptr ? gradient : add(sum, gradient);
}

Value* BatchContext::batched(int i) {
  Value* x = inputs[static_cast<std::size_t>(i)];
  if (is_batched[static_cast<std::size_t>(i)]) return x;
  Shape shape = x->type.shape;
  std::vector<std::int64_t> axes(shape.size());
  std::iota(axes.begin(), axes.end(), 1);
  shape.insert(shape.begin(), batch);
  return builder.broadcast(x, std::move(shape), std::move(axes));
}

std::vector<Value*> batch_one_by_one(BatchContext& context) {
  std::unique_ptr<Graph> body = std::make_unique<Graph>();
  std::vector<Value*> sequences, fixed;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    (context.is_batched[i] ? sequences : fixed).push_back(context.inputs[i]);
  }
  // The inputs of the body are declared in the order of the scan's operands.
  std::vector<Value*> inner(context.inputs.size());
  for (const bool is_sequence : {true, false}) {
    int count = 0;
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (context.is_batched[i] != is_sequence) continue;
      const std::string name = fmt::format("{}{}", is_sequence ? 'x' : 'f', count++);
      inner[i] = body->input(name, context.op.inputs[i]->type, false, context.op.origin);
    }
  }
  std::vector<std::unique_ptr<Graph>> graphs;
  for (const std::unique_ptr<Graph>& graph : context.op.graphs) {
    graphs.push_back(std::make_unique<Graph>(graph->clone()));
  }
  const Op* one = body->add(*context.op.def, inner, context.op.attributes, context.op.origin, std::move(graphs));
  for (std::size_t i = 0; i < one->results.size(); ++i) {
    body->outputs.push_back({fmt::format("y{}", i), one->results[i].get()});
  }
  Attributes attributes;
  attributes.set("length", context.batch);
  attributes.set("carries", std::int64_t{0});
  attributes.set("sequences", static_cast<std::int64_t>(sequences.size()));
  attributes.set("reverse", false);
  std::vector<Value*> operands = std::move(sequences);
  operands.insert(operands.end(), fixed.begin(), fixed.end());
  std::vector<std::unique_ptr<Graph>> bodies;
  bodies.push_back(std::move(body));
  return context.builder.op_all("scan", std::move(operands), std::move(attributes), std::move(bodies));
}

}  // namespace nnc
