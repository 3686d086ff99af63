// The places of the largest, or smallest, elements of each row, in order.
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Inferred infer_top_places(const OpView& op) {
  if (op.shape(0).empty()) return error("there is no axis to choose along");
  if (op.type(0).element == ElementType::Bool) return error("operands must be numbers, not bool");
  const std::int64_t count = op.attributes.integer("count"), length = op.shape(0).back();
  if (count < 1 || count > length) return error(fmt::format("{} of {} elements cannot be chosen", count, length));
  if (length > std::numeric_limits<std::int32_t>::max()) return error("the places must be numbers of 32 bits");
  Type type{ElementType::I32, op.shape(0)};
  type.shape.back() = count;
  return {{type}, ""};
}

std::vector<Tensor> evaluate_top_places(const Op& op, Operands in) {
  const bool is_largest = op.attributes.get<bool>("largest");
  const std::ptrdiff_t count = op.attributes.integer("count"), length = in[0]->type.shape.back();
  const Tensor x = in_order(*in[0]);
  Tensor y = Tensor::zeros(op.result()->type);
  std::vector<std::int64_t> places(static_cast<std::size_t>(length));
  const auto choose = [&](const auto& elements) {
    for (std::ptrdiff_t r = 0; r * count < element_count(y.type.shape); ++r) {
      const auto row = elements.begin() + r * length;
      // NaN is the largest.
      const auto is_greater = [](auto a, auto b) { return a > b || (a != a && b == b); };
      std::iota(places.begin(), places.end(), 0);
      std::partial_sort(places.begin(), places.begin() + count, places.end(), [&](std::int64_t a, std::int64_t b) {
        if (is_greater(row[a], row[b])) return is_largest;
        return is_greater(row[b], row[a]) ? !is_largest : a < b;
      });
      std::copy_n(places.begin(), count, y.integers().begin() + r * count);
    }
  };
  std::visit(choose, x.data);
  return {std::move(y)};
}

Attributes first(std::int64_t count, bool is_largest) { return with(with({}, "count", count), "largest", is_largest); }

}  // namespace

OpDef top_places_op() {
  const SampleOperand special = f32_values({2, 6}, {1, kNaN, 2, kInfinity, kNaN, -kInfinity, 3, 1, 3, 0, -0.0, 1});
  return {
      .name = "top_places",
      .signature = "top_places(x)",
      .formula =
          "places along the last axis of its largest (or smallest) elements, in order, as i32; of equals the "
          "first comes first; NaN is larger than all numbers",
      .operands_min = 1,
      .operands_max = 1,
      .attributes = {{"count", AttributeKind::Integer, "how many of each row"},
                     {"largest", AttributeKind::Flag, "the largest first, else the smallest"}},
      .infer = infer_top_places,
      .evaluate = evaluate_top_places,
      .gradient = [](GradientBuilder&) {},
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        return {context.builder.op("top_places", {context.inputs[0]}, context.op.attributes)};
      },
      .lower = {.family = Family::Special, .flops = 0},
      .samples =
          {{.what = "some", .operands = {f32({3, 7})}, .attributes = first(3, true), .differentiable = false},
           {.what = "sorted", .operands = {f32({40})}, .attributes = first(40, false), .differentiable = false},
           {.what = "ties and NaN", .operands = {special}, .attributes = first(6, true), .differentiable = false},
           {.what = "NaN last", .operands = {special}, .attributes = first(6, false), .differentiable = false},
           {.what = "naturals",
            .operands = {operand(ElementType::U64, {4}, {0x1p63, 2, 0, 0x1p62})},
            .attributes = first(2, true),
            .differentiable = false},
           {.what = "bytes",
            .operands = {operand(ElementType::I8, {2, 5}, {-3, 7, 7, -8, 0, 1, 1, 1, 1, 1})},
            .attributes = first(4, false),
            .differentiable = false}},
  };
}

}  // namespace nnc::ops
