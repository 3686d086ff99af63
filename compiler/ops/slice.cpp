// A regular part of a tensor.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_slice(const OpView& op) {
  const Shape& shape = op.shape(0);
  const std::vector<std::int64_t>& start = op.attributes.integers("start");
  const std::vector<std::int64_t>& stop = op.attributes.integers("stop");
  const std::vector<std::int64_t>& step = op.attributes.integers("step");
  std::string wrong = check_list("start", start, shape.size(), 0);
  if (wrong.empty()) wrong = check_list("stop", stop, shape.size(), 0);
  if (wrong.empty()) wrong = check_list("step", step, shape.size(), 1);
  if (!wrong.empty()) return error(wrong);
  Type type{op.type(0).element, {}};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (start[i] > stop[i] || stop[i] > shape[i]) {
      return error(fmt::format("{} to {} is no part of an axis of {}", start[i], stop[i], shape[i]));
    }
    type.shape.push_back((stop[i] - start[i] + step[i] - 1) / step[i]);
  }
  return {{type}, ""};
}

std::vector<Tensor> evaluate_slice(const Op& op, Operands in) {
  const std::vector<std::int64_t>& start = op.attributes.integers("start");
  const std::vector<std::int64_t>& step = op.attributes.integers("step");
  Shape strides = row_major_strides(in[0]->type.shape);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    offset += start[i] * strides[i];
    strides[i] *= step[i];
  }
  const Type& type = op.result()->type;
  return {take_strided(*in[0], type, strides, offset)};
}

// The gradient goes back to where its elements came from, with zeros between, before and behind.
void differentiate_slice(GradientBuilder& g) {
  const Attributes& attributes = g.op_of().attributes;
  const Shape& shape = g.in(0)->type.shape;
  const Shape& taken = g.out()->type.shape;
  std::vector<std::int64_t> high;
  std::vector<std::int64_t> interior;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (taken[i] == 0) return g.to(0, g.zeros_like(g.in(0)));
    const std::int64_t step = attributes.integers("step")[i];
    interior.push_back(step - 1);
    high.push_back(shape[i] - attributes.integers("start")[i] - ((taken[i] - 1) * step + 1));
  }
  Attributes pad = with(with({}, "low", attributes.integers("start")), "high", high);
  g.to(0, g.op("pad", {g.dy()}, with(with(pad, "interior", interior), "value", 0.0)));
}

Sample sample(const char* what, Shape shape, std::vector<std::int64_t> start, std::vector<std::int64_t> stop,
              std::vector<std::int64_t> step) {
  return {.what = what,
          .operands = {f32(std::move(shape))},
          .attributes = with(with(with({}, "start", start), "stop", stop), "step", step)};
}

}  // namespace

OpDef slice_op() {
  return {
      .name = "slice",
      .signature = "slice(x)",
      .formula = "on each axis the elements start, start + step, ... below stop",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Movement,
      .attributes = {{"start", AttributeKind::Integers, "first element, one an axis"},
                     {"stop", AttributeKind::Integers, "end, one an axis"},
                     {"step", AttributeKind::Integers, "at least 1, one an axis"}},
      .infer = infer_slice,
      .evaluate = evaluate_slice,
      .gradient = differentiate_slice,
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const Attributes& old = context.op.attributes;
        Attributes attributes = with({}, "start", prepend(0, old.integers("start")));
        attributes.set("stop", prepend(context.batch, old.integers("stop")));
        attributes.set("step", prepend(1, old.integers("step")));
        return {context.builder.op("slice", {context.inputs[0]}, attributes)};
      },
      .lower = {.family = Family::Move, .flops = 0},
      .samples = {sample("plain", {4, 5}, {1, 0}, {3, 5}, {1, 1}), sample("steps", {7, 5}, {1, 0}, {6, 5}, {3, 2}),
                  sample("empty", {3}, {2}, {2}, {1})},
  };
}

}  // namespace nnc::ops
