// Items, definitions, types and statements: the upper half of the grammar.
#include "dsl/parser.h"

#include <algorithm>
#include <map>

#include "dsl/parser_impl.h"

namespace nnc::ast {
namespace {

const std::vector<std::string> kElements = {"f32", "f64", "f16", "bf16", "i8",    "u8",  "i16",   "u16",  "i32",
                                            "u32", "i64", "u64", "bool", "float", "any", "other", "class"};
const std::vector<std::string> kKinds = {"int",   "ints", "real", "reals", "flag", "text",
                                         "texts", "elem", "list", "set",   "op"};
const std::vector<std::string> kTrainWords = {"let",      "state",  "fn",     "layer", "cell",  "input",
                                              "minimize", "metric", "update", "with",  "batch", "epochs"};

// What others call them.
const std::map<std::string, std::string> kForeignElements = {
    {"float16", "f16"}, {"half", "f16"},    {"bfloat16", "bf16"}, {"float32", "f32"},
    {"double", "f64"},  {"float64", "f64"}, {"int8", "i8"},       {"uint8", "u8"},
    {"int16", "i16"},   {"uint16", "u16"},  {"int", "i32"},       {"int32", "i32"},
    {"uint32", "u32"},  {"int64", "i64"},   {"long", "i64"},      {"uint64", "u64"}};

const std::map<std::string, std::string> kForeignItems = {
    {"def", "fn"},       {"func", "fn"},     {"function", "fn"},    {"fun", "fn"},        {"class", "layer"},
    {"module", "layer"}, {"block", "layer"}, {"network", "model"},  {"net", "model"},     {"include", "import"},
    {"from", "import"},  {"use", "import"},  {"training", "train"}, {"optimizer", "cell"}};
const std::map<std::string, std::string> kForeignLines = {
    {"loss", "minimize"},  {"objective", "minimize"}, {"cost", "minimize"},   {"optimizer", "with"},
    {"optimiser", "with"}, {"optimize", "with"},      {"target", "input"},    {"label", "input"},
    {"data", "input"},     {"trainable", "update"},   {"batch_size", "batch"}};

// What others begin a line of a body with, and what to do here.
constexpr const char* kLoops = "loops are `repeat(x, n, f)`, `scan(sequence, f)`, or layers in a row, `layer h[n] = …`";
constexpr const char* kOfTrain = "it starts a line of `train`, not of a body";
const std::map<std::string, std::string> kForeignStatements = {
    {"return", "the last line of a block is its value; a model gives its outputs theirs, `name = …`"},
    {"for", kLoops},
    {"while", kLoops},
    {"var", "a value is named by `let name = …`"},
    {"val", "a value is named by `let name = …`"},
    {"input", kOfTrain},
    {"minimize", kOfTrain},
    {"metric", kOfTrain},
    {"with", kOfTrain}};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

StmtPtr make(StmtKind kind) {
  StmtPtr result = std::make_unique<Stmt>();
  result->kind = kind;
  return result;
}

}  // namespace

// Reads a header, then what is in braces. After an error in the header the braces are read too, for their errors.
template <class Header, class Braces>
void Parser::with_header(const Header& header, const Braces& braces) {
  const std::int32_t depth = peek().depth;
  try {
    header();
    if (!is("{")) fail("`{`");
  } catch (const Recover&) {
    const auto is_here = [&] { return peek().depth == depth && (is("{") || is_kind(TokenKind::LineEnd)); };
    while (!at_end() && peek().depth >= depth && !is_here()) take();
    if (is("{")) braces();
    throw;
  }
  braces();
}

// file = { item }
File Parser::file() {
  File result;
  result.file = peek().span.file;
  while (!at_end()) {
    if (is_kind(TokenKind::LineEnd)) {
      take();
      continue;
    }
    const std::size_t begin = position();
    try {
      item(result);
      end_of_line();
    } catch (const Recover&) {
      skip_line(0);
      for (Name& name : defined_since(begin)) result.faulty.push_back(std::move(name));
    }
  }
  return result;
}

// item = "import" TEXT | "const" IDENT "=" expr | def | instance | model | train | extern
void Parser::item(File& result) {
  if (is("import")) return import(result);
  if (is("const")) return constant(result);
  if (is("model")) return model(result);
  if (is("train")) return train(result);
  if (is("extern")) return external(result);
  if (is_definition()) {
    result.definitions.push_back(definition());
    result.order.push_back({ItemKind::Definition, result.definitions.size() - 1});
    return;
  }
  if (is("layer")) {
    result.instances.push_back(instance());
    result.order.push_back({ItemKind::Instance, result.instances.size() - 1});
    return;
  }
  no_item();
}

void Parser::no_item() {
  const std::map<std::string, std::string>::const_iterator foreign = kForeignItems.find(std::string(peek().text));
  const bool is_foreign = is_kind(TokenKind::Identifier) && foreign != kForeignItems.end();
  try {
    fail("`model`, `train`, `layer`, `cell`, `fn`, `const`, `import` or `extern`", is_foreign ? foreign->second : "");
  } catch (const Recover&) {
    // What follows is reported once, up to the next line that is an item.
    const auto is_item = [this] {
      return is("import", 1) || is("const", 1) || is("model", 1) || is("train", 1) || is("extern", 1) || is("fn", 1) ||
             is("cell", 1) || is("layer", 1);
    };
    skip_line(0);
    while (!at_end() && !is_item()) {
      take();
      skip_line(0);
    }
  }
}

void Parser::import(File& result) {
  const Token keyword = expect("import");
  Import import;
  import.path_span = peek().span;
  import.path = text("the path of a file, as a text");
  import.span = since(keyword.span);
  result.imports.push_back(std::move(import));
  result.order.push_back({ItemKind::Import, result.imports.size() - 1});
}

void Parser::constant(File& result) {
  const Token keyword = expect("const");
  Const constant;
  constant.name = name("the name of the constant");
  expect("=");
  constant.value = expr();
  constant.span = since(keyword.span);
  result.consts.push_back(std::move(constant));
  result.order.push_back({ItemKind::Const, result.consts.size() - 1});
}

// model = "model" IDENT params "->" "(" IDENT ":" type { "," IDENT ":" type } ")" block
void Parser::model(File& result) {
  const Token keyword = expect("model");
  Model model;
  const auto header = [&] {
    model.name = name("the name of the model");
    model.params = params();
    expect("->");
    expect("(");
    list(")", [&] {
      ModelOutput output;
      output.name = name("the name of an output");
      expect(":");
      output.type = type();
      model.outputs.push_back(std::move(output));
    });
  };
  with_header(header, [&] { model.body = block(); });
  model.span = since(keyword.span);
  result.models.push_back(std::move(model));
  result.order.push_back({ItemKind::Model, result.models.size() - 1});
}

// train = "train" IDENT [ "for" IDENT ] "{" { line } "}"
void Parser::train(File& result) {
  const Token keyword = expect("train");
  Train train;
  const auto header = [&] {
    train.name = name("the name of the model or of the stage");
    if (!is_word("for")) return;
    take();
    train.model = name("the name of the model");
  };
  const auto braces = [&] {
    const std::int32_t depth = expect("{").depth + 1;
    while (!at_end() && peek().depth >= depth) {
      if (is_kind(TokenKind::LineEnd)) {
        take();
        continue;
      }
      const std::size_t begin = position();
      try {
        train.lines.push_back(line());
        end_of_line();
      } catch (const Recover&) {
        skip_line(depth);
        train.lines.push_back(faulty(begin));
      }
    }
    expect("}");
  };
  with_header(header, braces);
  train.span = since(keyword.span);
  result.trains.push_back(std::move(train));
  result.order.push_back({ItemKind::Train, result.trains.size() - 1});
}

// extern = "extern" ( "fn" | "model" ) IDENT [ params [ "->" type ] ] "from" TEXT
void Parser::external(File& result) {
  const Token keyword = expect("extern");
  Extern external;
  external.is_model = is("model");
  if (!accept("fn") && !accept("model")) fail("`fn` or `model`");
  external.name = name("a name");
  if (is("(")) {
    external.has_params = true;
    external.params = params();
    external.has_result = accept("->");
    if (external.has_result) external.result = type();
  }
  if (!is_word("from")) fail("`from`");
  take();
  external.path = text("the path of a file, as a text");
  external.span = since(keyword.span);
  result.externs.push_back(std::move(external));
  result.order.push_back({ItemKind::Extern, result.externs.size() - 1});
}

bool Parser::is_definition() const { return is("fn") || is("cell") || (is("layer") && !is("=", 2) && !is("[", 2)); }

// def = ( "fn" | "layer" | "cell" ) IDENT params [ "->" type ] block
Definition Parser::definition() {
  const Scope scope(*this);
  grow(kBracketSteps);
  const Token keyword = take();
  Definition result;
  result.kind = keyword.text == "fn" ? DefKind::Fn : keyword.text == "layer" ? DefKind::Layer : DefKind::Cell;
  const auto header = [&] {
    result.name = name("a name");
    result.params = params();
    result.has_result = accept("->");
    if (result.has_result) result.result = type();
  };
  with_header(header, [&] { result.body = block(); });
  result.span = since(keyword.span);
  return result;
}

// instance = "layer" IDENT [ "[" [ IDENT ":" ] expr "]" ] "=" operator
Instance Parser::instance() {
  const Token keyword = expect("layer");
  Instance result;
  result.name = name("a name");
  if (accept("[")) {
    result.is_array = true;
    if (is(":", 1)) {
      result.index = name("the name of the index");
      expect(":");
    }
    result.count = expr();
    expect("]");
  }
  expect("=");
  result.op = operator_expr("a layer, cell or model after `=`");
  result.span = since(keyword.span);
  return result;
}

// params = "(" [ param { "," param } ] ")"
std::vector<Param> Parser::params() {
  std::vector<Param> result;
  expect("(");
  if (!accept(")")) list(")", [&] { result.push_back(param()); });
  return result;
}

// param = IDENT ":" ( kind | type ) [ "=" expr ]
Param Parser::param() {
  Param result;
  result.name = name("the name of a parameter");
  expect(":");
  if (is_kind(TokenKind::Identifier) && contains(kKinds, peek().text)) {
    const Token kind = take();
    result.kind = kind.text;
    result.kind_span = kind.span;
  } else {
    result.type = type(true);
  }
  if (accept("=")) result.default_value = expr();
  result.span = since(result.name.span);
  return result;
}

// type = elem [ "[" [ dim { "," dim } ] "]" ] | "(" type { "," type } ")"
// elem = "f32" | "f64" | "f16" | "bf16" | "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "bool"
//      | "float" | "any" | "other" | "class" "[" expr "]"
Type Parser::type(bool may_be_kind) {
  const Scope scope(*this);
  grow(kBracketSteps);
  Type result;
  result.span = peek().span;
  if (accept("(")) {
    list(")", [&] { result.elements.push_back(type()); });
    result.span = since(result.span);
    return result;
  }
  if (!is_kind(TokenKind::Identifier)) fail("a type");
  const Token element = take();
  if (!contains(kElements, element.text)) {
    std::vector<std::string> candidates = kElements;
    if (may_be_kind) candidates.insert(candidates.end(), kKinds.begin(), kKinds.end());
    const std::map<std::string, std::string>::const_iterator foreign = kForeignElements.find(std::string(element.text));
    const bool is_foreign = foreign != kForeignElements.end();
    const std::string near = is_foreign ? foreign->second : nearest(element.text, candidates);
    diagnostics()
        .report(Kind::unknown_element_type, element.span, element.text,
                near.empty() ? "; there are `f32`, `u8`, `i32`, `bool`, `class[n]` and more" : "")
        .did_you_mean(near);
    throw Recover{};
  }
  result.element = element.text;
  result.element_span = element.span;
  if (element.text == "class") {
    expect("[");
    result.class_count = expr();
    expect("]");
  }
  if (accept("[") && !accept("]")) list("]", [&] { result.dims.push_back(dim()); });
  result.span = since(result.span);
  return result;
}

// dim = expr [ "..." ]
Dim Parser::dim() {
  Dim result;
  result.size = expr();
  result.is_pack = accept("...");
  return result;
}

// block = "{" body "}"
Block Parser::block() {
  const Scope scope(*this);
  grow(kBracketSteps);
  const Token opening = expect("{");
  Block result = body(opening);
  expect("}");
  result.span = since(opening.span);
  return result;
}

// body = { stmt } [ expr ]
Block Parser::body(const Token& opening) {
  const std::int32_t depth = opening.depth + 1;
  Block result;
  while (!at_end() && peek().depth >= depth) {
    if (is_kind(TokenKind::LineEnd)) {
      take();
      continue;
    }
    if (result.value) diagnostics().report(Kind::value_not_last, result.value->span);
    result.value = nullptr;
    const std::size_t begin = position();
    try {
      ExprPtr value;
      StmtPtr statement = stmt(value);
      end_of_line();
      if (statement) result.statements.push_back(std::move(statement));
      result.value = std::move(value);
    } catch (const Recover&) {
      skip_line(depth);
      result.statements.push_back(faulty(begin));
    }
  }
  return result;
}

StmtPtr Parser::faulty(std::size_t begin) const {
  StmtPtr result = make(StmtKind::Faulty);
  result->names = defined_since(begin);
  return result;
}

// stmt = let | state | def | instance | param | require | IDENT "=" expr; or the value of the body.
StmtPtr Parser::stmt(ExprPtr& value) {
  const Span first = peek().span;
  StmtPtr result;
  // A name of the program in that place is applied or given a value.
  const std::map<std::string, std::string>::const_iterator foreign = kForeignStatements.find(std::string(peek().text));
  const bool is_followed_by_word = is_kind(TokenKind::Identifier, 1) || is_kind(TokenKind::Keyword, 1) ||
                                   is_kind(TokenKind::Integer, 1) || is_kind(TokenKind::Real, 1);
  if (is_kind(TokenKind::Identifier) && is_followed_by_word && foreign != kForeignStatements.end()) {
    fail_with(Kind::foreign_statement, first, peek().text, foreign->second);
  }
  if (is("let")) {
    result = let();
  } else if (is("param")) {
    result = parameter();
  } else if (is("require")) {
    result = require();
  } else if (is("fn") || is("layer") || is("cell")) {
    result = nested();
  } else if (is_kind(TokenKind::Identifier) && is_kind(TokenKind::Identifier, 1) &&
             (is_word("state") || (is_word("next") && is("=", 2)))) {
    result = state();
  } else if (is_kind(TokenKind::Identifier) && is("=", 1)) {
    result = make(StmtKind::Output);
    result->names.push_back(name("a name"));
    expect("=");
    result->value = expr();
  } else {
    value = expr();
    return nullptr;
  }
  result->span = since(first);
  return result;
}

// let = "let" ( IDENT | "(" IDENT { "," IDENT } ")" ) [ ":" type ] "=" expr
StmtPtr Parser::let() {
  StmtPtr result = make(StmtKind::Let);
  expect("let");
  if (accept("(")) {
    list(")", [&] { result->names.push_back(name("a name")); });
  } else {
    result->names.push_back(name("a name"));
  }
  result->has_type = accept(":");
  if (result->has_type) result->type = type();
  expect("=");
  result->value = expr();
  return result;
}

// state = "state" IDENT ":" type "=" expr | "next" IDENT "=" expr
StmtPtr Parser::state() {
  StmtPtr result = make(is_word("state") ? StmtKind::State : StmtKind::Next);
  take();
  result->names.push_back(name("the name of a state"));
  if (result->kind == StmtKind::State) {
    expect(":");
    result->has_type = true;
    result->type = type();
  }
  expect("=");
  result->value = expr();
  return result;
}

// param = "param" IDENT ":" type ( "=" expr | "~" operator )
StmtPtr Parser::parameter() {
  StmtPtr result = make(StmtKind::Param);
  expect("param");
  result->names.push_back(name("the name of a parameter"));
  expect(":");
  result->has_type = true;
  result->type = type();
  result->is_initialised_by_operator = accept("~");
  if (result->is_initialised_by_operator) {
    result->value = operator_expr("an initialiser after `~`");
    return result;
  }
  if (!accept("=")) fail("`=` and a value, or `~` and an initialiser");
  result->value = expr();
  return result;
}

// require = "require" expr [ "," TEXT ]
StmtPtr Parser::require() {
  StmtPtr result = make(StmtKind::Require);
  expect("require");
  result->value = expr();
  if (accept(",")) result->text = text("a text that says what is wrong");
  return result;
}

// A definition or an instance inside a body.
StmtPtr Parser::nested() {
  const bool is_def = is_definition();
  StmtPtr result = make(is_def ? StmtKind::Definition : StmtKind::Instance);
  if (is_def) {
    result->definition = std::make_unique<Definition>(definition());
    result->names.push_back(result->definition->name);
  } else {
    result->instance = std::make_unique<Instance>(instance());
    result->names.push_back(result->instance->name);
  }
  return result;
}

// line = let | state | def | instance | "input" IDENT ":" type | "minimize" expr | metric | update | batch
//      | "epochs" expr
StmtPtr Parser::line() {
  const Token first = peek();
  StmtPtr result;
  if (is("let")) {
    result = let();
  } else if (is("fn") || is("layer") || is("cell")) {
    result = nested();
  } else if (is_word("state") || (is_word("next") && is("=", 2))) {
    result = state();
  } else if (is_word("input")) {
    take();
    result = make(StmtKind::Input);
    result->names.push_back(name("the name of an input"));
    expect(":");
    result->has_type = true;
    result->type = type();
  } else if (is_word("minimize") || is_word("epochs")) {
    result = make(is_word("minimize") ? StmtKind::Minimize : StmtKind::Epochs);
    take();
    result->value = expr();
  } else if (is_word("metric")) {
    result = metric();
  } else if (is_word("update") || is_word("with")) {
    result = update();
  } else if (is_word("batch")) {
    result = batch();
  } else if (is_kind(TokenKind::Identifier) || is_kind(TokenKind::Keyword)) {
    const std::map<std::string, std::string>::const_iterator foreign = kForeignLines.find(std::string(first.text));
    const std::string near = foreign != kForeignLines.end() ? foreign->second : nearest(first.text, kTrainWords);
    diagnostics()
        .report(Kind::unknown_train_line, first.span, first.text,
                near.empty() ? "; `input`, `minimize`, `metric`, `update`, `with`, `batch` and `epochs` do" : "")
        .did_you_mean(near);
    throw Recover{};
  } else {
    fail("a line of `train`");
  }
  result->span = since(first.span);
  return result;
}

// metric = "metric" [ IDENT "=" ] expr
StmtPtr Parser::metric() {
  StmtPtr result = make(StmtKind::Metric);
  take();
  Name metric_name;
  if (is("=", 1)) {
    metric_name = name("the name of the metric");
    expect("=");
  }
  result->names.push_back(std::move(metric_name));
  result->value = expr();
  return result;
}

// update = [ "update" path { "," path } ] "with" operator
StmtPtr Parser::update() {
  StmtPtr result = make(StmtKind::Update);
  if (is_word("update")) {
    take();
    do result->paths.push_back(path());
    while (accept(","));
  }
  if (!is_word("with")) fail("`with` and an optimiser");
  take();
  result->value = operator_expr("an optimiser after `with`");
  return result;
}

// batch = "batch" expr [ "," "shards" ":" expr ]
StmtPtr Parser::batch() {
  StmtPtr result = make(StmtKind::Batch);
  take();
  result->value = expr();
  if (accept(",")) {
    if (!is_word("shards")) fail("`shards:`");
    take();
    expect(":");
    result->value2 = expr();
  }
  return result;
}

void Parser::end_of_line() {
  if (is("}") || at_end()) return;
  if (!is_kind(TokenKind::LineEnd)) fail("the end of the line");
  take();
}

File parse(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics) {
  return Parser(lex(sources, file, diagnostics), diagnostics).file();
}

}  // namespace nnc::ast
