// nnc check --gradients: the gradients that are emitted, against slopes of the function, both by the evaluator in
// double, at a random point.
//
// Of a model, the function is the sum of the outputs times random cotangents; its gradient is that of every float input
// and parameter. Of a `train` block, it is the loss of a small batch, dropout and batch norm included. The slope along
// a direction d is (f(p + h d) - f(p - h d)) / 2h. Where the slopes on the two sides differ the function has a kink
// (relu at 0): any value between the two is right. A gradient that is 0 everywhere is said to be so: relu may be off,
// or nothing depends on the variable at this point.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/commands/console.h"
#include "compiler/commands/draws.h"
#include "compiler/commands/inference.h"
#include "compiler/graph/evaluate.h"
#include "compiler/passes/passes.h"

namespace nnc {
namespace {

constexpr std::int64_t kSmall = 12;  // tensors of so many elements are checked whole
constexpr int kElements = 4;         // of larger ones: so many elements,
constexpr int kDirections = 3;       // and so many directions
// Between p and p + h d a large network crosses kinks, the fewer the smaller h: where one step finds no agreement, the
// next is tried.
constexpr double kSteps[] = {1e-6, 1e-7, 1e-8};
constexpr double kRelative = 1e-4;
constexpr std::int64_t kBatch = 2;

using Tensors = std::map<std::string, Tensor>;

class GradientCheck {
 public:
  explicit GradientCheck(const GradientCheckOptions& options) : options_(options), draws_(options.seed + 1) {}
  int run();

 private:
  // A function of inputs and states, and where its gradient with respect to each of them is found.
  struct Subject {
    Graph values;                      // gives the outputs
    const Graph* gradients = nullptr;  // gives "d:<input>" and "gradient:<state>"
    Tensors inputs, states, cotangents;
    Evaluation here;  // of `values` at this point, all values kept
  };

  Status check_chosen();
  Status check_model(std::size_t index);
  Status check_stage(std::size_t index);
  void check(const std::string& title, Subject& subject);
  // All elements, or a choice of elements and directions, of one variable.
  void check_variable(const std::string& name, Subject& subject, Tensor& variable, const Tensor& gradient);
  void compare(const std::string& name, const std::string& what, Subject& subject, Tensor& variable,
               const std::vector<double>& direction, double expected, double scale);
  double value(const Subject& subject, const Evaluation& evaluation) const;
  void draw_states(const Graph& graph, const Tensors& known, Tensors& states);

  const GradientCheckOptions& options_;
  Draws draws_;
  SourceManager sources_;
  Diagnostics diagnostics_;
  Progress progress_;
  std::optional<ElaboratedProgram> program_;
  int compared_ = 0, kinks_ = 0;  // of the variable in hand
  double worst_ = 0;
  std::vector<std::string> wrong_;
};

// Parameters a little off their initial values: zeros would lie at the kinks of relu. Recurrent states anywhere.
void GradientCheck::draw_states(const Graph& graph, const Tensors& known, Tensors& states) {
  for (const State& state : graph.states) {
    const Tensors::const_iterator at = known.find(state.name);
    Tensor tensor = at != known.end() ? at->second : Tensor::zeros(state.value->type);
    if (state.kind == StateKind::Recurrent) tensor = random_tensor(draws_, state.value->type);
    if (state.kind == StateKind::Parameter && options_.weights.path.empty() && is_float(tensor.type.element)) {
      for (double& number : tensor.floats()) number += draws_.uniform(-0.1, 0.1);
    }
    states[state.name] = std::move(tensor);
  }
}

double GradientCheck::value(const Subject& subject, const Evaluation& evaluation) const {
  double sum = 0;
  for (const auto& [name, cotangent] : subject.cotangents) {
    const Tensor& output = evaluation.outputs.at(name);
    for (std::int64_t i = 0; i < element_count(output.type.shape); ++i) sum += output.at(i) * cotangent.at(i);
  }
  return sum;
}

void GradientCheck::compare(const std::string& name, const std::string& what, Subject& subject, Tensor& variable,
                            const std::vector<double>& direction, double expected, double scale) {
  progress_.show(what);
  const std::vector<double> point = variable.floats();
  const auto at = [&](double t) {
    for (std::size_t i = 0; i < point.size(); ++i) variable.floats()[i] = point[i] + t * direction[i];
    const EvaluateOptions only_what_changes = {.before = &subject.here, .changed = name};
    const double result = value(subject, evaluate(subject.values, subject.inputs, subject.states, only_what_changes));
    variable.floats() = point;
    return result;
  };
  const double here = value(subject, subject.here);
  const double tolerance = kRelative * std::max({std::abs(expected), scale, 1e-3 * std::abs(here)});
  double slope = 0;
  ++compared_;
  for (const double step : kSteps) {
    const double left = (here - at(-step)) / step, right = (at(step) - here) / step;
    slope = (left + right) / 2;
    if (std::abs(slope - expected) <= tolerance) {
      worst_ = std::max(worst_, std::abs(slope - expected) / std::max(tolerance / kRelative, 1e-300));
      return;
    }
    if (std::abs(left - right) > tolerance && expected >= std::min(left, right) - tolerance &&
        expected <= std::max(left, right) + tolerance) {
      ++kinks_;
      return;
    }
  }
  wrong_.push_back(fmt::format("{}: gradient {:.9g}, slope {:.9g}", what, expected, slope));
}

void GradientCheck::check_variable(const std::string& name, Subject& subject, Tensor& variable,
                                   const Tensor& gradient) {
  compared_ = kinks_ = 0;
  worst_ = 0;
  const std::size_t wrong_before = wrong_.size();
  const std::vector<double>& slopes = gradient.floats();
  const std::int64_t count = static_cast<std::int64_t>(slopes.size());
  double scale = 0;
  for (const double slope : slopes) scale = std::max(scale, std::abs(slope));
  std::vector<double> direction(slopes.size(), 0);
  for (std::int64_t i = 0; i < (count <= kSmall ? count : kElements); ++i) {
    const std::int64_t element = count <= kSmall ? i : draws_.below(count);
    direction[static_cast<std::size_t>(element)] = 1;
    compare(name, fmt::format("{}[{}]", name, element), subject, variable, direction,
            slopes[static_cast<std::size_t>(element)], scale);
    direction[static_cast<std::size_t>(element)] = 0;
  }
  for (int i = 0; i < kDirections && count > kSmall; ++i) {
    double expected = 0;
    for (std::size_t k = 0; k < slopes.size(); ++k) {
      direction[k] = draws_.uniform(-1, 1);
      expected += direction[k] * slopes[k];
    }
    compare(name, fmt::format("{} along direction {}", name, i), subject, variable, direction, expected, scale);
  }
  progress_.clear();
  fmt::print("  {:<28} {:>4} slopes  {}{}{}\n", name + " " + to_string(variable.type.shape), compared_,
             wrong_.size() > wrong_before ? "WRONG" : fmt::format("error {:.1e}", worst_),
             scale == 0 ? ", the gradient is 0 everywhere" : "",
             kinks_ == 0 ? "" : fmt::format(", {} at a kink", kinks_));
}

void GradientCheck::check(const std::string& title, Subject& subject) {
  fmt::print("{}\n", title);
  progress_.show("gradients");
  subject.here = evaluate(subject.values, subject.inputs, subject.states, {.keep_values = true});
  Tensors inputs = subject.inputs;
  for (const auto& [name, cotangent] : subject.cotangents) inputs["cotangent:" + name] = cotangent;
  const Evaluation evaluation = evaluate(*subject.gradients, inputs, subject.states);
  for (auto& [name, input] : subject.inputs) {
    const std::map<std::string, Tensor>::const_iterator gradient = evaluation.outputs.find("d:" + name);
    if (gradient != evaluation.outputs.end()) check_variable(name, subject, input, gradient->second);
  }
  for (auto& [name, state] : subject.states) {
    const std::map<std::string, Tensor>::const_iterator gradient = evaluation.outputs.find("gradient:" + name);
    if (gradient != evaluation.outputs.end()) check_variable(name, subject, state, gradient->second);
  }
}

Status GradientCheck::check_model(std::size_t index) {
  const ElaboratedModel& model = program_->models[index];
  const Result<Tensors> parameters = parameter_tensors(*program_, index, options_.weights, options_.seed);
  if (!parameters) return parameters.failure();
  const std::unique_ptr<Unit> unit = compile_backward(*program_, index, options_.compile, diagnostics_);
  if (unit == nullptr) return Done{};
  Subject subject;
  subject.values = model.forward.clone();
  subject.gradients = &unit->functions.front().graph;
  subject.inputs = random_inputs(draws_, model.forward);
  draw_states(model.forward, *parameters, subject.states);
  for (const Output& output : model.forward.outputs) {
    if (is_float(output.value->type.element))
      subject.cotangents[output.name] = random_tensor(draws_, output.value->type);
  }
  check(fmt::format("model {}", model.name), subject);
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
  Subject subject;
  subject.gradients = &step->graph;
  // The loss alone, without the gradients and the optimiser.
  subject.values = step->graph.clone();
  for (State& state : subject.values.states) state.next = nullptr;
  std::erase_if(subject.values.outputs, [](const Output& output) { return output.name != "loss"; });
  remove_dead(subject.values);
  subject.inputs = random_inputs(draws_, step->graph);
  draw_states(step->graph, initial.outputs, subject.states);
  subject.cotangents["loss"] = Tensor::scalar(ElementType::F32, 1);
  check(fmt::format("train {}", stage.name), subject);
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
