// Blocks and statements of bodies.
//
// After an error in a statement of the user's the next one is elaborated all the same: the names that it would have
// defined are broken, and what uses them says nothing. In the prelude the first error ends the body.
#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

using ast::Stmt;
using ast::StmtKind;

Datum Evaluator::block(const ast::Block& body, const ScopePtr& scope) {
  bool is_faulty = false;
  for (const ast::StmtPtr& one : body.statements) {
    is_faulty = is_faulty || one->kind == StmtKind::Faulty;
    try {
      statement(*one, scope);
    } catch (const Abandon&) {
      if (one->kind == StmtKind::Require || reporter().is_prelude(one->span)) throw;
      for (const ast::Name& name : one->names) {
        Binding broken;
        broken.kind = Binding::Kind::Broken;
        broken.span = name.span;
        if (one->kind != StmtKind::Next) scope->names[name.text] = broken;
        if (one->kind == StmtKind::Next || one->kind == StmtKind::Faulty) scope->names["next " + name.text] = broken;
      }
      if (one->instance != nullptr) {
        Binding broken;
        broken.kind = Binding::Kind::Broken;
        scope->names[one->instance->name.text] = broken;
      }
    }
  }
  if (body.value != nullptr) return expression(*body.value, scope);
  if (is_faulty) throw Abandon{};
  return Datum{};
}

void Evaluator::statement(const Stmt& statement, const ScopePtr& scope) {
  switch (statement.kind) {
    case StmtKind::Let:
      return let_statement(statement, scope);
    case StmtKind::State:
      return state_statement(statement, scope);
    case StmtKind::Next:
      return next_statement(statement, scope);
    case StmtKind::Param:
      return param_statement(statement, scope);
    case StmtKind::Definition: {
      Binding binding;
      binding.kind = Binding::Kind::Definition;
      binding.definition = statement.definition.get();
      binding.span = statement.definition->name.span;
      scope->names[statement.definition->name.text] = std::move(binding);
      return;
    }
    case StmtKind::Instance: {
      Binding binding;
      binding.value = Datum::of(make_instance(*statement.instance, scope, owner));
      binding.span = statement.instance->name.span;
      declare_member(statement.instance->name.text, binding.value);
      scope->names[statement.instance->name.text] = std::move(binding);
      return;
    }
    case StmtKind::Require: {
      Datum holds = expression(*statement.value, scope);
      if (flag(holds, statement.value->span)) return;
      std::string text = statement.text.empty() ? reporter().text(statement.value->span) : statement.text;
      std::string who = reporter().chain.empty() ? "this program" : "`" + reporter().chain.back().callee + "`";
      reporter().fail_with(session.size_notes(holds.sources), Kind::requirement_failed, statement.value->span, who,
                           text);
    }
    case StmtKind::Output: {
      Binding binding;
      binding.value = expression(*statement.value, scope);
      binding.span = last_step(*statement.value);
      scope->names[statement.names[0].text] = std::move(binding);
      return;
    }
    case StmtKind::Faulty:
      throw Abandon{};
    default:
      throw InternalError("a line of a train block in a body");
  }
}

void Evaluator::let_statement(const Stmt& statement, const ScopePtr& scope) {
  Datum value = expression(*statement.value, scope);
  if (statement.has_type) {
    value = Datum::of(tensor_of_type(value, type(statement.type, scope), statement.value->span,
                                     fmt::format("`{}`", statement.names[0].text)));
  }
  auto define = [&](const ast::Name& name, const Datum& datum) {
    if (datum.is(DatumKind::Nothing)) reporter().fail(Kind::no_value, statement.value->span);
    bool is_users = !reporter().is_prelude(name.span);
    // A value from outside keeps the name that it has there.
    if (is_users && datum.is(DatumKind::Tensor) && is_below(datum.value->producer->origin.layer, owner.path)) {
      name_value(*datum.value, join_path(owner.path, name.text));
    }
    Binding binding;
    binding.value = datum;
    binding.span = name.span;
    scope->names[name.text] = std::move(binding);
  };
  if (statement.names.size() == 1) return define(statement.names[0], value);
  bool fits = (value.is(DatumKind::Tuple) || value.is(DatumKind::List)) && value.items.size() == statement.names.size();
  if (!fits) reporter().fail(Kind::tuple_mismatch, statement.span, statement.names.size(), describe(value));
  for (std::size_t i = 0; i < statement.names.size(); ++i) define(statement.names[i], value.items[i]);
}

void Evaluator::declare_member(const std::string& name, const Datum& value) {
  auto found = session.members.find(owner.path);
  if (found != session.members.end()) found->second->declared[name] = value;
}

void Evaluator::param_statement(const Stmt& statement, const ScopePtr& scope) {
  StateInfo info;
  info.path = join_path(owner.path, statement.names[0].text);
  info.type = type(statement.type, scope, false);
  info.kind = StateKind::Parameter;
  info.span = statement.names[0].span;
  info.chain = reporter().chain;
  if (info.type.element.classes > 0) {
    reporter().fail(Kind::parameter_of_class, statement.type.span, to_string(info.type));
  }
  // Tables of indices and the like are kept with the weights, and no training changes them.
  if (!is_float(info.type.element.type)) info.kind = StateKind::Statistic;
  if (statement.is_initialised_by_operator) {
    info.initial = Datum::of(operator_of(*statement.value, scope, 1));
  } else {
    info.initial = expression(*statement.value, scope);
    if (!info.initial.is_static()) {
      reporter().fail(Kind::initial_value_not_static, statement.value->span, statement.names[0].text);
    }
  }
  at(statement.span);
  Datum value = Datum::of(session.parameter(info));
  Binding binding;
  binding.value = value;
  binding.span = info.span;
  scope->names[statement.names[0].text] = std::move(binding);
  declare_member(statement.names[0].text, value);
}

void Evaluator::state_statement(const Stmt& statement, const ScopePtr& scope) {
  const std::string& name = statement.names[0].text;
  bool is_cell = owner.kind == ast::DefKind::Cell && !owner.is_train_block;
  bool is_training_state = !state_prefix.empty();
  StateInfo info;
  info.path = join_path(is_training_state ? state_prefix : owner.path, name);
  info.type = type(statement.type, scope, false);
  info.kind = is_training_state || owner.is_train_block ? StateKind::Optimizer
              : is_cell                                 ? StateKind::Recurrent
                                                        : StateKind::Statistic;
  info.span = statement.names[0].span;
  info.chain = reporter().chain;
  Datum initial = expression(*statement.value, scope);
  info.initial = initial;
  if (initial.is(DatumKind::Tensor)) {
    // A constant made from a static default is static too.
    const Op* producer = initial.value->producer;
    if (producer->def->name == "broadcast") producer = producer->inputs[0]->producer;
    if (producer->def->name == "constant") {
      const Tensor& tensor = producer->attributes.get<Tensor>("value");
      const bool is_real = is_float(tensor.type.element);
      if (tensor.is_splat()) info.initial = is_real ? Datum::of(tensor.at(0)) : Datum::of(tensor.integers()[0]);
    }
  }
  bool begins_anew = session.region().parent != nullptr && is_cell && !carries_on;
  if (!begins_anew && !info.initial.is_static()) {
    reporter().fail(Kind::initial_value_not_static, statement.value->span, name);
  }
  auto make_initial = [&] {
    Span place = statement.value->span;
    if (info.initial.is(DatumKind::Tensor) && !session.is_visible(info.initial.value)) {
      reporter().fail(Kind::initial_value_depends_on_step, place, name);
    }
    return tensor_of_type(info.initial, info.type, place, fmt::format("`{}`", name));
  };
  at(statement.span);
  Value* before = session.read_state(info, is_cell, carries_on, make_initial);
  Binding binding;
  binding.kind = Binding::Kind::State;
  binding.value = Datum::of(before);
  binding.span = info.span;
  binding.path = info.path;
  binding.type = info.type;
  declare_member(name, binding.value);
  scope->names[name] = std::move(binding);
}

void Evaluator::next_statement(const Stmt& statement, const ScopePtr& scope) {
  const ast::Name& name = statement.names[0];
  Scope* home = nullptr;
  Binding* state = find(scope.get(), name.text, &home);
  if (state == nullptr || state->kind != Binding::Kind::State) {
    if (state != nullptr && state->kind == Binding::Kind::Broken) throw Abandon{};
    reporter().fail(Kind::next_of_no_state, name.span, name.text);
  }
  bool is_cell = owner.kind == ast::DefKind::Cell || !state_prefix.empty();
  if (!is_cell && !training) {
    reporter().fail(Kind::next_outside_training, name.span, name.text);
  }
  std::string key = "next " + name.text;
  if (home->names.count(key) != 0) reporter().fail(Kind::repeated_next, name.span, name.text);
  std::string path = state->path;
  TensorType wanted = state->type;
  Datum datum = expression(*statement.value, scope);
  Value* value = tensor_of_type(datum, wanted, statement.value->span, fmt::format("`next {}`", name.text));
  bool is_shared = owner.kind != ast::DefKind::Cell || owner.is_train_block;
  if (is_shared && state_prefix.empty() && session.level(value) == Level::PerExample) {
    reporter().fail(Kind::example_reaches_shared, statement.value->span, fmt::format("the state `{}`", name.text));
  }
  if (session.region().parent == nullptr || session.region().body != nullptr) session.write_state(path, value);
  Binding binding;
  binding.value = Datum::of(value);
  binding.span = name.span;
  home->names[key] = std::move(binding);
}

}  // namespace nnc::semantics
