// The larger of two, elementwise. NaN passes; where a = b the value is a and the gradient goes to b.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef maximum_op() {
  return {
      .name = "maximum",
      .signature = "maximum(a, b)",
      .formula = "b > a or b is NaN ? b : a; so NaN passes; where a = b the gradient goes to b",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = number_elementwise,
      .evaluate = map_binary([](double a, double b) { return b > a || std::isnan(b) ? b : a; },
                             [](std::int64_t a, std::int64_t b) { return b > a ? b : a; },
                             [](std::uint64_t a, std::uint64_t b) { return b > a ? b : a; }),
      .gradient =
          [](GradientBuilder& g) {
            Value* a_wins = g.op("less", {g.in(1), g.in(0)});
            Value* zero = g.zeros_like(g.dy());
            if (g.needs(0)) g.to(0, g.select(a_wins, g.dy(), zero));
            if (g.needs(1)) g.to(1, g.select(a_wins, zero, g.dy()));
          },
      .lower = elementwise_body("return maximum(a, b);"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}), f32({2, 3})}},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {4}, {0x1p63, 3, 0x1.8p63, 5}),
                                operand(ElementType::U64, {4}, {3, 0x1p63, 0x1p63, 5})},
                   .differentiable = false},
                  {.what = "integers", .operands = {i32({5}, -9, 9), i32({5}, 1, 9)}, .differentiable = false},
                  {.what = "ties, infinite, NaN",
                   .operands = {f32_values({6}, {1, kInfinity, kNaN, 1, -0.0, -kInfinity}),
                                f32_values({6}, {1, 1, 1, kNaN, 0, -kInfinity})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
