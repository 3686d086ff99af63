// What the reductions share: shape, evaluation, batch rule, gradients of extrema.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Shape shape_at(const Shape& shape, const std::vector<std::int64_t>& axes) {
  Shape part;
  for (std::int64_t axis : axes) part.push_back(shape[static_cast<std::size_t>(axis)]);
  return part;
}

}  // namespace

Inferred infer_reduction(const OpView& op) {
  const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
  const std::string wrong = check_axes(axes, op.shape(0).size());
  if (!wrong.empty()) return error(wrong);
  if (op.type(0).element == ElementType::Bool) return error("operands must be numbers, not bool");
  return {{{op.type(0).element, shape_at(op.shape(0), other_axes(op.shape(0).size(), axes))}}, ""};
}

Evaluate fold(double initial, double (*real)(double, double), std::int64_t integer_initial, IntegerBinary integer) {
  return [=](const Op& op, Operands in) {
    const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
    std::vector<std::int64_t> order = other_axes(in[0]->type.shape.size(), axes);
    order.insert(order.end(), axes.begin(), axes.end());
    Tensor permuted;
    const bool is_sorted = std::is_sorted(order.begin(), order.end());
    const Tensor& x = is_sorted ? *in[0] : permuted = permute(*in[0], order);
    Tensor y = Tensor::zeros(op.result()->type);
    const std::ptrdiff_t length = element_count(shape_at(in[0]->type.shape, axes));
    const auto reduce = [&](const auto& from, auto& to, auto start, auto combine) {
      for (std::size_t i = 0; i < to.size(); ++i) {
        const auto row = from.begin() + static_cast<std::ptrdiff_t>(i) * length;
        to[i] = std::accumulate(row, row + length, start, combine);
      }
    };
    if (is_float(y.type.element)) {
      reduce(x.floats(), y.floats(), initial, real);
    } else {
      reduce(x.integers(), y.integers(), integer_initial, integer);
      wrap(y);
    }
    return std::vector<Tensor>{std::move(y)};
  };
}

Evaluate fold_ordered(double initial, double (*real)(double, double), std::int64_t integer_initial,
                      IntegerBinary integer) {
  const Evaluate folded = fold(initial, real, integer_initial, integer);
  return [folded](const Op& op, Operands in) {
    if (in[0]->type.element != ElementType::U64) return folded(op, in);
    const Tensor x = in_order(*in[0]);
    const Tensor* const operand = &x;
    return std::vector<Tensor>{in_order(folded(op, {&operand, 1})[0])};
  };
}

std::vector<Value*> batch_reduction(BatchContext& context) {
  const std::vector<std::int64_t> axes = shift_axes(context.op.attributes.integers("axes"));
  return {context.builder.op(context.op.def->name, {context.inputs[0]}, with({}, "axes", axes))};
}

Value* expand_reduced(GradientBuilder& g, Value* reduced) {
  const Shape& shape = g.in(0)->type.shape;
  return g.broadcast(reduced, shape, other_axes(shape.size(), g.op_of().attributes.integers("axes")));
}

// With the reduced axes last and joined, the first maximum is where the index along that axis equals argmax.
void differentiate_extremum(GradientBuilder& g, Value* ranked) {
  const std::vector<std::int64_t>& axes = g.op_of().attributes.integers("axes");
  if (axes.empty()) return g.to(0, g.dy());
  const Shape& shape = ranked->type.shape;
  if (contains(shape, 0)) return g.to(0, g.zeros_like(g.in(0)));
  std::vector<std::int64_t> order = other_axes(shape.size(), axes);
  order.insert(order.end(), axes.begin(), axes.end());
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const std::int64_t length = element_count(shape_at(shape, axes));
  const Shape rows = {element_count(shape) / length, length};

  Value* joined = g.reshape(g.transpose(ranked, order), rows);
  Value* first = g.broadcast(g.op("argmax", {joined}, with({}, "axis", std::int64_t{1})), rows, {0});
  Attributes counting = with(with({}, "shape", rows), "axis", std::int64_t{1});
  Value* index = g.op("iota", {}, with(counting, "element", ElementType::I32));
  Value* is_first = g.op("equal", {index, first});
  Value* gradient = g.broadcast(g.reshape(g.dy(), {rows[0]}), rows, {0});
  Value* chosen = g.select(is_first, gradient, g.zeros_like(gradient));
  g.to(0, g.transpose(g.reshape(chosen, shape_at(shape, order)), back));
}

}  // namespace nnc::ops
