// Expressions, bodies and applications of the language, evaluated: static ones to static data, tensors into a Session.
//
// One Evaluator a Session. The parts: expressions.cpp (expressions), arithmetic.cpp (operators on data), types.cpp
// (types, sizes, parameters of definitions), bodies.cpp (statements), operators.cpp (what may be applied, arguments),
// apply.cpp (applications), scan.cpp (scan, repeat, total), builtins_*.cpp (the primitives as the language names them).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/program.h"
#include "compiler/elaborate/scope.h"
#include "compiler/elaborate/session.h"

namespace nnc::semantics {

struct SignatureParam {
  std::string name;
  bool is_input = false;
  std::string kind;  // of a setting: "int", "op", …
  bool has_default = false;
};
struct Signature {
  std::vector<SignatureParam> params;
  bool takes_any_number = false;  // positional arguments beyond the parameters: concat
  bool takes_tuple = false;       // a tuple before |> is one argument: scan, repeat
};

class Evaluator;

// The arguments of a primitive, by parameter.
class Arguments {
 public:
  Arguments(Evaluator& evaluator_used, Span call_span) : evaluator(evaluator_used), span(call_span) {}
  bool has(const std::string& name) const { return given.count(name) != 0; }
  const Datum& get(const std::string& name) const { return given.at(name).value; }
  Span place(const std::string& name) const { return has(name) ? given.at(name).span : span; }
  std::int64_t integer(const std::string& name, std::int64_t otherwise = 0) const;
  double real(const std::string& name, double otherwise = 0) const;
  bool flag(const std::string& name, bool otherwise = false) const;
  std::vector<std::int64_t> integers(const std::string& name) const;
  const std::vector<Datum>& list(const std::string& name) const;  // the items of a list or a tuple
  Value* tensor(const std::string& name) const;                   // f32 if static
  // Where an integer, or one of a list, comes from.
  SizeSources sources(const std::string& name, std::size_t item = 0) const;
  std::vector<SizeSources> all_sources(const std::string& name) const;
  // An axis of a tensor of this rank, from its end if negative.
  std::int64_t axis(const std::string& name, std::int64_t otherwise, std::size_t rank) const;
  std::int64_t axis(const std::string& name, std::int64_t otherwise, const Value* of) const;
  // One integer for all of `count` axes, or one for each.
  std::vector<std::int64_t> per_axis(const std::string& name, std::int64_t otherwise, std::size_t count) const;

  Evaluator& evaluator;
  Span span;
  std::map<std::string, BoundArgument> given;
  std::vector<BoundArgument> more;
};

// A primitive as the language names it.
struct Builtin {
  std::string name;
  Signature signature;
  Datum (*apply)(Arguments& arguments);
};
// All of them, built on first use.
const Builtin* find_builtin(const std::string& name);
std::vector<std::string> builtin_names();

class Evaluator {
 public:
  Evaluator(Program& program_used, Session& session_used);

  // Expressions.
  Datum expression(const ast::Expr& expr, const ScopePtr& scope);
  Datum block(const ast::Block& body, const ScopePtr& scope);
  void statement(const ast::Stmt& statement, const ScopePtr& scope);
  // An integer, or a list of integers ("where a size is needed").
  std::int64_t integer(const Datum& datum, Span span);
  std::vector<std::int64_t> integers(const Datum& datum, Span span);
  double real(const Datum& datum, Span span);
  bool flag(const Datum& datum, Span span);
  std::vector<SetItem> set(const Datum& datum, Span span);

  // Static data become tensors: of element type `want`, or f32.
  Value* tensor(const Datum& datum, const ElementType* want, Span span);
  Value* tensor(const Datum& datum, ElementType want, Span span) { return tensor(datum, &want, span); }
  // An error, in terms of the function `what`, if the elements are of a class or bool.
  void check_numbers(const Value* value, const char* what, Span span);
  // An error if an integer type does not hold the number.
  void check_number(const Datum& number, ElementType element, Span span);
  // Static numbers fill the shape; a tensor must have the type already.
  Value* tensor_of_type(const Datum& datum, const TensorType& type, Span span, const std::string& what);
  // All become tensors of one element type: that of the first tensor among them, else f32.
  std::vector<Value*> tensors(const std::vector<const Datum*>& data, const std::vector<Span>& spans);
  std::string describe(const Datum& datum) const;
  // Notes: where the sizes of a written type come from that another type has not; and the class count of a value.
  std::vector<Note> wanted_notes(const TensorType& wanted, const TensorType& actual) const;
  std::vector<Note> class_notes(const Value* value) const;

  // Operators on data.
  Datum unary(const std::string& op, const Datum& a, Span span);
  Datum binary(const std::string& op, const Datum& a, const Datum& b, Span a_span, Span b_span, Span span);
  Value* product(Value* a, Value* b, Span span);  // `@`
  // Both to one shape, by the broadcasting rule.
  void broadcast_together(std::vector<Value*>& values, Span span);

  // Types.
  Element element(const ast::Type& type, const ScopePtr& scope);
  // An error if a size is too small or too large. What is learned or kept from call to call may not be empty; other
  // tensors may in a program that imports ONNX operators.
  TensorType type(const ast::Type& type, const ScopePtr& scope, bool may_be_empty = true);
  ScopePtr bind(const std::vector<ast::Param>& params, const ScopePtr& outer, const std::string& callee,
                std::vector<BoundArgument> arguments, Span span, bool binds_sizes);
  void check_result(const ast::Type& type, Datum& result, const ScopePtr& scope, Span span, const std::string& callee);

  // Operators: what may be applied.
  static constexpr int kFromSignature = -1;  // the place supplies all inputs not given by name
  OperatorPtr operator_of(const ast::Expr& expr, const ScopePtr& scope, int leading);
  // The same for a setting of a definition: a layer is no instance before its body applies it.
  OperatorPtr operator_as_written(const ast::Expr& expr, const ScopePtr& scope, int leading);
  OperatorPtr make_instance(const ast::Instance& instance, const ScopePtr& scope, const Owner& owner);
  Signature signature(const OperatorValue& op) const;
  Datum apply(const OperatorValue& op, std::vector<BoundArgument> leading, Span span);
  Datum apply(const OperatorValue& op, const std::vector<Datum>& leading, Span span);
  Datum member(const Datum& base, const std::string& name, Span span);
  Datum lookup(const std::string& name, const ScopePtr& scope, Span span);

  // Scans.
  Datum scan(Arguments& arguments);
  Datum repeat(Arguments& arguments);
  Datum total(Arguments& arguments);
  Datum fold(Arguments& arguments);
  Value* uniform(const Shape& dims);

  ScopePtr new_scope(const ScopePtr& outer);
  // The operations built from now on come from `span`.
  void at(Span span);
  Reporter& reporter() { return session.reporter(); }

  Program& program;
  Session& session;
  Owner owner;
  std::string block_path;  // the owner's path in a train block itself, which is no layer
  bool training = false;
  bool carries_on = false;      // in a scan with `carry: true`
  std::int64_t batch_size = 0;  // 0: not in a train block
  // Is the instance in its inference life although the stage trains?
  std::function<bool(const std::string& path)> is_frozen;
  // Elaborates a Lazy binding: set by the stages.
  std::function<void(Binding& binding, Scope& scope)> force;
  std::string state_prefix;  // of the states of a `with` cell: "<stage>.<parameter>"
  std::string draw_path;     // of draws that are shared: the parameter whose initial or next value is made
  std::vector<ModelCall>* calls = nullptr;  // where calls of the user's text are noted, if they are

 private:
  friend class Arguments;
  struct Restore;
  Datum call(const ast::Expr& expr, const ScopePtr& scope);
  Datum pipe(const ast::Expr& expr, const ScopePtr& scope);
  Datum subscript(const ast::Expr& expr, const ScopePtr& scope);
  // Where an index or a slice of `count` things begins and ends; the end is not before the beginning.
  // `sources`: of the count.
  std::pair<std::int64_t, std::int64_t> index_bounds(const ast::Index& index, std::int64_t count,
                                                     const SizeSources& sources, const ScopePtr& scope);
  Datum index_list(const Datum& base, const ast::Expr& expr, const ScopePtr& scope);
  Value* index_tensor(Value* base, const ast::Expr& expr, const ScopePtr& scope);
  Datum static_binary(const std::string& op, const Datum& a, const Datum& b, Span span);
  Datum static_number(const std::string& op, const Datum& a, const Datum& b, Span span);
  SizeSources sources_of(const Datum& a, const Datum& b, const Datum& result, Span span);
  Datum tensor_binary(const std::string& op, const Datum& a, const Datum& b, Span a_span, Span b_span, Span span);
  std::vector<BoundArgument> arguments_of(const OperatorValue& op, int leading, const std::vector<ast::Argument>& given,
                                          const ScopePtr& scope);
  void check_instance(const ast::Expr& expr, const ScopePtr& scope);
  OperatorPtr operator_base(const ast::Expr& expr, const ScopePtr& scope);
  OperatorPtr from_binding(Binding& binding, Scope* found_in, const std::string& name, Span span);
  // A layer, cell or model that is to be applied becomes an instance: of the path declared for it, or of its place.
  OperatorPtr placed(const OperatorPtr& op, const ast::Expr* site, const std::string& name,
                     const std::string* declared_path = nullptr);
  Datum placed(Datum datum, const ast::Expr* site, const std::string& name);
  std::string anonymous_path(const ast::Expr* site, const std::string& name);
  Datum apply_by_kind(const OperatorValue& op, std::vector<BoundArgument> leading, Span span);
  // Notes a call of the user's text, by its results. `caller`: the path of the layer whose body it stands in.
  void note_call(const OperatorValue& op, const std::string& caller, Value* argument, const Datum& result, Span span);
  std::string unique_call_name(const std::string& base);
  void check_step(const OperatorValue& op, const std::vector<BoundArgument>& arguments);
  Datum apply_definition(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span);
  Datum apply_lambda(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span);
  Datum apply_builtin(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span);
  Datum apply_model(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span);
  void let_statement(const ast::Stmt& statement, const ScopePtr& scope);
  void param_statement(const ast::Stmt& statement, const ScopePtr& scope);
  void state_statement(const ast::Stmt& statement, const ScopePtr& scope);
  void next_statement(const ast::Stmt& statement, const ScopePtr& scope);
  void declare_member(const std::string& name, const Datum& value);
  std::vector<Value*> stay_after(Value* stop, const std::vector<Value*>& outputs);

  int depth_ = 0;
  // Of the calls noted: their results, their names, and how often each name was wanted.
  struct {
    std::set<const Value*> results;
    std::set<std::string> names;
    std::map<std::string, int> counts;
  } noted_;
};

// Puts back what an application changes of an Evaluator, also when an error leaves it.
struct ContextGuard {
  explicit ContextGuard(Evaluator& evaluator_used);
  ~ContextGuard();
  ContextGuard(const ContextGuard&) = delete;
  Evaluator& evaluator;
  Owner owner;
  bool training;
  bool carries_on;
  std::size_t chain_length;
  Region* region;
};

// The part of an expression that makes its value: of a chain, its last step.
Span last_step(const ast::Expr& expr);
// The result of a layer is named after its path, "block1.out", until the source gives it a name.
inline constexpr std::string_view kResultSuffix = ".out";
void name_value(Value& value, const std::string& name);
// A path below another: "block.0" and "qkv" make "block.0.qkv".
std::string join_path(const std::string& path, const std::string& name);
// Is `path` the same as `prefix` or below it?
bool is_below(const std::string& path, const std::string& prefix);

}  // namespace nnc::semantics
