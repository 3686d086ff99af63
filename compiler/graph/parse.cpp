// Reads the textual form of a graph (its grammar is shown in print.cpp). The text comes from nnc, or from a hand that
// edits it; so the first error ends the parsing, but nothing in the text may harm: sizes and nesting are bounded.
#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "compiler/graph/print.h"
#include "compiler/graph/text.h"
#include "compiler/graph/verify.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace {

constexpr int kNestingMax = 32;
constexpr std::int64_t kLiteralMax = std::int64_t{1} << 28;  // elements

// Thrown and caught within this file.
struct SyntaxError {
  std::size_t at;
  std::string message;
};

class Parser {
 public:
  Parser(std::string_view text, std::int32_t file) : text_(text), file_(file) {}

  std::vector<std::unique_ptr<Graph>> run() {
    std::vector<std::unique_ptr<Graph>> graphs;
    do {
      expect_word("graph");
      graphs.push_back(graph_rest(0));
      skip();
    } while (at_ < text_.size());
    return graphs;
  }

  bool begins() {
    skip();
    return text_.substr(at_).starts_with("graph ");
  }

  Span span_at(std::size_t at) const {
    std::size_t end = at;
    while (end < text_.size() && text_[end] != '\n' && text_[end] != ' ') ++end;
    return {file_, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)};
  }

 private:
  using Values = std::map<std::string, Value*>;

  [[noreturn]] void fail(std::string message) const { throw SyntaxError{at_, std::move(message)}; }

  void skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == ';') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool peek(char c) {
    skip();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool accept(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}'", c));
  }

  std::string word() {
    skip();
    if (at_ >= text_.size() || !graph_text::is_word_start(text_[at_])) fail("expected a name");
    const std::size_t begin = at_;
    while (at_ < text_.size() && graph_text::is_word_part(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  void expect_word(std::string_view expected) {
    const std::size_t begin = at_;
    if (word() != expected) {
      at_ = begin;
      fail(fmt::format("expected '{}'", expected));
    }
  }
  std::string word_or_text() { return peek('"') ? text_literal() : word(); }

  std::string text_literal() {
    expect('"');
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        result += text_[at_++];
      } else if (at_ + 3 < text_.size() && text_[at_ + 1] == 'x') {
        unsigned code = 0;
        const char* begin = text_.data() + at_ + 2;
        if (std::from_chars(begin, begin + 2, code, 16).ptr != begin + 2) fail("expected two hexadecimal digits");
        result += static_cast<char>(code);
        at_ += 4;
      } else if (at_ + 1 < text_.size()) {
        result += text_[at_ + 1];
        at_ += 2;
      } else {
        break;
      }
    }
    if (at_ >= text_.size()) fail("the text is not closed");
    ++at_;
    return result;
  }

  // The characters of a number, or of inf and nan, with their sign.
  std::string_view number_text() {
    skip();
    const std::size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '.' ||
                                  ((text_[at_] == '-' || text_[at_] == '+') && text_[at_ - 1] == 'e'))) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  std::int64_t integer() { return integer_of<std::int64_t>(); }
  // An element of a tensor: u64 by its bits.
  std::int64_t element(ElementType type) {
    return type == ElementType::U64 ? static_cast<std::int64_t>(integer_of<std::uint64_t>()) : wrap_to(type, integer());
  }
  template <class T>
  T integer_of() {
    const std::string_view digits = number_text();
    T value = 0;
    const std::from_chars_result result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
      fail("expected an integer");
    }
    return value;
  }
  double real() {
    const std::string_view digits = number_text();
    double value = 0;
    const std::from_chars_result result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
      fail("expected a number");
    }
    return value;
  }
  std::vector<std::int64_t> integers() {
    std::vector<std::int64_t> list;
    expect('[');
    while (!peek(']')) {
      list.push_back(integer());
      if (!accept(',')) break;
    }
    expect(']');
    return list;
  }
  ElementType element_type() {
    const std::size_t begin = at_;
    ElementType element;
    if (!parse_element_type(word(), element)) {
      at_ = begin;
      fail("expected an element type");
    }
    return element;
  }
  Type type() {
    const ElementType element = element_type();
    return {element, integers()};
  }

  Tensor tensor(ElementType element) {
    const Type of{element, integers()};
    std::int64_t count = 1;
    for (std::int64_t extent : of.shape) {
      if (extent < 0 || (extent > 0 && count > kLiteralMax / extent)) fail("this tensor is too large");
      count *= extent;
    }
    expect('(');
    bool is_splat = false;
    skip();
    if (text_.substr(at_, 6) == "splat ") {
      is_splat = true;
      at_ += 6;
    }
    std::vector<double> reals;
    std::vector<std::int64_t> whole;
    while (!peek(')')) {
      if (is_float(element)) {
        reals.push_back(real());
      } else {
        whole.push_back(this->element(element));
      }
      if (!accept(',')) break;
    }
    expect(')');
    const std::size_t given = reals.size() + whole.size();
    if (given != (is_splat ? 1u : static_cast<std::size_t>(count))) fail("the tensor has another number of elements");
    if (is_splat) {
      reals.resize(is_float(element) ? static_cast<std::size_t>(count) : 0, reals.empty() ? 0 : reals[0]);
      whole.resize(is_float(element) ? 0 : static_cast<std::size_t>(count), whole.empty() ? 0 : whole[0]);
    }
    if (is_float(element)) return {of, std::move(reals)};
    return {of, std::move(whole)};
  }

  Attribute attribute() {
    if (peek('"')) return text_literal();
    if (peek('[')) return integers();
    const std::size_t begin = at_;
    const std::string_view text = number_text();
    at_ = begin;
    if (!text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0 && text != "inf" && text != "nan") {
      if (text == "true" || text == "false") return word() == "true";
      const ElementType element = element_type();
      if (peek('[')) return tensor(element);
      return element;
    }
    const bool is_real = text.find_first_of(".en") != std::string_view::npos;
    if (is_real) return real();
    return integer();
  }

  // "%name", "%name#2" or "%3": the text by which it is known.
  std::string value_key(std::string& name) {
    expect('%');
    name.clear();
    if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      return fmt::format("{}", integer());
    }
    name = word_or_text();
    std::string key = "%" + name;
    if (accept('#')) key += fmt::format("#{}", integer());
    return key;
  }
  Value* value(const Values& values) {
    const std::size_t begin = at_;
    std::string name;
    const auto found = values.find(value_key(name));
    if (found == values.end()) {
      at_ = begin;
      fail("this value is not defined");
    }
    return found->second;
  }

  // The path of the layer behind the place in the comment that ends the line.
  std::string layer_on_line(std::size_t at) const {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    const std::string_view line = text_.substr(at, end - at);
    const std::size_t comment = line.rfind("  ; ");
    if (comment == std::string_view::npos) return "";
    const std::string_view rest = line.substr(comment + 4);
    const std::size_t space = rest.find(' ');
    return space == std::string_view::npos ? "" : std::string(rest.substr(space + 1));
  }

  // After `graph`: [name] "{" operations, next values, outputs "}".
  std::unique_ptr<Graph> graph_rest(int depth) {
    if (depth > kNestingMax) fail("graphs are nested too deeply");
    std::unique_ptr<Graph> graph = std::make_unique<Graph>();
    if (!peek('{')) graph->name = word_or_text();
    expect('{');
    Values values;
    while (!accept('}')) {
      skip();
      if (at_ < text_.size() && text_[at_] == '%') {
        operation(*graph, values, depth);
        continue;
      }
      const std::size_t begin = at_;
      const std::string what = word();
      if (what != "next" && what != "output") {
        at_ = begin;
        fail("expected an operation, 'next', 'output' or '}'");
      }
      const std::string name = word_or_text();
      expect('=');
      Value* of = value(values);
      if (what == "output") {
        graph->outputs.push_back({name, of});
      } else {
        State* state = graph->find_state(name);
        if (state == nullptr) fail(fmt::format("there is no state '{}'", name));
        state->next = of;
      }
    }
    return graph;
  }

  void operation(Graph& graph, Values& values, int depth) {
    const std::size_t begin = at_;
    std::vector<std::string> keys, names;
    do {
      std::string name;
      keys.push_back(value_key(name));
      names.push_back(name);
    } while (accept(','));
    expect('=');
    const std::string op_name = word();
    const OpDef* def = find_op(op_name);
    if (def == nullptr) fail(fmt::format("there is no primitive '{}'", op_name));
    std::vector<Value*> operands;
    expect('(');
    while (!peek(')')) {
      operands.push_back(value(values));
      if (!accept(',')) break;
    }
    expect(')');
    Attributes attributes;
    if (accept('{')) {
      while (!peek('}')) {
        const std::string key = word();
        expect('=');
        attributes.set(key, attribute());
        if (!accept(',')) break;
      }
      expect('}');
    }
    std::vector<Type> types;
    expect(':');
    do types.push_back(type());
    while (accept(','));
    std::vector<std::unique_ptr<Graph>> graphs;
    skip();
    while (text_.substr(at_, 6) == "graph ") {
      at_ += 6;
      graphs.push_back(graph_rest(depth + 1));
      skip();
    }
    define(graph, values, begin, *def, std::move(operands), std::move(attributes), std::move(graphs), keys, names,
           types);
  }

  void define(Graph& graph, Values& values, std::size_t begin, const OpDef& def, std::vector<Value*> operands,
              Attributes attributes, std::vector<std::unique_ptr<Graph>> graphs, const std::vector<std::string>& keys,
              const std::vector<std::string>& names, const std::vector<Type>& types) {
    const Inferred inferred = infer(def, operands, attributes, graphs);
    const std::size_t end = at_;
    at_ = begin;
    if (!inferred.error.empty()) fail(fmt::format("{}: {}", def.name, inferred.error));
    if (inferred.types != types || keys.size() != types.size()) {
      fail(fmt::format("{} does not have results of these types", def.name));
    }
    const Origin origin{span_at(begin), layer_on_line(begin)};
    Op* op = graph.add(def, std::move(operands), std::move(attributes), origin, std::move(graphs));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      op->result(static_cast<int>(i))->name = names[i];
      if (!values.emplace(keys[i], op->result(static_cast<int>(i))).second) fail("a value is defined twice");
    }
    at_ = end;
  }

  std::string_view text_;
  std::int32_t file_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Graph>> parse_graphs(const SourceManager& sources, std::int32_t file,
                                                 Diagnostics& diagnostics) {
  Parser parser(sources.text(file), file);
  try {
    std::vector<std::unique_ptr<Graph>> graphs = parser.run();
    for (const std::unique_ptr<Graph>& graph : graphs) {
      const std::string wrong = verify(*graph);
      if (wrong.empty()) continue;
      diagnostics.report(Kind::graph_syntax, parser.span_at(0), wrong);
      return {};
    }
    return graphs;
  } catch (const SyntaxError& error) {
    diagnostics.report(Kind::graph_syntax, parser.span_at(error.at), error.message);
  }
  return {};
}

std::unique_ptr<Graph> parse_graph(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics) {
  std::vector<std::unique_ptr<Graph>> graphs = parse_graphs(sources, file, diagnostics);
  if (graphs.size() == 1) return std::move(graphs.front());
  if (graphs.size() > 1) diagnostics.report(Kind::graph_syntax, Span{file, 0, 0}, "there is more than one graph");
  return nullptr;
}

bool is_printed_graph(std::string_view text) { return Parser(text, 0).begins(); }

}  // namespace nnc
