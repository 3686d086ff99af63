#include "compiler/commands/ops.h"

#include <fmt/format.h>

#include "compiler/commands/console.h"
#include "compiler/ops/op.h"
#include "compiler/ops/reference.h"

namespace nnc {
namespace {

std::string_view kind_name(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::Flag:
      return "flag";
    case AttributeKind::Integer:
      return "integer";
    case AttributeKind::Real:
      return "real";
    case AttributeKind::Text:
      return "text";
    case AttributeKind::Integers:
      return "integers";
    case AttributeKind::Element:
      return "element type";
    case AttributeKind::TensorValue:
      return "tensor";
  }
  return "";
}

std::string traits_text(const OpDef& def) {
  const std::pair<Trait, std::string_view> words[] = {{Elementwise, "elementwise"},
                                                      {Commutative, "commutative"},
                                                      {Leaf, "leaf"},
                                                      {Movement, "movement"},
                                                      {Reduction, "reduction"},
                                                      {BeforeBatch, "only before add_batch"},
                                                      {BeforeDifferentiate, "only before differentiate"},
                                                      {Sum, "sum"}};
  std::string text;
  for (const auto& [trait, word] : words) {
    if (def.has(trait)) text += fmt::format("{}{}", text.empty() ? "" : ", ", word);
  }
  return text;
}

void print_op(const OpDef& def) {
  fmt::print("{}\n\n{}\n\n", def.signature, def.formula);
  const std::string traits = traits_text(def);
  if (!traits.empty()) fmt::print("* {}\n", traits);
  for (const AttributeDef& attribute : def.attributes) {
    fmt::print("* `{}` ({}): {}\n", attribute.name, kind_name(attribute.kind), attribute.meaning);
  }
  if (def.lower.family == Family::Elementwise) fmt::print("* C++: `{}`\n", def.lower.body);
  fmt::print("* {}\n\n", def.gradient ? "differentiable" : "has no gradient");
}

}  // namespace

int list_ops(const OpsOptions& options) {
  if (options.name.empty()) {
    fmt::print("{}", op_reference());
    return kSuccess;
  }
  const OpDef* def = find_op(options.name);
  if (def != nullptr) {
    print_op(*def);
    return kSuccess;
  }
  std::vector<std::string> names;
  for (const OpDef& each : op_table()) names.push_back(each.name);
  const std::string near = nearest(options.name, names);
  return fail(fmt::format("there is no primitive '{}'{}", options.name,
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace nnc
