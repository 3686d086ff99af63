// Applications: the body of a definition elaborated with its parameters bound.
#include <algorithm>

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

namespace {

constexpr std::size_t kChainMax = 200;

// The tensor among the arguments; null if there is none or more than one.
Value* only_tensor(const std::vector<BoundArgument>& arguments) {
  Value* only = nullptr;
  for (const BoundArgument& argument : arguments) {
    if (argument.value.is_static() || argument.value.is(DatumKind::Operator)) continue;
    if (only != nullptr || !argument.value.is(DatumKind::Tensor)) return nullptr;
    only = argument.value.value;
  }
  return only;
}

}  // namespace

Datum Evaluator::apply(const OperatorValue& op, const std::vector<Datum>& leading, Span span) {
  std::vector<BoundArgument> arguments;
  for (const Datum& datum : leading) arguments.push_back({"", datum, span});
  return apply(op, std::move(arguments), span);
}

Datum Evaluator::apply(const OperatorValue& op, std::vector<BoundArgument> leading, Span span) {
  for (const BoundArgument& argument : op.arguments) leading.push_back(argument);
  if (reporter().chain.size() >= kChainMax) reporter().fail(Kind::nested_too_deeply, span, kChainMax);
  session.count_static_work();
  Value* const argument = calls == nullptr ? nullptr : only_tensor(leading);
  const std::string caller = owner.path;
  Datum result = apply_by_kind(op, std::move(leading), span);
  note_call(op, caller, argument, result, span);
  return result;
}

void Evaluator::note_call(const OperatorValue& op, const std::string& caller, Value* argument, const Datum& result,
                          Span span) {
  const bool has_name = op.kind != OperatorValue::Kind::Lambda && op.model == nullptr;
  const bool is_users = has_name && !reporter().is_prelude(span);
  if (calls == nullptr || !is_users) return;
  const bool is_tuple = result.is(DatumKind::Tuple);
  if (!is_tuple && !result.is(DatumKind::Tensor)) return;
  const std::vector<Datum> results = is_tuple ? result.items : std::vector<Datum>{result};
  const std::string function = op.definition != nullptr ? op.definition->name.text : op.name;
  std::string name;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].is(DatumKind::Tensor) || !noted_.results.insert(results[i].value).second) continue;
    if (name.empty()) name = unique_call_name(op.path.empty() ? join_path(caller, op.name) : op.path);
    calls->push_back({is_tuple ? fmt::format("{}[{}]", name, i) : name, function, argument, results[i].value});
  }
}

// "relu"; of the second call that would have this name "relu_2".
std::string Evaluator::unique_call_name(const std::string& base) {
  int& count = noted_.counts[base];
  std::string name;
  do {
    name = ++count == 1 ? base : fmt::format("{}_{}", base, count);
  } while (!noted_.names.insert(name).second);
  return name;
}

Datum Evaluator::apply_by_kind(const OperatorValue& op, std::vector<BoundArgument> leading, Span span) {
  ContextGuard guard(*this);
  switch (op.kind) {
    case OperatorValue::Kind::Builtin:
      return apply_builtin(op, std::move(leading), span);
    case OperatorValue::Kind::Lambda:
      return apply_lambda(op, std::move(leading), span);
    case OperatorValue::Kind::Array: {
      std::vector<BoundArgument> arguments = std::move(leading);
      Datum value;
      for (const OperatorPtr& element : op.elements) {
        value = apply(*element, std::move(arguments), span);
        arguments = {{"", value, span}};
      }
      return value;
    }
    default:
      return op.model != nullptr ? apply_model(op, std::move(leading), span)
                                 : apply_definition(op, std::move(leading), span);
  }
}

Datum Evaluator::apply_builtin(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span) {
  const Builtin& builtin = *op.builtin;
  Arguments bound(*this, span);
  std::vector<std::string> names;
  for (const SignatureParam& param : builtin.signature.params) names.push_back(param.name);
  for (BoundArgument& argument : arguments) {
    if (argument.name.empty()) continue;
    if (std::find(names.begin(), names.end(), argument.name) == names.end()) {
      reporter().unknown_argument(argument.span, builtin.name, argument.name, names);
    }
    if (bound.has(argument.name)) reporter().fail(Kind::repeated_argument, argument.span, argument.name);
    bound.given[argument.name] = argument;
  }
  std::string text = builtin.name + "(";
  for (const SignatureParam& param : builtin.signature.params) {
    text += (text.back() == '(' ? "" : ", ") + param.name + (param.has_default ? ": …" : "");
  }
  text += ")";
  auto param = builtin.signature.params.begin();
  for (BoundArgument& argument : arguments) {
    if (!argument.name.empty()) continue;
    while (param != builtin.signature.params.end() && (param->has_default || bound.has(param->name))) ++param;
    if (param != builtin.signature.params.end()) {
      bound.given[param->name] = argument;
    } else if (builtin.signature.takes_any_number) {
      bound.more.push_back(argument);
    } else {
      reporter().fail(Kind::too_many_arguments, argument.span, builtin.name, text);
    }
  }
  for (const SignatureParam& one : builtin.signature.params) {
    if (!one.has_default && !bound.has(one.name))
      reporter().fail(Kind::missing_argument, span, builtin.name, one.name, text);
  }
  at(span);
  return builtin.apply(bound);
}

Datum Evaluator::apply_lambda(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span) {
  const std::vector<ast::Name>& parameters = op.lambda->parameters;
  // A lambda of several parameters takes the elements of one tuple.
  if (arguments.size() == 1 && parameters.size() > 1 && arguments[0].value.is(DatumKind::Tuple)) {
    std::vector<BoundArgument> spread;
    for (const Datum& item : arguments[0].value.items) spread.push_back({"", item, arguments[0].span});
    arguments = std::move(spread);
  }
  if (arguments.size() != parameters.size()) {
    reporter().fail(Kind::lambda_arguments, span, parameters.size(), arguments.size());
  }
  const ScopePtr scope = new_scope(op.scope);
  scope->is_body = true;
  scope->owner = owner = op.owner;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Binding binding;
    binding.value = arguments[i].value;
    binding.span = parameters[i].span;
    scope->names[parameters[i].text] = std::move(binding);
  }
  return block(*op.lambda->then_block, scope);
}

// A sequence where one step is expected: the shape has one axis more.
void Evaluator::check_step(const OperatorValue& op, const std::vector<BoundArgument>& arguments) {
  const ast::Definition& cell = *op.definition;
  if (arguments.empty() || cell.params.empty() || !arguments[0].name.empty()) return;
  const ast::Type& type = cell.params[0].type;
  const bool is_sized =
      std::none_of(type.dims.begin(), type.dims.end(), [](const ast::Dim& dim) { return dim.is_pack; });
  const Datum& given = arguments[0].value;
  if (!is_sized || type.element.empty() || !given.is(DatumKind::Tensor)) return;
  if (given.value->type.shape.size() != type.dims.size() + 1) return;
  reporter().fail(Kind::sequence_to_cell, arguments[0].span, op.name, reporter().text(type.span), describe(given));
}

Datum Evaluator::apply_definition(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span) {
  const ast::Definition& definition = *op.definition;
  bool is_cell = definition.kind == ast::DefKind::Cell;
  if (is_cell && owner.kind == ast::DefKind::Layer && !owner.path.empty() && session.region().parent == nullptr &&
      state_prefix.empty()) {
    reporter().fail(Kind::cell_in_layer, span, op.name, owner.path);
  }
  if (is_cell) check_step(op, arguments);
  // The arguments are bound where the application is; errors in them are not in the body.
  ScopePtr scope = bind(definition.params, op.scope, op.name, std::move(arguments), span, true);
  const bool is_instance = op.kind == OperatorValue::Kind::Instance;
  reporter().chain.push_back(
      {span, is_instance && !op.path.empty() ? op.path : op.name, definition.name.text, is_instance});
  scope->is_body = true;
  if (is_instance) {
    owner = {op.path, definition.kind, false, ++session.applications};
    session.members[op.path] = scope;
    if (training && is_frozen && is_frozen(op.path)) training = false;
  } else if (op.has_owner) {
    owner = op.owner;
  }
  scope->owner = owner;
  Datum result = block(definition.body, scope);
  if (result.is(DatumKind::Nothing)) reporter().fail(Kind::no_value, definition.body.span);
  Span place = definition.body.value == nullptr ? definition.body.span : last_step(*definition.body.value);
  if (definition.has_result) check_result(definition.result, result, scope, place, op.name);
  if (is_instance && result.is(DatumKind::Tensor) && is_below(result.value->producer->origin.layer, op.path)) {
    if (result.value->name.empty()) result.value->name = op.path + std::string(kResultSuffix);
  }
  return result;
}

Datum Evaluator::apply_model(const OperatorValue& op, std::vector<BoundArgument> arguments, Span span) {
  const ast::Model& model = *op.model;
  ScopePtr scope = bind(model.params, op.scope, op.name, std::move(arguments), span, false);
  bool is_root = span == model.name.span;
  if (!is_root) reporter().chain.push_back({span, op.name});
  owner = {op.path, ast::DefKind::Cell, false, ++session.applications};
  scope->is_body = true;
  scope->owner = owner;
  session.members[op.path] = scope;
  if (training && is_frozen && !op.path.empty() && is_frozen(op.path)) training = false;
  bool is_whole = true;
  const auto attempt = [&](const auto& part) {
    try {
      part();
    } catch (const Abandon&) {
      is_whole = false;
    }
  };
  attempt([&] { block(model.body, scope); });
  Datum outputs = Datum::tuple({});
  for (const ast::ModelOutput& output : model.outputs) {
    attempt([&] {
      auto given = scope->names.find(output.name.text);
      if (given == scope->names.end()) throw Abandon{};  // the check of names has said it
      const Span place = given->second.span;
      Datum value = lookup(output.name.text, scope, output.name.span);
      check_result(output.type, value, scope, place, output.name.text);
      outputs.items.push_back(value);
      outputs.names.push_back(output.name.text);
    });
  }
  if (!is_whole) throw Abandon{};
  if (outputs.items.size() != 1) return outputs;
  Datum single = outputs.items[0];
  single.names = outputs.names;
  return single;
}

}  // namespace nnc::semantics
