#include "compiler/commands/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"
#include "compiler/passes/rewrite.h"

namespace nnc {

namespace {

// So many steps apart parameters and state are copied: often enough that going back is quick, seldom enough that the
// copies cost nothing beside the steps.
constexpr std::int64_t kKeptSteps = 64;

}  // namespace

std::vector<WantedInput> wanted_inputs(const Graph& graph, std::int64_t batch) {
  std::vector<WantedInput> wanted;
  for (const Value* input : graph.inputs) {
    const Attributes& attributes = input->producer->attributes;
    // What has no elements needs no file.
    if (is_added_by_nnc(attributes.text("name")) || element_count(input->type.shape) == 0) continue;
    Type type = input->type;
    if (batch > 0 && attributes.flag("per_example")) type.shape.erase(type.shape.begin());
    wanted.push_back({attributes.text("name"), type, attributes.integer("classes")});
  }
  return wanted;
}

TrainingRun::TrainingRun(Session& session, std::int64_t batch, std::uint64_t seed, Order order)
    : session_(session),
      batch_(batch),
      seed_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      order_(order) {
  step_ = make_inputs(session.function("step")->graph);
}

TrainingRun::Inputs TrainingRun::make_inputs(const Graph& graph) {
  Inputs inputs;
  for (const Value* input : graph.inputs) {
    const std::string& name = input->producer->attributes.text("name");
    if (name == kSeedName) {
      inputs.pointers.push_back(seed_);
    } else if (name == kEpochName) {
      inputs.pointers.push_back(&epoch_);
    } else {
      const std::int64_t bytes = element_count(input->type.shape) * size_bytes(input->type.element);
      inputs.memory.emplace_back(static_cast<std::size_t>(bytes));
      inputs.pointers.push_back(inputs.memory.back().data());
      (name == kExampleName ? inputs.example : inputs.data.emplace_back()) = inputs.memory.back().data();
    }
  }
  return inputs;
}

void TrainingRun::initialise() {
  const Inputs inputs = make_inputs(session_.function("init")->graph);
  session_.call("init", inputs.pointers, {});
}

void TrainingRun::run_epoch(const DataSet& data, const Examples& examples, EpochPlace& place,
                            const std::function<bool(float)>& between) {
  epoch_ = static_cast<float>(place.epoch);
  const std::uint64_t seed = static_cast<std::uint64_t>(seed_[1]) << 32 | seed_[0];
  const Permutation order = epoch_order(examples.size(), seed, static_cast<std::uint64_t>(place.epoch));
  const auto take_step = [&](std::int64_t step) {
    begin_step(data, examples, order, step);
    float loss = 0;
    void* outputs[] = {&loss};
    session_.call("step", step_.pointers, outputs);
    return loss;
  };
  const std::int64_t total = steps(examples);
  std::int64_t kept = place.step;
  for (bool goes_on = true; goes_on && place.step < total;) {
    if (place.step == kept || place.step - kept == kKeptSteps) {
      kept = place.step;
      kept_parameters_.assign(session_.parameters().begin(), session_.parameters().end());
      kept_state_.assign(session_.state().begin(), session_.state().end());
    }
    const float loss = take_step(place.step);
    if (!std::isfinite(loss)) {
      // Steps repeat themselves to the bit: from what was kept they lead to where this one began.
      std::copy(kept_parameters_.begin(), kept_parameters_.end(), session_.parameters().begin());
      std::copy(kept_state_.begin(), kept_state_.end(), session_.state().begin());
      for (std::int64_t again = kept; again < place.step; ++again) take_step(again);
      begin_step(data, examples, order, place.step);
    }
    ++place.step;
    place.loss_sum += static_cast<double>(loss);
    goes_on = between(loss);
  }
}

void TrainingRun::begin_step(const DataSet& data, const Examples& examples, const Permutation& order,
                             std::int64_t step) {
  chosen_.resize(static_cast<std::size_t>(batch_));
  for (std::int64_t row = 0; row < batch_; ++row) {
    const std::uint64_t place = order_ == Order::Carried ? static_cast<std::uint64_t>(row * steps(examples) + step)
                                                         : order(static_cast<std::uint64_t>(step * batch_ + row));
    const std::uint64_t example = examples[place];
    chosen_[static_cast<std::size_t>(row)] = example;
    const std::uint32_t index = static_cast<std::uint32_t>(example);
    if (step_.example != nullptr) std::memcpy(step_.example + row * 4, &index, sizeof(index));
  }
  data.fill(chosen_, step_.data);
  const bool begins_anew = order_ == Order::Independent || step == 0;
  if (begins_anew && session_.function("reset") != nullptr) session_.call("reset", {}, {});
}

std::map<std::string, double> TrainingRun::evaluate(const DataSet& data, const Examples& examples) {
  std::map<std::string, double> sums;
  const UnitFunction* function = session_.function("evaluate");
  if (function == nullptr || examples.size() == 0) return sums;
  Inputs inputs = make_inputs(function->graph);
  const std::vector<const Output*> outputs = caller_outputs(function->graph);
  std::vector<std::vector<float>> results(outputs.size(), std::vector<float>(static_cast<std::size_t>(batch_)));
  std::vector<void*> pointers;
  for (std::vector<float>& result : results) pointers.push_back(result.data());
  std::vector<std::uint64_t> chosen(static_cast<std::size_t>(batch_));
  for (std::uint64_t at = 0; at < examples.size(); at += static_cast<std::uint64_t>(batch_)) {
    const std::uint64_t count = std::min<std::uint64_t>(examples.size() - at, static_cast<std::uint64_t>(batch_));
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(batch_); ++i) {
      const std::uint64_t example = examples[at + std::min(i, count - 1)];
      chosen[i] = example;
      const std::uint32_t index = static_cast<std::uint32_t>(example);
      if (inputs.example != nullptr) std::memcpy(inputs.example + i * 4, &index, sizeof(index));
    }
    data.fill(chosen, inputs.data);
    session_.call("evaluate", inputs.pointers, pointers);
    for (std::size_t output = 0; output < outputs.size(); ++output) {
      // A metric that depends on no example is one number.
      const bool is_shared = outputs[output]->value->type.shape.empty();
      for (std::uint64_t i = 0; i < count; ++i) {
        sums[outputs[output]->name] += static_cast<double>(results[output][is_shared ? 0 : i]);
      }
    }
  }
  for (std::pair<const std::string, double>& sum : sums) sum.second /= static_cast<double>(examples.size());
  return sums;
}

namespace {

Tensor tensor_at(const Type& type, const std::byte* bytes) {
  Tensor tensor = Tensor::zeros(type);
  const std::size_t size = static_cast<std::size_t>(size_bytes(type.element));
  for (std::int64_t i = 0; i < element_count(type.shape); ++i) {
    const double value = read_element(type.element, bytes + static_cast<std::size_t>(i) * size);
    if (tensor.data.index() == 0) {
      tensor.floats()[static_cast<std::size_t>(i)] = value;
    } else {
      tensor.integers()[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(value);
    }
  }
  return tensor;
}

// The first element that is not finite; the number of elements if all are.
std::size_t first_non_finite(const Tensor& tensor) {
  if (tensor.data.index() == 1) return static_cast<std::size_t>(element_count(tensor.type.shape));
  const std::vector<double>& values = tensor.floats();
  return static_cast<std::size_t>(
      std::find_if_not(values.begin(), values.end(), [](double value) { return std::isfinite(value); }) -
      values.begin());
}

bool is_finite(const Tensor& tensor) {
  return first_non_finite(tensor) == static_cast<std::size_t>(element_count(tensor.type.shape));
}

Tensor row_of(const Tensor& tensor, std::int64_t index) {
  Type type = tensor.type;
  type.shape.erase(type.shape.begin());
  Tensor row = Tensor::zeros(type);
  const std::ptrdiff_t count = element_count(type.shape);
  const auto copy = [&](const auto& from, auto& to) { std::copy_n(from.begin() + index * count, count, to.begin()); };
  if (is_float(type.element)) {
    copy(tensor.floats(), row.floats());
  } else {
    copy(tensor.integers(), row.integers());
  }
  return row;
}

const Op* first_non_finite_op(const Graph& graph, const Evaluation& evaluation, const EvaluateOptions& options);

// The same in the body of a loop, turn by turn; the loop itself if the body shows none.
const Op* first_in_loop(const Op& loop, const Evaluation& outside, const EvaluateOptions& options) {
  const ScanView view(loop);
  std::vector<Tensor> carries;
  for (std::size_t i = 0; i < view.carries; ++i) carries.push_back(outside.values.at(loop.inputs[i]));
  for (std::int64_t turn = 0; turn < view.length; ++turn) {
    const std::int64_t place = view.reverse ? view.length - 1 - turn : turn;
    std::map<std::string, Tensor> inputs;
    for (std::size_t i = 0; i < view.body.inputs.size(); ++i) {
      const bool is_sequence = i >= view.carries && i < view.carries + view.sequences;
      const Tensor& given = i < view.carries ? carries[i] : outside.values.at(loop.inputs[i]);
      inputs[view.body.inputs[i]->producer->attributes.text("name")] = is_sequence ? row_of(given, place) : given;
    }
    const Evaluation inside = evaluate(view.body, inputs, {}, options);
    if (const Op* found = first_non_finite_op(view.body, inside, options)) return found;
    for (std::size_t i = 0; i < view.carries; ++i) carries[i] = inside.outputs.at(view.body.outputs[i].name);
  }
  return &loop;
}

// The first operation, in the order of the graph, that made a number that is not finite; null if there is none.
const Op* first_non_finite_op(const Graph& graph, const Evaluation& evaluation, const EvaluateOptions& options) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    // Infinity as a constant is a mask; what computes with it is looked at.
    if (op->inputs.empty() || op->def->name == "broadcast") continue;
    const bool is_good = std::all_of(op->results.begin(), op->results.end(), [&](const std::unique_ptr<Value>& result) {
      return is_finite(evaluation.values.at(result.get()));
    });
    if (!is_good) return op->def->name == "scan" ? first_in_loop(*op, evaluation, options) : op.get();
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> non_finite_parameters(Session& session) {
  std::vector<std::string> names;
  for (const Slot& slot : session.unit().parameters.slots) {
    if (!is_finite(tensor_at(slot.type, session.parameters().data() + slot.offset))) names.push_back(slot.name);
  }
  return names;
}

TrainingRun::NonFinite TrainingRun::find_non_finite(const SourceManager& sources) {
  const Graph& graph = session_.function("step")->graph;
  std::map<std::string, Tensor> inputs, states;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Value* input = graph.inputs[i];
    inputs[input->producer->attributes.text("name")] =
        tensor_at(input->type, static_cast<const std::byte*>(step_.pointers[i]));
  }
  const Unit& unit = session_.unit();
  const auto add = [&](const StructLayout& layout, std::span<const std::byte> bytes) {
    for (const Slot& slot : layout.slots) states[slot.name] = tensor_at(slot.type, bytes.data() + slot.offset);
  };
  add(unit.parameters, session_.parameters());
  add(unit.state, session_.state());
  for (const std::pair<const std::string, Tensor>& state : states) {
    if (!is_finite(state.second)) return {fmt::format("'{}' is not finite already before the step", state.first)};
  }
  for (const std::pair<const std::string, Tensor>& input : inputs) {
    if (is_finite(input.second)) continue;
    const std::size_t row_size = input.second.floats().size() / static_cast<std::size_t>(batch_);
    return {fmt::format("the data of '{}' hold a number that is not finite, in example {}", input.first,
                        chosen_[first_non_finite(input.second) / row_size]),
            true};
  }
  EvaluateOptions options;
  options.keep_values = true;
  options.round_to_type = true;
  const Evaluation evaluation = nnc::evaluate(graph, inputs, states, options);
  if (const Op* op = first_non_finite_op(graph, evaluation, options)) {
    const std::string place = sources.short_place(op->origin.span);
    return {fmt::format("first in {} ({}{})",
                        op->origin.layer.empty() ? "'" + op->def->name + "'" : "layer '" + op->origin.layer + "'",
                        op->def->name, place.empty() ? "" : ", " + place)};
  }
  return {"no single operation overflows in the evaluator's arithmetic"};
}

}  // namespace nnc
