// Exclusive or of the bits of integers, elementwise.
#include "compiler/ops/support.h"

namespace nnc::ops {

OpDef bitwise_xor_op() {
  return {
      .name = "bitwise_xor",
      .signature = "bitwise_xor(a, b)",
      .formula = "exclusive or of the bits",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Elementwise,
      .infer = integer_elementwise,
      .evaluate = map_binary(nullptr, [](std::int64_t a, std::int64_t b) { return a ^ b; }),
      .gradient = [](GradientBuilder&) {},
      .lower = elementwise_body("return static_cast<V>(a ^ b);"),
      .samples = {{.what = "signs",
                   .operands = {operand(ElementType::I32, {4}, {12, -12, 7, -1}),
                                operand(ElementType::I32, {4}, {10, 10, -7, 0})},
                   .differentiable = false},
                  {.what = "bytes",
                   .operands = {operand(ElementType::U8, {3}, {255, 128, 5}),
                                operand(ElementType::U8, {3}, {15, 129, 2})},
                   .differentiable = false}},
  };
}

}  // namespace nnc::ops
