#include "compiler/emit/functor.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/names.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace {

constexpr std::size_t kNamedOperationsMax = 4;

bool is_bool(const Value* value) { return value->type.element == ElementType::Bool; }
// Arithmetic on these is done in int.
bool is_narrow(ElementType type) { return is_integer(type) && size_bytes(type) < 4; }

// "return a + b;" -> "a + b"; empty if the body is more than that.
std::string single_expression(const std::string& body) {
  const std::size_t begin = body.find_first_not_of(" \n");
  const std::size_t end = body.find_last_not_of(" \n");
  if (begin == std::string::npos || body.compare(begin, 7, "return ") != 0 || body[end] != ';') return "";
  const std::string expression = body.substr(begin + 7, end - begin - 7);
  return expression.find(';') == std::string::npos ? expression : "";
}

// What the results need: the rest of the functor is not written.
std::set<const Value*> used_values(const Functor& functor) {
  std::set<const Value*> used;
  if (functor.result) used.insert(functor.result);
  for (const FunctorOperand& store : functor.stores) used.insert(store.value);
  for (std::size_t i = functor.ops.size(); i-- > 0;) {
    const Op& op = *functor.ops[i];
    if (used.count(op.result()) != 0) used.insert(op.inputs.begin(), op.inputs.end());
  }
  return used;
}

class FunctorWriter {
 public:
  FunctorWriter(const Functor& functor, const Step& step, FunctorRole role, OperationFunctions& operations)
      : functor_(functor), step_(step), role_(role), operations_(operations) {}

  FunctorText write();

 private:
  void write_load(const FunctorOperand& operand);
  void write_literal(const FunctorLiteral& literal);
  void write_operation(const Op& op);
  void write_store(const FunctorOperand& operand);
  std::string write_call_operator(const std::string& lines);
  std::string write_at(const std::string& lines);
  std::string expression(const Op& op, const std::string& type);

  std::string field(const FunctorOperand& operand, bool is_written);
  std::string index(const FunctorOperand& operand);
  std::string place(const std::string& pointer, const std::string& index) const {
    return index.empty() ? pointer : pointer + " + " + index;
  }
  std::int64_t inner_stride(const FunctorOperand& operand) const {
    return operand.strides.empty() ? 0 : operand.strides.back();
  }
  std::string vector(const Value* value) const { return fmt::format("Vec<{}, N>", cpp_type(value->type.element)); }
  const std::string& name(const Value* value) const;
  std::string parameter(const std::string& name) { return words_.count(name) ? " " + name : ""; }
  void line(const std::string& text);
  bool prologue_result_is_scalar() const;
  void name_it();

  const Functor& functor_;
  const Step& step_;
  const FunctorRole role_;
  OperationFunctions& operations_;
  FunctorText text_;
  std::set<const Value*> used_;
  std::map<const Value*, std::string> names_;
  std::map<std::string, std::string> literals_;  // expression -> name
  std::map<std::pair<int, bool>, std::string> fields_;
  std::string field_declarations_;
  std::string lines_;
  std::set<std::string> words_;  // identifiers in lines_
  int loads_ = 0;
  int stores_ = 0;
  int temporaries_ = 0;
};

void FunctorWriter::line(const std::string& text) {
  lines_ += "    " + text + "\n";
  for (const CppToken& token : cpp_tokens(text)) {
    if (token.kind == CppToken::Kind::Word) words_.insert(std::string(token.text));
  }
}

const std::string& FunctorWriter::name(const Value* value) const {
  const std::map<const Value*, std::string>::const_iterator found = names_.find(value);
  if (found == names_.end()) {
    throw InternalError("step " + step_.name + ": an operand of " + value->producer->def->name + " is not loaded");
  }
  return found->second;
}

std::string FunctorWriter::field(const FunctorOperand& operand, bool is_written) {
  std::string& name = fields_[{operand.argument, is_written}];
  if (name.empty()) {
    const int order = is_written ? stores_++ : loads_++;
    if (is_written) {
      name = order == 0 ? "y" : fmt::format("y{}", order);
    } else {
      name = order < 8 ? std::string(1, static_cast<char>('a' + order)) : fmt::format("a{}", order);
    }
    const StepArgument& argument = step_.arguments.at(static_cast<std::size_t>(operand.argument));
    field_declarations_ += fmt::format("  {}{}* {};\n", is_written ? "" : "const ", cpp_type(argument.element), name);
    text_.arguments.push_back(operand.argument);
  }
  return name;
}

// Where an operand lies, from its pointer; "" is at the pointer itself.
std::string FunctorWriter::index(const FunctorOperand& operand) {
  switch (operand.access) {
    case Access::Offset:
      return "offset";
    case Access::Channel:
      return role_ == FunctorRole::Prologue ? "result" : "channel";
    case Access::Scalar:
      return "";
    case Access::Index:
    case Access::Iota:
      break;
  }
  std::string text;
  for (std::size_t axis = 0; axis < operand.strides.size(); ++axis) {
    const std::int64_t stride = operand.strides[axis];
    if (stride == 0) continue;
    if (!text.empty()) text += " + ";
    text += stride == 1 ? fmt::format("i{}", axis) : fmt::format("i{} * {}", axis, stride);
  }
  return text;
}

// A reduction with its lanes along the reduced axis passes one result place for all lanes.
bool FunctorWriter::prologue_result_is_scalar() const {
  std::int64_t inner = 1, reduced = 1;
  for (const Field& field : step_.config) {
    if (field.name == "inner") inner = field.values.at(0);
    if (field.name == "x_reduced_1") reduced = field.values.at(0);
  }
  return inner == 1 && reduced == 1;
}

void FunctorWriter::write_load(const FunctorOperand& operand) {
  if (used_.count(operand.value) == 0 || names_.count(operand.value) != 0) return;
  const std::string type = vector(operand.value);
  const std::int64_t stride = inner_stride(operand);
  std::string value;
  if (operand.access == Access::Iota) {
    std::string first = index(operand);
    if (operand.base != 0 || first.empty()) first += fmt::format("{}{}", first.empty() ? "" : " + ", operand.base);
    value = fmt::format("counting<{}>({}, {})", type, first, stride);
  } else {
    const std::string at = place(field(operand, false), index(operand));
    const bool is_spread =
        operand.access == Access::Scalar || (operand.access == Access::Index && stride == 0) ||
        (operand.access == Access::Channel && role_ == FunctorRole::Prologue && prologue_result_is_scalar());
    if (is_spread) {
      value = fmt::format("splat<{}>(load<1>({}))", type, at);
    } else if (operand.access == Access::Index && stride != 1) {
      value = fmt::format("load_strided<N>({}, {})", at, stride);
    } else {
      value = fmt::format("load<N>({})", at);
    }
  }
  const std::string name = fmt::format("x{}", names_.size());
  names_[operand.value] = name;
  if (is_bool(operand.value)) value = fmt::format("condition({})", value);
  line(fmt::format("const auto {} = {};", name, value));
}

void FunctorWriter::write_literal(const FunctorLiteral& literal) {
  if (used_.count(literal.value) == 0) return;
  const ElementType element = literal.value->type.element;
  std::string value = fmt::format("splat<{}>({})", vector(literal.value), cpp_literal(element, literal.number));
  if (element == ElementType::Bool) value = fmt::format("condition({})", value);
  std::string& name = literals_[value];
  if (name.empty()) {
    name = fmt::format("k{}", literals_.size() - 1);
    line(fmt::format("const auto {} = {};", name, value));
  }
  names_[literal.value] = name;
}

// The lowering with its operands in place of a, b, c and with `type` in place of V.
std::string FunctorWriter::expression(const Op& op, const std::string& type) {
  std::vector<std::string> operands;
  for (const Value* input : op.inputs) {
    // Only a result of booleans, and the choice of a selection, take conditions; all else takes 0 and 1.
    const bool is_choice = op.inputs.size() == 3 && operands.empty();
    const bool as_number = is_bool(input) && !is_bool(op.result()) && !is_choice;
    operands.push_back(as_number ? fmt::format("to_bool({})", name(input)) : name(input));
  }
  if (!op.def->lower.body) throw InternalError("no elementwise lowering for " + op.def->name);
  const std::string body = op.def->lower.body(op.inputs[0]->type.element, op.result()->type.element);
  const std::string single = single_expression(body);
  if (single.empty()) {
    const std::string function = cpp_identifier(op.def->name + "_op");
    std::string& text = operations_[function];
    if (text.empty()) {
      std::string types, parameters;
      for (std::size_t i = 0; i < operands.size(); ++i) {
        types += fmt::format(", class {}", static_cast<char>('A' + i));
        parameters +=
            fmt::format("{}{} {}", i == 0 ? "" : ", ", static_cast<char>('A' + i), static_cast<char>('a' + i));
      }
      text =
          fmt::format("template <class V{}>\nNNC_INLINE auto {}({}) {{\n  {}\n}}\n", types, function, parameters, body);
    }
    return fmt::format("{}<{}>({})", function, type, fmt::join(operands, ", "));
  }
  std::string text;
  for (const CppToken& token : cpp_tokens(single)) {
    const std::size_t operand = token.text.size() == 1 ? static_cast<std::size_t>(token.text[0] - 'a') : 26;
    if (token.kind == CppToken::Kind::Word && operand < operands.size()) {
      text += operands[operand];
    } else {
      text += token.kind == CppToken::Kind::Word && token.text == "V" ? type : std::string(token.text);
    }
  }
  return text;
}

void FunctorWriter::write_operation(const Op& op) {
  const Value* result = op.result();
  if (used_.count(result) == 0) return;
  const bool takes_bools = !op.inputs.empty() && is_bool(op.inputs[0]);
  std::string type = vector(is_bool(result) && !op.inputs.empty() ? op.inputs[0] : result);
  if (is_bool(result) && takes_bools) type = fmt::format("decltype({})", name(op.inputs[0]));
  const std::string value = expression(op, type);
  const std::string name = fmt::format("t{}", temporaries_++);
  names_[result] = name;
  if (is_bool(result)) {
    line(fmt::format("const auto {} = condition({});", name, value));
  } else if (is_narrow(result->type.element)) {
    line(fmt::format("const {} {} = static_cast<{}>({});", type, name, type, value));
  } else {
    line(fmt::format("const {} {} = {};", type, name, value));
  }
}

void FunctorWriter::write_store(const FunctorOperand& operand) {
  const std::string at = place(field(operand, true), index(operand));
  const std::string value =
      is_bool(operand.value) ? fmt::format("to_bool({})", name(operand.value)) : name(operand.value);
  const std::int64_t stride = inner_stride(operand);
  if (operand.access == Access::Index && stride != 1) {
    line(fmt::format("store_strided({}, {}, {});", at, stride, value));
  } else {
    line(fmt::format("store({}, {});", at, value));
  }
}

std::string FunctorWriter::write_at(const std::string& lines) {
  std::string parameters;
  if (role_ == FunctorRole::Prologue) {
    parameters = fmt::format("std::ptrdiff_t{}, std::ptrdiff_t{}", parameter("offset"), parameter("result"));
  } else {
    for (std::size_t axis = 0; axis < std::max<std::size_t>(1, step_.extents.size()); ++axis) {
      parameters += fmt::format("{}std::ptrdiff_t{}", axis == 0 ? "" : ", ", parameter(fmt::format("i{}", axis)));
    }
  }
  const std::string type = role_ == FunctorRole::Prologue ? vector(functor_.result) : "void";
  return fmt::format("  template <int N>\n  NNC_INLINE {} at({}) const {{\n{}  }}\n", type, parameters, lines);
}

std::string FunctorWriter::write_call_operator(const std::string& lines) {
  const std::string result = fmt::format("Vec<{}, Lanes<V>::count>", cpp_type(functor_.result->type.element));
  const std::string width = words_.count("N") ? "    constexpr int N = Lanes<V>::count;\n" : "";
  return fmt::format(
      "  template <class V>\n  NNC_INLINE {} operator()(V{}, std::ptrdiff_t{}, std::ptrdiff_t{}) const {{\n{}{}  }}\n",
      result, parameter("sum"), parameter("offset"), parameter("channel"), width, lines);
}

void FunctorWriter::name_it() {
  std::size_t count = 0;
  for (const Op* op : functor_.ops) {
    if (used_.count(op->result()) == 0) continue;
    text_.operations += (count == 0 ? "" : ", ") + op->def->name;
    if (count < kNamedOperationsMax) text_.name += camel_case(op->def->name);
    ++count;
  }
  if (count > kNamedOperationsMax) text_.name += fmt::format("And{}More", count - kNamedOperationsMax);
  if (count == 0) text_.name = functor_.stores.empty() ? "Load" : "Copy";
}

FunctorText FunctorWriter::write() {
  used_ = used_values(functor_);
  if (functor_.accumulator) {
    names_[functor_.accumulator] = "sum";
    if (is_bool(functor_.accumulator)) throw InternalError("step " + step_.name + ": an epilogue of a condition");
  }
  for (const FunctorOperand& load : functor_.loads) write_load(load);
  for (const FunctorLiteral& literal : functor_.literals) write_literal(literal);
  for (const Op* op : functor_.ops) write_operation(*op);
  for (const FunctorOperand& store : functor_.stores) write_store(store);
  if (functor_.result) {
    const std::string& result = name(functor_.result);
    line(fmt::format("return {};", is_bool(functor_.result) ? fmt::format("to_bool({})", result) : result));
  }
  const std::string member = role_ == FunctorRole::Epilogue ? write_call_operator(lines_) : write_at(lines_);
  text_.body = field_declarations_ + (field_declarations_.empty() ? "" : "\n") + member;
  name_it();
  return std::move(text_);
}

void add_arguments(const Functor& functor, std::set<int>& used) {
  const std::set<const Value*> values = used_values(functor);
  for (const FunctorOperand& load : functor.loads) {
    if (load.access != Access::Iota && values.count(load.value) != 0) used.insert(load.argument);
  }
  for (const FunctorOperand& store : functor.stores) used.insert(store.argument);
}

}  // namespace

FunctorText functor_text(const Functor& functor, const Step& step, FunctorRole role, OperationFunctions& operations) {
  return FunctorWriter(functor, step, role, operations).write();
}

int functor_lanes(const Functor& functor, int lanes) {
  int bytes = 4;
  for (const Value* value : used_values(functor)) bytes = std::max(bytes, size_bytes(value->type.element));
  return lanes_of(lanes, bytes);
}

std::set<int> used_arguments(const Step& step) {
  std::set<int> used(step.pointers.begin(), step.pointers.end());
  if (step.has_prologue) add_arguments(step.prologue, used);
  add_arguments(step.functor, used);
  return used;
}

}  // namespace nnc
