// Rows written into a table by index, or combined with what is there.
#include "compiler/ops/rows.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

const std::vector<std::string> kWays = {"set", "add", "multiply", "maximum", "minimum"};

Inferred infer_scatter_into(const OpView& op) {
  const Shape& table = op.shape(0);
  const Shape& index = op.shape(1);
  if (table.empty() || table[0] == 0) return error("the table has no rows");
  if (!is_integer(op.type(1).element)) return error("the index must be integer");
  if (op.type(2).element != op.type(0).element) return error("the rows have another element type");
  Shape rows = index;
  rows.insert(rows.end(), table.begin() + 1, table.end());
  if (op.shape(2) != rows) {
    return error(fmt::format("the rows must be {}, not {}", to_string(rows), to_string(op.shape(2))));
  }
  const std::string& by = op.attributes.text("by");
  if (std::find(kWays.begin(), kWays.end(), by) == kWays.end()) {
    return error(fmt::format("'by' must be one of {}, not '{}'", fmt::join(kWays, ", "), by));
  }
  if (by != "set" && op.type(0).element == ElementType::Bool) return error("operands must be numbers, not bool");
  return {{op.type(0)}, ""};
}

double combined(const std::string& by, double a, double b) {
  if (by == "add") return a + b;
  if (by == "multiply") return a * b;
  if (by == "maximum") return b > a || b != b ? b : a;
  if (by == "minimum") return b < a || b != b ? b : a;
  return b;
}

// Sums and products modulo 2^64; the order of numbers of u64 is that of naturals.
std::int64_t combined(const std::string& by, std::int64_t a, std::int64_t b, bool is_natural) {
  const std::uint64_t x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  if (by == "add") return static_cast<std::int64_t>(x + y);
  if (by == "multiply") return static_cast<std::int64_t>(x * y);
  const bool is_less = is_natural ? x < y : a < b;
  if (by == "maximum") return is_less ? b : a;
  if (by == "minimum") return is_less ? a : b;
  return b;
}

std::vector<Tensor> evaluate_scatter_into(const Op& op, Operands in) {
  Tensor y = *in[0];
  const std::string& by = op.attributes.text("by");
  const std::size_t width = static_cast<std::size_t>(row_major_strides(y.type.shape)[0]);
  const std::vector<std::int64_t> index = clamped(*in[1], y.type.shape[0]);
  const bool is_natural = y.type.element == ElementType::U64;
  for (std::size_t i = 0; i < index.size() * width; ++i) {
    const std::size_t at = static_cast<std::size_t>(index[i / width]) * width + i % width;
    if (is_float(y.type.element)) {
      y.floats()[at] = combined(by, y.floats()[at], in[2]->floats()[i]);
    } else {
      y.integers()[at] = combined(by, y.integers()[at], in[2]->integers()[i], is_natural);
    }
  }
  wrap(y);
  return {std::move(y)};
}

// The table `x` with the rows `u` combined into it.
Value* scatter(GradientBuilder& g, Value* x, Value* u, const char* by) {
  return g.op("scatter_into", {x, g.in(1), u}, with({}, "by", std::string(by)));
}
// Of each element of the rows what the table has at its place.
Value* at_rows(GradientBuilder& g, Value* table) { return g.op("gather", {table, g.in(1)}); }

// Whether an element of the rows is the last of the candidates for its place (null: all are).
Value* is_last(GradientBuilder& g, Value* candidate) {
  const Shape& rows = g.in(2)->type.shape;
  const Shape count = {element_count(rows)};
  Attributes counting = with(with({}, "shape", count), "axis", std::int64_t{0});
  Value* number = g.reshape(g.op("iota", {}, with(counting, "element", ElementType::I32)), rows);
  Value* nobody = g.full({ElementType::I32, g.in(0)->type.shape}, -1);
  if (candidate != nullptr) number = g.select(candidate, number, g.like(number, -2));
  return g.op("equal", {at_rows(g, scatter(g, nobody, number, "maximum")), number});
}

// What is set comes from the last row with the index alone; the others have no part in the result.
void differentiate_set(GradientBuilder& g) {
  if (g.needs(0)) g.to(0, scatter(g, g.dy(), g.zeros_like(g.in(2)), "set"));
  if (g.needs(2)) g.to(2, g.select(is_last(g, nullptr), at_rows(g, g.dy()), g.zeros_like(g.in(2))));
}

// The largest or the least goes back to where it comes from: of ties to the table, else to the last.
void differentiate_largest(GradientBuilder& g) {
  Value* from_table = g.op("equal", {g.in(0), g.out()});
  if (g.needs(0)) g.to(0, g.select(from_table, g.dy(), g.zeros_like(g.in(0))));
  if (!g.needs(2)) return;
  Value* dy = g.select(from_table, g.zeros_like(g.in(0)), g.dy());
  Value* winner = is_last(g, g.op("equal", {g.in(2), at_rows(g, g.out())}));
  g.to(2, g.select(winner, at_rows(g, dy), g.zeros_like(g.in(2))));
}

// dy times the product of the others: out / u, but where u is 0 the product of the rest if that is the only 0, else 0.
void differentiate_product(GradientBuilder& g) {
  Value *x = g.in(0), *u = g.in(2);
  if (g.needs(0)) g.to(0, g.multiply(g.dy(), scatter(g, g.like(x, 1), u, "multiply")));
  if (!g.needs(2)) return;
  Value *zero = g.zeros_like(u), *one = g.like(u, 1);
  Value* is_zero = g.op("equal", {u, zero});
  Value* rest = g.select(is_zero, one, u);
  Value* zeros = at_rows(g, scatter(g, g.zeros_like(x), g.select(is_zero, one, zero), "add"));
  Value* product = at_rows(g, scatter(g, x, rest, "multiply"));
  Value* at_zero = g.select(g.op("equal", {zeros, one}), product, zero);
  Value* others = g.select(is_zero, at_zero, g.divide(at_rows(g, g.out()), rest));
  g.to(2, g.multiply(at_rows(g, g.dy()), others));
}

void differentiate_scatter_into(GradientBuilder& g) {
  const std::string& by = g.op_of().attributes.text("by");
  if (by == "set") return differentiate_set(g);
  if (by == "multiply") return differentiate_product(g);
  if (by == "maximum" || by == "minimum") return differentiate_largest(g);
  if (g.needs(0)) g.to(0, g.dy());
  if (g.needs(2)) g.to(2, at_rows(g, g.dy()));
}

std::vector<Value*> batch_scatter_into(BatchContext& context) {
  GraphBuilder& g = context.builder;
  Value* table = context.batched(0);
  Shape joined = context.op.inputs[0]->type.shape;
  Value* index = index_in_all(context, context.batched(1), joined[0]);
  joined[0] *= context.batch;
  Value* all = g.op("scatter_into", {g.reshape(table, joined), index, context.batched(2)}, context.op.attributes);
  return {g.reshape(all, table->type.shape)};
}

Attributes way(const char* by) { return with({}, "by", std::string(by)); }

}  // namespace

OpDef scatter_into_op() {
  const SampleOperand index = operand(ElementType::I32, {2, 2}, {3, 0, 1, 3});
  std::vector<Sample> samples = {
      {.what = "scalar rows, clamped",
       .operands = {f32({4}), operand(ElementType::I32, {3}, {-1, 2, 9}), f32({3})},
       .attributes = way("set")},
      {.what = "flags",
       .operands = {operand(ElementType::Bool, {3}, {0, 1, 1}), operand(ElementType::I64, {2}, {0, 2}),
                    operand(ElementType::Bool, {2}, {1, 0})},
       .attributes = way("set")},
      {.what = "NaN",
       .operands = {f32_values({3}, {kNaN, 1, 2}), operand(ElementType::I32, {4}, {0, 1, 2, 2}),
                    f32_values({4}, {1, kNaN, 3, 1})},
       .attributes = way("maximum"),
       .differentiable = false}};
  samples.push_back({.what = "products with zeros",
                     .operands = {f32_values({4}, {3, 5, 2, 0}), operand(ElementType::I32, {6}, {0, 0, 1, 1, 2, 3}),
                                  f32_values({6}, {0, 2, 0, 0, 4, 2})},
                     .attributes = way("multiply")});
  for (const std::string& by : kWays) {
    samples.push_back(
        {.what = "rows, " + by, .operands = {f32({4, 3}), index, f32({2, 2, 3})}, .attributes = way(by.c_str())});
    samples.push_back({.what = "integers, " + by,
                       .operands = {i32({4}, -9, 9), operand(ElementType::U8, {3}, {1, 1, 2}), i32({3}, -9, 9)},
                       .attributes = way(by.c_str()),
                       .differentiable = false});
  }
  return {
      .name = "scatter_into",
      .signature = "scatter_into(x, index, u)",
      .formula =
          "x [N, row] with the rows of u [index's axes, row] written at their indices, or combined with what is "
          "there, in their order; an index out of range is clamped",
      .operands_min = 3,
      .operands_max = 3,
      .attributes = {{"by", AttributeKind::Text, "set, add, multiply, maximum or minimum"}},
      .infer = infer_scatter_into,
      .evaluate = evaluate_scatter_into,
      .gradient = differentiate_scatter_into,
      .batch = batch_scatter_into,
      .without_empty = [](GraphBuilder&, const Op& op, std::span<Value* const>) { return op.inputs[0]; },
      .lower = {.family = Family::Move},
      .samples = samples,
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
