// The line that a node becomes: a call of the library's function, laid on its header, or the form of readable.h.
//
//   node Conv(x, w) {pads = [1, 1, 1, 1]}   →   let y = Conv(x, w, pads: [1, 1, 1, 1])
#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <deque>
#include <set>

#include "compiler/interop/file.h"
#include "compiler/onnx/modules.h"
#include "compiler/onnx/static_text.h"
#include "compiler/onnx/tensors.h"
#include "compiler/onnx/translate.h"

namespace nnc::translation {
namespace {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;

// Thrown while the arguments of a call are written: the library's function does not take the node as it is.
struct Refused {
  std::string why;
};

bool is_concrete_integer(const std::string& element) {
  ElementType type;
  return parse_element_type(element, type) && is_integer(type);
}

// The arguments of a call of the library's function. Its parameters are the operator's inputs, in ONNX's order, then
// the attributes.
class Arguments {
 public:
  using Attributes = std::map<std::string, const AttributeProto*>;

  Arguments(const NodeProto& node, const Attributes& attributes, Values& values, Builder& builder,
            const std::string& folder)
      : node_(node), attributes_(attributes), values_(values), builder_(builder), folder_(folder) {}

  // Throws Refused.
  void add_all(const std::vector<ast::Param>& params);
  // "x, axis: 1" where these are the names of `values`.
  std::string text(const std::vector<std::string>& names) const;
  const std::vector<Imported*>& values() const { return arguments_; }

 private:
  // Text, with the name of argument `argument` in front of `after`.
  struct Piece {
    std::string before;
    int argument = -1;
    std::string after;
  };

  void add(const ast::Param& param);
  void add_input(const ast::Param& param, const std::string& name, Imported* value);
  void add_attribute(const ast::Param& param, const AttributeProto& attribute);
  void add_tensor(const ast::Param& param, const ::onnx::TensorProto& proto);
  void add_value(const ast::Param& param, Imported* value);
  void add_text(std::string piece) { pieces_.push_back({std::move(piece), -1, ""}); }
  void add_name(const std::string& before, Imported* argument, const std::string& after) {
    pieces_.push_back({before, static_cast<int>(arguments_.size()), after});
    arguments_.push_back(argument);
  }

  const NodeProto& node_;
  const Attributes& attributes_;
  Values& values_;
  Builder& builder_;
  const std::string& folder_;
  std::vector<Piece> pieces_;
  std::vector<Imported*> arguments_;
  std::deque<Imported> from_attributes_;
  int next_ = 0;  // of the node's inputs
};

std::string label_of(const ast::Param& param) { return param.default_value != nullptr ? param.name.text + ": " : ""; }

void Arguments::add_all(const std::vector<ast::Param>& params) {
  std::set<std::string> unknown;
  for (const auto& [name, attribute] : attributes_) unknown.insert(name);
  for (const ast::Param& param : params) {
    const bool is_input = next_ < node_.input_size() && !node_.input(next_).empty();
    if (!is_input && param.kind != "list") unknown.erase(param.name.text);
    add(param);
  }
  if (next_ < node_.input_size()) {
    throw Refused{fmt::format("it has {} inputs; {} are known", node_.input_size(), next_)};
  }
  // Of a tensor given as an attribute, its element type: `value_type` beside `value`.
  if (!unknown.empty()) throw Refused{fmt::format("its attribute {} is not supported", quote(*unknown.begin()))};
}

void Arguments::add(const ast::Param& param) {
  // All inputs that are left.
  if (param.kind == "list") {
    add_text("[");
    for (; next_ < node_.input_size(); ++next_) add_name("", values_.find(node_.input(next_)), "");
    return add_text("]");
  }
  const int index = next_++;
  if (index < node_.input_size() && !node_.input(index).empty()) {
    Imported* const value = values_.find(node_.input(index));
    if (!value->is_absent) add_input(param, node_.input(index), value);
    return;
  }
  const Attributes::const_iterator given = attributes_.find(param.name.text);
  if (given != attributes_.end()) {
    add_attribute(param, *given->second);
  } else if (param.name.text == "outputs" && param.kind == "int") {
    add_text(label_of(param) + literal(node_.output_size()));
  } else if (param.default_value == nullptr) {
    throw Refused{fmt::format("it lacks '{}'", param.name.text)};
  }
}

void Arguments::add_input(const ast::Param& param, const std::string& name, Imported* value) {
  if (param.kind.empty()) return add_value(param, value);
  if (value->constant == nullptr) {
    throw Refused{fmt::format("its input {} ('{}') decides sizes, and is known only when the network runs", quote(name),
                              param.name.text)};
  }
  const std::optional<std::string> text = static_text(param.kind, *value->constant);
  if (!text) {
    throw Refused{fmt::format("its input '{}' must be of the kind `{}`, not {}", param.name.text, param.kind,
                              to_string(value->type))};
  }
  add_text(label_of(param) + *text);
}

void Arguments::add_attribute(const ast::Param& param, const AttributeProto& attribute) {
  // An element type of 0 is as if it were not given.
  if (param.kind == "elem" && attribute.i() == 0 && param.default_value != nullptr) return;
  if (attribute.type() == AttributeProto::TENSOR) return add_tensor(param, attribute.t());
  const std::optional<std::string> text = static_text(param.kind, attribute);
  if (!text) {
    throw Refused{fmt::format("its attribute '{}' has another type than `{}`", param.name.text, param.kind)};
  }
  if (!builder_.is_default(param, *text)) add_text(label_of(param) + *text);
}

void Arguments::add_tensor(const ast::Param& param, const ::onnx::TensorProto& proto) {
  const Result<Tensor> tensor = read_tensor(proto, folder_);
  if (!tensor) throw Refused{tensor.error()};
  if (param.kind.empty()) {
    from_attributes_.push_back(builder_.constant(*tensor, param.name.text));
    return add_value(param, &from_attributes_.back());
  }
  const std::optional<std::string> text = static_text(param.kind, *tensor);
  if (!text) throw Refused{fmt::format("its attribute '{}' is {}", param.name.text, to_string(tensor->type))};
  add_text(label_of(param) + *text);
}

// Indices come as either integer type, or as whole floats; the library wants one.
void Arguments::add_value(const ast::Param& param, Imported* value) {
  const std::string label = label_of(param);
  const bool converts = is_concrete_integer(param.type.element) && value->type.element != ElementType::Bool &&
                        name(value->type.element) != param.type.element;
  const bool is_number = value->constant != nullptr && value->type.shape.empty() && is_integer(value->type.element);
  if (converts && is_number) {
    add_text(fmt::format("{}cast({}, {})", label, literal(value->constant->integers()[0]), param.type.element));
  } else if (converts) {
    add_name(label + "cast(", value, ", " + param.type.element + ")");
  } else {
    add_name(label, value, "");
  }
}

std::string Arguments::text(const std::vector<std::string>& names) const {
  std::string result;
  bool is_first = true;
  for (const Piece& piece : pieces_) {
    const bool closes = piece.before == "]";
    if (!is_first && !closes) result += ", ";
    is_first = piece.before == "[";
    result += piece.before;
    if (piece.argument >= 0) result += names[static_cast<std::size_t>(piece.argument)];
    result += piece.after;
  }
  return result;
}

}  // namespace

void Translator::call(const NodeProto& node, const ast::Definition& definition, const Attributes& attributes,
                      Values& values, const std::string& place) {
  Arguments arguments(node, attributes, values, builder_, folder_);
  try {
    arguments.add_all(definition.params);
  } catch (const Refused& refused) {
    unsupported(place, refused.why);
    return set_broken(node, values);
  }
  std::vector<std::string> wanted(node.output().begin(), node.output().end());
  while (!wanted.empty() && wanted.back().empty()) wanted.pop_back();
  const auto text = [&](const std::vector<std::string>& names) {
    return fmt::format("{}({})", Builder::name_of(definition), arguments.text(names));
  };
  std::vector<Imported> results = builder_.line(place, text, arguments.values(), wanted);
  builder_.uses_library = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    results[i].is_batched = style_ == Style::PerExample && results[i].constant == nullptr;
    if (!wanted[i].empty()) values.by_name[wanted[i]] = std::move(results[i]);
  }
}

const Tensor* Translator::added_to(const NodeProto& node, Values& values, const NodeProto*& adder) const {
  const auto users = users_.find(node.output(0));
  if (users == users_.end() || users->second.size() != 1 || users->second[0] == nullptr) return nullptr;
  adder = users->second[0];
  if (adder->op_type() != "Add" || adder->input_size() != 2) return nullptr;
  const Imported* other = values.find(adder->input(adder->input(0) == node.output(0) ? 1 : 0));
  return other == nullptr ? nullptr : other->constant.get();
}

void Translator::example_node(const NodeProto& node, const Attributes& attributes, Values& values,
                              const std::string& place, std::int64_t opset) {
  if (is_standard(node.domain()) && node.op_type() == "Shape" && attributes.empty()) {
    Shape shape = values.find(node.input(0))->type.shape;
    shape.insert(shape.begin(), batch_);
    Tensor sizes = Tensor::zeros({ElementType::I64, {static_cast<std::int64_t>(shape.size())}});
    sizes.integers() = shape;
    values.by_name[node.output(0)] = builder_.constant(std::move(sizes), node.output(0));
    return;
  }
  NodeView view{node, attributes, {}, batch_, opset, nullptr};
  bool are_others_numbers = true;
  for (const std::string& input : node.input()) {
    view.inputs.push_back(input.empty() ? nullptr : values.find(input));
    const Imported* value = view.inputs.back();
    if (value == nullptr || value->is_batched) continue;
    are_others_numbers = are_others_numbers && element_count(value->type.shape) == 1;
  }
  const NodeProto* adder = nullptr;
  view.added = added_to(node, values, adder);
  std::optional<Form> form = per_example_form(view);
  const int results = form ? static_cast<int>(form->results) : 1;
  for (int i = results; i < node.output_size(); ++i) {
    const bool is_mask = node.op_type() == "Dropout" && users_.count(node.output(i)) == 0;
    if (!node.output(i).empty() && !is_mask) throw NotPerExample{fmt::format("{} has several results", place)};
  }
  if (!form) {
    const ast::Definition* definition = builder_.definition(library_name(node), opset);
    if (!is_elementwise(node.op_type()) || !are_others_numbers || definition == nullptr) {
      throw NotPerExample{fmt::format("{} has no form for one example", place)};
    }
    return call(node, *definition, attributes, values, place);
  }
  if (form->takes_added) done_.insert(adder);
  write(*form, node, form->takes_added ? *adder : node, values, place);
}

void Translator::write(const Form& form, const NodeProto& node, const NodeProto& last, Values& values,
                       const std::string& place) {
  Imported result;
  if (form.is_alias) {
    result = *form.arguments[0];
  } else if (!form.expression.empty()) {
    const auto text = [&](const std::vector<std::string>& names) {
      std::string line = form.expression;
      for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string mark = fmt::format("{{{}}}", i);
        line.replace(line.find(mark), mark.size(), names[i]);
      }
      return line;
    };
    const std::vector<std::string> wanted(last.output().begin(),
                                          last.output().begin() + static_cast<int>(form.results));
    std::vector<Imported> results = builder_.line(place, text, form.arguments, wanted);
    for (std::size_t i = 1; i < results.size(); ++i) {
      results[i].is_batched = style_ == Style::PerExample;
      values.by_name[wanted[i]] = std::move(results[i]);
    }
    result = std::move(results[0]);
  } else {
    const std::string op = form.layer.empty()
                               ? form.pipe
                               : builder_.layer(place, layer_name(node, module_of(node, builder_.classes).value_or("")),
                                                form.layer, form.weights);
    result = builder_.pipe(place, op, form.arguments[0], last.output(0), !form.layer.empty());
  }
  result.is_batched = style_ == Style::PerExample;
  values.by_name[last.output(0)] = std::move(result);
}

}  // namespace nnc::translation
