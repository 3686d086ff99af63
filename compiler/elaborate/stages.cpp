// The graphs of a train block: the step (loss, gradients, next states) and the evaluation (metrics).
//
// A block is elaborated lazily: a value of the model is one application, made only if it is named. The step is built
// twice; the first time finds the parameters of the block's own instances, which `weights` and the lives depend on.
#include "compiler/elaborate/stages.h"

#include <algorithm>
#include <sstream>

namespace nnc::semantics {

using ast::Stmt;
using ast::StmtKind;

namespace {

Binding value_binding(Datum value, Span span) {
  Binding binding;
  binding.value = std::move(value);
  binding.span = span;
  return binding;
}

// The path of a parameter, and all that it lies in, as `update` would write them: a.1.weight is a[1].weight.
std::vector<std::string> paths_as_written(const std::string& path, const std::string& block) {
  std::vector<std::string> result;
  std::string written;
  std::istringstream parts(is_below(path, block) ? path.substr(block.size() + 1) : path);
  for (std::string part; std::getline(parts, part, '.');) {
    bool is_index = part.find_first_not_of("0123456789") == std::string::npos;
    written += is_index ? "[" + part + "]" : (written.empty() ? "" : ".") + part;
    result.push_back(written);
  }
  return result;
}

// What the examples of one shard decide, up to the means over shards.
std::set<const Value*> of_one_shard(const Graph& graph) {
  std::set<const Value*> found;
  for (const Value* input : graph.inputs) {
    if (input->producer->attributes.flag("per_example")) found.insert(input);
  }
  for (const State& state : graph.states) {
    if (state.kind == StateKind::Recurrent) found.insert(state.value);
  }
  for (const std::unique_ptr<Op>& op : graph.ops) {
    const bool depends =
        std::any_of(op->inputs.begin(), op->inputs.end(), [&](const Value* input) { return found.count(input) != 0; });
    if (!depends || op->def->name == "shard_mean") continue;
    for (const std::unique_ptr<Value>& result : op->results) found.insert(result.get());
  }
  return found;
}

}  // namespace

Stage::Stage(Elaboration& elaboration, Program& program, const ast::Train& train, const ModelResult& model)
    : elaboration_(elaboration), program_(program), train_(train), model_(model), table_(model.table) {
  result_.name = train.name.text;
}

ElaboratedStage Stage::run() {
  const Diagnostics& diagnostics = program_.reporter().diagnostics();
  const std::size_t before = diagnostics.all().size();
  read_lines();
  bool is_whole = true;
  try {
    step(true);
    if (diagnostics.all().size() == before) result_.step = step(false);
  } catch (const Abandon&) {
    // The metrics may have errors of their own.
    is_whole = false;
    program_.reporter().chain.clear();
  }
  result_.evaluate = evaluate();
  if (!is_whole || diagnostics.all().size() != before) throw Abandon{};
  result_.init = elaboration_.initial_values(table_, train_.name.text + "_init");
  return std::move(result_);
}

void Stage::read_lines() {
  Reporter& reporter = program_.reporter();
  auto only = [&](const Stmt*& slot, const Stmt& line, const char* word) {
    if (slot != nullptr) reporter.report(Kind::repeated_line, line.span, word).note(slot->span, "first here");
    slot = &line;
  };
  bool is_faulty = false;
  for (const ast::StmtPtr& line : train_.lines) {
    if (line->kind == StmtKind::Minimize) only(minimize_, *line, "minimize");
    if (line->kind == StmtKind::Batch) only(batch_line_, *line, "batch");
    if (line->kind == StmtKind::Epochs) only(epochs_line_, *line, "epochs");
    if (line->kind == StmtKind::Update) updates_.push_back(line.get());
    if (line->kind == StmtKind::Metric) metrics_.push_back(line.get());
    is_faulty = is_faulty || line->kind == StmtKind::Faulty;
  }
  // The line that seems to be missing may be the one that could not be read.
  if (is_faulty && (minimize_ == nullptr || updates_.empty())) throw Abandon{};
  if (minimize_ == nullptr) {
    reporter.fail(Kind::missing_line, train_.name.span, train_.name.text, "minimize",
                  "what training makes small: `minimize …`");
  }
  if (updates_.empty()) {
    reporter.fail(Kind::missing_line, train_.name.span, train_.name.text, "with",
                  "the optimiser: `with adam(rate: 1e-3)`, say");
  }
  Session& session = elaboration_.new_session(Purpose::Evaluate, "lines", table_);
  Evaluator evaluator(program_, session);
  SizeSources sources;
  auto number = [&](const ast::ExprPtr& expr, std::int64_t otherwise, const char* what) {
    if (expr == nullptr) return otherwise;
    Datum datum = evaluator.expression(*expr, program_.user_scope());
    std::int64_t value = evaluator.integer(datum, expr->span);
    if (value < 1) {
      reporter.fail_with(session.size_notes(datum.sources), Kind::bad_size, expr->span, value,
                         fmt::format("there must be at least one {}", what));
    }
    add_sources(sources, datum.sources);
    return value;
  };
  if (batch_line_ != nullptr) {
    result_.batch = number(batch_line_->value, 32, "example");
    result_.shards = number(batch_line_->value2, 1, "shard");
  }
  const ElaborateOptions& options = program_.options();
  if (options.batch) result_.batch = *options.batch;
  if (options.shards) result_.shards = *options.shards;
  if (result_.batch % result_.shards != 0) {
    // Of a number from the command line there is no place to note.
    std::erase_if(sources, [&](const SizeSource& source) {
      return source.size != result_.batch && source.size != result_.shards;
    });
    reporter.fail_with(session.size_notes(sources), Kind::shards_mismatch,
                       batch_line_ == nullptr ? train_.name.span : batch_line_->span, result_.batch, result_.shards);
  }
  if (epochs_line_ != nullptr) result_.epochs = number(epochs_line_->value, 1, "epoch");
  if (options.epochs) result_.epochs = *options.epochs;
}

void Stage::declare_names(Evaluator& evaluator, const ScopePtr& scope, const std::vector<ast::StmtPtr>& statements) {
  for (const ast::StmtPtr& one : statements) {
    switch (one->kind) {
      case StmtKind::Let:
      case StmtKind::Output:
      case StmtKind::Next:
        for (const ast::Name& name : one->names) {
          Binding binding;
          binding.kind = Binding::Kind::Lazy;
          binding.statement = one.get();
          binding.span = name.span;
          scope->names[one->kind == StmtKind::Next ? "next " + name.text : name.text] = binding;
        }
        break;
      case StmtKind::Faulty:
        for (const ast::Name& name : one->names) {
          for (const std::string& key : {name.text, "next " + name.text}) {
            scope->names[key] = Binding{};
            scope->names[key].kind = Binding::Kind::Broken;
          }
        }
        break;
      case StmtKind::Input: {
        evaluator.at(one->span);
        TensorType type = evaluator.type(one->type, scope, false);
        const ast::Name& name = one->names[0];
        // Data are bound by name.
        for (const ast::Param& param : model_.model->params) {
          if (param.name.text != name.text || !param.kind.empty()) continue;
          program_.reporter().fail_with({{param.name.span, "first here, an input of the model"}}, Kind::repeated_name,
                                        name.span, name.text);
        }
        scope->names[name.text] = value_binding(Datum::of(evaluator.session.input(name.text, type, true)), name.span);
        break;
      }
      case StmtKind::Definition:
      case StmtKind::Instance:
      case StmtKind::Param:
      case StmtKind::State:
      case StmtKind::Require:
        evaluator.statement(*one, scope);
        break;
      default:
        break;
    }
  }
}

ScopePtr Stage::enter(Evaluator& evaluator) {
  evaluator.force = [this, &evaluator](Binding& binding, Scope& scope) { force(evaluator, binding, scope); };
  evaluator.is_frozen = [this](const std::string& path) {
    if (!has_paths_) return false;
    bool owns_parameters = false;
    for (const StateInfo& info : table_.states) {
      if (info.kind != StateKind::Parameter || !is_below(info.path, path)) continue;
      owns_parameters = true;
      if (updated_.count(info.path) != 0) return false;
    }
    return owns_parameters;
  };
  Session& session = evaluator.session;
  const ast::Model& model = *model_.model;
  evaluator.owner = {"", ast::DefKind::Cell, false, ++evaluator.session.applications};
  const std::vector<BoundArgument> arguments = model_arguments(evaluator, model);
  ScopePtr model_scope =
      evaluator.bind(model.params, program_.user_scope(), model.name.text, arguments, model.name.span, false);
  model_scope->is_body = true;
  model_scope->owner = evaluator.owner;
  session.members[""] = model_scope;
  declare_names(evaluator, model_scope, model.body.statements);
  // The model's name is its instance in this stage.
  ScopePtr scope = evaluator.new_scope(model_scope);
  auto instance = std::make_shared<OperatorValue>();
  instance->kind = OperatorValue::Kind::Instance;
  instance->model = &model;
  instance->scope = program_.user_scope();
  instance->name = model.name.text;
  instance->span = model.name.span;
  // Settings of the command line are the instance's, applied to whatever.
  for (const BoundArgument& argument : arguments) {
    if (program_.options().settings.count(argument.name) != 0) instance->arguments.push_back(argument);
  }
  scope->names[model.name.text] = value_binding(Datum::of(OperatorPtr(instance)), model.name.span);
  ScopePtr block = evaluator.new_scope(scope);
  evaluator.owner = {train_.name.text, ast::DefKind::Cell, true, ++evaluator.session.applications};
  evaluator.block_path = train_.name.text;
  block->is_body = true;
  block->owner = evaluator.owner;
  declare_names(evaluator, block, train_.lines);
  return block;
}

void Stage::force(Evaluator& evaluator, Binding& binding, Scope& scope) {
  const Stmt& statement = *binding.statement;
  if (binding.kind == Binding::Kind::Busy)
    program_.reporter().fail(Kind::recursive_definition, binding.span, statement.names[0].text);
  binding.kind = Binding::Kind::Busy;
  ContextGuard guard(evaluator);
  std::vector<CallSite> chain = std::move(evaluator.reporter().chain);
  evaluator.reporter().chain.clear();
  evaluator.owner = scope.owner;
  evaluator.training = evaluator.session.purpose() == Purpose::Step;
  struct RestoreChain {
    std::vector<CallSite>& target;
    std::vector<CallSite> saved;
    ~RestoreChain() { target = std::move(saved); }
  } restore{evaluator.reporter().chain, std::move(chain)};
  try {
    force_named(evaluator, *statement.value, scope.shared_from_this());
    evaluator.session.in_region(evaluator.session.root(), [&] {
      if (statement.kind == StmtKind::Next) scope.names.erase("next " + statement.names[0].text);
      evaluator.statement(statement, scope.shared_from_this());
      return 0;
    });
    if (statement.kind != StmtKind::Output) return;
    Binding& output = scope.names[statement.names[0].text];
    for (const ast::ModelOutput& one : model_.model->outputs) {
      if (one.name.text != statement.names[0].text) continue;
      evaluator.check_result(one.type, output.value, scope.shared_from_this(), last_step(*statement.value),
                             one.name.text);
      name_value(*output.value.value, one.name.text);
    }
  } catch (const Abandon&) {
    for (const ast::Name& name : statement.names) {
      Binding& broken = scope.names[statement.kind == StmtKind::Next ? "next " + name.text : name.text];
      broken.kind = Binding::Kind::Broken;
    }
    throw;
  }
}

// Values that an expression names are made before all else in it, as they are written before it: what applies an
// instance in a `let` comes before what reaches into the instance. Blocks are left alone: they may not be taken.
void Stage::force_named(Evaluator& evaluator, const ast::Expr& expr, const ScopePtr& scope) {
  if (expr.kind == ast::ExprKind::Name) {
    Scope* home = nullptr;
    Binding* binding = find(scope.get(), expr.text, &home);
    if (binding != nullptr && binding->kind == Binding::Kind::Lazy) force(evaluator, *binding, *home);
  }
  for (const ast::ExprPtr& operand : expr.operands) force_named(evaluator, *operand, scope);
  for (const ast::Argument& argument : expr.arguments) force_named(evaluator, *argument.value, scope);
  for (const ast::Index& index : expr.indices) {
    if (index.begin != nullptr) force_named(evaluator, *index.begin, scope);
    if (index.end != nullptr) force_named(evaluator, *index.end, scope);
  }
}

// States of the model itself and of the block advance once a step.
void Stage::force_next_values(Evaluator& evaluator, const ScopePtr& model_scope, const ScopePtr& block_scope) {
  for (const ScopePtr& scope : {model_scope, block_scope}) {
    std::vector<std::string> pending;
    for (const auto& [name, binding] : scope->names) {
      if (binding.kind == Binding::Kind::Lazy && binding.statement->kind == StmtKind::Next) pending.push_back(name);
    }
    for (const std::string& name : pending) force(evaluator, scope->names[name], *scope);
  }
}

bool Stage::has_parameter(const std::string& path) const {
  return std::any_of(table_.states.begin(), table_.states.end(), [&](const StateInfo& info) {
    return info.kind == StateKind::Parameter && is_below(info.path, path);
  });
}

// A path as `update` writes it: what is declared by its name, what has none by the name that its path ends in.
std::string Stage::path_of(Evaluator& evaluator, const ast::Expr& path, const ScopePtr& scope) {
  if (path.kind == ast::ExprKind::Member) return join_path(path_of(evaluator, *path.operands[0], scope), path.text);
  if (path.kind == ast::ExprKind::Subscript && path.indices.size() == 1 && !path.indices[0].is_slice) {
    const ast::Expr& index = *path.indices[0].begin;
    std::int64_t place = evaluator.integer(evaluator.expression(index, scope), index.span);
    return join_path(path_of(evaluator, *path.operands[0], scope), std::to_string(place));
  }
  const Binding* binding = path.kind == ast::ExprKind::Name ? find(scope.get(), path.text) : nullptr;
  bool is_definition = binding != nullptr && (binding->kind == Binding::Kind::Definition ||  //
                                              binding->kind == Binding::Kind::Model);
  if (path.kind == ast::ExprKind::Name && (binding == nullptr || is_definition)) {
    std::string of_block = join_path(train_.name.text, path.text);
    return has_parameter(of_block) ? of_block : path.text;
  }
  Datum datum = evaluator.expression(path, scope);
  if (datum.is(DatumKind::Operator) &&
      (datum.op->kind == OperatorValue::Kind::Instance || datum.op->kind == OperatorValue::Kind::Array)) {
    return datum.op->path;
  }
  if (datum.is(DatumKind::Tensor)) {
    const Op& producer = *datum.value->producer;
    const StateInfo* info = producer.def->name == "state" ? table_.find(producer.attributes.text("name")) : nullptr;
    if (info != nullptr && info->kind == StateKind::Parameter) return info->path;
  }
  program_.reporter().fail(Kind::not_updatable, path.span, program_.reporter().text(path.span),
                           evaluator.describe(datum));
}

void Stage::unknown_path(const ast::Expr& path) {
  std::vector<std::string> known;
  for (const StateInfo& info : table_.states) {
    if (info.kind != StateKind::Parameter) continue;
    for (std::string& one : paths_as_written(info.path, train_.name.text)) known.push_back(std::move(one));
  }
  std::string text = program_.reporter().text(path.span);
  std::string near = nearest(text, known);
  program_.reporter().fail(Kind::not_updatable, path.span, text,
                           "no instance with parameters, and no parameter" +
                               (near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
}

std::vector<std::vector<const StateInfo*>> Stage::updated_parameters(Evaluator& evaluator, const ScopePtr& scope,
                                                                     bool is_discovery) {
  std::vector<std::vector<const StateInfo*>> groups;
  std::map<std::string, Span> taken;
  updated_.clear();
  has_paths_ = false;
  for (const Stmt* update : updates_) {
    std::vector<const StateInfo*> group;
    auto add = [&](const std::string& path, Span span) {
      for (const StateInfo& info : table_.states) {
        if (info.kind != StateKind::Parameter || !is_below(info.path, path)) continue;
        auto [place, is_new] = taken.emplace(info.path, span);
        if (!is_new) {
          if (place->second == span) continue;
          program_.reporter().fail_with({{place->second, "first here"}}, Kind::updated_twice, span, info.path);
        }
        const ElementType element = info.type.element.type;
        if (is_half(element)) {
          program_.reporter().fail(Kind::not_updatable, span, info.path,
                                   fmt::format("{}, and training is in f32", name(element)));
        }
        updated_.insert(info.path);
        group.push_back(&info);
      }
    };
    if (update->paths.empty()) add("", update->span);
    for (const ast::ExprPtr& path : update->paths) {
      has_paths_ = true;
      const std::size_t before = group.size();
      add(path_of(evaluator, *path, scope), path->span);
      if (group.size() == before && !is_discovery) unknown_path(*path);
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Datum Stage::parameter_set(Evaluator& evaluator, const std::vector<std::vector<const StateInfo*>>& groups,
                           std::size_t rank_min) {
  Datum datum;
  datum.kind = DatumKind::Set;
  for (const std::vector<const StateInfo*>& group : groups) {
    for (const StateInfo* info : group) {
      if (info->type.shape.size() < rank_min) continue;
      datum.set.push_back({info->path, evaluator.session.parameter(StateInfo(*info))});
    }
  }
  return datum;
}

Graph Stage::step(bool is_discovery) {
  Session& session = elaboration_.new_session(Purpose::Step, train_.name.text, table_);
  Evaluator evaluator(program_, session);
  evaluator.training = true;
  evaluator.batch_size = result_.batch / result_.shards;
  ScopePtr block = enter(evaluator);
  evaluator.at(train_.name.span);
  Value* seed = session.input(kSeedName, {{ElementType::U32, 0}, {2}}, false);
  Value* epoch = session.input(kEpochName, {{ElementType::F32, 0}, {}}, false);
  Value* example = session.input(kExampleName, {{ElementType::U32, 0}, {}}, true);
  StateInfo counter;
  counter.path = kIterationName;
  counter.type = {{ElementType::U32, 0}, {}};
  counter.kind = StateKind::Counter;
  counter.initial = Datum::of(std::int64_t{0});
  counter.span = train_.name.span;
  Value* iteration = session.read_state(counter, false, false, nullptr);
  session.write_state(kIterationName, session.op("add", {iteration, session.scalar(ElementType::U32, 1)}));
  session.set_random_inputs(seed, iteration, example);
  Scope& specials = *block->parent;
  specials.names["iteration"] = value_binding(Datum::of(session.cast(iteration, ElementType::F32)), train_.name.span);
  specials.names["epoch"] = value_binding(Datum::of(epoch), train_.name.span);
  const std::vector<std::vector<const StateInfo*>> groups = updated_parameters(evaluator, block, is_discovery);
  specials.names["weights"] = value_binding(parameter_set(evaluator, groups, 2), train_.name.span);

  force_named(evaluator, *minimize_->value, block);
  Datum objective = evaluator.expression(*minimize_->value, block);
  TensorType number{{ElementType::F32, 0}, {}};
  Value* loss = evaluator.tensor_of_type(objective, number, minimize_->value->span, "what is minimised");
  force_next_values(evaluator, specials.parent, block);
  evaluator.at(minimize_->value->span);
  loss = session.mean_over_batch(loss);
  if (loss->name.empty()) loss->name = "loss";
  session.graph().outputs.push_back({"loss", over_shards(session, loss)});
  if (!is_discovery) update_parameters(evaluator, block, loss);
  Graph graph = session.finish();
  if (result_.shards > 1) average_states(graph);
  return graph;
}

// The mean over the shards of the batch of a value that all examples of a shard share.
Value* Stage::over_shards(Session& session, Value* value) const {
  if (result_.shards == 1) return value;
  Value* mean = session.op("shard_mean", {value});
  mean->name = value->name;
  return mean;
}

// States that all examples share, as running statistics, end with the mean of what the shards make of them. The next
// values of parameters come from gradients that are means already.
void Stage::average_states(Graph& graph) const {
  const std::set<const Value*> of_shard = of_one_shard(graph);
  for (State& state : graph.states) {
    if (state.kind == StateKind::Recurrent || of_shard.count(state.next) == 0) continue;
    const bool is_mean_of_shards = state.kind != StateKind::Parameter && is_float(state.value->type.element);
    if (!is_mean_of_shards) program_.reporter().fail(Kind::unsupported_shards, train_.name.span, state.name);
    const Origin origin = state.next->producer->origin;
    Value* mean = graph.add(op_def("shard_mean"), {state.next}, {}, origin)->result();
    mean->name = state.next->name;
    state.next = mean;
  }
}

void Stage::update_parameters(Evaluator& evaluator, const ScopePtr& scope, Value* loss) {
  Session& session = evaluator.session;
  const std::vector<std::vector<const StateInfo*>> groups = updated_parameters(evaluator, scope, false);
  Datum parameters = parameter_set(evaluator, groups, 0);
  if (parameters.set.empty()) program_.reporter().fail(Kind::nothing_to_update, train_.name.span, train_.name.text);
  std::vector<Value*> operands = {loss, session.scalar(loss->type.element, 1)};
  for (const SetItem& item : parameters.set) operands.push_back(item.value);
  std::vector<Value*> gradients = session.op_all("gradient", operands, {});
  Datum gradient_set = parameters;
  std::map<std::string, Value*> gradient_of;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const std::string& path = parameters.set[i].path;
    gradients[i] = over_shards(session, gradients[i]);
    gradients[i]->name = "d_" + path;
    gradient_set.set[i].value = gradient_of[path] = gradients[i];
    session.graph().outputs.push_back({"gradient:" + path, gradients[i]});
  }
  ScopePtr with_scope = evaluator.new_scope(scope);
  with_scope->names["gradients"] = value_binding(gradient_set, train_.name.span);
  session.draws_are_shared = true;
  for (std::size_t i = 0; i < updates_.size(); ++i) {
    const ast::Expr& written = *updates_[i]->value;
    OperatorPtr op = evaluator.operator_of(written, with_scope, 2);
    for (const StateInfo* known : groups[i]) {
      StateInfo info = *known;
      ContextGuard guard(evaluator);
      evaluator.state_prefix = join_path(train_.name.text, info.path);
      evaluator.draw_path = evaluator.state_prefix;
      std::vector<Datum> arguments = {Datum::of(session.parameter(info)), Datum::of(gradient_of[info.path])};
      Datum next = evaluator.apply(*op, arguments, written.span);
      Value* value =
          evaluator.tensor_of_type(next, info.type, written.span, fmt::format("the next value of `{}`", info.path));
      if (session.level(value) == Level::PerExample) {
        program_.reporter().fail(Kind::example_reaches_shared, written.span,
                                 fmt::format("the parameter `{}`", info.path));
      }
      session.set_parameter_next(info.path, value);
    }
  }
  evaluator.state_prefix.clear();
}

Graph Stage::evaluate() {
  Session& session = elaboration_.new_session(Purpose::Evaluate, train_.name.text + "_evaluate", table_);
  Evaluator evaluator(program_, session);
  ScopePtr block = enter(evaluator);
  std::set<std::string> names;
  for (const Stmt* metric : metrics_) {
    const ast::Expr& written = *metric->value;
    std::string name = metric->names.empty() ? "" : metric->names[0].text;
    if (name.empty() && written.kind == ast::ExprKind::Call) name = program_.reporter().text(written.operands[0]->span);
    if (name.empty() && written.kind == ast::ExprKind::Name) name = written.text;
    if (name.empty()) name = "metric";
    std::string base = name;
    for (int i = 2; !names.insert(name).second; ++i) name = base + "_" + std::to_string(i);
    try {
      ContextGuard guard(evaluator);
      force_named(evaluator, written, block);
      Datum value = evaluator.expression(written, block);
      TensorType number{{ElementType::F32, 0}, {}};
      Value* tensor = evaluator.tensor_of_type(value, number, written.span, "a metric");
      session.graph().outputs.push_back({name, tensor});
    } catch (const Abandon&) {
      continue;
    }
  }
  return session.finish();
}

}  // namespace nnc::semantics
