#include "compiler/commands/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/commands/unit_meaning.h"

namespace nnc {
namespace {

using Tensors = Verification::Tensors;

// Of the largest element: passes compute some constants in f32.
constexpr double kPassTolerance = 1e-5;

// The largest difference relative to the largest element; infinite between integers that differ.
double change(const Tensors& found, const Tensors& wanted) {
  double worst = 0;
  for (const auto& [name, expected] : wanted) {
    const Tensors::const_iterator at = found.find(name);
    if (at == found.end()) continue;  // it has no elements
    Errors errors;
    errors.add(at->second, expected);
    if (errors.absolute == 0) continue;
    double largest = 0;
    for (std::int64_t i = 0; i < element_count(expected.type.shape); ++i) {
      if (std::isfinite(expected.at(i))) largest = std::max(largest, std::abs(expected.at(i)));
    }
    const bool is_number = is_float(expected.type.element) && largest > 0;
    worst = std::max(worst, is_number ? errors.absolute / largest : std::numeric_limits<double>::infinity());
  }
  return worst;
}

const char* called_name(Verified what) {
  switch (what) {
    case Verified::Forward:
      return "forward";
    case Verified::Backward:
      return "backward";
    case Verified::Step:
      return "step";
  }
  return "";
}

}  // namespace

Verification::Verification(const ElaboratedProgram& program, const SourceManager& sources, Verified what,
                           std::size_t index, const CompileOptions& options)
    : program_(program), sources_(sources), what_(what), index_(index), options_(options) {}

bool Verification::compile(Diagnostics& diagnostics) {
  switch (what_) {
    case Verified::Forward:
      unit_ = compile_model(program_, index_, options_, diagnostics);
      break;
    case Verified::Backward:
      unit_ = compile_backward(program_, index_, options_, diagnostics);
      break;
    case Verified::Step:
      unit_ = compile_stage(program_, index_, options_, diagnostics);
      break;
  }
  if (unit_ != nullptr) unit_->is_traced = true;
  return unit_ != nullptr;
}

const UnitFunction& Verification::function() const {
  for (const UnitFunction& one : unit().functions) {
    if (one.name == called_name(what_)) return one;
  }
  throw InternalError("the unit does not have the function that is verified");
}

void Verification::read_parameters(Tensors& states) const {
  for (const Array& array : weights_as_arrays(weight_slots(session_->unit().parameters), session_->parameters())) {
    states[array.name] = tensor_from_array(array);
  }
}

// Statistics stay: variances are positive.
void Verification::move_parameters(Draws& draws) {
  for (const Slot& slot : session_->unit().parameters.slots) {
    if (slot.kind != StateKind::Parameter || slot.type.element != ElementType::F32) continue;
    std::byte* at = session_->parameters().data() + slot.offset;
    for (std::int64_t i = 0; i < element_count(slot.type.shape); ++i, at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, at, sizeof(float));
      value += static_cast<float>(draws.uniform(-0.1, 0.1));
      std::memcpy(at, &value, sizeof(float));
    }
  }
}

Status Verification::run(const std::vector<Tensors>& inputs, const WeightsOption& weights, std::uint64_t seed,
                         double factor, Draws& draws, Progress& progress) {
  std::string error;
  session_ = Session::start(std::move(unit_), sources_, error);
  if (session_ == nullptr) throw InternalError("the emitted code does not compile: " + error);
  if (what_ == Verified::Step) {
    call_once("init", seed, factor, draws);
  } else {
    const Status filled = fill_parameters(*session_, program_, index_, weights, seed);
    if (!filled) return filled;
    if (weights.path.empty() && !program_.is_trained) move_parameters(draws);
    read_parameters(states_);
    if (what_ == Verified::Forward) call_once("prepare", seed, factor, draws);
  }
  call_once("reset", seed, factor, draws);
  // Parameters are large, and not needed once they are prepared.
  std::erase_if(states_, [&](const auto& state) { return function().graph.find_state(state.first) == nullptr; });
  call_all(inputs, factor, progress);
  if (change_ > kPassTolerance) wrong_pass_ = find_pass(inputs);
  return Done{};
}

// One of the functions that set up the structs; nothing if the unit does not have it.
void Verification::call_once(const std::string& name, std::uint64_t seed, double factor, Draws& draws) {
  const UnitFunction* const of_unit = session_->function(name);
  if (of_unit == nullptr) return;
  Tensors inputs = random_inputs(draws, of_unit->graph);
  if (inputs.count(kSeedName) != 0) inputs[kSeedName] = seed_tensor(seed);
  StepCheck check(*session_, name, factor);
  check.call(inputs);
  steps_.insert(steps_.end(), check.reports().begin(), check.reports().end());
  evaluate_function(*of_unit, inputs, states_);
}

void Verification::call_all(const std::vector<Tensors>& inputs, double factor, Progress& progress) {
  StepCheck check(*session_, called_name(what_), factor);
  Tensors program_states;
  if (what_ == Verified::Forward) {
    const ElaboratedModel& model = program_.models[index_];
    read_parameters(program_states);
    const Evaluation initial = evaluate(model.init, {{kSeedName, seed_tensor(0)}}, {});
    for (const State& state : model.forward.states) {
      if (state.kind == StateKind::Recurrent) program_states[state.name] = initial.outputs.at(state.name);
    }
  }
  for (std::size_t call = 0; call < inputs.size(); ++call) {
    progress.show(fmt::format("{}, call {}/{}", called_name(what_), call + 1, inputs.size()));
    check.call(inputs[call]);
    const Tensors planned = evaluate_function(function(), inputs[call], states_);
    if (what_ != Verified::Forward) {
      add_outputs(check.outputs(), planned);
      continue;
    }
    Evaluation program = evaluate(program_.models[index_].forward, inputs[call], program_states);
    for (auto& [name, value] : program.next_states) program_states[name] = std::move(value);
    add_outputs(check.outputs(), program.outputs);
    change_ = std::max(change_, change(planned, program.outputs));
    meaning_.push_back(std::move(program.outputs));
  }
  steps_.insert(steps_.end(), check.reports().begin(), check.reports().end());
}

void Verification::add_outputs(const Tensors& found, const Tensors& wanted) {
  for (const Output& output : function().graph.outputs) {
    const std::string& name = output.name;
    const Tensors::const_iterator at = found.find(name);
    if (at == found.end()) continue;  // it has no elements
    std::vector<OutputReport>::iterator report =
        std::find_if(outputs_.begin(), outputs_.end(), [&](const OutputReport& one) { return one.name == name; });
    if (report == outputs_.end()) report = outputs_.insert(outputs_.end(), {name, output.value->type, {}, {}});
    report->errors.add(at->second, wanted.at(name));
    const Result<Array> array = array_from_tensor(name, at->second);
    if (!array) throw InternalError(array.error());
    report->found.insert(report->found.end(), array->bytes.begin(), array->bytes.end());
  }
}

// The first pass after which the graph of `forward` does not give what the program does.
std::string Verification::find_pass(const std::vector<Tensors>& inputs) {
  std::string found;
  CompileOptions options = options_;
  options.after_pass = [&](const std::string& function, const std::string& pass, const Graph& graph, double seconds,
                           bool changed) {
    if (options_.after_pass) options_.after_pass(function, pass, graph, seconds, changed);
    if (function != "forward" || !found.empty()) return;
    Tensors states;
    read_parameters(states);
    const UnitFunction* const reset = session_->function("reset");
    if (reset != nullptr) evaluate_function(*reset, {}, states);
    for (std::size_t call = 0; call < inputs.size() && found.empty(); ++call) {
      const Evaluation evaluation = evaluate(graph, inputs[call], states);
      for (const auto& [name, value] : evaluation.next_states) states[name] = value;
      if (change(evaluation.outputs, meaning_[call]) > kPassTolerance) found = pass;
    }
  };
  Diagnostics ignored;
  compile_model(program_, index_, options, ignored);
  return found.empty() ? "split_prepare" : found;
}

const StepReport* Verification::first_wrong() const {
  for (const StepReport& report : steps_) {
    if (!report.wrong.empty()) return &report;
  }
  return nullptr;
}

}  // namespace nnc
