#include "compiler/commands/inference.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/commands/console.h"

namespace nnc {

Result<std::size_t> choose_model(const ElaboratedProgram& program, const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < program.models.size(); ++i) {
    if (program.models[i].name == name || (name.empty() && program.models.size() == 1)) return i;
    names += (i == 0 ? "" : ", ") + program.models[i].name;
  }
  if (program.models.empty()) return Failure{"the file has no model"};
  if (name.empty()) return Failure{fmt::format("the file has several models; choose one with --model: {}", names)};
  return Failure{fmt::format("there is no model '{}'; the file has {}", name, names)};
}

Status check_differentiable(const ElaboratedModel& model) {
  const Graph& graph = model.forward;
  const auto is_variable = [](const Type& type) { return is_float(type.element) && element_count(type.shape) > 0; };
  const auto is_float_input = [&](const Value* input) { return is_variable(input->type); };
  const auto is_float_parameter = [&](const State& state) {
    return state.kind == StateKind::Parameter && is_variable(state.value->type);
  };
  const auto is_float_output = [&](const Output& output) { return is_variable(output.value->type); };
  const char* missing = nullptr;
  if (std::none_of(graph.inputs.begin(), graph.inputs.end(), is_float_input) &&
      std::none_of(graph.states.begin(), graph.states.end(), is_float_parameter)) {
    missing = "float input and no parameter";
  }
  if (std::none_of(graph.outputs.begin(), graph.outputs.end(), is_float_output)) missing = "float output";
  if (missing == nullptr) return Done{};
  return Failure{fmt::format("the model '{}' has no gradient: it has no {}", model.name, missing)};
}

std::optional<ChosenModel> load_model(const std::string& path, const CompileOptions& options, SourceManager& sources,
                                      Diagnostics& diagnostics) {
  std::optional<ElaboratedProgram> program = load_program(path, sources, diagnostics, options.elaborate);
  if (show(diagnostics, sources) != kSuccess || !program) return std::nullopt;
  const Result<std::size_t> index = choose_model(*program, options.model);
  if (!index) {
    fail(index.error());
    return std::nullopt;
  }
  return ChosenModel{std::move(*program), *index};
}

Result<std::vector<std::size_t>> choose_stages(const ElaboratedProgram& program, const std::string& model,
                                               const std::string& stage) {
  if (!model.empty()) {
    const Result<std::size_t> known = choose_model(program, model);
    if (!known) return known.failure();
  }
  std::vector<std::size_t> chosen;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < program.stages.size(); ++i) {
    const ElaboratedStage& candidate = program.stages[i];
    if (!model.empty() && program.models[candidate.model].name != model) continue;
    names.push_back(candidate.name);
    if (stage.empty() || candidate.name == stage) chosen.push_back(i);
  }
  if (!stage.empty() && chosen.empty()) {
    return Failure{fmt::format("there is no `train` block '{}'; there {}", stage,
                               names.empty() ? "is none" : fmt::format("are {}", fmt::join(names, ", ")))};
  }
  return chosen;
}

}  // namespace nnc
