#include "compiler/commands/activations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/commands/console.h"
#include "compiler/commands/training_run.h"

namespace nnc {
namespace {

constexpr float kSaturatedSlope = 0.1f;
constexpr float kDeadSlope = 1e-6f;
constexpr std::size_t kParts = 48;

}  // namespace

Result<std::unique_ptr<ActivationProbe>> ActivationProbe::start(const ElaboratedProgram& program, std::size_t model,
                                                                const CompileOptions& options,
                                                                const SourceManager& sources) {
  Diagnostics diagnostics;
  std::vector<Probe> probes;
  std::unique_ptr<Unit> unit = compile_probes(program, model, options, diagnostics, probes);
  if (show(diagnostics, sources) != kSuccess || unit == nullptr) return Failure{"the model was not compiled"};
  if (probes.empty()) {
    return Failure{fmt::format("the model {} applies no layer and no function to its inputs: no activations to show",
                               program.models[model].name)};
  }
  std::unique_ptr<ActivationProbe> result(new ActivationProbe);
  std::string error;
  result->session_ = Session::start(std::move(unit), sources, error);
  if (result->session_ == nullptr) throw InternalError("the emitted code does not compile: " + error);
  const Graph& graph = result->session_->function("forward")->graph;
  result->batch_ = static_cast<std::uint64_t>(graph.find_output(value_name(0))->type.shape.at(0));
  for (const Probe& probe : probes) {
    Probed& probed = result->probed_.emplace_back();
    probed.probe = probe;
    const std::size_t units = static_cast<std::size_t>(element_count(probe.shape));
    probed.values.resize(units * result->batch_);
    if (probe.has_slope) probed.slopes.resize(units * result->batch_);
  }
  for (const Value* input : graph.inputs) {
    const std::int64_t bytes = element_count(input->type.shape) * size_bytes(input->type.element);
    result->inputs_.push_back({input->producer->attributes.text("name"), input->type, {}});
    result->inputs_.back().bytes.resize(static_cast<std::size_t>(bytes));
  }
  return result;
}

template <class Visit>
Status ActivationProbe::for_each_batch(const DataSet& data, const Examples& examples, std::uint64_t seed,
                                       Progress& progress, const Visit& visit) {
  const std::uint32_t key[] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  std::vector<const void*> inputs;
  std::vector<std::byte*> destinations;
  for (Input& input : inputs_) {
    const bool is_key = is_added_by_nnc(input.name);
    inputs.push_back(is_key ? static_cast<const void*>(key) : input.bytes.data());
    if (!is_key) destinations.push_back(input.bytes.data());
  }
  std::vector<void*> outputs;
  for (Probed& probed : probed_) {
    outputs.push_back(probed.values.data());
    if (probed.probe.has_slope) outputs.push_back(probed.slopes.data());
  }
  std::vector<std::uint64_t> chosen(batch_);
  for (std::uint64_t first = 0; first < examples.size(); first += batch_) {
    const std::uint64_t count = std::min(batch_, examples.size() - first);
    for (std::uint64_t row = 0; row < batch_; ++row) chosen[row] = examples[first + std::min(row, count - 1)];
    data.fill(chosen, destinations);
    const Status finite = check_finite(examples, first, count);
    if (!finite) return finite;
    session_->call("forward", inputs, outputs);
    visit(count);
    progress.show(fmt::format("activations: {}/{} examples", first + count, examples.size()));
  }
  return Done{};
}

Status ActivationProbe::check_finite(const Examples& examples, std::uint64_t first, std::uint64_t count) const {
  for (const Input& input : inputs_) {
    if (is_added_by_nnc(input.name) || !is_float(input.type.element)) continue;
    const std::size_t size = static_cast<std::size_t>(size_bytes(input.type.element));
    const std::size_t of_example = input.bytes.size() / batch_;
    for (std::size_t at = 0; at < of_example * count; at += size) {
      if (std::isfinite(read_element(input.type.element, input.bytes.data() + at))) continue;
      return Failure{fmt::format("the data of '{}' hold a number that is not finite, in example {}", input.name,
                                 examples[first + at / of_example])};
    }
  }
  return Done{};
}

void ActivationProbe::add_sums(Probed& probed, Activation& activation, std::uint64_t count) {
  const std::size_t units = static_cast<std::size_t>(element_count(probed.probe.shape));
  for (std::size_t i = 0; i < units * count; ++i) {
    const double value = static_cast<double>(probed.values[i]);
    if (!std::isfinite(value)) {
      ++activation.not_finite;
      continue;
    }
    ++activation.count;
    probed.sum += value;
    activation.minimum = std::min(activation.minimum, value);
    activation.maximum = std::max(activation.maximum, value);
  }
  if (!probed.probe.has_slope) return;
  for (std::size_t i = 0; i < units * count; ++i) {
    const float slope = std::abs(probed.slopes[i]);
    probed.flat += slope < kSaturatedSlope ? 1 : 0;
    // A slope that is no number is not known to be 0.
    float& steepest = probed.steepest[i % units];
    if (!(slope <= steepest)) steepest = slope;
  }
}

// Calls of the same function have one range, so that rows can be compared.
void ActivationProbe::share_ranges(std::vector<Activation>& activations) {
  std::map<std::string, std::pair<double, double>> ranges;
  for (const Activation& activation : activations) {
    if (activation.count == 0) continue;
    const auto [range, is_new] = ranges.emplace(activation.function, std::pair(activation.minimum, activation.maximum));
    range->second.first = std::min(range->second.first, activation.minimum);
    range->second.second = std::max(range->second.second, activation.maximum);
  }
  for (Activation& activation : activations) {
    const std::pair<double, double> range = ranges[activation.function];
    // All values are one: it lies in the middle.
    const double margin = range.first < range.second ? 0 : std::max(std::abs(range.first), 1.0) / 2;
    activation.low = range.first - margin;
    activation.high = range.second + margin;
    activation.histogram.assign(kParts, 0);
  }
}

Result<std::vector<Activation>> ActivationProbe::measure(const DataSet& data, const Examples& examples,
                                                         std::uint64_t seed, Progress& progress) {
  session_->prepare();
  std::vector<Activation> activations(probed_.size());
  for (std::size_t i = 0; i < probed_.size(); ++i) {
    Probed& probed = probed_[i];
    probed.sum = probed.squares = 0;
    probed.flat = 0;
    probed.steepest.assign(static_cast<std::size_t>(element_count(probed.probe.shape)), 0);
    activations[i].call = probed.probe.call;
    activations[i].function = probed.probe.function;
    activations[i].shape = probed.probe.shape;
    activations[i].minimum = std::numeric_limits<double>::infinity();
    activations[i].maximum = -activations[i].minimum;
  }
  Status status = for_each_batch(data, examples, seed, progress, [&](std::uint64_t count) {
    for (std::size_t i = 0; i < probed_.size(); ++i) add_sums(probed_[i], activations[i], count);
  });
  if (!status) return status.failure();
  for (std::size_t i = 0; i < probed_.size(); ++i) {
    Activation& activation = activations[i];
    if (activation.count == 0) {
      activation.minimum = activation.maximum = activation.mean = std::nan("");
    } else {
      activation.mean = probed_[i].sum / static_cast<double>(activation.count);
    }
    if (!probed_[i].probe.has_slope) continue;
    const std::vector<float>& steepest = probed_[i].steepest;
    const std::ptrdiff_t dead =
        std::count_if(steepest.begin(), steepest.end(), [](float slope) { return slope < kDeadSlope; });
    activation.saturated =
        static_cast<double>(probed_[i].flat) / static_cast<double>(activation.count + activation.not_finite);
    activation.dead = static_cast<double>(dead) / static_cast<double>(steepest.size());
  }
  share_ranges(activations);
  // The same values again: now the mean and the ranges are known.
  status = for_each_batch(data, examples, seed, progress, [&](std::uint64_t count) {
    for (std::size_t i = 0; i < probed_.size(); ++i) {
      Activation& activation = activations[i];
      const std::size_t elements = static_cast<std::size_t>(element_count(activation.shape)) * count;
      const double scale = static_cast<double>(kParts) / (activation.high - activation.low);
      for (std::size_t k = 0; k < elements; ++k) {
        const double value = static_cast<double>(probed_[i].values[k]);
        if (!std::isfinite(value)) continue;
        probed_[i].squares += (value - activation.mean) * (value - activation.mean);
        ++activation.histogram[std::min(static_cast<std::size_t>((value - activation.low) * scale), kParts - 1)];
      }
    }
  });
  if (!status) return status.failure();
  for (std::size_t i = 0; i < probed_.size(); ++i) {
    const double variance = probed_[i].squares / static_cast<double>(activations[i].count);
    activations[i].std = activations[i].count == 0 ? std::nan("") : std::sqrt(variance);
  }
  progress.clear();
  return activations;
}

namespace {

// A character for two parts of the histogram, its height relative to the highest: an empty one is blank.
std::string blocks(const std::vector<std::uint64_t>& histogram) {
  static constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> heights;
  for (std::size_t i = 0; i + 1 < histogram.size(); i += 2) {
    heights.push_back(static_cast<double>(histogram[i] + histogram[i + 1]));
  }
  const double highest = *std::max_element(heights.begin(), heights.end());
  std::string text;
  for (const double height : heights) {
    text += kBlocks[highest == 0 ? 0 : static_cast<std::size_t>(std::ceil(8 * height / highest))];
  }
  return text;
}

}  // namespace

std::string activations_text(const std::vector<Activation>& activations, bool has_header) {
  std::size_t width = 4;
  for (const Activation& activation : activations) width = std::max(width, activation.call.size());
  std::string text;
  if (has_header) {
    text = fmt::format("  {:<{}} {:>10} {:>10} {:>10} {:>8}\n", "call", width, "mean", "std", "saturated", "dead");
  }
  const auto percent = [](const std::optional<double>& share) {
    return share ? fmt::format("{:.1f} %", 100 * *share) : "";
  };
  for (const Activation& activation : activations) {
    text += fmt::format("  {:<{}} {:>10.3g} {:>10.3g} {:>10} {:>8} {:>9.3g} {} {:.3g}", activation.call, width,
                        activation.mean, activation.std, percent(activation.saturated), percent(activation.dead),
                        activation.low, blocks(activation.histogram), activation.high);
    if (activation.not_finite > 0) text += fmt::format("  {} numbers are not finite", activation.not_finite);
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json activations_json(const std::vector<Activation>& activations) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Activation& activation : activations) {
    nlohmann::ordered_json& row = rows.emplace_back();
    row["call"] = activation.call;
    row["function"] = activation.function;
    row["shape"] = activation.shape;
    row["mean"] = activation.mean;
    row["std"] = activation.std;
    row["minimum"] = activation.minimum;
    row["maximum"] = activation.maximum;
    if (activation.saturated) row["saturated"] = *activation.saturated;
    if (activation.dead) row["dead"] = *activation.dead;
    if (activation.not_finite > 0) row["not_finite"] = activation.not_finite;
    row["histogram"] = {{"low", activation.low}, {"high", activation.high}, {"counts", activation.histogram}};
  }
  return rows;
}

}  // namespace nnc
