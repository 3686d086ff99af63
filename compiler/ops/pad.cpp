// Elements added before, behind and between those of x, or taken away at the ends (negative padding), as XLA's Pad.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

// Extent with the interior padding, before low and high count.
std::int64_t spread(std::int64_t extent, std::int64_t interior) {
  return extent == 0 ? 0 : (extent - 1) * (interior + 1) + 1;
}

Inferred infer_pad(const OpView& op) {
  const Shape& shape = op.shape(0);
  const std::vector<std::int64_t>& low = op.attributes.integers("low");
  const std::vector<std::int64_t>& high = op.attributes.integers("high");
  const std::vector<std::int64_t>& interior = op.attributes.integers("interior");
  std::string wrong = check_list("low", low, shape.size());
  if (wrong.empty()) wrong = check_list("high", high, shape.size());
  if (wrong.empty()) wrong = check_list("interior", interior, shape.size(), 0);
  if (!wrong.empty()) return error(wrong);
  Type type{op.type(0).element, {}};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t extent = spread(shape[i], interior[i]) + low[i] + high[i];
    if (extent < 0) return error(fmt::format("padding takes more than the {} elements of axis {}", shape[i], i));
    type.shape.push_back(extent);
  }
  return {{type}, ""};
}

std::vector<Tensor> evaluate_pad(const Op& op, Operands in) {
  const std::vector<std::int64_t>& low = op.attributes.integers("low");
  const std::vector<std::int64_t>& interior = op.attributes.integers("interior");
  const Type& type = op.result()->type;
  const Shape& shape = in[0]->type.shape;
  const Shape strides = row_major_strides(shape);
  // Per axis and place the offset in x, or -1; an element exists if it does on all axes.
  std::vector<std::int64_t> from = {0};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    std::vector<std::int64_t> finer;
    finer.reserve(from.size() * static_cast<std::size_t>(type.shape[axis]));
    for (std::int64_t base : from) {
      for (std::int64_t i = 0; i < type.shape[axis]; ++i) {
        const std::int64_t place = i - low[axis];
        const std::int64_t index = place / (interior[axis] + 1);
        const bool exists = base >= 0 && place >= 0 && index < shape[axis] && place % (interior[axis] + 1) == 0;
        finer.push_back(exists ? base + index * strides[axis] : -1);
      }
    }
    from = std::move(finer);
  }
  return {take(*in[0], type, from, op.attributes.get<double>("value"))};
}

// Takes the padding off again, then every (interior + 1)-th element. Elements of x that were cut off receive zero.
void differentiate_pad(GradientBuilder& g) {
  const Attributes& attributes = g.op_of().attributes;
  const Shape& shape = g.in(0)->type.shape;
  if (contains(shape, 0)) return g.to(0, g.zeros_like(g.in(0)));
  std::vector<std::int64_t> low, high, stop, step;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    low.push_back(-attributes.integers("low")[i]);
    high.push_back(-attributes.integers("high")[i]);
    step.push_back(attributes.integers("interior")[i] + 1);
    stop.push_back(spread(shape[i], step[i] - 1));
  }
  const std::vector<std::int64_t> zeros(shape.size());
  Attributes back = with(with({}, "low", low), "high", high);
  Value* spread_out = g.op("pad", {g.dy()}, with(with(back, "interior", zeros), "value", 0.0));
  g.to(0, g.op("slice", {spread_out}, with(with(with({}, "start", zeros), "stop", stop), "step", step)));
}

Sample sample(const char* what, Shape shape, std::vector<std::int64_t> low, std::vector<std::int64_t> high,
              std::vector<std::int64_t> interior, double value = 0) {
  Attributes attributes = with(with({}, "low", low), "high", high);
  return {.what = what,
          .operands = {f32(std::move(shape))},
          .attributes = with(with(attributes, "interior", interior), "value", value)};
}

}  // namespace

OpDef pad_op() {
  return {
      .name = "pad",
      .signature = "pad(x)",
      .formula =
          "`interior` elements between those of x, `low` before, `high` behind, all with the value; negative low "
          "and high take elements away",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"low", AttributeKind::Integers, "one an axis"},
                     {"high", AttributeKind::Integers, "one an axis"},
                     {"interior", AttributeKind::Integers, "at least 0, one an axis"},
                     {"value", AttributeKind::Real, "what is put in"}},
      .infer = infer_pad,
      .evaluate = evaluate_pad,
      .gradient = differentiate_pad,
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        Attributes attributes = context.op.attributes;
        for (const char* name : {"low", "high", "interior"}) {
          attributes.set(name, prepend(0, context.op.attributes.integers(name)));
        }
        return {context.builder.op("pad", {context.inputs[0]}, attributes)};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {sample("plain", {2, 3}, {1, 0}, {0, 2}, {0, 0}), sample("interior", {3, 2}, {0, 1}, {1, 0}, {2, 1}),
                  sample("negative", {4, 5}, {-1, 1}, {1, -2}, {0, 0}, 7),
                  sample("negative within interior", {3}, {-1}, {-1}, {2}), sample("empty", {0}, {1}, {2}, {3}, -1)},
  };
}

}  // namespace nnc::ops
