// What may be applied: definitions, instances, lambdas, primitives; and the arguments written with them.
#include <algorithm>

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

using ast::Expr;
using ast::ExprKind;

namespace {

Owner owner_of(const Scope* scope, const Owner& otherwise) {
  for (; scope != nullptr; scope = scope->parent.get()) {
    if (scope->is_body) return scope->owner;
  }
  return otherwise;
}

bool is_local(const Scope* scope) { return scope != nullptr && !scope->is_file; }

// The operator with more arguments: those given later come first, as in `enc1(x)` after `layer enc1 = encode(48)`.
OperatorPtr with_arguments(const OperatorValue& base, std::vector<BoundArgument> arguments, Span span) {
  auto op = std::make_shared<OperatorValue>(base);
  op->arguments = std::move(arguments);
  op->arguments.insert(op->arguments.end(), base.arguments.begin(), base.arguments.end());
  op->span = span;
  return op;
}

Signature of_params(const std::vector<ast::Param>& params) {
  Signature result;
  for (const ast::Param& param : params) {
    result.params.push_back({param.name.text, param.kind.empty(), param.kind, param.default_value != nullptr});
  }
  return result;
}

}  // namespace

Signature Evaluator::signature(const OperatorValue& op) const {
  switch (op.kind) {
    case OperatorValue::Kind::Builtin:
      return op.builtin->signature;
    case OperatorValue::Kind::Lambda: {
      Signature result;
      for (const ast::Name& name : op.lambda->parameters) result.params.push_back({name.text, true, "", false});
      return result;
    }
    case OperatorValue::Kind::Model:
      return of_params(op.model->params);
    case OperatorValue::Kind::Array: {
      Signature result;
      result.params.push_back({"x", true, "", false});
      return result;
    }
    default:
      return op.model != nullptr ? of_params(op.model->params) : of_params(op.definition->params);
  }
}

Datum Evaluator::lookup(const std::string& name, const ScopePtr& scope, Span span) {
  Scope* home = nullptr;
  Binding* binding = find(scope.get(), name, &home);
  if (binding == nullptr) {
    if (name == "training") return Datum::of(training);
    if (name == "batch_size") {
      if (!training || batch_size == 0) reporter().fail(Kind::only_in_training, span, name);
      return Datum::of(batch_size);
    }
    Element element;
    if (parse_element_type(name, element.type)) return Datum::of(element);
    if (ast::is_element_variable(name)) {
      ast::Type type;
      type.element = name;
      return Datum::of(this->element(type, scope));
    }
    if (name == "absent") return Datum::absent();
    if (const Builtin* builtin = find_builtin(name)) {
      auto op = std::make_shared<OperatorValue>();
      op->kind = OperatorValue::Kind::Builtin;
      op->builtin = builtin;
      op->name = name;
      op->span = span;
      return Datum::of(OperatorPtr(op));
    }
    if (name.rfind("next ", 0) == 0) reporter().fail(Kind::next_before_definition, span, name.substr(5));
    if (reporter().diagnostics().has_errors()) throw Abandon{};  // the check of names has said it
    reporter().fail(Kind::unknown_name, span, name, "");
  }
  if (binding->kind == Binding::Kind::Lazy || binding->kind == Binding::Kind::Busy) force(*binding, *home);
  switch (binding->kind) {
    case Binding::Kind::Value:
    case Binding::Kind::State:
      return binding->value;
    case Binding::Kind::Constant:
      session.count_static_work();
      return expression(*binding->constant->value, home->shared_from_this());
    case Binding::Kind::Definition:
    case Binding::Kind::Instance:
    case Binding::Kind::Model:
      return Datum::of(from_binding(*binding, home, name, span));
    case Binding::Kind::Extern:
      reporter().fail(Kind::extern_not_supported, span, name);
    default:
      throw Abandon{};
  }
}

std::string Evaluator::anonymous_path(const Expr* site, const std::string& name) {
  auto known = program.anonymous_names.find(site);
  std::string base = join_path(owner.path, known == program.anonymous_names.end() ? name : known->second);
  std::string path = base;
  for (int i = 2;; ++i) {
    auto [place, is_new] = session.table->instance_sites.emplace(path, site);
    if (is_new || place->second == site) return path;
    path = base + "_" + std::to_string(i);
  }
}

OperatorPtr Evaluator::placed(const OperatorPtr& op, const Expr* site, const std::string& name,
                              const std::string* declared_path) {
  if (op->is_placed) return op;
  auto result = std::make_shared<OperatorValue>(*op);
  result->is_placed = true;
  result->path = declared_path != nullptr ? *declared_path : anonymous_path(site, name);
  // Functions of the prelude and of the libraries share what they mean to share.
  const bool is_anonymous =
      declared_path == nullptr && site != nullptr && state_prefix.empty() && !reporter().is_prelude(site->span);
  if (is_anonymous && !session.instances_made.emplace(owner.application, site).second) {
    reporter().report(Kind::shared_by_calls, site->span, name);
  }
  return result;
}

Datum Evaluator::placed(Datum datum, const Expr* site, const std::string& name) {
  if (datum.is(DatumKind::Operator)) datum.op = placed(datum.op, site, name);
  return datum;
}

OperatorPtr Evaluator::from_binding(Binding& binding, Scope* found_in, const std::string& name, Span span) {
  if (binding.kind == Binding::Kind::Instance) {
    return make_instance(*binding.instance, found_in->shared_from_this(), Owner{});
  }
  auto op = std::make_shared<OperatorValue>();
  op->name = name;
  op->span = span;
  op->scope = found_in->shared_from_this();
  if (is_local(found_in)) {
    op->has_owner = true;
    op->owner = owner_of(found_in, owner);
  }
  op->model = binding.model;
  op->definition = binding.definition;
  op->is_placed = op->definition != nullptr && op->definition->kind == ast::DefKind::Fn;
  op->kind = op->is_placed ? OperatorValue::Kind::Definition : OperatorValue::Kind::Instance;
  return op;
}

OperatorPtr Evaluator::operator_base(const Expr& expr, const ScopePtr& scope) {
  switch (expr.kind) {
    case ExprKind::Lambda: {
      auto op = std::make_shared<OperatorValue>();
      op->kind = OperatorValue::Kind::Lambda;
      op->lambda = &expr;
      op->scope = scope;
      op->has_owner = true;
      op->owner = owner;
      op->span = expr.span;
      op->name = "a lambda";
      return op;
    }
    case ExprKind::Name: {
      Datum datum = lookup(expr.text, scope, expr.span);
      if (datum.is(DatumKind::Operator)) return datum.op;
      reporter().fail(Kind::not_an_operator, expr.span, expr.text, describe(datum));
    }
    default: {
      Datum datum = expression(expr, scope);
      if (datum.is(DatumKind::Operator)) return datum.op;
      reporter().fail(Kind::not_an_operator, expr.span, reporter().text(expr.span), describe(datum));
    }
  }
}

OperatorPtr Evaluator::operator_of(const Expr& expr, const ScopePtr& scope, int leading) {
  const bool is_call = expr.kind == ExprKind::Call;
  const Expr& head = is_call ? *expr.operands[0] : expr;
  OperatorPtr op = operator_as_written(expr, scope, leading);
  return placed(op, &head, head.text);
}

OperatorPtr Evaluator::operator_as_written(const Expr& expr, const ScopePtr& scope, int leading) {
  if (expr.kind != ExprKind::Call) return operator_base(expr, scope);
  OperatorPtr base = operator_base(*expr.operands[0], scope);
  std::vector<BoundArgument> arguments = arguments_of(*base, leading, expr.arguments, scope);
  return with_arguments(*base, std::move(arguments), expr.span);
}

std::vector<BoundArgument> Evaluator::arguments_of(const OperatorValue& op, int leading,
                                                   const std::vector<ast::Argument>& given, const ScopePtr& scope) {
  Signature header = signature(op);
  std::set<std::string> named;
  for (const ast::Argument& argument : given) {
    if (!argument.name.text.empty()) named.insert(argument.name.text);
  }
  for (const BoundArgument& argument : op.arguments) {
    if (!argument.name.empty()) named.insert(argument.name);
  }
  std::vector<const SignatureParam*> positional;
  std::size_t inputs = 0;
  for (const SignatureParam& param : header.params) {
    if (param.has_default || named.count(param.name) != 0) continue;
    positional.push_back(&param);
    inputs += param.is_input ? 1 : 0;
  }
  std::size_t next = leading == kFromSignature ? inputs : static_cast<std::size_t>(leading);
  std::vector<BoundArgument> result;
  for (const ast::Argument& argument : given) {
    const SignatureParam* param = nullptr;
    if (argument.name.text.empty()) {
      if (next < positional.size()) param = positional[next];
      ++next;
    } else {
      for (const SignatureParam& one : header.params) {
        if (one.name == argument.name.text) param = &one;
      }
    }
    const bool is_operator = param != nullptr && param->kind == "op";
    if (param != nullptr && param->kind == "set") check_instance(*argument.value, scope);
    // A primitive applies it here; a definition, where it names its setting.
    const bool is_applied_here = op.kind == OperatorValue::Kind::Builtin;
    Datum value = !is_operator      ? expression(*argument.value, scope)
                  : is_applied_here ? Datum::of(operator_of(*argument.value, scope, kFromSignature))
                                    : Datum::of(operator_as_written(*argument.value, scope, kFromSignature));
    Span span = argument.name.text.empty() ? argument.value->span : join(argument.name.span, argument.value->span);
    result.push_back({argument.name.text, std::move(value), span});
  }
  return result;
}

// A set is of an instance: the name of a definition says none, and would be an empty set.
void Evaluator::check_instance(const Expr& expr, const ScopePtr& scope) {
  if (expr.kind != ExprKind::Name) return;
  const Datum datum = lookup(expr.text, scope, expr.span);
  if (datum.is(DatumKind::Operator) && !datum.op->is_placed) {
    reporter().fail(Kind::not_an_instance, expr.span, expr.text);
  }
}

OperatorPtr Evaluator::make_instance(const ast::Instance& instance, const ScopePtr& scope, const Owner& declared_in) {
  const Expr& written = *instance.op;
  bool is_call = written.kind == ExprKind::Call;
  const Expr& head = is_call ? *written.operands[0] : written;
  std::string path = join_path(declared_in.path, instance.name.text);
  auto [place, is_new] = session.table->instance_sites.emplace(path, &instance);
  if (!is_new && place->second != &instance) reporter().fail(Kind::path_clash, instance.name.span, path);
  auto make = [&](const std::string& at_path, const ScopePtr& arguments_scope) -> OperatorPtr {
    const OperatorPtr base = placed(operator_base(head, arguments_scope), &head, head.text, &at_path);
    if (base->kind != OperatorValue::Kind::Instance) {
      reporter().fail(Kind::not_a_layer, head.span, instance.name.text, reporter().text(head.span));
    }
    if (!is_call) return base;
    std::vector<BoundArgument> arguments = arguments_of(*base, kFromSignature, written.arguments, arguments_scope);
    return with_arguments(*base, std::move(arguments), written.span);
  };
  if (!instance.is_array) return make(path, scope);
  constexpr std::int64_t kInstancesMax = 10'000;
  std::int64_t count = integer(expression(*instance.count, scope), instance.count->span);
  if (count < 1 || count > kInstancesMax) {
    reporter().fail(Kind::bad_size, instance.count->span, count,
                    fmt::format("there may be 1 to {} layers", kInstancesMax));
  }
  auto array = std::make_shared<OperatorValue>();
  array->kind = OperatorValue::Kind::Array;
  array->path = path;
  array->name = instance.name.text;
  array->span = instance.name.span;
  for (std::int64_t i = 0; i < count; ++i) {
    const ScopePtr inner = new_scope(scope);
    if (!instance.index.text.empty()) {
      Binding index;
      index.value = Datum::of(i);
      index.span = instance.index.span;
      inner->names[instance.index.text] = std::move(index);
    }
    array->elements.push_back(make(join_path(path, std::to_string(i)), inner));
  }
  return array;
}

Datum Evaluator::member(const Datum& base, const std::string& name, Span span) {
  for (std::size_t i = 0; i < base.names.size(); ++i) {
    if (base.names[i] != name) continue;
    if (base.is(DatumKind::Tuple)) return base.items[i];
    return base;
  }
  if (!base.is(DatumKind::Operator) || base.op->kind != OperatorValue::Kind::Instance) {
    std::string near = nearest(name, base.names);
    const bool is_function = find_builtin(name) != nullptr || find(program.user_scope().get(), name) != nullptr;
    reporter().fail(Kind::no_member, span, describe(base), name,
                    !near.empty() ? fmt::format("; did you mean `{}`?", near)
                    : is_function ? fmt::format("; write `{}(…)`", name)
                                  : "");
  }
  const std::string& path = base.op->path;
  auto applied = session.members.find(path);
  if (applied != session.members.end()) {
    Scope& scope = *applied->second;
    auto declared = scope.declared.find(name);
    if (declared != scope.declared.end()) return declared->second;
    if (scope.names.count(name) != 0) return placed(lookup(name, applied->second, span), nullptr, name);
  }
  if (const StateInfo* info = session.table->find(join_path(path, name));
      info != nullptr && info->kind == StateKind::Parameter) {
    return Datum::of(session.parameter(*info));
  }
  if (applied == session.members.end())
    reporter().fail(Kind::not_applied, span, path.empty() ? base.op->name : path, name);
  std::vector<std::string> names;
  for (const auto& [declared, value] : applied->second->declared) names.push_back(declared);
  std::string near = nearest(name, names);
  reporter().fail(Kind::no_member, span, fmt::format("`{}`", path), name,
                  near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
}

}  // namespace nnc::semantics
