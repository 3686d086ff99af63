// Random numbers that are a function of their place: Philox 4x32-10 (Salmon et al. 2011), so that they are the same on
// every machine, in every order, and when they are computed again.
//
// For element e (row-major index within `dims`): key = (seed[0], seed[1]); counter words = (e / 4, index, example,
// step XOR site), each modulo 2^32; word e % 4 of the output, its 24 high bits times 2^-24. runtime/nnc/random.h
// computes the same bits.
#include <array>

#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words philox(Words counter, std::uint32_t key_0, std::uint32_t key_1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key_0, static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key_1, static_cast<std::uint32_t>(a)};
    key_0 += 0x9E3779B9;
    key_1 += 0xBB67AE85;
  }
  return counter;
}

Inferred infer_uniform(const OpView& op) {
  if (op.type(0) != Type{ElementType::U32, {2}}) return error("the seed must be u32[2]");
  if (op.type(1) != Type{ElementType::U32, {}}) return error("the step must be u32[]");
  if (op.type(2).element != ElementType::U32) return error("the example must be u32");
  if (op.type(3) != Type{ElementType::U32, {}}) return error("the index must be u32[]");
  const std::int64_t site = op.attributes.integer("site");
  if (site < 0 || site > 0xFFFFFFFF) return error("the site must fit in 32 bits");
  Type type{ElementType::F32, op.shape(2)};
  const Shape& dims = op.attributes.integers("dims");
  type.shape.insert(type.shape.end(), dims.begin(), dims.end());
  return {{type}, ""};
}

std::vector<Tensor> evaluate_uniform(const Op& op, Operands in) {
  const auto word = [&](int i, std::size_t at = 0) {
    return static_cast<std::uint32_t>(in[static_cast<std::size_t>(i)]->integers()[at]);
  };
  Tensor y = Tensor::zeros(op.result()->type);
  const std::uint32_t site = static_cast<std::uint32_t>(op.attributes.integer("site"));
  const std::size_t count = static_cast<std::size_t>(element_count(op.attributes.integers("dims")));
  for (std::size_t example = 0; example < in[2]->integers().size(); ++example) {
    Words words{};
    for (std::size_t e = 0; e < count; ++e) {
      if (e % 4 == 0) {
        const Words counter = {static_cast<std::uint32_t>(e / 4), word(3), word(2, example), word(1) ^ site};
        words = philox(counter, word(0, 0), word(0, 1));
      }
      y.floats()[example * count + e] = std::ldexp(static_cast<double>(words[e % 4] >> 8), -24);
    }
  }
  return {std::move(y)};
}

Sample sample(const char* what, Shape examples, std::vector<double> values, Shape dims) {
  return {.what = what,
          .operands = {operand(ElementType::U32, {2}, {123456789, 4000000000.0}), operand(ElementType::U32, {}, {7}),
                       operand(ElementType::U32, std::move(examples), std::move(values)),
                       operand(ElementType::U32, {}, {3})},
          .attributes = with(with({}, "dims", std::move(dims)), "site", std::int64_t{0xDEADBEEF}),
          .differentiable = false};
}

}  // namespace

OpDef uniform_op() {
  return {
      .name = "uniform",
      .signature = "uniform(seed, step, example, index)",
      .formula =
          "uniform in [0, 1), f32 [example's axes, dims]: Philox 4x32-10, key = seed, counter = (element / 4, "
          "index, example, step ^ site), word element % 4, 24 high bits",
      .operands_min = 4,
      .operands_max = 4,
      .attributes = {{"dims", AttributeKind::Integers, "shape for one example"},
                     {"site", AttributeKind::Integer, "tells one draw of the program from another; 32 bits"}},
      .infer = infer_uniform,
      .evaluate = evaluate_uniform,
      .gradient = [](GradientBuilder&) {},
      .batch = [](BatchContext& context) -> std::vector<Value*> {
        const std::vector<bool>& is_batched = context.is_batched;
        if (is_batched[0] || is_batched[1] || is_batched[3]) return batch_one_by_one(context);
        return {context.builder.op("uniform", context.inputs, context.op.attributes)};
      },
      .lower = {.family = Family::Special, .flops = 0},
      .samples = {sample("one example", {}, {5}, {2, 3}), sample("examples", {3}, {0, 1, 4294967295.0}, {5}),
                  sample("scalar", {}, {1}, {})},
  };
}

}  // namespace nnc::ops
