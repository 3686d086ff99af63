// Tokens and syntax trees as text; see print.h.
#include "dsl/print.h"

#include <fmt/format.h>

namespace nnc {
namespace {

std::string_view kind_name(const Token& token) {
  switch (token.kind) {
    case TokenKind::Identifier:
      return "identifier";
    case TokenKind::Keyword:
      return "keyword";
    case TokenKind::Integer:
      return "integer";
    case TokenKind::Real:
      return "real";
    case TokenKind::Text:
      return "text";
    case TokenKind::Symbol:
      return "symbol";
    case TokenKind::LineEnd:
      return "line-end";
    case TokenKind::Invalid:
      return "invalid";
    case TokenKind::End:
      return "end";
  }
  return "";
}

}  // namespace

std::string print_tokens(const SourceManager& sources, const TokenStream& stream) {
  std::string out;
  for (const Token& token : stream.tokens) {
    const LineColumn at = sources.line_column(token.span.file, token.span.begin);
    const bool has_text = token.kind != TokenKind::LineEnd && token.kind != TokenKind::End;
    out += fmt::format("{}:{} {}", at.line, at.column, kind_name(token));
    out += has_text ? fmt::format(" {}\n", token.text) : "\n";
  }
  return out;
}

namespace ast {
namespace {

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  }
  return out + "\"";
}

std::string number(const Expr& expr) {
  if (!expr.is_real) return fmt::format("{}", expr.integer);
  const std::string text = fmt::format("{}", expr.number);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

class Printer {
 public:
  std::string take() { return std::move(out_); }

  void line(const std::string& text) { out_ += std::string(indent_, ' ') + text + "\n"; }

  void file(const File& file) {
    for (const Item& item : file.order) {
      switch (item.kind) {
        case ItemKind::Import:
          line("import " + quote(file.imports[item.index].path));
          break;
        case ItemKind::Const:
          line(fmt::format("const {} = {}", file.consts[item.index].name.text, expr(*file.consts[item.index].value)));
          break;
        case ItemKind::Definition:
          definition(file.definitions[item.index]);
          break;
        case ItemKind::Instance:
          instance(file.instances[item.index]);
          break;
        case ItemKind::Model:
          model(file.models[item.index]);
          break;
        case ItemKind::Train:
          train(file.trains[item.index]);
          break;
        case ItemKind::Extern:
          external(file.externs[item.index]);
          break;
      }
    }
  }

  std::string expr(const Expr& e) {
    switch (e.kind) {
      case ExprKind::Number:
        return number(e);
      case ExprKind::Text:
        return quote(e.text);
      case ExprKind::Flag:
        return e.flag ? "true" : "false";
      case ExprKind::Name:
        return e.text;
      case ExprKind::Next:
        return "(next " + e.text + ")";
      case ExprKind::Tuple:
        return "(tuple" + operands(e) + ")";
      case ExprKind::List:
        return "(list" + operands(e) + ")";
      case ExprKind::If:
        return fmt::format("(if {} {} {})", expr(*e.operands[0]), block(*e.then_block), block(*e.else_block));
      case ExprKind::Lambda:
        return fmt::format("(lambda ({}) {})", names(e.parameters), block(*e.then_block));
      case ExprKind::Unary:
      case ExprKind::Binary:
        return "(" + e.op + operands(e) + ")";
      case ExprKind::Pipe:
        return "(|>" + operands(e) + ")";
      case ExprKind::Call:
        return "(call" + operands(e) + arguments(e) + ")";
      case ExprKind::Subscript:
        return "(at" + operands(e) + indices(e) + ")";
      case ExprKind::Member:
        return fmt::format("(member {} {})", expr(*e.operands[0]), e.text);
    }
    return "";
  }

  std::string type(const Type& t) {
    std::string text = t.element;
    if (t.element.empty()) {
      for (const Type& element : t.elements) text += (text.empty() ? "" : ", ") + type(element);
      return "(" + text + ")";
    }
    if (t.class_count) text += "[" + expr(*t.class_count) + "]";
    if (t.dims.empty()) return text;
    std::string dims;
    for (const Dim& dim : t.dims) dims += (dims.empty() ? "" : ", ") + expr(*dim.size) + (dim.is_pack ? "..." : "");
    return text + "[" + dims + "]";
  }

 private:
  // Runs `inner` one step further in.
  template <class Inner>
  void indented(const Inner& inner) {
    indent_ += 2;
    inner();
    indent_ -= 2;
  }

  void body(const Block& block) {
    indented([&] {
      for (const StmtPtr& statement : block.statements) stmt(*statement);
      if (block.value) line(expr(*block.value));
    });
  }

  // A block inside an expression: `{` its lines `}`, as one piece of text.
  std::string block(const Block& block) {
    if (block.statements.empty()) return block.value ? "{ " + expr(*block.value) + " }" : "{ }";
    std::string outer = std::move(out_);
    out_.clear();
    body(block);
    std::string inner = std::move(out_);
    out_ = std::move(outer);
    return "{\n" + inner + std::string(indent_, ' ') + "}";
  }

  std::string operands(const Expr& e) {
    std::string text;
    for (const ExprPtr& operand : e.operands) text += " " + expr(*operand);
    return text;
  }

  std::string arguments(const Expr& e) {
    std::string text;
    for (const Argument& argument : e.arguments) {
      text += " " + (argument.name.text.empty() ? "" : argument.name.text + ": ") + expr(*argument.value);
    }
    return text;
  }

  std::string indices(const Expr& e) {
    std::string text;
    for (const Index& index : e.indices) {
      text += " " + (index.begin ? expr(*index.begin) : "") + (index.is_slice ? ":" : "");
      if (index.end) text += expr(*index.end);
    }
    return text;
  }

  static std::string names(const std::vector<Name>& all) {
    std::string text;
    for (const Name& name : all) text += (text.empty() ? "" : ", ") + name.text;
    return text;
  }

  std::string params(const std::vector<Param>& all) {
    std::string text;
    for (const Param& param : all) {
      text +=
          (text.empty() ? "" : ", ") + param.name.text + ": " + (param.kind.empty() ? type(param.type) : param.kind);
      if (param.default_value) text += " = " + expr(*param.default_value);
    }
    return "(" + text + ")";
  }

  void definition(const Definition& d) {
    const std::string_view word = d.kind == DefKind::Fn ? "fn" : d.kind == DefKind::Layer ? "layer" : "cell";
    line(fmt::format("{} {}{}{}", word, d.name.text, params(d.params), d.has_result ? " -> " + type(d.result) : ""));
    body(d.body);
  }

  void instance(const Instance& i) {
    std::string count;
    if (i.is_array) count = "[" + (i.index.text.empty() ? "" : i.index.text + ": ") + expr(*i.count) + "]";
    line(fmt::format("layer {}{} = {}", i.name.text, count, expr(*i.op)));
  }

  void model(const Model& m) {
    std::string outputs;
    for (const ModelOutput& o : m.outputs) outputs += (outputs.empty() ? "" : ", ") + o.name.text + ": " + type(o.type);
    line(fmt::format("model {}{} -> ({})", m.name.text, params(m.params), outputs));
    body(m.body);
  }

  void train(const Train& t) {
    line("train " + t.name.text + (t.model.text.empty() ? "" : " for " + t.model.text));
    indented([&] {
      for (const StmtPtr& each : t.lines) stmt(*each);
    });
  }

  void external(const Extern& e) {
    line(fmt::format("extern {} {}{}{} from {}", e.is_model ? "model" : "fn", e.name.text,
                     e.has_params ? params(e.params) : "", e.has_result ? " -> " + type(e.result) : "", quote(e.path)));
  }

  void stmt(const Stmt& s) {
    const std::string name = names(s.names);
    const std::string type_text = s.has_type ? ": " + type(s.type) : "";
    const std::string value = s.value ? expr(*s.value) : "";
    switch (s.kind) {
      case StmtKind::Let:
        return line(fmt::format("let {}{} = {}", s.names.size() > 1 ? "(" + name + ")" : name, type_text, value));
      case StmtKind::State:
        return line(fmt::format("state {}{} = {}", name, type_text, value));
      case StmtKind::Next:
        return line(fmt::format("next {} = {}", name, value));
      case StmtKind::Definition:
        return definition(*s.definition);
      case StmtKind::Instance:
        return instance(*s.instance);
      case StmtKind::Param:
        return line(fmt::format("param {}{} {} {}", name, type_text, s.is_initialised_by_operator ? "~" : "=", value));
      case StmtKind::Require:
        return line("require " + value + (s.text.empty() ? "" : ", " + quote(s.text)));
      case StmtKind::Output:
        return line(fmt::format("{} = {}", name, value));
      case StmtKind::Input:
        return line("input " + name + type_text);
      case StmtKind::Minimize:
        return line("minimize " + value);
      case StmtKind::Metric:
        return line("metric " + (name.empty() ? "" : name + " = ") + value);
      case StmtKind::Update: {
        std::string paths;
        for (const ExprPtr& path : s.paths) paths += (paths.empty() ? "update " : ", ") + expr(*path);
        return line(paths + (paths.empty() ? "" : " ") + "with " + value);
      }
      case StmtKind::Batch:
        return line("batch " + value + (s.value2 ? ", shards: " + expr(*s.value2) : ""));
      case StmtKind::Faulty:
        break;
      case StmtKind::Epochs:
        return line("epochs " + value);
    }
  }

  std::string out_;
  std::size_t indent_ = 0;
};

}  // namespace

std::string print(const File& file) {
  Printer printer;
  printer.file(file);
  return printer.take();
}

std::string print(const Expr& expr) { return Printer().expr(expr); }
std::string print(const Type& type) { return Printer().type(type); }

}  // namespace ast
}  // namespace nnc
