#include "compiler/commands/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/commands/console.h"
#include "compiler/commands/training_run.h"
#include "compiler/interop/arrays.h"
#include "compiler/interop/file.h"
#include "compiler/interop/safetensors.h"

namespace nnc {

namespace {

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

// SIGINT ends training after the current step; what was learned is saved. A second one kills.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ = {};
};

// What a run has in common with the one that it goes on from, in the metadata of the checkpoint: with anything else it
// would not visit the data in the same order.
struct Identity {
  const char* key;
  std::string value;
  std::string advice;  // what to do where it differs
};

// The parameters of the model among those of the unit, which has the block's besides.
std::vector<WeightSlot> model_slots(const Unit& unit, const ElaboratedModel& model) {
  const StructLayout of_model = parameter_layout(model.forward);
  std::vector<WeightSlot> slots;
  for (const WeightSlot& slot : weight_slots(unit.parameters)) {
    const auto is_same = [&](const Slot& own) { return own.name == slot.name; };
    if (std::any_of(of_model.slots.begin(), of_model.slots.end(), is_same)) slots.push_back(slot);
  }
  return slots;
}

class Training {
 public:
  explicit Training(const TrainOptions& options) : options_(options) {}
  int run();

 private:
  int run_stage(const ElaboratedProgram& program, std::size_t index);
  int load_data(const ElaboratedStage& stage, const UnitFunction& step, const UnitFunction* evaluate);
  Status start_weights(Session& session, const ElaboratedProgram& program, const ElaboratedModel& model);
  void keep_learned(Session& session, const ElaboratedModel& model);
  Status save(const std::string& path, const ElaboratedModel& model) const;
  std::vector<Identity> identity(const ElaboratedStage& stage) const;
  // `epoch`: how many epochs of the stage are complete.
  Status save_checkpoint(Session& session, const ElaboratedStage& stage, std::int64_t epoch);
  Status load_checkpoint(Session& session, const ElaboratedStage& stage, std::int64_t& epoch);
  Status log(const ElaboratedStage& stage, const EpochResult& result);
  void report(const ElaboratedStage& stage, const EpochResult& result) const;

  TrainOptions options_;
  SourceManager sources_;
  std::map<std::string, std::vector<std::byte>> learned_;  // by the stages so far, by path
  std::map<std::string, Type> shipped_;                    // those of learned_ that belong to a model
  std::optional<DataSet> data_, test_;
  std::optional<Examples> training_examples_, test_examples_;
  std::ofstream log_;
};

int Training::run() {
  std::vector<std::string> read = options_.data;
  read.insert(read.end(), options_.test.begin(), options_.test.end());
  read.push_back(options_.model_path);
  Status possible = check_outputs({options_.output, options_.checkpoint, options_.json, options_.held_out}, read);
  if (possible) possible = check_runs_here(options_.compile.target);
  if (!possible) return fail(possible.error());
  if (options_.output.empty() && options_.checkpoint.empty()) {
    fmt::print(stderr, "nnc: note: the weights will not be kept; -o FILE.safetensors keeps them\n");
  }
  Diagnostics diagnostics;
  const std::optional<ElaboratedProgram> program =
      load_program(options_.model_path, sources_, diagnostics, options_.compile.elaborate);
  if (show(diagnostics, sources_) != kSuccess || !program) return kBadInput;
  if (!options_.json.empty()) {
    log_.open(options_.json, options_.resume ? std::ios::app : std::ios::trunc);
    if (!log_) return fail(fmt::format("cannot write '{}'", options_.json));
  }
  std::vector<std::size_t> chosen;
  std::string names;
  for (std::size_t i = 0; i < program->stages.size(); ++i) {
    const ElaboratedStage& stage = program->stages[i];
    const bool of_model = options_.compile.model.empty() || program->models[stage.model].name == options_.compile.model;
    if (of_model && (options_.compile.stage.empty() || options_.compile.stage == stage.name)) chosen.push_back(i);
    names += (names.empty() ? "" : ", ") + stage.name;
  }
  if (program->stages.empty()) {
    return fail(fmt::format("'{}' has no `train` block: there is nothing to train", options_.model_path));
  }
  if (chosen.empty()) {
    return fail(fmt::format("no `train` block is named so; '{}' has {}", options_.model_path, names));
  }
  std::vector<std::size_t> models;
  for (const std::size_t stage : chosen) models.push_back(program->stages[stage].model);
  possible = check_one_file_serves(*program, models);
  if (!possible) return fail(possible.error());
  const InterruptGuard guard;
  for (const std::size_t stage : chosen) {
    const int status = run_stage(*program, stage);
    if (status != kSuccess || interrupted != 0) return status;
  }
  return kSuccess;
}

int Training::load_data(const ElaboratedStage& stage, const UnitFunction& step, const UnitFunction* evaluate) {
  std::vector<WantedInput> wanted = wanted_inputs(step.graph, stage.batch);
  // A step that does not use an input (a dead one) still takes it; the metrics may want others.
  Result<std::vector<Array>> arrays = load_arrays(options_.data);
  if (!arrays) return fail(arrays.error());
  Result<DataSet> data = DataSet::bind(*arrays, wanted);
  if (!data) return fail(data.error());
  data_ = std::move(*data);
  training_examples_ = Examples(data_->size());
  test_.reset();
  test_examples_.reset();
  if (evaluate != nullptr) {
    const std::vector<WantedInput> measured = wanted_inputs(evaluate->graph, stage.batch);
    if (!options_.test.empty()) {
      arrays = load_arrays(options_.test);
      if (!arrays) return fail(arrays.error());
    }
    if (!options_.test.empty() || options_.hold_out) {
      data = DataSet::bind(*arrays, measured);
      if (!data) return fail(data.error());
      test_ = std::move(*data);
      test_examples_ = Examples(test_->size());
    }
  }
  if (options_.hold_out) {
    Result<Division> division = hold_out(data_->size(), *options_.hold_out, options_.seed);
    if (!division) return fail(division.error());
    training_examples_ = division->training;
    if (test_ && options_.test.empty()) test_examples_ = division->held_out;
    if (!options_.held_out.empty()) {
      std::string list;
      for (std::uint64_t i = 0; i < division->held_out.size(); ++i) {
        list += std::to_string(division->held_out[i]) + "\n";
      }
      const Status status = write_file(options_.held_out, list);
      if (!status) return fail(status.error());
    }
  }
  if (training_examples_->size() < static_cast<std::uint64_t>(stage.batch)) {
    return fail(fmt::format("{} examples are fewer than one batch of {}; use --batch", training_examples_->size(),
                            stage.batch));
  }
  return kSuccess;
}

// From the file of --weights; then what earlier stages of this run have learned.
Status Training::start_weights(Session& session, const ElaboratedProgram& program, const ElaboratedModel& model) {
  if (!options_.weights.path.empty()) {
    const Status read =
        read_weights(options_.weights, program, model_slots(session.unit(), model), session.parameters());
    if (!read) return read;
  }
  for (const Slot& slot : session.unit().parameters.slots) {
    const std::map<std::string, std::vector<std::byte>>::const_iterator known = learned_.find(slot.name);
    if (known != learned_.end()) {
      std::memcpy(session.parameters().data() + slot.offset, known->second.data(), known->second.size());
    }
  }
  return Done{};
}

void Training::keep_learned(Session& session, const ElaboratedModel& model) {
  for (const Slot& slot : session.unit().parameters.slots) {
    const std::byte* at = session.parameters().data() + slot.offset;
    learned_[slot.name].assign(at, at + element_count(slot.type.shape) * size_bytes(slot.type.element));
  }
  for (const WeightSlot& slot : model_slots(session.unit(), model)) shipped_[slot.name] = slot.type;
}

// The weights that ship: those of the models trained so far, not of the blocks.
Status Training::save(const std::string& path, const ElaboratedModel& model) const {
  std::vector<Array> arrays;
  for (const auto& [name, type] : shipped_) {
    arrays.push_back(
        {name, type.element, type.shape, learned_.at(name), nullptr, fmt::format("array '{}'", name), false});
  }
  return write_safetensors(path, std::move(arrays), {{"model", model.name}});
}

std::vector<Array> with_prefix(std::vector<Array> arrays, const std::string& prefix) {
  for (Array& array : arrays) array.name = prefix + array.name;
  return arrays;
}

std::vector<Identity> Training::identity(const ElaboratedStage& stage) const {
  return {{"stage", stage.name, "choose it with --stage"},
          {"seed", std::to_string(options_.seed), "resume with the same --seed"},
          {"batch", std::to_string(stage.batch), "resume with the same --batch"},
          {"examples", std::to_string(training_examples_->size()), "resume with the same --data and --hold-out"}};
}

Status Training::save_checkpoint(Session& session, const ElaboratedStage& stage, std::int64_t epoch) {
  std::vector<Array> arrays =
      with_prefix(weights_as_arrays(weight_slots(session.unit().parameters), session.parameters()), "parameters/");
  for (Array& array : with_prefix(weights_as_arrays(weight_slots(session.unit().state), session.state()), "state/")) {
    arrays.push_back(std::move(array));
  }
  std::map<std::string, std::string> metadata = {{"epoch", std::to_string(epoch)}};
  for (const Identity& one : identity(stage)) metadata[one.key] = one.value;
  return write_safetensors(options_.checkpoint, std::move(arrays), metadata);
}

Status Training::load_checkpoint(Session& session, const ElaboratedStage& stage, std::int64_t& complete) {
  Result<Safetensors> file = read_safetensors(options_.checkpoint);
  if (!file) return file.failure();
  const auto metadata = [&](const char* key) {
    const std::map<std::string, std::string>::const_iterator found = file->metadata.find(key);
    return found == file->metadata.end() ? std::string() : found->second;
  };
  for (const Identity& one : identity(stage)) {
    const std::string then = metadata(one.key);
    if (then.empty()) {
      return Failure{
          fmt::format("{}: its metadata names no {}: it is no checkpoint of nnc", options_.checkpoint, one.key)};
    }
    if (then != one.value) {
      return Failure{fmt::format("{}: a checkpoint of {} {}, not {}; {}", options_.checkpoint, one.key, then, one.value,
                                 one.advice)};
    }
  }
  const std::string epoch = metadata("epoch");
  if (epoch.empty() || epoch.find_first_not_of("0123456789") != std::string::npos || epoch.size() > 9) {
    return Failure{fmt::format("{}: its metadata names no epoch: it is no checkpoint of nnc", options_.checkpoint)};
  }
  complete = std::stoll(epoch);
  const auto load = [&](const StructLayout& layout, const std::string& prefix, std::span<std::byte> to) -> Status {
    std::vector<WeightSlot> slots = weight_slots(layout);
    for (WeightSlot& slot : slots) slot.name = prefix + slot.name;
    return load_weights(file->tensors, slots, to, options_.checkpoint);
  };
  Status status = load(session.unit().parameters, "parameters/", session.parameters());
  if (!status) return status;
  return load(session.unit().state, "state/", session.state());
}

Status Training::log(const ElaboratedStage& stage, const EpochResult& result) {
  if (!log_.is_open()) return Done{};
  nlohmann::ordered_json line;
  line["stage"] = stage.name;
  line["epoch"] = result.epoch + 1;
  line["loss"] = result.loss;
  for (const std::pair<const std::string, double>& metric : result.metrics) line[metric.first] = metric.second;
  line["seconds"] = result.seconds;
  log_ << line.dump() << "\n" << std::flush;
  if (!log_) return Failure{fmt::format("cannot write '{}'", options_.json)};
  return Done{};
}

void Training::report(const ElaboratedStage& stage, const EpochResult& result) const {
  if (options_.quiet) return;
  std::string line =
      fmt::format("{}: epoch {}/{}  loss {:.5f}", stage.name, result.epoch + 1, stage.epochs, result.loss);
  for (const std::pair<const std::string, double>& metric : result.metrics) {
    line += fmt::format("  {} {:.4f}", metric.first, metric.second);
  }
  fmt::print("{}  {:.2f} s\n", line, result.seconds);
  std::fflush(stdout);
}

int Training::run_stage(const ElaboratedProgram& program, std::size_t index) {
  const ElaboratedStage& stage = program.stages[index];
  const ElaboratedModel& model = program.models[stage.model];
  Diagnostics diagnostics;
  std::unique_ptr<Unit> unit = compile_stage(program, index, options_.compile, diagnostics);
  if (show(diagnostics, sources_) != kSuccess || unit == nullptr) return kBadInput;
  unit->source_name = options_.model_path.substr(options_.model_path.find_last_of('/') + 1);
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(unit), sources_, error);
  if (session == nullptr) throw InternalError("the emitted code does not compile: " + error);
  const int loaded = load_data(stage, *session->function("step"), session->function("evaluate"));
  if (loaded != kSuccess) return loaded;

  TrainingRun training(*session, stage.batch, options_.seed);
  training.initialise();
  Status status = start_weights(*session, program, model);
  if (!status) return fail(status.error());
  std::int64_t complete = 0;
  if (options_.resume) {
    status = load_checkpoint(*session, stage, complete);
    if (!status) return fail(status.error());
  }
  for (std::int64_t epoch = complete; epoch < stage.epochs && interrupted == 0; ++epoch) {
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    Progress progress(options_.quiet);
    float last_loss = 0;
    EpochResult result;
    result.epoch = epoch;
    result.loss =
        training.run_epoch(*data_, *training_examples_, epoch, [&](std::int64_t done, std::int64_t total, float loss) {
          last_loss = loss;
          progress.show(fmt::format("{}: epoch {}/{}  step {}/{}  loss {:.5f}", stage.name, epoch + 1, stage.epochs,
                                    done, total, loss));
          return std::isfinite(loss) && interrupted == 0;
        });
    progress.clear();
    if (!std::isfinite(last_loss)) {
      return fail(fmt::format("the loss is {} in epoch {}: {}. A smaller learning rate or clip_norm may help",
                              last_loss, epoch + 1, training.find_non_finite(sources_)));
    }
    if (interrupted != 0) break;
    if (test_) result.metrics = training.evaluate(*test_, *test_examples_);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report(stage, result);
    status = log(stage, result);
    if (!status) return fail(status.error());
    if (!options_.checkpoint.empty()) {
      status = save_checkpoint(*session, stage, epoch + 1);
      if (!status) return fail(status.error());
    }
  }
  keep_learned(*session, model);
  if (!options_.output.empty()) {
    status = save(options_.output, model);
    if (!status) return fail(status.error());
  }
  if (interrupted != 0) {
    fmt::print(stderr, "nnc: interrupted{}\n",
               options_.output.empty() ? "" : "; what was learned so far is in '" + options_.output + "'");
  }
  return kSuccess;
}

}  // namespace

int train(const TrainOptions& options) { return Training(options).run(); }

}  // namespace nnc
