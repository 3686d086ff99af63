// nnc verify: a table of the steps, what they and the passes are found to do (verification.h), and the status.
#include "compiler/commands/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/commands/against.h"
#include "compiler/commands/call_inputs.h"
#include "compiler/commands/inference.h"
#include "compiler/commands/training_run.h"
#include "compiler/commands/unit_meaning.h"
#include "compiler/commands/verification.h"
#include "compiler/interop/arrays.h"
#include "compiler/interop/file.h"

namespace nnc {
namespace {

constexpr std::int64_t kCallsWithState = 3;

class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options) : options_(options), draws_(options.seed + 1) {}
  int run();

 private:
  Status verify_chosen();
  Status make_inputs(const Graph& graph);
  std::optional<ElaboratedProgram> load();
  Status compare_expected();
  Status ask_onnxruntime();
  Status compare_against();
  void print_steps() const;
  void print_rest() const;
  Status write_json() const;
  Status judge() const;
  std::string line(const StepReport& report) const { return sources_.short_place(report.origin.span); }

  const VerifyOptions& options_;
  Draws draws_;
  SourceManager sources_;
  Diagnostics diagnostics_;
  Progress progress_;
  std::optional<ElaboratedProgram> program_;
  Verified what_ = Verified::Forward;
  std::size_t index_ = 0;  // of the model, or of the `train` block
  std::optional<Verification> verification_;
  ExpectedOutputs expected_;
  std::optional<ImportedModel> imported_;  // with --against
  std::optional<Against> against_program_;
  std::vector<Array> against_outputs_;
  Status against_ = Done{};
  std::vector<Verification::Tensors> inputs_;  // of each call
  bool has_axis_ = false;
};

// Drawn, or from files; what nnc itself adds comes from the seed.
Status Verifier::make_inputs(const Graph& graph) {
  CallInputs given;
  if (!options_.inputs.empty()) {
    const Result<std::vector<Array>> arrays = load_arrays(options_.inputs);
    if (!arrays) return arrays.failure();
    const Status bound = given.add(*arrays, wanted_inputs(graph, 0), "input");
    if (!bound) return bound;
    if (options_.calls && *options_.calls != given.calls) {
      return Failure{fmt::format("--calls is {}, but the inputs have {} examples", *options_.calls, given.calls)};
    }
    has_axis_ = given.has_axis;
  }
  const bool has_state =
      std::any_of(graph.states.begin(), graph.states.end(), [](const State& state) { return state.next != nullptr; });
  const std::int64_t calls = given.calls >= 0 ? given.calls : options_.calls.value_or(has_state ? kCallsWithState : 1);
  if (calls == 0) return Failure{"the inputs hold no example"};
  for (std::int64_t call = 0; call < calls; ++call) {
    Verification::Tensors& inputs = inputs_.emplace_back(random_inputs(draws_, graph));
    for (std::size_t i = 0; i < given.inputs.size(); ++i) {
      Array array;
      array.element = given.inputs[i].type.element;
      array.shape = given.inputs[i].type.shape;
      array.bytes = {given.at(i, call), given.inputs[i].step};
      inputs[given.inputs[i].name] = tensor_from_array(array);
    }
    if (inputs.count(kSeedName) != 0) inputs[kSeedName] = seed_tensor(options_.seed);
    if (what_ != Verified::Forward) continue;
    // Emitted code does not take what has no elements; the program does.
    for (const Value* input : program_->models[index_].forward.inputs) {
      inputs.emplace(input->producer->attributes.text("name"), Tensor::zeros(input->type));
    }
  }
  return Done{};
}

void Verifier::print_steps() const {
  std::size_t step = 4, layer = 5, place = 4, type = 6;
  const auto widen = [](std::size_t& width, const std::string& text) { width = std::max(width, text.size()); };
  for (const StepReport& report : verification_->steps()) {
    widen(step, report.step);
    widen(layer, report.origin.layer);
    widen(place, line(report));
    widen(type, to_string(report.type));
  }
  fmt::print("  {:<{}}  {:<{}}  {:<{}}  {:<{}}  {:>8}  {:>8}  {:>8}  {:>8}\n", "step", step, "layer", layer, "line",
             place, "result", type, "max abs", "max rel", "max ulp", "of bound");
  std::string function;
  for (const StepReport& report : verification_->steps()) {
    if (function != report.function) fmt::print("{}\n", function = report.function);
    fmt::print("  {:<{}}  {:<{}}  {:<{}}  ", report.step, step, report.origin.layer, layer, line(report), place);
    const Errors& errors = report.errors;
    if (!report.has) {
      fmt::print("a part of what follows\n");
      continue;
    }
    const std::string share = errors.absolute == 0 ? "exact" : fmt::format("{:.0f} %", 100 * errors.share);
    fmt::print("{:<{}}  {:>8.2g}  {:>8.2g}  {:>8.3g}  {:>8}  {}{}\n", to_string(report.type), type, errors.absolute,
               errors.relative, errors.ulp, share, report.wrong.empty() ? "ok" : "FAIL",
               errors.unbounded == 0 ? "" : fmt::format(", {} of {} not bounded", errors.unbounded, errors.elements));
  }
}

void Verifier::print_rest() const {
  const bool has_program = what_ == Verified::Forward;
  fmt::print("outputs, from the {} in double\n", has_program ? "program" : "graph");
  std::size_t width = 4;
  for (const OutputReport& output : verification_->outputs()) width = std::max(width, output.name.size());
  for (const OutputReport& output : verification_->outputs()) {
    fmt::print("  {:<{}}  {}: abs {:.2g}, rel {:.2g}, {:.3g} ulp\n", output.name, width, to_string(output.type),
               output.errors.absolute, output.errors.relative, output.errors.ulp);
  }
  const double change = verification_->change_by_passes();
  const std::string& pass = verification_->wrong_pass();
  if (has_program) {
    fmt::print("passes: the outputs change by {:.2g} of the largest{}\n", change,
               pass.empty() ? "" : fmt::format(", first by {}: FAIL", pass));
  }
}

Status Verifier::write_json() const {
  const auto figures = [](nlohmann::ordered_json& row, const Type& type, const Errors& errors) {
    row["type"] = to_string(type);
    row["elements"] = errors.elements;
    row["max_absolute"] = errors.absolute;
    row["max_relative"] = errors.relative;
    row["max_ulp"] = errors.ulp;
  };
  nlohmann::ordered_json steps = nlohmann::ordered_json::array(), outputs = nlohmann::ordered_json::array();
  for (const StepReport& report : verification_->steps()) {
    nlohmann::ordered_json& row = steps.emplace_back();
    row["function"] = report.function;
    row["step"] = report.step;
    row["operation"] = report.operation;
    row["layer"] = report.origin.layer;
    row["line"] = line(report);
    if (!report.has) continue;
    figures(row, report.type, report.errors);
    row["of_bound"] = report.errors.share;
    row["not_bounded"] = report.errors.unbounded;
    row["ok"] = report.wrong.empty();
    if (!report.wrong.empty()) row["wrong"] = report.wrong;
  }
  for (const OutputReport& output : verification_->outputs()) {
    nlohmann::ordered_json& row = outputs.emplace_back();
    row["output"] = output.name;
    figures(row, output.type, output.errors);
  }
  const Unit& unit = verification_->unit();
  nlohmann::ordered_json file = {
      {"model", unit.model_name}, {"target", unit.target.name},       {"seed", options_.seed},
      {"calls", inputs_.size()},  {"ok", static_cast<bool>(judge())}, {"steps", steps},
      {"outputs", outputs}};
  if (what_ == Verified::Forward) {
    file["passes"] = {{"change", verification_->change_by_passes()}, {"ok", verification_->wrong_pass().empty()}};
    if (!verification_->wrong_pass().empty()) file["passes"]["first"] = verification_->wrong_pass();
  }
  if (imported_) {
    file["onnxruntime"] = {{"version", against_program_->version()}, {"ok", static_cast<bool>(against_)}};
    if (!against_) file["onnxruntime"]["first"] = against_.error();
  }
  return write_file(options_.json, file.dump(2) + "\n");
}

Status Verifier::judge() const {
  const StepReport* const wrong = verification_->first_wrong();
  if (wrong != nullptr) {
    std::string place = wrong->operation;
    if (!wrong->origin.layer.empty()) place += ", layer " + wrong->origin.layer;
    if (!line(*wrong).empty()) place += ", " + line(*wrong);
    return Failure{fmt::format("the first step that leaves its tolerance is {} of {} ({}): {}", wrong->step,
                               wrong->function, place, wrong->wrong)};
  }
  const std::string& pass = verification_->wrong_pass();
  if (!pass.empty()) return Failure{fmt::format("the pass {} changes what the model computes", pass)};
  return against_ ? expected_.agreed() : against_;
}

// What all calls have given; with `has_axis` it has an axis for them.
Array found_array(const OutputReport& output, bool has_axis, std::size_t calls) {
  Array array;
  array.element = output.type.element;
  array.shape = output.type.shape;
  if (has_axis) array.shape.insert(array.shape.begin(), static_cast<std::int64_t>(calls));
  array.bytes = output.found;
  return array;
}

Status Verifier::compare_expected() {
  for (const OutputReport& output : verification_->outputs()) {
    const Status compared = expected_.compare(output.name, found_array(output, has_axis_, inputs_.size()));
    if (!compared) return compared;
  }
  return Done{};
}

Status Verifier::ask_onnxruntime() {
  if (inputs_[0].count(kSeedName) != 0) {
    return Failure{
        "the model draws random numbers, which ONNX Runtime draws in its own way: --against cannot compare them"};
  }
  progress_.show("ONNX Runtime");
  against_program_.emplace(options_.model_path, options_.compile.elaborate.settings, *imported_, inputs_,
                           options_.python);
  Result<std::vector<Array>> outputs = against_program_->outputs(has_axis_ || inputs_.size() > 1);
  if (!outputs) return outputs.failure();
  against_outputs_ = std::move(*outputs);
  return Done{};
}

Status Verifier::compare_against() {
  ExpectOptions closeness = options_.expect;
  if (!closeness.atol) closeness.of_largest = kAgainstOfLargest;
  const bool has_axis = has_axis_ || inputs_.size() > 1;
  fmt::print("outputs, beside ONNX Runtime {}\n", against_program_->version());
  ExpectedOutputs theirs(closeness, against_outputs_);
  for (const OutputReport& output : verification_->outputs()) {
    fmt::print("  ");
    const double rounding = options_.expect.atol ? 0 : kAgainstRounding * output.errors.absolute;
    const Status compared = theirs.compare(output.name, found_array(output, has_axis, inputs_.size()), rounding);
    if (!compared) return compared;
  }
  if (theirs.agreed()) return Done{};
  const Result<std::string> first = against_program_->first_apart(closeness);
  against_ = Failure{fmt::format("ONNX Runtime gives other outputs; {}", first ? *first : first.error())};
  return Done{};
}

Status Verifier::verify_chosen() {
  const CompileOptions& compile = options_.compile;
  if (!compile.stage.empty()) {
    const Result<std::vector<std::size_t>> stages = choose_stages(*program_, compile.model, compile.stage);
    if (!stages) return stages.failure();
    index_ = stages->front();
    what_ = Verified::Step;
  } else {
    const Result<std::size_t> model = choose_model(*program_, compile.model);
    if (!model) return model.failure();
    index_ = *model;
    what_ = options_.gradients ? Verified::Backward : Verified::Forward;
    const Status has_gradient = options_.gradients ? check_differentiable(program_->models[index_]) : Done{};
    if (!has_gradient) return has_gradient;
  }
  progress_.show("compiling");
  verification_.emplace(*program_, sources_, what_, index_, compile);
  const bool is_compiled = verification_->compile(diagnostics_);
  if (show(diagnostics_, sources_) != kSuccess || !is_compiled) return Failure{"the model was not compiled"};
  const Graph& graph = verification_->function().graph;
  Result<ExpectedOutputs> expected = ExpectedOutputs::load(options_.expect, graph.outputs);
  if (!expected) return expected.failure();
  expected_ = std::move(*expected);
  Status status = make_inputs(graph);
  if (status && imported_) status = ask_onnxruntime();
  if (status) {
    status = verification_->run(inputs_, options_.weights, options_.seed, options_.tolerance, draws_, progress_);
  }
  progress_.clear();
  if (!status) return status;
  fmt::print("{} for {}: {} call{} beside the evaluator in double\n", verification_->unit().model_name,
             verification_->unit().target.name, inputs_.size(), inputs_.size() == 1 ? "" : "s");
  print_steps();
  print_rest();
  status = compare_expected();
  if (status && imported_) status = compare_against();
  if (status && !options_.json.empty()) status = write_json();
  return status ? judge() : status;
}

std::optional<ElaboratedProgram> Verifier::load() {
  const ElaborateOptions& options = options_.compile.elaborate;
  const std::string& path = options_.model_path;
  if (options_.against.empty()) return load_program(path, sources_, diagnostics_, options);
  imported_ = import_onnx(path, options.settings, sources_, diagnostics_);
  return imported_ ? elaborate_imported(*imported_, path, sources_, diagnostics_) : std::nullopt;
}

int Verifier::run() {
  std::vector<std::string> read = options_.inputs;
  read.insert(read.end(), options_.expect.files.begin(), options_.expect.files.end());
  read.push_back(options_.model_path);
  read.push_back(options_.weights.path);
  Status status = check_runs_here(options_.compile.target);
  if (status) status = check_outputs({options_.json}, read);
  if (status && !options_.against.empty() && !options_.model_path.ends_with(".onnx")) {
    status = Failure{fmt::format("ONNX Runtime runs .onnx models; '{}' is none", options_.model_path)};
  }
  if (!status) return fail(status.error());
  program_ = load();
  if (show(diagnostics_, sources_) != kSuccess || !program_) return kBadInput;
  diagnostics_ = {};
  status = verify_chosen();
  progress_.clear();
  return status ? kSuccess : fail(status.error());
}

}  // namespace

int verify(const VerifyOptions& options) { return Verifier(options).run(); }

}  // namespace nnc
