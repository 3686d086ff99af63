// The abstract syntax tree: what the user wrote, with spans. Knows nothing of tensors.
//
// Nodes are plain structs; which fields a kind uses is stated beside the kind. Every production is in grammar.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dsl/source.h"

namespace nnc::ast {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using StmtPtr = std::unique_ptr<Stmt>;

struct Name {
  std::string text;
  Span span;
};

// One argument of a call: `[name:] value`.
struct Argument {
  Name name;  // empty text: positional
  ExprPtr value;
};

// One index of `x[...]`: an expression, or a slice `[begin] : [end]`.
struct Index {
  bool is_slice = false;
  ExprPtr begin;  // the expression itself if not a slice; may be null in a slice
  ExprPtr end;    // null unless a slice with an end
  Span span;
};

// A block `{ body }`: statements, then optionally the value.
struct Block {
  std::vector<StmtPtr> statements;
  ExprPtr value;  // null: none
  Span span;
};

enum class ExprKind {
  Number,     // number (is_real: written with '.' or an exponent)
  Text,       // text (escapes resolved)
  Flag,       // flag
  Name,       // text
  Next,       // text: `next s`
  Tuple,      // operands: `(a, b)`, two or more
  List,       // operands: `[a, b]`
  If,         // operands[0] the condition; then_block, else_block (an `else if` is a block with only a value)
  Lambda,     // parameters, then_block
  Unary,      // op: "-" or "not"; operands[0]
  Binary,     // op: + - * / // % @ ^ == != < <= > >= and or; operands[0], operands[1]; op_span
  Call,       // operands[0] the callee; arguments
  Subscript,  // operands[0]; indices
  Member,     // operands[0] . text (a digit string in paths such as `b.0` is not written by users: they write b[0])
  Pipe,  // operands[0] |> operands[1]; operands[1] is an operator: Name, Member, Subscript, Call of these, or Lambda
};

struct Expr {
  ExprKind kind = ExprKind::Number;
  Span span;
  double number = 0;
  long long integer = 0;  // Number with !is_real
  bool is_real = false;
  bool flag = false;
  bool parenthesised = false;  // written inside ( ): matters to the formatter and to `x |> f + 1`
  std::string text;
  std::string op;
  Span op_span;  // operator token, or the name after '.'
  std::vector<ExprPtr> operands;
  std::vector<Argument> arguments;
  std::vector<Index> indices;
  std::vector<Name> parameters;
  std::unique_ptr<Block> then_block;
  std::unique_ptr<Block> else_block;
};

// A type: `f32[C, S...]`, `class[10]`, `class[C][R...]`, `(f32, f32[2])`, bare element.
struct Dim {
  ExprPtr size;
  bool is_pack = false;  // `S...`
};
struct Type {
  Span span;
  std::string element;  // "f32", "float", "any", "class", …; "" for a tuple
  Span element_span;
  ExprPtr class_count;         // for class[n]
  std::vector<Dim> dims;       // empty: a scalar
  std::vector<Type> elements;  // of a tuple
};
// `float`, `any` and `other` stand for one element type each in a use of a definition.
inline bool is_element_variable(const std::string& element) {
  return element == "float" || element == "any" || element == "other";
}

// A parameter of a definition: an input (a type) or a setting (a kind).
struct Param {
  Name name;
  Span span;
  std::string kind;  // "int" "ints" "real" "reals" "flag" "text" "texts" "elem" "list" "set" "op"; "" if an input
  Span kind_span;
  Type type;              // of an input
  ExprPtr default_value;  // null: none
};

enum class DefKind { Fn, Layer, Cell };

struct Definition {
  DefKind kind = DefKind::Fn;
  Name name;
  std::vector<Param> params;
  bool has_result = false;
  Type result;
  Block body;
  Span span;
};

// `layer name [i: n] = operator`
struct Instance {
  Name name;
  bool is_array = false;
  Name index;     // may be empty
  ExprPtr count;  // null unless an array
  ExprPtr op;     // the operator
  Span span;
};

enum class StmtKind {
  Let,         // names, has_type/type, value
  State,       // names[0], type, value
  Next,        // names[0], value
  Definition,  // definition
  Instance,    // instance
  Param,       // names[0], type, value; is_initialised_by_operator: `~`
  Require,     // value, text (may be empty)
  Output,      // names[0] = value : an output of a model
  // Lines of a train block:
  Input,     // names[0], type
  Minimize,  // value
  Metric,    // names[0] (may be empty), value
  Update,    // paths (may be empty), value: the operator after `with`
  Batch,     // value, value2: shards (may be null)
  Epochs,    // value
  // A line with an error that has been reported:
  Faulty,  // names: what it would have defined
};

struct Stmt {
  StmtKind kind = StmtKind::Let;
  Span span;
  std::vector<Name> names;
  bool has_type = false;
  Type type;
  ExprPtr value;
  ExprPtr value2;
  bool is_initialised_by_operator = false;
  std::string text;
  std::vector<ExprPtr> paths;
  std::unique_ptr<Definition> definition;
  std::unique_ptr<Instance> instance;
};

struct ModelOutput {
  Name name;
  Type type;
};

struct Model {
  Name name;
  std::vector<Param> params;
  std::vector<ModelOutput> outputs;
  Block body;
  Span span;
};

struct Train {
  Name name;
  Name model;  // after `for`; empty: the block's own name is the model's
  std::vector<StmtPtr> lines;
  Span span;
};

struct Import {
  std::string path;
  Span path_span;
  Span span;
};

struct Const {
  Name name;
  ExprPtr value;
  Span span;
};

struct Extern {
  bool is_model = false;
  Name name;
  bool has_params = false;
  std::vector<Param> params;
  bool has_result = false;
  Type result;
  std::string path;
  Span span;
};

// Items in the order of the text; `order` gives each item's kind and its index in the vector of that kind.
enum class ItemKind { Import, Const, Definition, Instance, Model, Train, Extern };
struct Item {
  ItemKind kind;
  std::size_t index;
};

struct File {
  std::int32_t file = -1;
  std::vector<Item> order;
  std::vector<Import> imports;
  std::vector<Const> consts;
  std::vector<Definition> definitions;
  std::vector<Instance> instances;
  std::vector<Model> models;
  std::vector<Train> trains;
  std::vector<Extern> externs;
  std::vector<Name> faulty;  // names of items with an error that has been reported: these are left out
};

}  // namespace nnc::ast
