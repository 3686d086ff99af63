#include "compiler/commands/self_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/commands/draws.h"
#include "compiler/commands/step_check.h"
#include "compiler/commands/unit_meaning.h"

namespace nnc {
namespace {

using Tensors = std::map<std::string, Tensor>;

constexpr int kCalls = 3;  // of what has state
constexpr std::uint64_t kSeeds = 16;
constexpr double kRoundingFactor = 64;
constexpr double kRelative = 1e-5;

// What the test's `Draws` gives.
Tensor drawn_tensor(Draws& draws, const Type& type, const Drawn& drawn) {
  Tensor tensor = Tensor::zeros(type);
  if (!is_float(type.element)) {
    if (drawn.range == 1 && drawn.low == 0) return tensor;
    for (std::int64_t& number : tensor.integers()) number = wrap_to(type.element, drawn.low + draws.below(drawn.range));
    return tensor;
  }
  if (drawn.scale == 0) return tensor;
  for (double& number : tensor.floats()) {
    const double offset = (static_cast<double>(draws.bits() >> 40) - 0x1p23) * 0x1p-23 * drawn.scale;
    number = type.element == ElementType::F32
                 ? static_cast<double>(static_cast<float>(drawn.center) + static_cast<float>(offset))
                 : drawn.center + offset;
  }
  return tensor;
}

// Between the least and the greatest of the initial values, and a little beyond: a bias of 0 would not be seen. What
// begins above 0 stays above it.
Drawn around(const Tensor& initial) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::int64_t i = 0; i < element_count(initial.type.shape); ++i) {
    low = std::min(low, initial.at(i));
    high = std::max(high, initial.at(i));
  }
  Drawn drawn;
  if (!std::isfinite(low) || !std::isfinite(high)) return drawn;
  if (!is_float(initial.type.element)) {
    drawn.low = static_cast<std::int64_t>(low);
    drawn.range = static_cast<std::int64_t>(high - low) + 1;
    return drawn;
  }
  drawn.center = round_to(ElementType::F32, low + (high - low) / 2);
  const double least = drawn.center == 0 ? 0x1p-4 : 0x1p-4 * std::abs(drawn.center);
  drawn.scale = std::exp2(std::floor(std::log2(std::max((high - low) / 2, least))));
  return drawn;
}

Drawn drawn_input(const Graph& graph, const Value& input) {
  Drawn drawn;
  if (is_added_by_nnc(input.producer->attributes.text("name"))) {
    drawn.scale = 0;
    return drawn;
  }
  const IntegerRange range = integer_range(graph, input);
  drawn.low = range.low;
  drawn.range = range.high - range.low + 1;
  return drawn;
}

class SelfTestMaker {
 public:
  SelfTestMaker(const Unit& unit, const Graph* program, const Graph& init, const Tensors& embedded)
      : unit_(unit), program_(program), init_(init), embedded_(embedded) {}

  // False: rounding decides on an output.
  bool make(std::uint64_t seed);
  const SelfTest& test() const { return test_; }

 private:
  void draw_parameters(Draws& draws);
  void call(const UnitFunction& function, Draws& draws);
  void add_output(SelfTestFunction& test, const std::string& name, const Tensor& exact, const Tensor& rounded);

  const Unit& unit_;
  const Graph* program_;
  const Graph& init_;
  const Tensors& embedded_;
  SelfTest test_;
  Tensors parameters_;
  Tensors exact_, rounded_;  // states: in double, and rounded to their types after each operation
  bool is_decided_ = true;   // no output depends on rounding alone
};

bool SelfTestMaker::make(std::uint64_t seed) {
  test_ = {};
  test_.seed = seed;
  exact_.clear();
  rounded_.clear();
  is_decided_ = true;
  Draws draws(seed);
  const auto find = [&](const char* name) {
    return std::find_if(unit_.functions.begin(), unit_.functions.end(),
                        [&](const UnitFunction& function) { return function.name == name; });
  };
  if (find("init") == unit_.functions.end()) draw_parameters(draws);
  for (const char* name : {"init", "reset", "step", "evaluate", "prepare", "forward"}) {
    const std::vector<UnitFunction>::const_iterator function = find(name);
    if (function != unit_.functions.end()) call(*function, draws);
  }
  return is_decided_;
}

void SelfTestMaker::draw_parameters(Draws& draws) {
  parameters_ = embedded_;
  if (embedded_.empty()) {
    const Evaluation initial = evaluate(init_, {{kSeedName, seed_tensor(0)}}, {});
    for (const Slot& slot : unit_.parameters.slots) {
      test_.parameters.push_back(around(initial.outputs.at(slot.name)));
      parameters_[slot.name] = drawn_tensor(draws, slot.type, test_.parameters.back());
    }
  }
  exact_ = rounded_ = parameters_;
}

void SelfTestMaker::call(const UnitFunction& function, Draws& draws) {
  SelfTestFunction& test = test_.functions.emplace_back();
  test.name = function.name;
  for (const Value* input : function.graph.inputs) test.inputs.push_back(drawn_input(function.graph, *input));
  const bool fills_structs = function.name == "init" || function.name == "reset" || function.name == "prepare";
  const bool has_state = std::any_of(function.graph.states.begin(), function.graph.states.end(),
                                     [](const State& state) { return state.next != nullptr; });
  test.calls = has_state && !fills_structs ? kCalls : 1;
  const Graph* const program = function.name == "forward" ? program_ : nullptr;
  Tensors program_states = parameters_;
  if (program != nullptr) {
    for (const State& state : program->states) {
      if (state.kind == StateKind::Recurrent) program_states[state.name] = exact_.at(state.name);
    }
  }
  for (int call = 0; call < test.calls; ++call) {
    Tensors inputs;
    for (std::size_t i = 0; i < test.inputs.size(); ++i) {
      const Value* input = function.graph.inputs[i];
      inputs[input->producer->attributes.text("name")] = drawn_tensor(draws, input->type, test.inputs[i]);
    }
    const Tensors rounded = evaluate_function(function, inputs, rounded_, true);
    Tensors exact = evaluate_function(function, inputs, exact_);
    if (program != nullptr) {
      Evaluation meant = evaluate(*program, inputs, program_states);
      for (auto& [name, value] : meant.next_states) program_states[name] = std::move(value);
      exact = std::move(meant.outputs);
    }
    for (const Output* output : caller_outputs(function.graph)) {
      const Type& type = output->value->type;
      if (fills_structs || element_count(type.shape) == 0) continue;
      add_output(test, output->name, exact.at(output->name), rounded.at(output->name));
    }
  }
}

// The sums of one more call.
void SelfTestMaker::add_output(SelfTestFunction& test, const std::string& name, const Tensor& exact,
                               const Tensor& rounded) {
  std::vector<SelfTestOutput>::iterator output = std::find_if(
      test.outputs.begin(), test.outputs.end(), [&](const SelfTestOutput& one) { return one.name == name; });
  if (output == test.outputs.end()) output = test.outputs.insert(output, {name, 1, {}, 0, true});
  const std::int64_t count = element_count(exact.type.shape);
  output->block = (count + kSelfTestSums - 1) / kSelfTestSums;
  double largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % output->block == 0) output->sums.push_back(0);
    output->sums.back() += self_test_weight(output->block, i) * exact.at(i);
    if (std::isfinite(exact.at(i))) largest = std::max(largest, std::abs(exact.at(i)));
  }
  Errors by_rounding;
  by_rounding.add(rounded, exact);
  const bool is_real = is_float(exact.type.element);
  const double tolerance = is_real ? kRoundingFactor * by_rounding.absolute + kRelative * largest : 0;
  output->tolerance = std::max(output->tolerance, tolerance);
  output->is_compared = output->is_compared && std::isfinite(tolerance) && (is_real || by_rounding.absolute == 0);
  is_decided_ = is_decided_ && output->is_compared;
}

}  // namespace

Result<SelfTest> make_self_test(const Unit& unit, const Graph* program, const Graph& init,
                                const std::map<std::string, Tensor>& embedded) {
  for (const UnitFunction& function : unit.functions) {
    for (const Value* input : function.graph.inputs) {
      if (element_count(input->type.shape) > 0) continue;
      return Failure{fmt::format("--self-test cannot draw '{}', which has no elements", input->name)};
    }
  }
  SelfTestMaker maker(unit, program, init, embedded);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (maker.make(seed)) break;
  }
  return maker.test();
}

}  // namespace nnc
