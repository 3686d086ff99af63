// a to the power of b, elementwise. The gradient with respect to b is 0 where a is not above 0.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef power_op() {
  return {
      .name = "power",
      .signature = "power(a, b)",
      .formula =
          "a^b with C's special cases (0^0 = 1); NaN for a < 0 and fractional b; the gradient by b is 0 where a <= 0",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = float_elementwise,
      .evaluate = map_binary([](double a, double b) { return std::pow(a, b); }),
      .gradient =
          [](GradientBuilder& g) {
            Value* zero = g.zeros_like(g.dy());
            Value* one = g.like(g.dy(), 1);
            if (g.needs(0)) {
              // b a^(b-1), but 0 for b = 0, where a = 0 would give 0 times infinity.
              Value* slope = g.multiply(g.in(1), g.op("power", {g.in(0), g.subtract(g.in(1), one)}));
              g.to(0, g.multiply(g.dy(), g.select(g.op("equal", {g.in(1), zero}), zero, slope)));
            }
            if (g.needs(1)) {
              Value* is_positive = g.op("less", {zero, g.in(0)});
              Value* logarithm = g.op("log", {g.select(is_positive, g.in(0), one)});
              g.to(1, g.multiply(g.dy(), g.select(is_positive, g.multiply(g.out(), logarithm), zero)));
            }
          },
      .lower = math_function("power", "a, b"),
      .samples = {{.what = "plain", .operands = {f32({2, 3}, 0.2, 3), f32({2, 3})}},
                  {.what = "special cases",
                   .operands = {f32_values({6}, {0, 0, -2, -2, kNaN, kInfinity}),
                                f32_values({6}, {0, -1, 3, 0.5, 0, -1})},
                   .differentiable = false}},
      .tolerance = {.relative = 4e-07},
  };
}

}  // namespace nnc::ops
