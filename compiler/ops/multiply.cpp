// The product, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef multiply_op() {
  return {
      .name = "multiply",
      .signature = "multiply(a, b)",
      .formula = "a b; integers wrap",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise | Commutative,
      .infer = number_elementwise,
      .evaluate =
          map_binary([](double a, double b) { return a * b; },
                     [](std::int64_t a, std::int64_t b) {
                       return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
                     }),
      .gradient =
          [](GradientBuilder& g) {
            if (g.needs(0)) g.to(0, g.multiply(g.dy(), g.in(1)));
            if (g.needs(1)) g.to(1, g.multiply(g.dy(), g.in(0)));
          },
      .lower = elementwise_body("return a * b;", "return wrapping_multiply(a, b);"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}), f32({2, 3})}},
                  {.what = "integers", .operands = {i32({5}, -9, 9), i32({5}, 1, 9)}, .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::I32, {2}, {2147483647, -2147483648.0}),
                                operand(ElementType::I32, {2}, {2, -1})},
                   .differentiable = false},
                  {.what = "wrapping, wide",
                   .operands = {operand(ElementType::I64, {3}, {-0x1p63, 0x1p62, 3}),
                                operand(ElementType::I64, {3}, {-1, 0x1p62, -0x1p63})},
                   .differentiable = false},
                  {.what = "wrapping, narrow",
                   .operands = {operand(ElementType::U16, {3}, {65535, 65535, 1}),
                                operand(ElementType::U16, {3}, {65535, 1, 65535})},
                   .differentiable = false},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {kInfinity, kNaN, 1, -0.0, 2, -kInfinity}),
                                f32_values({6}, {1, 1, kNaN, 0, 2, -kInfinity})},
                   .differentiable = false}},
      .tolerance = {.relative = 1.2e-07},
  };
}

}  // namespace nnc::ops
