// The bits of a number read as one of another type of as many bits, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::vector<Tensor> evaluate_bit_cast(const Op& op, Operands in) {
  const Tensor& x = *in[0];
  Tensor y = Tensor::zeros(op.result()->type);
  const ElementType from = x.type.element, to = y.type.element;
  for (std::size_t i = 0; i < static_cast<std::size_t>(element_count(x.type.shape)); ++i) {
    const std::int64_t bits =
        is_float(from) ? static_cast<std::int64_t>(float_bits(from, x.floats()[i])) : x.integers()[i];
    if (is_float(to)) {
      y.floats()[i] = float_of_bits(to, static_cast<std::uint64_t>(bits));
    } else {
      y.integers()[i] = bits;
    }
  }
  wrap(y);
  return {std::move(y)};
}

Attributes to(ElementType element) { return with({}, "to", element); }

}  // namespace

OpDef bit_cast_op() {
  return {
      .name = "bit_cast",
      .signature = "bit_cast(x)",
      .formula = "the bits of x as an element type of the same size",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .attributes = {{"to", AttributeKind::Element, "the element type of the result"}},
      .infer = [](const OpView& op) -> Inferred {
        const ElementType from = op.type(0).element, element = op.attributes.get<ElementType>("to");
        const bool have_bits = from != ElementType::Bool && element != ElementType::Bool;
        if (have_bits && size_bytes(from) == size_bytes(element)) {
          return {{{element, op.shape(0)}}, ""};
        }
        return error(fmt::format("bit_cast from {} to {}", name(from), name(element)));
      },
      .evaluate = evaluate_bit_cast,
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return bits_as<ElementOf<V>>(a);"),
      .samples = {{.what = "float to integer",
                   .operands = {f32_values({5}, {1.5, -0.0, kInfinity, -3, 1e-40})},
                   .attributes = to(ElementType::I32),
                   .differentiable = false},
                  {.what = "integer to float",
                   .operands = {operand(ElementType::U32, {3}, {1069547520, 2147483648.0, 4286578688.0})},
                   .attributes = to(ElementType::F32),
                   .differentiable = false},
                  {.what = "half to integer",
                   .operands = {operand(ElementType::F16, {4}, {1.5, -0.0, kInfinity, 0x1p-24})},
                   .attributes = to(ElementType::I16),
                   .differentiable = false},
                  {.what = "integer to half",
                   .operands = {operand(ElementType::U16, {3}, {0x3fc0, 0x8000, 0xff80})},
                   .attributes = to(ElementType::BF16),
                   .differentiable = false},
                  {.what = "signs",
                   .operands = {operand(ElementType::I8, {3}, {-1, 127, -128})},
                   .attributes = to(ElementType::U8),
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
