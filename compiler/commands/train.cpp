#include "compiler/commands/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/commands/activations.h"
#include "compiler/commands/checkpoint.h"
#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
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

// "nan" whatever its sign.
std::string number_text(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

// Of a loss five digits behind the point, or with an exponent where they would tell nothing.
std::string loss_text(double loss) {
  const double size = std::abs(loss);
  const bool is_plain = size == 0 || (size >= 1e-3 && size < 1e6) || !std::isfinite(loss);
  return is_plain ? fmt::format("{:.5f}", loss) : fmt::format("{:.5e}", loss);
}

// --monitor looks at so many of the examples that are trained on, drawn by the seed.
constexpr std::uint64_t kMonitored = 1000;

// What a stage trains on and is measured by.
struct StageData {
  std::optional<DataSet> training, test, monitored;
  std::optional<Examples> training_examples, test_examples, monitored_examples;
};

// Whether the model declares the parameter, be it one that its outputs do not need, like a machine's visible biases.
bool declares(const ElaboratedModel& model, const std::string& path) {
  const std::vector<Output>& all = model.init.outputs;
  return std::any_of(all.begin(), all.end(), [&](const Output& output) { return output.name == path; });
}

// The parameters of the model among those of the unit, which has the block's besides.
std::vector<WeightSlot> model_slots(const Unit& unit, const ElaboratedModel& model) {
  std::vector<WeightSlot> slots;
  for (const WeightSlot& slot : weight_slots(unit.parameters)) {
    if (declares(model, slot.name)) slots.push_back(slot);
  }
  return slots;
}

class Training {
 public:
  explicit Training(const TrainOptions& options) : options_(options) {}
  int run();

 private:
  Status choose_stages();
  Status check_metrics(const ElaboratedStage& stage) const;
  Status load_data();
  Result<StageData> stage_data(const ElaboratedStage& stage, const std::vector<Array>& arrays,
                               const std::vector<Array>& test_arrays) const;
  // How many of the chosen stages are complete in the checkpoint: what they have learned is taken from it.
  Result<std::size_t> resume();
  int run_stage(std::size_t index, const StageData& data);
  // The epochs that are left. What is said of an error is printed: the exit status.
  int run_epochs(Session& session, const ElaboratedStage& stage, const StageData& data, Position& position, Best& best);
  int check_finite(Session& session, TrainingRun& training, const EpochPlace& place, float last_loss);
  bool is_over(const ElaboratedStage& stage, const EpochPlace& place, const Best& best) const;
  void choose_best(Session& session, const EpochResult& result, Best& best) const;
  Status start_weights(Session& session, const ElaboratedModel& model);
  void keep_learned(Session& session, const ElaboratedModel& model);
  Status save(const std::string& path, const ElaboratedModel& model) const;
  std::vector<Identity> identity(const ElaboratedStage& stage, const StageData& data) const;
  Status monitor(Session& session, const StageData& data, std::vector<Activation>& activations);
  Status log(const ElaboratedStage& stage, const EpochResult& result, const std::vector<Activation>& activations);
  void report(const ElaboratedStage& stage, const EpochResult& result) const;
  const std::string& chosen_metric() const { return options_.maximum.empty() ? options_.minimum : options_.maximum; }

  TrainOptions options_;
  SourceManager sources_;
  std::optional<ElaboratedProgram> program_;
  std::vector<std::size_t> stages_;         // those that run
  std::vector<StageData> data_;             // of each
  LearnedValues learned_;                   // by the stages so far, by path
  std::set<std::string> shipped_;           // those of learned_ that belong to a model
  std::optional<Checkpoint> checkpoint_;    // --resume: of the stage that runs first
  std::unique_ptr<ActivationProbe> probe_;  // --monitor: of the stage that runs
  std::ofstream log_;
};

int Training::run() {
  std::vector<std::string> read = options_.data;
  read.insert(read.end(), options_.test.begin(), options_.test.end());
  read.push_back(options_.model_path);
  read.push_back(options_.weights.path);
  Status possible = check_outputs({options_.output, options_.checkpoint, options_.json, options_.held_out}, read);
  if (possible) possible = check_runs_here(options_.compile.target);
  if (!possible) return fail(possible.error());
  if (options_.output.empty() && options_.checkpoint.empty()) {
    fmt::print(stderr, "nnc: note: the weights will not be kept; -o FILE.safetensors keeps them\n");
  }
  Diagnostics diagnostics;
  program_ = load_program(options_.model_path, sources_, diagnostics, options_.compile.elaborate);
  if (show(diagnostics, sources_) != kSuccess || !program_) return kBadInput;
  possible = choose_stages();
  if (possible) possible = load_data();
  if (!possible) return fail(possible.error());
  std::size_t first = 0;
  if (options_.resume) {
    const Result<std::size_t> complete = resume();
    if (!complete) return fail(complete.error());
    first = *complete;
  }
  if (!options_.json.empty()) {
    log_.open(options_.json, options_.resume ? std::ios::app : std::ios::trunc);
    if (!log_) return fail(fmt::format("cannot write '{}'", options_.json));
  }
  const InterruptGuard guard;
  for (std::size_t i = first; i < stages_.size(); ++i) {
    const int status = run_stage(stages_[i], data_[i]);
    checkpoint_.reset();
    if (status != kSuccess || interrupted != 0) return status;
  }
  return kSuccess;
}

Status Training::choose_stages() {
  if (program_->stages.empty()) {
    return Failure{fmt::format("'{}' has no `train` block: there is nothing to train", options_.model_path)};
  }
  const std::string& model = options_.compile.model;
  Result<std::vector<std::size_t>> chosen = nnc::choose_stages(*program_, model, options_.compile.stage);
  if (!chosen) return chosen.failure();
  stages_ = std::move(*chosen);
  if (stages_.empty()) return Failure{fmt::format("no `train` block trains the model '{}'", model)};
  std::vector<std::size_t> models;
  for (const std::size_t stage : stages_) models.push_back(program_->stages[stage].model);
  for (const std::size_t stage : stages_) {
    const Status known = check_metrics(program_->stages[stage]);
    if (!known) return known;
  }
  return check_one_file_serves(*program_, models);
}

// That the stage has the metric by which the best epoch is chosen, and data for it.
Status Training::check_metrics(const ElaboratedStage& stage) const {
  const std::string& wanted = chosen_metric();
  if (wanted.empty()) return Done{};
  const char* const option = options_.maximum.empty() ? "--minimum" : "--maximum";
  if (!options_.hold_out && options_.test.empty()) {
    return Failure{
        fmt::format("{} needs examples that are not trained on: --hold-out FRACTION or --test DATA", option)};
  }
  std::vector<std::string> names;
  for (const Output& output : stage.evaluate.outputs) names.push_back(output.name);
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return Done{};
  const std::string near = nearest(wanted, names);
  return Failure{fmt::format("{}: `train {}` has no metric '{}'{}", option, stage.name, wanted,
                             !near.empty()   ? fmt::format("; did you mean '{}'?", near)
                             : names.empty() ? "; a line `metric …` gives it one"
                                             : fmt::format("; it has {}", fmt::join(names, ", ")))};
}

Status Training::load_data() {
  const Result<std::vector<Array>> arrays = load_arrays(options_.data);
  if (!arrays) return arrays.failure();
  const Result<std::vector<Array>> test = load_arrays(options_.test);
  if (!test) return test.failure();
  for (const std::size_t stage : stages_) {
    Result<StageData> data = stage_data(program_->stages[stage], *arrays, *test);
    if (!data) return data.failure();
    data_.push_back(std::move(*data));
  }
  return Done{};
}

Result<StageData> Training::stage_data(const ElaboratedStage& stage, const std::vector<Array>& arrays,
                                       const std::vector<Array>& test_arrays) const {
  StageData result;
  // A step that does not use an input (a dead one) still takes it; the metrics may want others.
  Result<DataSet> data = DataSet::bind(arrays, wanted_inputs(stage.step, 0));
  if (!data) return data.failure();
  result.training = std::move(*data);
  const std::uint64_t size = result.training->size();
  result.training_examples = Examples(size);
  const bool has_metrics = !stage.evaluate.outputs.empty();
  if (has_metrics && (!options_.test.empty() || options_.hold_out)) {
    data = DataSet::bind(options_.test.empty() ? arrays : test_arrays, wanted_inputs(stage.evaluate, 0));
    if (!data) return data.failure();
    result.test = std::move(*data);
    result.test_examples = Examples(result.test->size());
  }
  if (options_.hold_out) {
    const Result<Division> division = hold_out(size, *options_.hold_out, options_.seed);
    if (!division) return division.failure();
    result.training_examples = division->training;
    if (result.test && options_.test.empty()) result.test_examples = division->held_out;
    if (!options_.held_out.empty()) {
      std::string list;
      for (std::uint64_t i = 0; i < division->held_out.size(); ++i) {
        list += std::to_string(division->held_out[i]) + "\n";
      }
      const Status status = write_file(options_.held_out, list);
      if (!status) return status.failure();
    }
  }
  if (options_.monitor) {
    data = DataSet::bind(arrays, wanted_inputs(program_->models[stage.model].forward, 0));
    if (!data) return data.failure();
    result.monitored = std::move(*data);
    const Examples shuffled(epoch_order(size, options_.seed, 0), 0, size);
    result.monitored_examples = (options_.hold_out ? *result.training_examples : shuffled).first(kMonitored);
  }
  if (result.training_examples->size() < static_cast<std::uint64_t>(stage.batch)) {
    return Failure{fmt::format("{} examples are fewer than one batch of {}; use --batch",
                               result.training_examples->size(), stage.batch)};
  }
  return result;
}

Result<std::size_t> Training::resume() {
  Result<Checkpoint> read = Checkpoint::read(options_.checkpoint);
  if (!read) return read.failure();
  checkpoint_ = std::move(*read);
  const std::string& name = checkpoint_->position().stage;
  std::size_t complete = 0;
  std::vector<std::string> names;
  for (const std::size_t stage : stages_) names.push_back(program_->stages[stage].name);
  while (complete < names.size() && names[complete] != name) ++complete;
  if (complete == names.size()) {
    return Failure{fmt::format("{}: a checkpoint of stage '{}', but what trains here is {}; choose it with --stage",
                               options_.checkpoint, name, fmt::join(names, ", "))};
  }
  learned_ = checkpoint_->learned();
  for (std::size_t i = 0; i < complete; ++i) {
    const ElaboratedModel& model = program_->models[program_->stages[stages_[i]].model];
    for (const Slot& slot : parameter_layout(model.forward).slots) {
      const LearnedValues::const_iterator value = learned_.find(slot.name);
      if (value == learned_.end() || value->second.type != slot.type) {
        return Failure{fmt::format("{}: lacks what `train {}` has learned of '{}' ({})", options_.checkpoint, names[i],
                                   slot.name, to_string(slot.type))};
      }
    }
    for (const auto& [path, value] : learned_) {
      if (declares(model, path)) shipped_.insert(path);
    }
  }
  return complete;
}

// From the file of --weights; then what earlier stages of this run have learned.
Status Training::start_weights(Session& session, const ElaboratedModel& model) {
  if (!options_.weights.path.empty()) {
    const Status read =
        read_weights(options_.weights, *program_, model_slots(session.unit(), model), session.parameters());
    if (!read) return read;
  }
  for (const Slot& slot : session.unit().parameters.slots) {
    const LearnedValues::const_iterator known = learned_.find(slot.name);
    if (known == learned_.end()) continue;
    if (known->second.type != slot.type) {
      return Failure{fmt::format("'{}' is {} in `train {}`, but the stages before have it as {}", slot.name,
                                 to_string(slot.type), model.name, to_string(known->second.type))};
    }
    std::memcpy(session.parameters().data() + slot.offset, known->second.bytes.data(), known->second.bytes.size());
  }
  return Done{};
}

void Training::keep_learned(Session& session, const ElaboratedModel& model) {
  for (const Slot& slot : session.unit().parameters.slots) {
    const std::byte* at = session.parameters().data() + slot.offset;
    learned_[slot.name] = {slot.type, {at, at + element_count(slot.type.shape) * size_bytes(slot.type.element)}};
  }
  for (const WeightSlot& slot : model_slots(session.unit(), model)) shipped_.insert(slot.name);
}

// The weights that ship: those of the models trained so far, not of the blocks.
Status Training::save(const std::string& path, const ElaboratedModel& model) const {
  std::vector<Array> arrays;
  for (const std::string& name : shipped_) {
    const Learned& value = learned_.at(name);
    arrays.push_back(
        {name, value.type.element, value.type.shape, value.bytes, nullptr, fmt::format("array '{}'", name), false});
  }
  return write_safetensors(path, std::move(arrays), {{"model", model.name}});
}

std::vector<Identity> Training::identity(const ElaboratedStage& stage, const StageData& data) const {
  std::string best = "none";
  if (!options_.maximum.empty()) best = "maximum " + options_.maximum;
  if (!options_.minimum.empty()) best = "minimum " + options_.minimum;
  return {{"seed", std::to_string(options_.seed), "resume with the same --seed"},
          {"batch", std::to_string(stage.batch), "resume with the same --batch"},
          {"examples", std::to_string(data.training_examples->size()), "resume with the same --data and --hold-out"},
          {"data", fmt::format("{:016x}", data.training->fingerprint()), "resume with the same --data"},
          {"order", options_.order == Order::Carried ? "carried" : "independent", "resume with the same --carry"},
          {"best", best, "resume with the same --maximum or --minimum"}};
}

// What the calls of the model give with the parameters that the session has now; shown, and kept for the log.
Status Training::monitor(Session& session, const StageData& data, std::vector<Activation>& activations) {
  if (probe_ == nullptr) return Done{};
  for (const Slot& slot : probe_->session().unit().parameters.slots) {
    for (const Slot& trained : session.unit().parameters.slots) {
      if (trained.name != slot.name) continue;
      std::memcpy(probe_->session().parameters().data() + slot.offset, session.parameters().data() + trained.offset,
                  static_cast<std::size_t>(element_count(slot.type.shape) * size_bytes(slot.type.element)));
    }
  }
  Progress progress(options_.quiet);
  Result<std::vector<Activation>> measured =
      probe_->measure(*data.monitored, *data.monitored_examples, options_.seed, progress);
  if (!measured) return measured.failure();
  progress.clear();
  activations = std::move(*measured);
  if (!options_.quiet) fmt::print("{}", activations_text(activations, true));
  std::fflush(stdout);
  return Done{};
}

Status Training::log(const ElaboratedStage& stage, const EpochResult& result,
                     const std::vector<Activation>& activations) {
  if (!log_.is_open()) return Done{};
  nlohmann::ordered_json line;
  line["stage"] = stage.name;
  line["epoch"] = result.epoch + 1;
  line["loss"] = result.loss;
  if (!result.metrics.empty()) line["metrics"] = result.metrics;
  line["seconds"] = result.seconds;
  if (!activations.empty()) line["activations"] = activations_json(activations);
  log_ << line.dump() << "\n" << std::flush;
  if (!log_) return Failure{fmt::format("cannot write '{}'", options_.json)};
  return Done{};
}

void Training::report(const ElaboratedStage& stage, const EpochResult& result) const {
  if (options_.quiet) return;
  std::string line =
      fmt::format("{}: epoch {}/{}  loss {}", stage.name, result.epoch + 1, stage.epochs, loss_text(result.loss));
  for (const std::pair<const std::string, double>& metric : result.metrics) {
    line +=
        fmt::format("  {} {}", metric.first, std::isnan(metric.second) ? "nan" : fmt::format("{:.4f}", metric.second));
  }
  fmt::print("{}  {:.2f} s\n", line, result.seconds);
  std::fflush(stdout);
}

// A stage ends after its epochs, when it is interrupted, or when --patience is.
bool Training::is_over(const ElaboratedStage& stage, const EpochPlace& place, const Best& best) const {
  const bool is_impatient = options_.patience && place.step == 0 && place.epoch - 1 - best.epoch >= *options_.patience;
  return place.epoch >= stage.epochs || interrupted != 0 || is_impatient;
}

void Training::choose_best(Session& session, const EpochResult& result, Best& best) const {
  if (chosen_metric().empty()) return;
  const double value = result.metrics.at(chosen_metric());
  const bool is_better = options_.maximum.empty() ? value < best.value : value > best.value;
  if (std::isnan(value) || (best.epoch >= 0 && !is_better)) return;
  best = {result.epoch, value, {session.parameters().begin(), session.parameters().end()}};
}

// After a step whose loss is not finite, and after an epoch: what is wrong, if anything is.
int Training::check_finite(Session& session, TrainingRun& training, const EpochPlace& place, float last_loss) {
  if (!std::isfinite(last_loss)) {
    const TrainingRun::NonFinite found = training.find_non_finite(sources_);
    return fail(fmt::format("the loss is {} in epoch {}: {}{}", number_text(static_cast<double>(last_loss)),
                            place.epoch + 1, found.text,
                            found.is_data ? "" : ". A smaller learning rate or clip_norm may help"));
  }
  const std::vector<std::string> names = non_finite_parameters(session);
  if (names.empty()) return kSuccess;
  return fail(
      fmt::format("after epoch {} these hold numbers that are not finite: {}. A smaller learning rate or "
                  "clip_norm may help",
                  place.epoch + 1, fmt::join(names, ", ")));
}

int Training::run_epochs(Session& session, const ElaboratedStage& stage, const StageData& data, Position& position,
                         Best& best) {
  TrainingRun training(session, stage.batch, options_.seed, options_.order);
  EpochPlace& place = position.place;
  const std::int64_t steps = training.steps(*data.training_examples);
  const auto save_position = [&]() -> Status {
    if (options_.checkpoint.empty()) return Done{};
    return write_checkpoint(options_.checkpoint, session, identity(stage, data), position, best, learned_);
  };
  while (!is_over(stage, place, best)) {
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    Progress progress(options_.quiet);
    float last_loss = 0;
    training.run_epoch(*data.training, *data.training_examples, place, [&](float loss) {
      last_loss = loss;
      progress.show(fmt::format("{}: epoch {}/{}  step {}/{}  loss {}", stage.name, place.epoch + 1, stage.epochs,
                                place.step, steps, loss_text(static_cast<double>(loss))));
      return std::isfinite(loss) && interrupted == 0;
    });
    progress.clear();
    const int finite = check_finite(session, training, place, last_loss);
    if (finite != kSuccess) return finite;
    if (place.step < steps) break;
    EpochResult result;
    result.epoch = place.epoch;
    result.loss = place.loss_sum / static_cast<double>(steps);
    if (data.test) result.metrics = training.evaluate(*data.test, *data.test_examples);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    choose_best(session, result, best);
    report(stage, result);
    std::vector<Activation> activations;
    Status status = monitor(session, data, activations);
    if (status) status = log(stage, result, activations);
    place = {place.epoch + 1, 0, 0};
    if (status) status = save_position();
    if (!status) return fail(status.error());
  }
  const Status status = place.step == 0 ? Done{} : save_position();
  return status ? kSuccess : fail(status.error());
}

int Training::run_stage(std::size_t index, const StageData& data) {
  const ElaboratedStage& stage = program_->stages[index];
  const ElaboratedModel& model = program_->models[stage.model];
  Diagnostics diagnostics;
  std::unique_ptr<Unit> unit = compile_stage(*program_, index, options_.compile, diagnostics);
  if (show(diagnostics, sources_) != kSuccess || unit == nullptr) return kBadInput;
  unit->source_name = options_.model_path.substr(options_.model_path.find_last_of('/') + 1);
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(unit), sources_, error);
  if (session == nullptr) throw InternalError("the emitted code does not compile: " + error);
  if (options_.monitor) {
    Result<std::unique_ptr<ActivationProbe>> probe =
        ActivationProbe::start(*program_, stage.model, options_.compile, sources_);
    if (!probe) return fail(probe.error());
    probe_ = std::move(*probe);
  }
  TrainingRun(*session, stage.batch, options_.seed, options_.order).initialise();
  Status status = start_weights(*session, model);
  if (!status) return fail(status.error());
  Position position{stage.name, {}};
  Best best;
  if (checkpoint_) {
    status = checkpoint_->check(identity(stage, data));
    if (status) status = checkpoint_->restore(*session, best);
    if (!status) return fail(status.error());
    position = checkpoint_->position();
  }
  if (!stage.evaluate.outputs.empty() && !data.test && !options_.quiet) {
    fmt::print(stderr, "nnc: note: {}: no metric is shown; --hold-out FRACTION or --test DATA gives examples for it\n",
               stage.name);
  }
  const int trained = run_epochs(*session, stage, data, position, best);
  if (trained != kSuccess) return trained;
  if (best.epoch >= 0) {
    std::copy(best.parameters.begin(), best.parameters.end(), session->parameters().begin());
    if (!options_.quiet) {
      fmt::print("{}: the best {}, {:.4f}, is that of epoch {}; its weights are kept\n", stage.name, chosen_metric(),
                 best.value, best.epoch + 1);
    }
  }
  keep_learned(*session, model);
  if (!options_.output.empty()) {
    status = save(options_.output, model);
    if (!status) return fail(status.error());
  }
  if (interrupted != 0) {
    fmt::print(stderr, "nnc: interrupted{}{}\n",
               options_.output.empty() ? "" : "; what was learned so far is in '" + options_.output + "'",
               options_.checkpoint.empty() ? "" : "; --resume goes on from '" + options_.checkpoint + "'");
  }
  return kSuccess;
}

}  // namespace

int train(const TrainOptions& options) { return Training(options).run(); }

}  // namespace nnc
