// Expressions, operators, arguments, blocks: the lower half of the grammar.
#include <charconv>

#include "dsl/parser_impl.h"

namespace nnc::ast {
namespace {

std::string resolve_escapes(std::string_view quoted) {
  std::string text;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    char c = quoted[i];
    if (c == '\\') {
      c = quoted[++i];
      c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
    text += c;
  }
  return text;
}

ExprPtr make(ExprKind kind, Span span) {
  ExprPtr expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->span = span;
  return expr;
}

ExprPtr make_binary(ExprKind kind, ExprPtr left, const Token& op, ExprPtr right) {
  ExprPtr expr = make(kind, join(left->span, right->span));
  expr->op = op.text;
  expr->op_span = op.span;
  expr->operands.push_back(std::move(left));
  expr->operands.push_back(std::move(right));
  return expr;
}

}  // namespace

// expr = or { "|>" operator }
ExprPtr Parser::expr() {
  const Scope scope(*this);
  ExprPtr value = or_expr();
  bool is_chain = false;
  while (is("|>")) {
    grow(1);
    const Token op = take();
    value = make_binary(ExprKind::Pipe, std::move(value), op, operator_expr("an operator after `|>`"));
    is_chain = true;
  }
  if (is_chain && is_after_pipe()) {
    diagnostics()
        .report(Kind::operator_after_pipe, peek().span, peek().text)
        .fixit({value->span.file, value->span.begin, value->span.begin}, "(")
        .fixit({value->span.file, value->span.end, value->span.end}, ")");
    throw Recover{};
  }
  return value;
}

bool Parser::is_after_pipe() const {
  for (const std::string_view op :
       {"+", "-", "*", "/", "//", "%", "@", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or", "(", "[", "."}) {
    if (is(op)) return true;
  }
  return false;
}

// operator = path [ "(" args ")" ] | lambda
// path = IDENT { "." IDENT | "[" expr "]" }
ExprPtr Parser::operator_expr(std::string_view expected) {
  if (is("{")) return lambda();
  if (!is_kind(TokenKind::Identifier)) fail(expected);
  ExprPtr expr = path();
  return is("(") ? call(std::move(expr)) : std::move(expr);
}

ExprPtr Parser::path() {
  const Scope scope(*this);
  const Name first = name("a name");
  ExprPtr expr = make(ExprKind::Name, first.span);
  expr->text = first.text;
  while (is(".") || is("[")) {
    grow(1);
    expr = is(".") ? member(std::move(expr)) : subscript(std::move(expr), false);
  }
  return expr;
}

// lambda = "{" IDENT { "," IDENT } "->" body "}"
ExprPtr Parser::lambda() {
  const Scope scope(*this);
  grow(kBracketSteps);
  const Token opening = expect("{");
  ExprPtr expr = make(ExprKind::Lambda, opening.span);
  try {
    do expr->parameters.push_back(name("the name of a parameter"));
    while (accept(","));
    expect("->");
  } catch (const Recover&) {
    // The body is read for its errors.
    while (!at_end() && peek().depth > opening.depth && !(is("->") && peek().depth == opening.depth + 1)) take();
    if (accept("->")) body(opening);
    expect("}");
    throw;
  }
  expr->then_block = std::make_unique<Block>(body(opening));
  expect("}");
  expr->span = since(opening.span);
  expr->then_block->span = expr->span;
  return expr;
}

// or = and { "or" and }
ExprPtr Parser::or_expr() {
  const Scope scope(*this);
  ExprPtr left = and_expr();
  while (is("or")) {
    grow(1);
    const Token op = take();
    left = make_binary(ExprKind::Binary, std::move(left), op, and_expr());
  }
  return left;
}

// and = not { "and" not }
ExprPtr Parser::and_expr() {
  const Scope scope(*this);
  ExprPtr left = not_expr();
  while (is("and")) {
    grow(1);
    const Token op = take();
    left = make_binary(ExprKind::Binary, std::move(left), op, not_expr());
  }
  return left;
}

// not = "not" not | sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
ExprPtr Parser::not_expr() {
  const Scope scope(*this);
  if (is("not")) {
    grow(kBracketSteps);
    const Token op = take();
    return unary_of(op, not_expr());
  }
  const auto is_comparison = [this] { return is("==") || is("!=") || is("<") || is("<=") || is(">") || is(">="); };
  ExprPtr left = sum();
  if (!is_comparison()) return left;
  const Token op = take();
  left = make_binary(ExprKind::Binary, std::move(left), op, sum());
  if (is_comparison()) fail_with(Kind::chained_comparison, peek().span);
  return left;
}

// sum = product { ( "+" | "-" ) product }
ExprPtr Parser::sum() {
  const Scope scope(*this);
  ExprPtr left = product();
  while (is("+") || is("-")) {
    grow(1);
    const Token op = take();
    left = make_binary(ExprKind::Binary, std::move(left), op, product());
  }
  return left;
}

// product = unary { ( "*" | "/" | "//" | "%" | "@" ) unary }
ExprPtr Parser::product() {
  const Scope scope(*this);
  ExprPtr left = unary();
  while (is("*") || is("/") || is("//") || is("%") || is("@")) {
    grow(1);
    const Token op = take();
    if (op.text == "*" && is("*") && peek().span.begin == op.span.end) {
      const Span power = join(op.span, take().span);
      diagnostics().report(Kind::expected_token, power, "`^` for a power", "`**`").fixit(power, "^");
      throw Recover{};
    }
    left = make_binary(ExprKind::Binary, std::move(left), op, unary());
  }
  return left;
}

// unary = "-" unary | postfix [ "^" unary ]
ExprPtr Parser::unary() {
  const Scope scope(*this);
  if (is("-")) {
    grow(kBracketSteps);
    const Token op = take();
    return unary_of(op, unary());
  }
  ExprPtr left = postfix();
  if (!is("^")) return left;
  grow(kBracketSteps);
  const Token op = take();
  return make_binary(ExprKind::Binary, std::move(left), op, unary());
}

ExprPtr Parser::unary_of(const Token& op, ExprPtr operand) {
  ExprPtr expr = make(ExprKind::Unary, join(op.span, operand->span));
  expr->op = op.text;
  expr->op_span = op.span;
  expr->operands.push_back(std::move(operand));
  return expr;
}

// postfix = primary { "(" args ")" | "[" index { "," index } "]" | "." IDENT }
ExprPtr Parser::postfix() {
  const Scope scope(*this);
  const bool is_closed = is("if") || is("{");  // takes no postfix: a '(' after it would be read as a call
  ExprPtr expr = primary();
  while (!is_closed && (is("(") || is("[") || is("."))) {
    grow(1);
    if (is("(")) {
      expr = call(std::move(expr));
    } else if (is("[")) {
      expr = subscript(std::move(expr), true);
    } else {
      expr = member(std::move(expr));
    }
  }
  return expr;
}

// args = [ [ IDENT ":" ] expr { "," [ IDENT ":" ] expr } ]
ExprPtr Parser::call(ExprPtr callee) {
  const Scope scope(*this);
  grow(kBracketSteps);
  ExprPtr expr = make(ExprKind::Call, callee->span);
  expr->operands.push_back(std::move(callee));
  expect("(");
  if (!accept(")")) {
    list(")", [&] {
      Argument argument;
      const bool is_assigned = is_kind(TokenKind::Identifier) && is("=", 1);
      if (is_assigned) {
        const Span sign = peek(1).span;
        diagnostics().report(Kind::expected_token, sign, "`:` between a name and its argument", "`=`").fixit(sign, ":");
      }
      if (is(":", 1) || is_assigned) {
        argument.name = name("the name of an argument");
        take();
      }
      argument.value = this->expr();
      expr->arguments.push_back(std::move(argument));
    });
  }
  expr->span = since(expr->span);
  return expr;
}

// index = expr | [ expr ] ":" [ expr ]
ExprPtr Parser::subscript(ExprPtr base, bool allows_slices) {
  const Scope scope(*this);
  grow(kBracketSteps);
  ExprPtr expr = make(ExprKind::Subscript, base->span);
  expr->operands.push_back(std::move(base));
  expect("[");
  list("]", [&] {
    Index index;
    index.span = peek().span;
    if (!allows_slices || !is(":")) index.begin = this->expr();
    if (allows_slices && accept(":")) {
      index.is_slice = true;
      if (!is(",") && !is("]")) index.end = this->expr();
    }
    index.span = since(index.span);
    expr->indices.push_back(std::move(index));
  });
  expr->span = since(expr->span);
  return expr;
}

ExprPtr Parser::member(ExprPtr base) {
  ExprPtr expr = make(ExprKind::Member, base->span);
  expr->operands.push_back(std::move(base));
  expect(".");
  const Name member = name("a name after `.`");
  expr->text = member.text;
  expr->op_span = member.span;
  expr->span = since(expr->span);
  return expr;
}

// primary = NUMBER | TEXT | "true" | "false" | IDENT | "next" IDENT
//         | "(" expr { "," expr } ")" | "[" [ expr { "," expr } ] "]"
//         | "if" or block "else" ( block | if ) | lambda
ExprPtr Parser::primary() {
  if (is("(") || is("[")) return group();
  if (is("if")) return if_expr();
  if (is("{")) return lambda();
  const Token token = peek();
  if (is_word("next") && is_kind(TokenKind::Identifier, 1)) {
    take();
    ExprPtr expr = make(ExprKind::Next, token.span);
    expr->text = name("the name of a state").text;
    expr->span = since(token.span);
    return expr;
  }
  if (is_kind(TokenKind::Integer) || is_kind(TokenKind::Real)) {
    take();
    ExprPtr expr = make(ExprKind::Number, token.span);
    const char* last = token.text.data() + token.text.size();
    expr->is_real = token.kind == TokenKind::Real;
    std::from_chars(token.text.data(), last, expr->number);
    if (!expr->is_real) std::from_chars(token.text.data(), last, expr->integer);
    return expr;
  }
  if (is_kind(TokenKind::Text)) {
    take();
    ExprPtr expr = make(ExprKind::Text, token.span);
    expr->text = resolve_escapes(token.text);
    return expr;
  }
  if (is("true") || is("false")) {
    take();
    ExprPtr expr = make(ExprKind::Flag, token.span);
    expr->flag = token.text == "true";
    return expr;
  }
  if (!is_kind(TokenKind::Identifier)) fail("an expression");
  take();
  ExprPtr expr = make(ExprKind::Name, token.span);
  expr->text = token.text;
  return expr;
}

// A tuple, a list, or an expression in parentheses.
ExprPtr Parser::group() {
  const Scope scope(*this);
  grow(kBracketSteps);
  const Token opening = take();
  const bool is_list = opening.text == "[";
  ExprPtr expr = make(is_list ? ExprKind::List : ExprKind::Tuple, opening.span);
  if (!is_list || !accept("]")) {
    list(is_list ? "]" : ")", [&] { expr->operands.push_back(this->expr()); });
  }
  expr->span = since(opening.span);
  if (is_list || expr->operands.size() > 1) return expr;
  ExprPtr inner = std::move(expr->operands.front());
  inner->parenthesised = true;
  inner->span = expr->span;
  return inner;
}

ExprPtr Parser::if_expr() {
  const Scope scope(*this);
  grow(kBracketSteps);
  const Token keyword = expect("if");
  ExprPtr expr = make(ExprKind::If, keyword.span);
  expr->operands.push_back(or_expr());
  expr->then_block = std::make_unique<Block>(block());
  if (!is("else")) fail_with(Kind::missing_else, keyword.span);
  take();
  if (is("if")) {
    expr->else_block = std::make_unique<Block>();
    expr->else_block->value = if_expr();
    expr->else_block->span = expr->else_block->value->span;
  } else {
    expr->else_block = std::make_unique<Block>(block());
  }
  expr->span = since(keyword.span);
  return expr;
}

std::string Parser::text(std::string_view what) {
  if (!is_kind(TokenKind::Text)) fail(what);
  return resolve_escapes(take().text);
}

}  // namespace nnc::ast
