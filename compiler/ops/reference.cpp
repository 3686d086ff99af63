// Words for the rows of the table.
#include "compiler/ops/reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace nnc {
namespace {

std::string_view word(AttributeKind kind) {
  constexpr std::array<std::string_view, 7> kWords = {"flag",     "integer",      "real",  "text",
                                                      "integers", "element type", "tensor"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string_view word(Family family) {
  constexpr std::array<std::string_view, 9> kWords = {"none",        "elementwise", "reduction",
                                                      "contraction", "convolution", "windows",
                                                      "movement",    "scan",        "its own kernel"};
  return kWords[static_cast<std::size_t>(family)];
}

std::string traits_of(const OpDef& def) {
  constexpr std::array<std::pair<Trait, std::string_view>, 9> kWords = {
      {{Elementwise, "elementwise"},
       {Commutative, "commutative"},
       {Leaf, "leaf"},
       {Movement, "movement"},
       {Reduction, "reduction"},
       {BeforeBatch, "only before add_batch"},
       {BeforeDifferentiate, "only before differentiate"},
       {BeforeShards, "only before cut_shards"},
       {Sum, "sum"}}};
  std::vector<std::string_view> words;
  for (const auto& [trait, text] : kWords) {
    if (def.has(trait)) words.push_back(text);
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

// What flows back. A rule that gives nothing to any operand says that the gradient is zero; that shows by trying it.
std::string gradient_of(const OpDef& def) {
  if (!def.gradient) return def.name == "scan" ? "by differentiate" : "none";
  for (const Sample& sample : def.samples) {
    Graph graph;
    std::vector<Value*> operands;
    std::vector<bool> needed;
    for (std::size_t i = 0; i < sample.operands.size(); ++i) {
      operands.push_back(graph.input(fmt::format("x{}", i), sample.operands[i].type));
      needed.push_back(is_float(operands[i]->type.element));
    }
    const Op* op = graph.add(def, operands, sample.attributes);
    if (!is_float(op->result()->type.element)) continue;
    GradientBuilder builder(graph, *op, std::vector<Value*>(op->results.size()), needed);
    def.gradient(builder);
    const std::vector<Value*>& gradients = builder.gradients();
    if (std::any_of(gradients.begin(), gradients.end(), [](const Value* x) { return x != nullptr; })) return "yes";
  }
  return "zero";
}

std::string in_cell(const std::string& text) {
  std::string result;
  for (char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

}  // namespace

std::string op_reference() {
  std::string text = "| primitive | attributes | meaning | gradient |\n|---|---|---|---|\n";
  for (const OpDef& def : op_table()) {
    std::vector<std::string> attributes;
    for (const AttributeDef& each : def.attributes)
      attributes.push_back(fmt::format("`{}`: {}", each.name, word(each.kind)));
    text += fmt::format("| `{}` | {} | {} | {} |\n", def.signature, fmt::join(attributes, ", "), in_cell(def.formula),
                        gradient_of(def));
  }
  return text;
}

std::string describe(const OpDef& def) {
  std::string text = fmt::format("### `{}`\n\n{}\n\n", def.signature, def.formula);
  for (const AttributeDef& each : def.attributes) {
    text += fmt::format("* `{}` ({}): {}\n", each.name, word(each.kind), each.meaning);
  }
  const std::string traits = traits_of(def);
  if (!traits.empty()) text += fmt::format("* traits: {}\n", traits);
  text += fmt::format("* gradient: {}\n", gradient_of(def));
  if (def.lower.family != Family::None) {
    text += fmt::format("* kernel: {}, {} operations an element\n", word(def.lower.family), def.lower.flops);
    text += fmt::format("* emitted f32 code is within {} of the largest result\n", def.tolerance.relative);
  }
  for (const Sample& sample : def.samples) text += fmt::format("* tested: {}\n", sample.what);
  if (def.lower.body) text += fmt::format("\n```cpp\n{}\n```\n", def.lower.body(ElementType::F32, ElementType::F32));
  return text + "\n";
}

}  // namespace nnc
