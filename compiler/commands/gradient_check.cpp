// nnc check --gradients: the gradients that are emitted, against slopes of the function at a random point (slopes.h).
//
// Of a model, the function is the sum of the outputs times random cotangents; its gradient is that of every float input
// and parameter. Of a `train` block, it is the loss of a small batch, dropout and batch norm included.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/commands/slopes.h"
#include "compiler/passes/passes.h"

namespace nnc {
namespace {

constexpr std::int64_t kBatch = 2;

using Tensors = std::map<std::string, Tensor>;

class GradientCheck {
 public:
  explicit GradientCheck(const GradientCheckOptions& options) : options_(options), draws_(options.seed + 1) {}
  int run();

 private:
  Status check_chosen();
  Status check_model(std::size_t index);
  Status check_stage(std::size_t index);
  void check(const std::string& title, Differentiated subject);
  void draw_states(const Graph& graph, const Tensors& known, Tensors& states);

  const GradientCheckOptions& options_;
  Draws draws_;
  SourceManager sources_;
  Diagnostics diagnostics_;
  Progress progress_;
  std::optional<ElaboratedProgram> program_;
  std::vector<std::string> wrong_;
};

// Parameters a little off their initial values, if they were not learned: zeros would lie at the kinks of relu.
// Recurrent states anywhere.
void GradientCheck::draw_states(const Graph& graph, const Tensors& known, Tensors& states) {
  const bool is_moved = options_.weights.path.empty() && !program_->is_trained;
  for (const State& state : graph.states) {
    const Tensors::const_iterator at = known.find(state.name);
    Tensor tensor = at != known.end() ? at->second : Tensor::zeros(state.value->type);
    if (state.kind == StateKind::Recurrent) tensor = random_tensor(draws_, state.value->type);
    if (state.kind == StateKind::Parameter && is_moved && is_float(tensor.type.element)) {
      for (double& number : tensor.floats()) number += draws_.uniform(-0.1, 0.1);
    }
    states[state.name] = std::move(tensor);
  }
}

void GradientCheck::check(const std::string& title, Differentiated subject) {
  fmt::print("{}\n", title);
  progress_.show("gradients");
  SlopeCheck slopes(std::move(subject));
  if (slopes.left_out() > 0) {
    fmt::print("  {} of {} elements of outputs are not finite at this point, and left out\n", slopes.left_out(),
               slopes.left_out() + slopes.finite());
  }
  for (const std::string& name : slopes.variables()) {
    const SlopeReport report = slopes.check(name, draws_, progress_);
    fmt::print("  {:<28} {:>4} slopes  {}{}{}{}\n", name + " " + to_string(report.shape), report.compared,
               report.wrong.empty() ? fmt::format("error {:.1e}", report.worst) : "WRONG",
               report.is_zero ? ", the gradient is 0 everywhere" : "",
               report.kinks == 0 ? "" : fmt::format(", {} at a kink", report.kinks),
               report.undefined == 0 ? "" : fmt::format(", {} more where a value inside is NaN", report.undefined));
    wrong_.insert(wrong_.end(), report.wrong.begin(), report.wrong.end());
  }
}

Status GradientCheck::check_model(std::size_t index) {
  const ElaboratedModel& model = program_->models[index];
  const Status has_gradient = check_differentiable(model);
  if (!has_gradient) {
    fmt::print("{}\n", has_gradient.error());
    return Done{};
  }
  const Result<Tensors> parameters = parameter_tensors(*program_, index, options_.weights, options_.seed);
  if (!parameters) return parameters.failure();
  const std::unique_ptr<Unit> unit = compile_backward(*program_, index, options_.compile, diagnostics_);
  if (unit == nullptr) return Done{};
  Differentiated subject;
  subject.values = model.forward.clone();
  subject.gradients = &unit->functions.front().graph;
  subject.inputs = random_inputs(draws_, model.forward);
  draw_states(model.forward, *parameters, subject.states);
  for (const Output& output : model.forward.outputs) {
    if (is_float(output.value->type.element))
      subject.cotangents[output.name] = random_tensor(draws_, output.value->type);
  }
  check(fmt::format("model {}", model.name), std::move(subject));
  return Done{};
}

Status GradientCheck::check_stage(std::size_t index) {
  const ElaboratedStage& stage = program_->stages[index];
  const std::unique_ptr<Unit> unit = compile_stage(*program_, index, options_.compile, diagnostics_);
  if (unit == nullptr) return Done{};
  const std::vector<UnitFunction>::const_iterator step =
      std::find_if(unit->functions.begin(), unit->functions.end(),
                   [](const UnitFunction& function) { return function.name == "step"; });
  const Tensor key = random_tensor(draws_, {ElementType::U32, {2}});
  const Evaluation initial = evaluate(stage.init, {{kSeedName, key}}, {});
  Differentiated subject;
  subject.gradients = &step->graph;
  // The loss alone, without the gradients and the optimiser.
  subject.values = step->graph.clone();
  for (State& state : subject.values.states) state.next = nullptr;
  std::erase_if(subject.values.outputs, [](const Output& output) { return output.name != "loss"; });
  remove_dead(subject.values);
  subject.inputs = random_inputs(draws_, step->graph);
  draw_states(step->graph, initial.outputs, subject.states);
  subject.cotangents["loss"] = Tensor::scalar(ElementType::F32, 1);
  check(fmt::format("train {}", stage.name), std::move(subject));
  return Done{};
}

// What --model and --stage choose: the models, then the stages; --stage is that block alone.
Status GradientCheck::check_chosen() {
  const std::string& model = options_.compile.model;
  const std::string& stage = options_.compile.stage;
  const Result<std::vector<std::size_t>> stages = choose_stages(*program_, model, stage);
  if (!stages) return stages.failure();
  for (std::size_t i = 0; i < program_->models.size() && stage.empty(); ++i) {
    if (!model.empty() && program_->models[i].name != model) continue;
    const Status checked = check_model(i);
    if (!checked) return checked;
  }
  for (const std::size_t chosen : *stages) {
    const Status checked = check_stage(chosen);
    if (!checked) return checked;
  }
  return Done{};
}

int GradientCheck::run() {
  CompileOptions compile = options_.compile;
  if (!compile.elaborate.batch) compile.elaborate.batch = kBatch;
  // All shards are computed alike.
  if (!compile.elaborate.shards) compile.elaborate.shards = 1;
  program_ = load_program(options_.model_path, sources_, diagnostics_, compile.elaborate);
  if (!program_) return show(diagnostics_, sources_);
  const Status checked = check_chosen();
  progress_.clear();
  if (!checked) return fail(checked.error());
  if (show(diagnostics_, sources_) != kSuccess) return kBadInput;
  if (wrong_.empty()) return kSuccess;
  std::string text = "gradients are wrong:";
  for (const std::string& line : wrong_) text += "\n  " + line;
  throw InternalError(text);
}

}  // namespace

int check_gradients(const GradientCheckOptions& options) { return GradientCheck(options).run(); }

}  // namespace nnc
