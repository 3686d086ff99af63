// Einstein summation of two tensors: matrix products in all their forms.
//
// It is evaluated as one batched matrix product: letters fall into four groups (in both operands and the result; of a;
// of b; summed), and the operands are permuted to [batch, m, k] and [batch, k, n].
#include <cctype>

#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

struct Spec {
  std::string a, b, y;
};

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

// "" if the text is a specification.
std::string parse(const std::string& text, Spec& spec) {
  const std::size_t comma = text.find(',');
  const std::size_t arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow) return "has not the form 'a,b->y'";
  spec = {text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
  for (const std::string* letters : {&spec.a, &spec.b, &spec.y}) {
    for (char letter : *letters) {
      if (std::isalpha(static_cast<unsigned char>(letter)) == 0) return fmt::format("'{}' is no letter", letter);
      if (std::count(letters->begin(), letters->end(), letter) > 1) return fmt::format("'{}' is there twice", letter);
    }
  }
  for (char letter : spec.y) {
    if (!has(spec.a, letter) && !has(spec.b, letter)) return fmt::format("'{}' is in no operand", letter);
  }
  for (char letter : spec.a + spec.b) {
    if (has(spec.a, letter) != has(spec.b, letter) && !has(spec.y, letter)) {
      return fmt::format("'{}' of one operand alone must be in the result", letter);
    }
  }
  return "";
}

Spec spec_of(const Attributes& attributes) {
  Spec spec;
  const std::string wrong = parse(attributes.text("spec"), spec);
  if (!wrong.empty()) throw InternalError("contraction: " + wrong);
  return spec;
}

std::int64_t extent(const Spec& spec, const Shape& a, const Shape& b, char letter) {
  const std::size_t in_a = spec.a.find(letter);
  return in_a != std::string::npos ? a[in_a] : b[spec.b.find(letter)];
}

Inferred infer_contraction(const OpView& op) {
  Spec spec;
  const std::string& text = op.attributes.text("spec");
  const std::string wrong = parse(text, spec);
  if (!wrong.empty()) return error(fmt::format("specification '{}': {}", text, wrong));
  if (op.type(0).element != op.type(1).element || op.type(0).element == ElementType::Bool) {
    return error(fmt::format("{} and {} cannot be contracted", to_string(op.type(0)), to_string(op.type(1))));
  }
  if (spec.a.size() != op.shape(0).size() || spec.b.size() != op.shape(1).size()) {
    return error(
        fmt::format("specification '{}' does not fit {} and {}", text, to_string(op.shape(0)), to_string(op.shape(1))));
  }
  for (std::size_t i = 0; i < spec.b.size(); ++i) {
    const std::int64_t expected = extent(spec, op.shape(0), op.shape(1), spec.b[i]);
    if (op.shape(1)[i] != expected) {
      return error(fmt::format("'{}' is {} in one operand and {} in the other", spec.b[i], expected, op.shape(1)[i]));
    }
  }
  Type type{op.type(0).element, {}};
  for (char letter : spec.y) type.shape.push_back(extent(spec, op.shape(0), op.shape(1), letter));
  return {{type}, ""};
}

// The axes of `from` in the order of `to`.
std::vector<std::int64_t> places(const std::string& from, const std::string& to) {
  std::vector<std::int64_t> permutation;
  for (char letter : to) permutation.push_back(static_cast<std::int64_t>(from.find(letter)));
  return permutation;
}

std::vector<Tensor> evaluate_contraction(const Op& op, Operands in) {
  const Spec spec = spec_of(op.attributes);
  std::string batch, m, k, n;
  for (char letter : spec.a) (!has(spec.b, letter) ? m : has(spec.y, letter) ? batch : k) += letter;
  for (char letter : spec.b) {
    if (!has(spec.a, letter)) n += letter;
  }
  const auto count = [&](const std::string& letters) {
    std::int64_t product = 1;
    for (char letter : letters) product *= extent(spec, in[0]->type.shape, in[1]->type.shape, letter);
    return product;
  };
  // The operand in that order: itself, if it lies so.
  Tensor permuted[2];
  const auto operand = [&](std::size_t i, const std::string& letters, const std::string& order) -> const Tensor& {
    if (letters == order) return *in[i];
    return permuted[i] = permute(*in[i], places(letters, order));
  };
  Tensor y = batched_product(operand(0, spec.a, batch + m + k), operand(1, spec.b, batch + k + n), count(batch),
                             count(m), count(k), count(n));
  const std::string order = batch + m + n;
  y.type.shape.clear();
  for (char letter : order) y.type.shape.push_back(extent(spec, in[0]->type.shape, in[1]->type.shape, letter));
  if (order == spec.y) return {std::move(y)};
  return {permute(y, places(order, spec.y))};
}

void differentiate_contraction(GradientBuilder& g) {
  const Spec spec = spec_of(g.op_of().attributes);
  if (g.needs(0)) g.to(0, g.contraction(spec.y + "," + spec.b + "->" + spec.a, g.dy(), g.in(1)));
  if (g.needs(1)) g.to(1, g.contraction(spec.a + "," + spec.y + "->" + spec.b, g.in(0), g.dy()));
}

std::vector<Value*> batch_contraction(BatchContext& context) {
  const Spec spec = spec_of(context.op.attributes);
  char letter = 'a';  // one that is free
  while (has(spec.a + spec.b, letter)) letter = letter == 'z' ? 'A' : static_cast<char>(letter + 1);
  const std::string axis(1, letter);
  const std::string a = context.is_batched[0] ? axis + spec.a : spec.a;
  const std::string b = context.is_batched[1] ? axis + spec.b : spec.b;
  return {context.builder.contraction(a + "," + b + "->" + axis + spec.y, context.inputs[0], context.inputs[1])};
}

Sample sample(const char* what, const char* spec, Shape a, Shape b) {
  return {.what = what,
          .operands = {f32(std::move(a)), f32(std::move(b))},
          .attributes = with({}, "spec", std::string(spec))};
}

}  // namespace

OpDef contraction_op() {
  return {
      .name = "contraction",
      .signature = "contraction(a, b)",
      .formula =
          "Einstein summation: a letter in both operands and not in the result is summed, in both and in the "
          "result it is a batch axis; a letter of one operand alone is in the result",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Sum,
      .attributes = {{"spec", AttributeKind::Text, "the letters of a, b and the result: \"mk,kn->mn\""}},
      .infer = infer_contraction,
      .evaluate = evaluate_contraction,
      .gradient = differentiate_contraction,
      .batch = batch_contraction,
      .lower = {.family = Family::Contract, .flops = 2},
      .samples = {sample("matrices", "mk,kn->mn", {2, 3}, {3, 4}),
                  sample("matrix and vector", "mk,k->m", {2, 3}, {3}),
                  sample("outer product", "i,j->ji", {2}, {3}),
                  sample("inner product", "i,i->", {4}, {4}),
                  sample("attention", "qhd,khd->hqk", {3, 2, 2}, {4, 2, 2}),
                  sample("rows apart in the result", "abmk,bkn->abmn", {2, 3, 2, 4}, {3, 4, 2}),
                  sample("batch only", "ab,ab->ba", {2, 3}, {2, 3}),
                  sample("nothing summed over", "mk,kn->mn", {2, 0}, {0, 2}),
                  {.what = "integers",
                   .operands = {i32({2, 3}, -9, 9), i32({3, 2}, -9, 9)},
                   .attributes = with({}, "spec", std::string("mk,kn->mn")),
                   .differentiable = false},
                  {.what = "wrapping",
                   .operands = {operand(ElementType::I32, {1, 2}, {2147483647, -2147483648.0}),
                                operand(ElementType::I32, {2, 2}, {2, 2147483647, -1, 3})},
                   .attributes = with({}, "spec", std::string("mk,kn->mn")),
                   .differentiable = false}},
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
