// The forward and init graphs of models, and the order in which a program is elaborated.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "compiler/elaborate/stages.h"

namespace nnc::semantics {
namespace {

// The value of --set name=text for a setting of this kind.
Datum setting_from_text(Evaluator& evaluator, const ast::Param& param, const std::string& text) {
  const std::string& kind = param.kind;
  std::string expected = kind == "flag" ? "true or false" : kind;
  if (kind == "flag" && (text == "true" || text == "false")) return Datum::of(text == "true");
  if (kind == "text") return Datum::of(text);
  if (kind == "op") {
    const ScopePtr scope = evaluator.program.user_scope();
    Scope* home = nullptr;
    expected = "the name of a function, layer or cell";
    if (find(scope.get(), text, &home) != nullptr || find_builtin(text) != nullptr) {
      const Datum named = evaluator.lookup(text, scope, param.span);
      if (named.is(DatumKind::Operator) && named.op->model == nullptr) return named;
    }
  }
  const char* const end = text.data() + text.size();
  if (kind == "real") {
    double value = 0;
    const std::from_chars_result read = std::from_chars(text.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end && std::isfinite(value)) return Datum::of(value);
    expected = "a finite number";
  }
  if (kind == "int" || kind == "ints") {
    std::vector<Datum> items;
    expected = kind == "int" ? "an integer of 64 bits" : "integers of 64 bits, separated by `,`";
    for (const char* at = text.data();; ++at) {
      std::int64_t item = 0;
      const std::from_chars_result read = std::from_chars(at, end, item);
      if (read.ec != std::errc() || (read.ptr != end && *read.ptr != ',')) break;
      items.push_back(Datum::of(item, {{param.span, item}}));
      at = read.ptr;
      if (at != end) continue;
      if (kind == "ints") return Datum::list(std::move(items));
      if (items.size() == 1) return items[0];
      break;
    }
  }
  evaluator.reporter().fail(Kind::bad_setting, param.span, param.name.text, expected, text);
}

}  // namespace

std::vector<BoundArgument> model_arguments(Evaluator& evaluator, const ast::Model& model) {
  std::vector<BoundArgument> arguments;
  ScopePtr header = evaluator.new_scope(evaluator.program.user_scope());
  auto give = [&](const ast::Param& param, const Datum& value) {
    arguments.push_back({param.name.text, value, param.span});
    Binding binding;
    binding.value = value;
    binding.span = param.name.span;
    header->names[param.name.text] = std::move(binding);
  };
  const std::map<std::string, std::string>& given = evaluator.program.options().settings;
  for (const ast::Param& param : model.params) {
    if (param.kind.empty()) continue;
    auto text = given.find(param.name.text);
    if (text != given.end()) {
      give(param, setting_from_text(evaluator, param, text->second));
    } else if (param.default_value == nullptr) {
      evaluator.reporter().fail(Kind::setting_not_given, param.span, model.name.text, param.name.text);
    } else {
      bool is_operator = param.kind == "op";
      give(param, is_operator ? Datum::of(evaluator.operator_as_written(*param.default_value, header,
                                                                        Evaluator::kFromSignature))
                              : evaluator.expression(*param.default_value, header));
    }
  }
  for (const ast::Param& param : model.params) {
    if (!param.kind.empty()) continue;
    evaluator.at(param.span);
    // What is trained on has elements.
    TensorType type = evaluator.type(param.type, header, evaluator.session.purpose() == Purpose::Forward);
    Value* value = evaluator.session.input(param.name.text, type, true);
    give(param, Datum::of(value));
  }
  return arguments;
}

Session& Elaboration::new_session(Purpose purpose, const std::string& graph_name, StateTable& table) {
  sessions_.push_back(std::make_unique<Session>(program_.reporter(), purpose, graph_name));
  sessions_.back()->table = &table;
  return *sessions_.back();
}

Graph Elaboration::initial_values(const StateTable& table, const std::string& name) {
  StateTable found;
  Session& session = new_session(Purpose::Init, name, found);
  Evaluator evaluator(program_, session);
  evaluator.training = true;
  session.seed();
  for (const StateInfo& info : table.states) {
    ContextGuard guard(evaluator);
    std::size_t dot = info.path.rfind('.');
    evaluator.owner.path = dot == std::string::npos ? "" : info.path.substr(0, dot);
    evaluator.draw_path = info.path;
    evaluator.at(info.span);
    Datum value = info.initial;
    Span place = info.span;
    if (value.is(DatumKind::Operator)) {
      place = value.op->span;
      value = evaluator.apply(*value.op, std::vector<Datum>{Datum::list(info.type.shape)}, place);
      // Chance is drawn in f32, whatever float the parameter is.
      const bool is_drawn = value.is(DatumKind::Tensor) && value.value->type.element == ElementType::F32;
      if (is_drawn && is_float(info.type.element.type)) {
        value = Datum::of(session.cast(value.value, info.type.element.type));
      }
    }
    Value* tensor =
        evaluator.tensor_of_type(value, info.type, place, fmt::format("the initial value of `{}`", info.path));
    session.graph().outputs.push_back({info.path, tensor});
  }
  return session.finish();
}

ModelResult Elaboration::model(const ast::Model& model) {
  ModelResult result;
  result.model = &model;
  result.graphs.name = model.name.text;
  Session& session = new_session(Purpose::Forward, model.name.text, result.table);
  Evaluator evaluator(program_, session);
  evaluator.calls = &result.graphs.calls;
  OperatorValue op;
  op.kind = OperatorValue::Kind::Instance;
  op.model = &model;
  op.scope = program_.user_scope();
  op.name = model.name.text;
  op.span = model.name.span;
  std::vector<BoundArgument> arguments = model_arguments(evaluator, model);
  const Diagnostics& diagnostics = program_.reporter().diagnostics();
  const std::size_t before = diagnostics.all().size();
  Datum outputs = evaluator.apply(op, std::move(arguments), model.name.span);
  bool is_single = !outputs.is(DatumKind::Tuple);
  for (std::size_t i = 0; i < model.outputs.size(); ++i) {
    Value* value = is_single ? outputs.value : outputs.items[i].value;
    const std::string& name = model.outputs[i].name.text;
    name_value(*value, name);
    session.graph().outputs.push_back({name, value});
  }
  if (diagnostics.has_errors() && diagnostics.all().size() != before) throw Abandon{};
  result.graphs.init = initial_values(result.table, model.name.text + "_init");
  result.graphs.forward = session.finish();
  return result;
}

std::optional<ElaboratedProgram> Elaboration::run() {
  ElaboratedProgram program;
  std::vector<std::unique_ptr<ModelResult>> models;
  const ast::File& file = program_.user_file();
  Reporter& reporter = program_.reporter();
  check_settings();
  // Models outside have the shared instances in common: their shapes must agree.
  for (const ast::Model& one : file.models) {
    try {
      models.push_back(std::make_unique<ModelResult>(model(one)));
    } catch (const Abandon&) {
      reporter.chain.clear();
      models.push_back(nullptr);
    }
  }
  check_shared_instances(models);
  for (const ast::Train& one : file.trains) {
    const std::string& name = one.model.text.empty() ? one.name.text : one.model.text;
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (models[i] == nullptr || models[i]->graphs.name != name) continue;
      try {
        program.stages.push_back(Stage(*this, program_, one, *models[i]).run());
        program.stages.back().model = i;
      } catch (const Abandon&) {
        reporter.chain.clear();
      }
    }
  }
  if (reporter.diagnostics().has_errors()) return std::nullopt;
  for (std::unique_ptr<ModelResult>& result : models) program.models.push_back(std::move(result->graphs));
  for (const ast::Instance& instance : file.instances) program.shared.push_back(instance.name.text);
  return program;
}

// A setting of the command line that no model has would be ignored: it is most likely misspelt.
void Elaboration::check_settings() {
  if (!program_.user_file().faulty.empty()) return;  // it may be of a model that could not be read
  std::vector<std::string> names;
  for (const ast::Model& model : program_.user_file().models) {
    for (const ast::Param& param : model.params) {
      if (!param.kind.empty()) names.push_back(param.name.text);
    }
  }
  for (const auto& [name, text] : program_.options().settings) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    std::string near = nearest(name, names);
    program_.reporter().report(Kind::unknown_setting, Span{}, name,
                               near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
  }
}

void Elaboration::check_shared_instances(const std::vector<std::unique_ptr<ModelResult>>& models) {
  for (const ast::Instance& shared : program_.user_file().instances) {
    std::map<std::string, const StateInfo*> first;
    for (const std::unique_ptr<ModelResult>& model : models) {
      if (model == nullptr) continue;
      for (const StateInfo& info : model->table.states) {
        if (info.kind != StateKind::Parameter || !is_below(info.path, shared.name.text)) continue;
        auto [place, is_new] = first.emplace(info.path, &info);
        if (is_new || place->second->type == info.type) continue;
        Diagnostic& diagnostic =
            program_.reporter().report(Kind::shared_parameter_mismatch, shared.name.span, info.path,
                                       to_string(info.type), to_string(place->second->type));
        for (const StateInfo* one : {place->second, &info}) {
          for (const CallSite& site : one->chain) {
            if (program_.reporter().is_prelude(site.span)) continue;
            diagnostic.note(site.span,
                            fmt::format("{} in this application of `{}`", to_string(one->type), site.callee));
          }
        }
      }
    }
  }
}

}  // namespace nnc::semantics

namespace nnc {

std::optional<ElaboratedProgram> elaborate(const ast::File& file, SourceManager& sources, Diagnostics& diagnostics,
                                           const ElaborateOptions& options) {
  semantics::Program program(file, sources, diagnostics, options);
  if (!program.load()) return std::nullopt;
  return semantics::Elaboration(program).run();
}

}  // namespace nnc
