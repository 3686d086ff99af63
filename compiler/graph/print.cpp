// A graph as text; parse.cpp reads it back.
//
//   graph Name {
//     %x = input() {classes=0, element=f32, name="x", per_example=true, shape=[3]} : f32[3]  ; model.nn:2
//     %0, %1 = scan(%x) {…} : f32[3], f32[4, 3] graph {
//       …
//     }
//     next layer.weight = %4
//     output y = %x
//   }
//
// A value with a name is %name, the second of that name %name#2; without one it is a number. Names that are not words
// are quoted. Behind `;` stand the place in the source ("-" if there is none) and the path of the layer.
#include "compiler/graph/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <cmath>

#include "compiler/graph/text.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace graph_text {

bool is_word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_word_part(char c) {
  return is_word_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == ':';
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string word_or_quoted(const std::string& text) {
  bool is_word = !text.empty() && is_word_start(text[0]);
  for (char c : text) is_word = is_word && is_word_part(c);
  return is_word ? text : quoted(text);
}

}  // namespace graph_text

namespace {

using graph_text::quoted;
using graph_text::word_or_quoted;

// With enough digits to be read back, and recognisable as no integer.
std::string real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string element(const Tensor& tensor, std::size_t i) {
  const ElementType type = tensor.type.element;
  return is_float(type) ? real(tensor.floats()[i]) : integer_text(type, tensor.integers()[i]);
}

std::string literal(const Tensor& tensor) {
  std::string text = to_string(tensor.type) + "(";
  const std::size_t count = static_cast<std::size_t>(element_count(tensor.type.shape));
  if (count > 1 && tensor.is_splat()) return text + "splat " + element(tensor, 0) + ")";
  for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + element(tensor, i);
  return text + ")";
}

struct AttributeText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return real(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<std::int64_t>& value) const { return to_string(value); }
  std::string operator()(ElementType value) const { return std::string(name(value)); }
  std::string operator()(const Tensor& value) const { return literal(value); }
};

class Printer {
 public:
  Printer(const Graph& graph, const SourceManager* sources, std::string indent)
      : graph_(graph), sources_(sources), indent_(std::move(indent)) {}

  // From the `{` on.
  std::string body(const std::string& comment) {
    std::string text = "{" + comment + "\n";
    for (const std::unique_ptr<Op>& op : graph_.ops) text += operation(*op);
    for (const State& state : graph_.states) {
      if (state.next != nullptr) {
        text += fmt::format("{}  next {} = {}\n", indent_, word_or_quoted(state.name), names_.at(state.next));
      }
    }
    for (const Output& output : graph_.outputs) {
      text += fmt::format("{}  output {} = {}\n", indent_, word_or_quoted(output.name), names_.at(output.value));
    }
    return text + indent_ + "}";
  }

 private:
  std::string operation(const Op& op) {
    std::vector<std::string> results, operands, attributes, types;
    for (const Value* operand : op.inputs) operands.push_back(names_.at(operand));
    for (const std::unique_ptr<Value>& value : op.results) {
      results.push_back(name_of(*value));
      types.push_back(to_string(value->type));
    }
    for (const auto& [key, attribute] : op.attributes.all()) {
      attributes.push_back(key + "=" + std::visit(AttributeText{}, attribute));
    }
    std::string text = fmt::format("{}  {}{}{}({})", indent_, fmt::join(results, ", "), results.empty() ? "" : " = ",
                                   op.def->name, fmt::join(operands, ", "));
    if (!attributes.empty()) text += fmt::format(" {{{}}}", fmt::join(attributes, ", "));
    text += fmt::format(" : {}", fmt::join(types, ", "));
    std::string comment = place(op.origin);
    for (const std::unique_ptr<Graph>& graph : op.graphs) {
      const std::string name = graph->name.empty() ? "" : word_or_quoted(graph->name) + " ";
      text += " graph " + name + Printer(*graph, sources_, indent_ + "  ").body(comment);
      comment.clear();
    }
    return text + comment + "\n";
  }

  std::string name_of(const Value& value) {
    std::string text;
    if (value.name.empty()) {
      text = fmt::format("%{}", unnamed_++);
    } else {
      text = "%" + word_or_quoted(value.name);
      const int count = ++seen_[value.name];
      if (count > 1) text += fmt::format("#{}", count);
    }
    return names_[&value] = text;
  }

  std::string place(const Origin& origin) const {
    if (sources_ == nullptr) return "";
    std::string text = origin.span.is_valid() ? sources_->short_place(origin.span) : "-";
    if (!origin.layer.empty()) text += " " + origin.layer;
    return text == "-" ? "" : "  ; " + text;
  }

  const Graph& graph_;
  const SourceManager* sources_;
  std::string indent_;
  int unnamed_ = 0;
  std::map<std::string, int> seen_;
  std::map<const Value*, std::string> names_;
};

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const Tensor* tensor = std::get_if<Tensor>(&a)) return same_bits(*tensor, std::get<Tensor>(b));
  if (const double* value = std::get_if<double>(&a)) {
    return same_bits(Tensor::scalar(ElementType::F64, *value), Tensor::scalar(ElementType::F64, std::get<double>(b)));
  }
  return a == b;
}

bool same_attributes(const Attributes& a, const Attributes& b) {
  return a.all().size() == b.all().size() &&
         std::equal(a.all().begin(), a.all().end(), b.all().begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && same_attribute(x.second, y.second);
         });
}

// Compares in order, building the correspondence of the values.
class Comparison {
 public:
  bool same(const Graph& a, const Graph& b) {
    if (a.name != b.name || a.ops.size() != b.ops.size() || a.inputs.size() != b.inputs.size() ||
        a.states.size() != b.states.size() || a.outputs.size() != b.outputs.size()) {
      return false;
    }
    for (std::size_t i = 0; i < a.ops.size(); ++i) {
      if (!same(*a.ops[i], *b.ops[i])) return false;
    }
    bool result = true;
    for (std::size_t i = 0; i < a.inputs.size(); ++i) result = result && same(a.inputs[i], b.inputs[i]);
    for (std::size_t i = 0; i < a.states.size(); ++i) {
      const State& x = a.states[i];
      const State& y = b.states[i];
      result = result && x.name == y.name && x.kind == y.kind && same(x.value, y.value) && same(x.next, y.next);
    }
    for (std::size_t i = 0; i < a.outputs.size(); ++i) {
      result = result && a.outputs[i].name == b.outputs[i].name && same(a.outputs[i].value, b.outputs[i].value);
    }
    return result;
  }

 private:
  bool same(const Value* a, const Value* b) const {
    if (a == nullptr || b == nullptr) return a == b;
    const auto found = twin_.find(a);
    return found != twin_.end() && found->second == b;
  }

  bool same(const Op& a, const Op& b) {
    if (a.def != b.def || a.inputs.size() != b.inputs.size() || a.results.size() != b.results.size() ||
        a.graphs.size() != b.graphs.size() || !same_attributes(a.attributes, b.attributes)) {
      return false;
    }
    for (std::size_t i = 0; i < a.inputs.size(); ++i) {
      if (!same(a.inputs[i], b.inputs[i])) return false;
    }
    for (std::size_t i = 0; i < a.graphs.size(); ++i) {
      if (!same_graph(*a.graphs[i], *b.graphs[i])) return false;
    }
    for (std::size_t i = 0; i < a.results.size(); ++i) {
      if (a.results[i]->type != b.results[i]->type || a.results[i]->name != b.results[i]->name) return false;
      twin_[a.results[i].get()] = b.results[i].get();
    }
    return true;
  }

  std::map<const Value*, const Value*> twin_;
};

}  // namespace

std::string print(const Graph& graph, const SourceManager* sources) {
  const std::string name = graph.name.empty() ? "" : word_or_quoted(graph.name) + " ";
  return "graph " + name + Printer(graph, sources, "").body("") + "\n";
}

bool same_graph(const Graph& a, const Graph& b) { return Comparison().same(a, b); }

}  // namespace nnc
