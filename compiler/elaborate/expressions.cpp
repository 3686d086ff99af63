// Expressions: one case a kind of syntax.
#include <cmath>
#include <tuple>

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

using ast::Expr;
using ast::ExprKind;

namespace {
constexpr int kDepthMax = 400;

// The static items of a list, those of inner lists included: lists of lists grow fast.
std::int64_t count_items(const Datum& datum) {
  std::int64_t count = 1;
  for (const Datum& item : datum.items) count += count_items(item);
  return count;
}
}  // namespace

Evaluator::Evaluator(Program& program_used, Session& session_used) : program(program_used), session(session_used) {}

ContextGuard::ContextGuard(Evaluator& evaluator_used)
    : evaluator(evaluator_used),
      owner(evaluator_used.owner),
      training(evaluator_used.training),
      carries_on(evaluator_used.carries_on),
      chain_length(evaluator_used.reporter().chain.size()),
      region(&evaluator_used.session.region()) {}

ContextGuard::~ContextGuard() {
  evaluator.owner = owner;
  evaluator.training = training;
  evaluator.carries_on = carries_on;
  evaluator.reporter().chain.resize(chain_length);
  evaluator.session.abandon_regions(region);
}

Span last_step(const Expr& expr) { return expr.kind == ExprKind::Pipe ? expr.operands[1]->span : expr.span; }

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

void name_value(Value& value, const std::string& name) {
  const bool is_result = value.name.ends_with(kResultSuffix);
  if (value.name.empty() || is_result) value.name = name;
}

bool is_below(const std::string& path, const std::string& prefix) {
  return prefix.empty() || path == prefix ||
         (path.size() > prefix.size() && path.compare(0, prefix.size(), prefix) == 0 && path[prefix.size()] == '.');
}

ScopePtr Evaluator::new_scope(const ScopePtr& outer) {
  session.scopes.push_back(std::make_shared<Scope>(outer));
  return session.scopes.back();
}

void Evaluator::at(Span span) {
  session.place = span;
  const CallSite* site = reporter().user_site();
  std::string layer = owner.path;
  if (!block_path.empty() && is_below(layer, block_path)) {
    layer.erase(0, std::min(layer.size(), block_path.size() + 1));
  }
  session.origin = {reporter().user_place(span), layer};
  // An operator in the body of a user's own layer is no application of that layer.
  if (site != nullptr && !(site->is_instance && !reporter().is_prelude(span))) {
    session.origin.call = site->definition;
    session.origin.is_layer = site->is_instance;
  }
}

Datum Evaluator::expression(const Expr& expr, const ScopePtr& scope) {
  struct Depth {
    int& depth;
    ~Depth() { --depth; }
  } counted{depth_};
  if (++depth_ > kDepthMax) reporter().fail(Kind::nested_too_deeply, expr.span, kDepthMax);
  switch (expr.kind) {
    case ExprKind::Number: {
      if (expr.is_real) return Datum::of(expr.number);
      const std::int64_t number = static_cast<std::int64_t>(expr.integer);
      return reporter().is_prelude(expr.span) ? Datum::of(number) : Datum::of(number, {{expr.span, number}});
    }
    case ExprKind::Text:
      return Datum::of(expr.text);
    case ExprKind::Flag:
      return Datum::of(expr.flag);
    case ExprKind::Name:
      return placed(lookup(expr.text, scope, expr.span), &expr, expr.text);
    case ExprKind::Next:
      return lookup("next " + expr.text, scope, expr.span);
    case ExprKind::Tuple:
    case ExprKind::List: {
      std::vector<Datum> items;
      for (const ast::ExprPtr& operand : expr.operands) items.push_back(expression(*operand, scope));
      Datum result = expr.kind == ExprKind::Tuple ? Datum::tuple(std::move(items)) : Datum::list(std::move(items));
      session.place = expr.span;
      session.count_static_work(count_items(result));
      return result;
    }
    case ExprKind::If: {
      bool taken = flag(expression(*expr.operands[0], scope), expr.operands[0]->span);
      return block(taken ? *expr.then_block : *expr.else_block, new_scope(scope));
    }
    case ExprKind::Lambda:
      return Datum::of(operator_of(expr, scope, 0));
    case ExprKind::Unary: {
      Datum a = expression(*expr.operands[0], scope);
      return unary(expr.op, a, expr.span);
    }
    case ExprKind::Binary: {
      const Expr& left = *expr.operands[0];
      const Expr& right = *expr.operands[1];
      Datum a = expression(left, scope);
      if (expr.op == "and" || expr.op == "or") {
        // Static flags stop early, so that `len(S) > 0 and S[0] == 3` can be written.
        if (a.is(DatumKind::Flag) && a.flag == (expr.op == "or")) return a;
      }
      Datum b = expression(right, scope);
      return binary(expr.op, a, b, left.span, right.span, expr.span);
    }
    case ExprKind::Call:
      return call(expr, scope);
    case ExprKind::Subscript:
      return subscript(expr, scope);
    case ExprKind::Member:
      return member(expression(*expr.operands[0], scope), expr.text, expr.span);
    case ExprKind::Pipe:
      return pipe(expr, scope);
  }
  throw InternalError("an expression of an unknown kind");
}

Datum Evaluator::call(const Expr& expr, const ScopePtr& scope) {
  OperatorPtr op = operator_of(expr, scope, 0);
  return apply(*op, std::vector<BoundArgument>{}, expr.span);
}

Datum Evaluator::pipe(const Expr& expr, const ScopePtr& scope) {
  Datum left = expression(*expr.operands[0], scope);
  const Expr& right = *expr.operands[1];
  std::vector<BoundArgument> leading;
  Span span = expr.operands[0]->span;
  bool spreads = left.is(DatumKind::Tuple);
  if (spreads && right.kind == ExprKind::Call && right.operands[0]->kind == ExprKind::Name) {
    const Builtin* builtin =
        find(scope.get(), right.operands[0]->text) ? nullptr : find_builtin(right.operands[0]->text);
    spreads = builtin == nullptr || !builtin->signature.takes_tuple;
  }
  if (spreads) {
    for (const Datum& item : left.items) leading.push_back({"", item, span});
  } else {
    leading.push_back({"", left, span});
  }
  OperatorPtr op = operator_of(right, scope, static_cast<int>(leading.size()));
  return apply(*op, std::move(leading), right.span);
}

Datum Evaluator::subscript(const Expr& expr, const ScopePtr& scope) {
  // A list by its name is not copied: `S[i]` in a loop over a long one would take time with the square of its length.
  const Binding* named = expr.operands[0]->kind == ExprKind::Name ? find(scope.get(), expr.operands[0]->text) : nullptr;
  if (named != nullptr && named->kind == Binding::Kind::Value && named->value.is(DatumKind::List)) {
    return index_list(named->value, expr, scope);
  }
  Datum base = expression(*expr.operands[0], scope);
  if (base.is(DatumKind::Tensor)) {
    return Datum::of(index_tensor(base.value, expr, scope));
  }
  if (base.is(DatumKind::List) || base.is(DatumKind::Tuple)) return index_list(base, expr, scope);
  if (base.is(DatumKind::Operator) && base.op->kind == OperatorValue::Kind::Array) {
    if (expr.indices.size() != 1 || expr.indices[0].is_slice) {
      reporter().fail(Kind::bad_subscript, expr.span, describe(base));
    }
    Datum index = expression(*expr.indices[0].begin, scope);
    std::int64_t i = integer(index, expr.indices[0].span);
    auto count = static_cast<std::int64_t>(base.op->elements.size());
    if (i < 0 || i >= count) reporter().fail(Kind::index_out_of_range, expr.indices[0].span, i, count);
    return Datum::of(base.op->elements[static_cast<std::size_t>(i)]);
  }
  reporter().fail(Kind::bad_subscript, expr.span, describe(base));
}

std::pair<std::int64_t, std::int64_t> Evaluator::index_bounds(const ast::Index& index, std::int64_t count,
                                                              const SizeSources& sources, const ScopePtr& scope) {
  SizeSources written;
  auto position = [&](const ast::ExprPtr& given, std::int64_t otherwise, std::int64_t most) {
    if (given == nullptr) return otherwise;
    Datum value = expression(*given, scope);
    if (value.is(DatumKind::Tensor)) reporter().fail(Kind::dynamic_subscript, given->span);
    std::int64_t number = integer(value, given->span);
    add_sources(written, value.sources);
    if (number < -count || number > most) {
      reporter().fail_with(join_notes({session.size_notes(value.sources), session.size_notes(sources)}),
                           Kind::index_out_of_range, given->span, number, count);
    }
    return number < 0 ? number + count : number;
  };
  std::int64_t begin = position(index.begin, 0, index.is_slice ? count : count - 1);
  if (!index.is_slice) return {begin, begin + 1};
  std::int64_t end = position(index.end, count, count);
  if (end < begin) reporter().fail_with(session.size_notes(written), Kind::bad_slice, index.span, end, begin);
  return {begin, end};
}

Datum Evaluator::index_list(const Datum& base, const Expr& expr, const ScopePtr& scope) {
  if (expr.indices.size() != 1) reporter().fail(Kind::bad_subscript, expr.span, describe(base));
  const ast::Index& index = expr.indices[0];
  auto count = static_cast<std::int64_t>(base.items.size());
  auto [begin, end] = index_bounds(index, count, {}, scope);
  if (!index.is_slice) return base.items[static_cast<std::size_t>(begin)];
  return Datum::list(std::vector<Datum>(base.items.begin() + begin, base.items.begin() + end));
}

Value* Evaluator::index_tensor(Value* base, const Expr& expr, const ScopePtr& scope) {
  Shape shape = base->type.shape;
  if (expr.indices.size() > shape.size()) {
    reporter().fail_with(session.shape_notes(base), Kind::bad_subscript, expr.span, to_string(session.type(base)));
  }
  Shape starts(shape.size(), 0), stops = shape, steps(shape.size(), 1), kept;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis >= expr.indices.size()) {
      kept.push_back(shape[axis]);
      continue;
    }
    const ast::Index& index = expr.indices[axis];
    std::tie(starts[axis], stops[axis]) =
        index_bounds(index, shape[axis], {{{}, shape[axis], base, static_cast<std::int64_t>(axis)}}, scope);
    if (stops[axis] - starts[axis] < program.size_min())
      reporter().fail(Kind::bad_slice, index.span, stops[axis], starts[axis]);
    if (index.is_slice) kept.push_back(stops[axis] - starts[axis]);
  }
  at(expr.span);
  std::int64_t classes = session.classes(base);
  Value* part = base;
  if (stops != shape || starts != Shape(shape.size(), 0)) {
    part = session.op("slice", {base}, attributes({{"start", starts}, {"stop", stops}, {"step", steps}}));
  }
  return session.with_classes(session.reshape(part, kept), classes);
}

std::int64_t Evaluator::integer(const Datum& datum, Span span) {
  if (datum.is(DatumKind::Integer)) return datum.integer;
  reporter().fail(Kind::expected_static, span, "an integer",
                  describe(datum) + (datum.is(DatumKind::Real) ? "; `//` divides integers" : ""));
}

std::vector<std::int64_t> Evaluator::integers(const Datum& datum, Span span) {
  if (datum.is(DatumKind::Integer)) return {datum.integer};
  std::vector<std::int64_t> result;
  if (datum.is(DatumKind::List)) {
    for (const Datum& item : datum.items) result.push_back(integer(item, span));
    return result;
  }
  reporter().fail(Kind::expected_static, span, "a list of integers", describe(datum));
}

double Evaluator::real(const Datum& datum, Span span) {
  if (datum.is_number()) return datum.number();
  reporter().fail(Kind::expected_static, span, "a number", describe(datum));
}

bool Evaluator::flag(const Datum& datum, Span span) {
  if (datum.is(DatumKind::Flag)) return datum.flag;
  if (datum.is(DatumKind::Tensor)) reporter().fail(Kind::condition_not_static, span, describe(datum));
  reporter().fail(Kind::expected_static, span, "a flag", describe(datum));
}

std::vector<SetItem> Evaluator::set(const Datum& datum, Span span) {
  if (datum.is(DatumKind::Set)) return datum.set;
  if (datum.is(DatumKind::Operator) &&
      (datum.op->kind == OperatorValue::Kind::Instance || datum.op->kind == OperatorValue::Kind::Array)) {
    std::vector<SetItem> items;
    for (const StateInfo& info : session.table->states) {
      if (info.kind != StateKind::Parameter || !is_below(info.path, datum.op->path)) continue;
      items.push_back({info.path, session.parameter(info)});
    }
    return items;
  }
  reporter().fail(Kind::expected_static, span, "a set of parameters", describe(datum));
}

std::string Evaluator::describe(const Datum& datum) const {
  switch (datum.kind) {
    case DatumKind::Nothing:
      return "nothing";
    case DatumKind::Absent:
      return "`absent`";
    case DatumKind::Integer:
      return fmt::format("the integer {}", datum.integer);
    case DatumKind::Real:
      return fmt::format("the number {:#}", datum.real);
    case DatumKind::Flag:
      return datum.flag ? "the flag true" : "the flag false";
    case DatumKind::Text:
      return fmt::format("the text \"{}\"", datum.text);
    case DatumKind::Element:
      return fmt::format("the element type {}", to_string(datum.element));
    case DatumKind::List:
      return fmt::format("a list of {}", datum.items.size());
    case DatumKind::Tensor:
      return to_string(session.type(datum.value));
    case DatumKind::Tuple:
      return fmt::format("a tuple of {}", datum.items.size());
    case DatumKind::Set:
      return "a set of parameters";
    case DatumKind::Operator:
      return fmt::format("the operator `{}`", datum.op->name);
  }
  return "";
}

}  // namespace nnc::semantics
