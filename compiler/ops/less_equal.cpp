// Order, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef less_equal_op() {
  return {
      .name = "less_equal",
      .signature = "less_equal(a, b)",
      .formula = "a <= b; false with NaN",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = comparison_type,
      .evaluate = map_comparison([](double a, double b) { return a <= b; },
                                 [](std::int64_t a, std::int64_t b) { return a <= b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return a <= b;"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}), f32({2, 3})}, .differentiable = false},
                  {.what = "the highest of u64",
                   .operands = {operand(ElementType::U64, {4}, {0x1p63, 3, 0x1.8p63, 5}),
                                operand(ElementType::U64, {4}, {3, 0x1p63, 0x1p63, 5})},
                   .differentiable = false},
                  {.what = "integers", .operands = {i32({5}, -9, 9), i32({5}, 1, 9)}, .differentiable = false},
                  {.what = "extremes",
                   .operands = {f32_values({6}, {kInfinity, kNaN, 1, -0.0, 2, -kInfinity}),
                                f32_values({6}, {1, 1, kNaN, 0, 2, -kInfinity})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
