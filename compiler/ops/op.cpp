// The table of primitives, and the checks that all of them share.
//
// Limits keep shape arithmetic in 64 bits: extents, and integers in lists, are at most 2^31 in size, so that a product
// of two cannot overflow; a tensor has at most 2^40 elements.
#include "compiler/ops/op.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc {
namespace ops {
#define NNC_OP(name) OpDef name##_op();
#include "compiler/ops/op_list.inc"
#undef NNC_OP
}  // namespace ops

namespace {

constexpr std::int64_t kExtentMax = std::int64_t{1} << 31;
constexpr std::int64_t kElementsMax = std::int64_t{1} << 40;
constexpr std::int64_t kIntegerMax = std::int64_t{1} << 32;

bool is_kind(const Attribute& attribute, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::Flag:
      return std::holds_alternative<bool>(attribute);
    case AttributeKind::Integer:
      return std::holds_alternative<std::int64_t>(attribute);
    case AttributeKind::Real:
      return std::holds_alternative<double>(attribute);
    case AttributeKind::Text:
      return std::holds_alternative<std::string>(attribute);
    case AttributeKind::Integers:
      return std::holds_alternative<std::vector<std::int64_t>>(attribute);
    case AttributeKind::Element:
      return std::holds_alternative<ElementType>(attribute);
    case AttributeKind::TensorValue:
      return std::holds_alternative<Tensor>(attribute);
  }
  return false;
}

bool is_within(std::int64_t value, std::int64_t limit) { return value >= -limit && value <= limit; }

std::string check_range(const std::string& name, const Attribute& attribute) {
  bool fits = true;
  if (const std::int64_t* integer = std::get_if<std::int64_t>(&attribute)) fits = is_within(*integer, kIntegerMax);
  if (const std::vector<std::int64_t>* list = std::get_if<std::vector<std::int64_t>>(&attribute)) {
    fits = std::all_of(list->begin(), list->end(), [](std::int64_t x) { return is_within(x, kExtentMax); });
  }
  return fits ? "" : fmt::format("attribute '{}' is too large", name);
}

std::string check_attributes(const OpDef& def, const Attributes& attributes) {
  for (const AttributeDef& each : def.attributes) {
    const auto found = attributes.all().find(each.name);
    if (found == attributes.all().end()) return fmt::format("attribute '{}' is missing", each.name);
    if (!is_kind(found->second, each.kind)) return fmt::format("attribute '{}' is of another kind", each.name);
  }
  for (const auto& [name, attribute] : attributes.all()) {
    const bool is_known = std::any_of(def.attributes.begin(), def.attributes.end(),
                                      [&, &key = name](const AttributeDef& each) { return key == each.name; });
    if (!is_known) return fmt::format("there is no attribute '{}'", name);
    const std::string wrong = check_range(name, attribute);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string check_size(const Type& type) {
  // An extent of 0 does not make the others small.
  std::int64_t count = 1;
  for (std::int64_t extent : type.shape) {
    if (extent < 0) return fmt::format("a result of shape {} has a negative extent", to_string(type.shape));
    const std::int64_t factor = std::max<std::int64_t>(extent, 1);
    if (factor > kExtentMax || count > kElementsMax / factor) {
      return fmt::format("a result of shape {} is too large", to_string(type.shape));
    }
    count *= factor;
  }
  return "";
}

// Broadcasts the operands that lack the axis of the batch; the operation itself is the same.
std::vector<Value*> batch_elementwise(BatchContext& context) {
  std::vector<Value*> operands;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) operands.push_back(context.batched(static_cast<int>(i)));
  return {context.builder.op(context.op.def->name, std::move(operands), context.op.attributes)};
}

std::vector<OpDef> build_table() {
  std::vector<OpDef> table = {
#define NNC_OP(name) ops::name##_op(),
#include "compiler/ops/op_list.inc"
#undef NNC_OP
  };
  std::sort(table.begin(), table.end(), [](const OpDef& a, const OpDef& b) { return a.name < b.name; });
  for (OpDef& def : table) {
    if (def.has(Elementwise) && !def.batch) def.batch = batch_elementwise;
  }
  return table;
}

}  // namespace

const std::vector<OpDef>& op_table() {
  static const std::vector<OpDef> table = build_table();
  return table;
}

const OpDef* find_op(std::string_view name) {
  const std::vector<OpDef>& table = op_table();
  const auto found = std::lower_bound(table.begin(), table.end(), name,
                                      [](const OpDef& def, std::string_view wanted) { return def.name < wanted; });
  return found != table.end() && found->name == name ? &*found : nullptr;
}

const OpDef& op_def(std::string_view name) {
  const OpDef* def = find_op(name);
  if (def == nullptr) throw InternalError(fmt::format("there is no primitive '{}'", name));
  return *def;
}

Inferred infer(const OpDef& def, std::span<Value* const> inputs, const Attributes& attributes,
               std::span<const std::unique_ptr<Graph>> graphs) {
  const int count = static_cast<int>(inputs.size());
  if (count < def.operands_min || (def.operands_max >= 0 && count > def.operands_max)) {
    return error(fmt::format("{} operands are not {}", count, def.signature));
  }
  const std::string wrong = check_attributes(def, attributes);
  if (!wrong.empty()) return error(wrong);
  Inferred inferred = def.infer({inputs, attributes, graphs});
  for (const Type& type : inferred.types) {
    const std::string too_large = check_size(type);
    if (!too_large.empty()) return error(too_large);
  }
  return inferred;
}

Inferred same_shape_and_type(const OpView& op) {
  for (std::size_t i = 1; i < op.inputs.size(); ++i) {
    const Type& other = op.type(static_cast<int>(i));
    if (other != op.type(0)) {
      return error(fmt::format("operands {} and {} differ", to_string(op.type(0)), to_string(other)));
    }
  }
  return {{op.type(0)}, ""};
}

Inferred comparison_type(const OpView& op) {
  Inferred inferred = same_shape_and_type(op);
  for (Type& type : inferred.types) type.element = ElementType::Bool;
  return inferred;
}

Lowering elementwise_body(std::string body, std::string integer_body) {
  if (integer_body.empty()) integer_body = body;
  return {.family = Family::Elementwise,
          .body = [body = std::move(body), integer_body = std::move(integer_body)](ElementType, ElementType to) {
            return is_integer(to) ? integer_body : body;
          }};
}

Lowering math_function(const std::string& name, const std::string& arguments, std::string integer_body) {
  Lowering lowering = elementwise_body(fmt::format("return {}({});", name, arguments), std::move(integer_body));
  lowering.body =
      [others = std::move(lowering.body), of_double = fmt::format("return {}_double({});", name, arguments)](
          ElementType from, ElementType to) { return to == ElementType::F64 ? of_double : others(from, to); };
  return lowering;
}

}  // namespace nnc
