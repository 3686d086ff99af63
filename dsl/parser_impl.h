// The parser's functions, in the order of grammar.md; items, types and statements are in parser.cpp, expressions in
// parser_expression.cpp.
#pragma once

#include "dsl/parser_state.h"

namespace nnc::ast {

// What a nested bracket costs of the tree's height: it takes many calls to parse.
constexpr int kBracketSteps = 4;

class Parser : ParserState {
 public:
  using ParserState::ParserState;
  File file();

 private:
  void item(File& result);
  // Reports what is no item, and goes to the next.
  void no_item();
  void import(File& result);
  void constant(File& result);
  void model(File& result);
  void train(File& result);
  void external(File& result);
  bool is_definition() const;
  Definition definition();
  Instance instance();
  template <class Header, class Braces>
  void with_header(const Header& header, const Braces& braces);

  std::vector<Param> params();
  Param param();
  // `may_be_kind`: the kind of a setting could stand there too; said of a misspelt one.
  Type type(bool may_be_kind = false);
  Dim dim();

  Block block();
  Block body(const Token& opening);
  // In the place of a line that could not be read, which began there.
  StmtPtr faulty(std::size_t begin) const;
  StmtPtr stmt(ExprPtr& value);
  StmtPtr let();
  StmtPtr state();
  StmtPtr parameter();
  StmtPtr require();
  StmtPtr line();
  StmtPtr metric();
  StmtPtr update();
  StmtPtr batch();
  StmtPtr nested();
  void end_of_line();

  ExprPtr expr();
  ExprPtr operator_expr(std::string_view expected);
  ExprPtr path();
  ExprPtr lambda();
  ExprPtr or_expr();
  ExprPtr and_expr();
  ExprPtr not_expr();
  ExprPtr sum();
  ExprPtr product();
  ExprPtr unary();
  ExprPtr unary_of(const Token& op, ExprPtr operand);
  ExprPtr postfix();
  ExprPtr call(ExprPtr callee);
  ExprPtr subscript(ExprPtr base, bool allows_slices);
  ExprPtr member(ExprPtr base);
  ExprPtr primary();
  ExprPtr group();
  ExprPtr if_expr();
  bool is_after_pipe() const;
  std::string text(std::string_view what);
};

}  // namespace nnc::ast
