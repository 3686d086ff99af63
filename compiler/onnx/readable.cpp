// The forms of arithmetic, and the tables that a node's form is looked up in. See form_rules.h for the rules.
#include "compiler/onnx/readable.h"

#include <algorithm>
#include <set>

#include "compiler/onnx/form_rules.h"

namespace nnc::translation {
namespace {

const std::map<std::string, std::string> kSigns = {{"Add", "+"}, {"Sub", "-"}, {"Mul", "*"}, {"Div", "/"}};

std::optional<Form> softmax(const FormView& view) {
  const std::int64_t otherwise = view.node().opset >= 13 ? -1 : 1;
  const std::optional<std::int64_t> axis =
      view.is_batched(0) ? view.axis(view.integer("axis", otherwise)) : std::nullopt;
  if (!axis) return std::nullopt;
  const bool is_last = *axis == static_cast<std::int64_t>(view.shape(0).size()) - 1;
  // Before opset 13 all axes from this one on are one.
  if (view.node().opset < 13 && !is_last) return std::nullopt;
  const std::string name = view.node().node.op_type() == "Softmax" ? "softmax" : "log_softmax";
  return view.pipe(is_last ? name : fmt::format("{}(axis: {})", name, *axis));
}

std::optional<Form> reduce(const FormView& view) {
  const std::optional<Integers> axes = view.is_batched(0) ? view.axes(1) : std::nullopt;
  if (!axes || axes->empty()) return std::nullopt;
  const std::string& op = view.node().node.op_type();
  const std::string name = op == "ReduceMean" ? "mean" : op == "ReduceSum" ? "sum" : op == "ReduceMax" ? "max" : "min";
  return view.pipe(fmt::format("{}(axis: {}{})", name, axes->size() == 1 ? literal((*axes)[0]) : shape_text(*axes),
                               view.integer("keepdims", 1) != 0 ? ", keep: true" : ""));
}

std::optional<Form> clip(const FormView& view) {
  if (!view.is_layer_like()) return std::nullopt;
  const double low = view.constant(1) != nullptr ? view.constant(1)->at(0) : view.real("min", -3.4e38F);
  const double high = view.constant(2) != nullptr ? view.constant(2)->at(0) : view.real("max", 3.4e38F);
  if (low < -3e38 || high > 3e38) return std::nullopt;
  return view.pipe(fmt::format("clip({}, {})", literal(ElementType::F32, low), literal(ElementType::F32, high)));
}

// Infix, where one shape is the end of the other. A constant loses the batch's axis of size 1.
std::optional<Form> infix(const FormView& view) {
  if (view.node().inputs.size() != 2 || (view.is_batched(0) && view.is_batched(1) && view.rank(0) != view.rank(1))) {
    return std::nullopt;
  }
  const std::size_t batched = view.is_batched(0) ? 0 : 1;
  if (!view.is_batched(batched)) return std::nullopt;
  Form form;
  form.arguments = {view.input(0), view.input(1)};
  form.expression = fmt::format("{{0}} {} {{1}}", kSigns.at(view.node().node.op_type()));
  const std::size_t other = 1 - batched;
  if (view.is_batched(other)) return form;
  const Tensor* constant = view.constant(other);
  if (constant == nullptr || !is_float(constant->type.element)) return std::nullopt;
  const Shape& shape = view.shape(batched);
  if (element_count(constant->type.shape) == 1) {
    const std::string number = literal(constant->type.element, constant->at(0));
    form.arguments = {view.input(batched)};
    form.expression = batched == 0 ? fmt::format("{{0}} {} {}", kSigns.at(view.node().node.op_type()), number)
                                   : fmt::format("{} {} {{0}}", number, kSigns.at(view.node().node.op_type()));
    return form;
  }
  // The language's rule, not NumPy's: the same number of axes, 1s stretched; or fewer, the same sizes at the end.
  Shape own = constant->type.shape;
  const bool has_batch = own.size() == shape.size() + 1 && own[0] == 1;
  if (has_batch) {
    own.erase(own.begin());
    form.reshaped = std::make_shared<Imported>(*view.input(other));
    form.reshaped->type.shape = own;
    form.reshaped->constant = std::make_shared<const Tensor>(with_shape(*constant, own));
    form.arguments[other] = form.reshaped.get();
  }
  const auto is_stretched = [&](std::int64_t mine, std::int64_t size) { return mine == 1 || mine == size; };
  const bool fits = own.size() == shape.size()
                        ? std::equal(own.begin(), own.end(), shape.begin(), is_stretched)
                        : own.size() < shape.size() && std::equal(own.rbegin(), own.rend(), shape.rbegin());
  return fits ? std::optional(form) : std::nullopt;
}

std::optional<Form> sum_of_all(const FormView& view) {
  Form form;
  for (std::size_t i = 0; i < view.node().inputs.size(); ++i) {
    if (!view.is_batched(i) || view.shape(i) != view.shape(0)) return std::nullopt;
    form.expression += fmt::format("{}{{{}}}", i == 0 ? "" : " + ", i);
    form.arguments.push_back(view.input(i));
  }
  return form.arguments.size() < 2 ? std::nullopt : std::optional(form);
}

std::optional<Form> power(const FormView& view) {
  const Tensor* exponent = view.constant(1);
  if (!view.is_batched(0) || exponent == nullptr || element_count(exponent->type.shape) != 1 ||
      !is_float(exponent->type.element) || exponent->type.element != view.input(0)->type.element ||
      !(exponent->at(0) >= 0)) {
    return std::nullopt;
  }
  Form form;
  form.expression = "{0}^" + literal(exponent->type.element, exponent->at(0));
  form.arguments = {view.input(0)};
  return form;
}

std::optional<Form> gelu(const FormView& view) {
  if (!view.is_batched(0) || view.text("approximate", "none") != "none") return std::nullopt;
  return view.pipe("gelu");
}

std::optional<Form> leaky_relu(const FormView& view) {
  return view.pipe(fmt::format("leaky_relu(slope: {})", literal(ElementType::F32, view.real("alpha", 0.01F))));
}

std::optional<Form> alias(const FormView& view) {
  Form form;
  form.is_alias = true;
  form.arguments = {view.input(0)};
  return form;
}

const FormRules& arithmetic_rules() {
  static const FormRules rules = {{"Softmax", softmax},  {"LogSoftmax", softmax}, {"ReduceMean", reduce},
                                  {"ReduceSum", reduce}, {"ReduceMax", reduce},   {"ReduceMin", reduce},
                                  {"Clip", clip},        {"Add", infix},          {"Sub", infix},
                                  {"Mul", infix},        {"Div", infix},          {"Sum", sum_of_all},
                                  {"Pow", power},        {"Gelu", gelu},          {"LeakyRelu", leaky_relu},
                                  {"Dropout", alias}};
  return rules;
}

// Functions of the prelude that are the operator, attributes at their defaults.
const std::map<std::string, std::string> kFunctions = {
    {"Relu", "relu"},   {"Sigmoid", "sigmoid"}, {"Tanh", "tanh"}, {"Softplus", "softplus"},
    {"Exp", "exp"},     {"Log", "log"},         {"Sqrt", "sqrt"}, {"HardSwish", "hard_swish"},
    {"Erf", "erf"},     {"Abs", "abs"},         {"Sin", "sin"},   {"Cos", "cos"},
    {"Floor", "floor"}, {"Elu", "elu"},         {"Selu", "selu"}};

}  // namespace

std::optional<Form> per_example_form(const NodeView& view) {
  if (!is_standard(view.node.domain()) || view.inputs.empty()) return std::nullopt;
  const FormView asked(view);
  const auto function = kFunctions.find(view.node.op_type());
  if (function != kFunctions.end()) {
    if (!asked.is_batched(0) || !view.attributes.empty() || view.inputs.size() != 1) return std::nullopt;
    return asked.pipe(function->second);
  }
  for (const FormRules* rules : {&layer_rules(), &movement_rules(), &arithmetic_rules()}) {
    const auto rule = rules->find(view.node.op_type());
    if (rule != rules->end()) return rule->second(asked);
  }
  return std::nullopt;
}

std::optional<Form> batched_form(const NodeView& view) {
  const bool are_floats = std::all_of(view.inputs.begin(), view.inputs.end(), [](const Imported* input) {
    return input != nullptr && is_float(input->type.element);
  });
  if (!is_standard(view.node.domain()) || !are_floats || view.inputs.empty() || view.opset < 7) return std::nullopt;
  const FormView asked(view);
  const auto function = kFunctions.find(view.node.op_type());
  if (function != kFunctions.end() && view.attributes.empty() && view.inputs.size() == 1)
    return asked.pipe(function->second);
  const auto sign = kSigns.find(view.node.op_type());
  if (sign == kSigns.end() || view.inputs.size() != 2) return std::nullopt;
  // A number that does not give the result more axes.
  const auto number = [&](std::size_t i) -> std::string {
    const Tensor* constant = asked.constant(i);
    const bool is_number = constant != nullptr && element_count(constant->type.shape) == 1 &&
                           asked.shape(i).size() <= asked.shape(1 - i).size();
    return is_number ? literal(constant->type.element, constant->at(0)) : "";
  };
  const std::string left = number(0), right = number(1);
  Form form;
  if (!right.empty()) {
    form.expression = fmt::format("{{0}} {} {}", sign->second, right);
    form.arguments = {view.inputs[0]};
  } else if (!left.empty()) {
    form.expression = fmt::format("{} {} {{0}}", left, sign->second);
    form.arguments = {view.inputs[1]};
  } else if (asked.shape(0) == asked.shape(1)) {
    form.expression = fmt::format("{{0}} {} {{1}}", sign->second);
    form.arguments = {view.inputs[0], view.inputs[1]};
  } else {
    return std::nullopt;
  }
  return form;
}

bool is_elementwise(const std::string& op) {
  static const std::set<std::string> all = {
      "HardSigmoid", "Elu",   "Selu", "Gelu", "Celu", "ThresholdedRelu", "Softsign", "Mish", "Neg", "Reciprocal", "Pow",
      "Ceil",        "Round", "Sign", "Not",  "Cast", "Shrink",          "Swish",    "Clip", "Mod", "HardSwish",  "Tan",
      "Atan"};
  return all.count(op) != 0;
}

}  // namespace nnc::translation
