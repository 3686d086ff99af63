// Element conversion. Between floats the value stays (it is rounded where rounding is asked for).
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

// Truncates toward zero and saturates; NaN becomes 0 (but true: it is not 0).
std::int64_t to_integer(ElementType to, double value) {
  if (to == ElementType::Bool) return value != 0 ? 1 : 0;
  if (to == ElementType::U64) return Tensor::scalar(to, value).integers()[0];
  if (std::isnan(value)) return 0;
  if (value >= static_cast<double>(highest(to))) return highest(to);
  if (value <= static_cast<double>(lowest(to))) return lowest(to);
  return static_cast<std::int64_t>(value);
}

std::vector<Tensor> evaluate_cast(const Op& op, Operands in) {
  const Tensor& x = *in[0];
  Tensor y = Tensor::zeros(op.result()->type);
  const ElementType to = y.type.element;
  const bool from_float = is_float(x.type.element);
  if (is_float(to) && from_float) {
    y.floats() = x.floats();
  } else if (is_float(to)) {
    for (std::size_t i = 0; i < x.integers().size(); ++i) y.floats()[i] = x.at(static_cast<std::int64_t>(i));
  } else if (from_float) {
    std::transform(x.floats().begin(), x.floats().end(), y.integers().begin(),
                   [&](double value) { return to_integer(to, value); });
  } else {
    y.integers() = x.integers();
    wrap(y);
  }
  return {std::move(y)};
}

// Halves lie in memory as their bits; only f32 becomes one or comes of one, and f64 becomes one: see widen_halves.
std::string cast_body(ElementType from, ElementType to) {
  if (is_half(from)) return fmt::format("return float_from_{}(a);", name(from));
  return is_half(to) ? fmt::format("return to_{}(a);", name(to)) : "return cast<ElementOf<V>>(a);";
}

Attributes to(ElementType element) { return with({}, "to", element); }

}  // namespace

OpDef cast_op() {
  return {
      .name = "cast",
      .signature = "cast(x)",
      .formula =
          "x as another element type: a float becomes an integer toward zero, saturating, NaN gives 0; integers "
          "wrap; what is not 0 becomes true; a float is rounded to nearest, to even at ties",
      .operands_min = 1,
      .operands_max = 1,
      .traits = Elementwise,
      .attributes = {{"to", AttributeKind::Element, "the element type of the result"}},
      .infer = [](const OpView& op) -> Inferred { return {{{op.attributes.get<ElementType>("to"), op.shape(0)}}, ""}; },
      .evaluate = evaluate_cast,
      .gradient =
          [](GradientBuilder& g) {
            const ElementType from = g.in(0)->type.element;
            if (is_float(from) && is_float(g.out()->type.element)) g.to(0, g.cast(g.dy(), from));
          },
      .lower = {.family = Family::Elementwise, .body = cast_body},
      .samples = {{.what = "float to float", .operands = {f32({3})}, .attributes = to(ElementType::F64)},
                  {.what = "float to f16",
                   .operands = {f32_values({8}, {1.5, -65519, 65520, 0x1p-24, 0x1.8p-24, 0x1p-26, kInfinity, kNaN})},
                   .attributes = to(ElementType::F16),
                   .differentiable = false},
                  {.what = "float to bf16",
                   .operands = {f32_values({6}, {1 + 0x1p-8, 1 + 0x3p-8, -0x1.fffp127, 0x1p-130, -kInfinity, kNaN})},
                   .attributes = to(ElementType::BF16),
                   .differentiable = false},
                  {.what = "double to f16, rounded once",
                   .operands = {operand(ElementType::F64, {4}, {1 + 0x1.000001p-11, -1 - 0x3p-11, 1e300, 1e-300})},
                   .attributes = to(ElementType::F16),
                   .differentiable = false},
                  {.what = "f16 to float",
                   .operands = {operand(ElementType::F16, {6}, {1.5, -65504, 0x1p-24, -0.0, kInfinity, kNaN})},
                   .attributes = to(ElementType::F32),
                   .differentiable = false},
                  {.what = "bf16 to float",
                   .operands = {operand(ElementType::BF16, {4}, {1.5, -0x1p127, 0x1p-130, kNaN})},
                   .attributes = to(ElementType::F32),
                   .differentiable = false},
                  {.what = "float to integer",
                   .operands = {f32_values({8}, {1.7, -1.7, 3e9, -3e9, kNaN, kInfinity, -kInfinity, 0})},
                   .attributes = to(ElementType::I32),
                   .differentiable = false},
                  {.what = "saturating below zero",
                   .operands = {f32_values({4}, {-0.5, -1, 255.5, 256})},
                   .attributes = to(ElementType::U8),
                   .differentiable = false},
                  {.what = "float to u64",
                   .operands = {f32_values({6}, {-0.5, -1, 0x1p63, 0x1p64, kInfinity, kNaN})},
                   .attributes = to(ElementType::U64),
                   .differentiable = false},
                  {.what = "float to i64",
                   .operands = {f32_values({5}, {-1.5, 0x1p62, 0x1p63, -0x1p64, kNaN})},
                   .attributes = to(ElementType::I64),
                   .differentiable = false},
                  {.what = "float to bool",
                   .operands = {f32_values({4}, {0.5, 0, -0.0, kNaN})},
                   .attributes = to(ElementType::Bool),
                   .differentiable = false},
                  {.what = "u64 to float",
                   .operands = {operand(ElementType::U64, {3}, {0x1p63, 3, 0x1.8p63})},
                   .attributes = to(ElementType::F32),
                   .differentiable = false},
                  {.what = "u64 to i8",
                   .operands = {operand(ElementType::U64, {3}, {0x1p63, 255, 0x1.8p63})},
                   .attributes = to(ElementType::I8),
                   .differentiable = false},
                  {.what = "i8 to u64",
                   .operands = {operand(ElementType::I8, {3}, {-1, 127, -128})},
                   .attributes = to(ElementType::U64),
                   .differentiable = false},
                  {.what = "integer to float",
                   .operands = {i32({4}, -100, 100)},
                   .attributes = to(ElementType::F32),
                   .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::I32, {3}, {300, -1, 127})},
                   .attributes = to(ElementType::U8),
                   .differentiable = false},
                  {.what = "bool to float",
                   .operands = {operand(ElementType::Bool, {2}, {0, 1})},
                   .attributes = to(ElementType::F32),
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
