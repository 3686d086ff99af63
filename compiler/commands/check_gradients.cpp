// nnc check --gradients: the gradient that nnc derives against central differences, both evaluated in double.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"

namespace nnc {

namespace {

constexpr std::int64_t kAllElements = 64;  // tensors up to this size are checked whole
constexpr int kSampledElements = 24;       // of larger ones
constexpr int kDirections = 4;             // and this many random directions through all elements
constexpr double kTolerance = 1e-5;        // relative to the larger of both, and to the tensor's largest slope
constexpr double kSteps[] = {1e-5, 1e-7};  // the second is tried where the first crosses a kink

using Tensors = std::map<std::string, Tensor>;

class GradientCheck {
 public:
  GradientCheck(const ElaboratedModel& model, Tensors parameters, std::uint64_t seed)
      : forward_(model.forward.clone()), random_(seed), states_(std::move(parameters)) {}

  // False if some slope differs.
  int run() {
    draw_inputs();
    Diagnostics diagnostics;
    build_backward(diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    const Evaluation backward = evaluate(backward_, with_cotangents(), states_);
    bool all_agree = true;
    for (const std::pair<const std::string, Tensor>& gradient : backward.outputs) {
      Tensors& of = gradient.first[0] == 'i' ? inputs_ : states_;
      all_agree = check(gradient.first.substr(2), of[gradient.first.substr(2)], gradient.second) && all_agree;
    }
    if (!all_agree) return fail("a gradient differs from the slope that is measured");
    return kSuccess;
  }

 private:
  void draw_inputs() {
    std::normal_distribution<double> normal;
    for (const Value* input : forward_.inputs) {
      const Attributes& attributes = input->producer->attributes;
      Tensor value = Tensor::zeros(input->type);
      const std::int64_t classes = std::max<std::int64_t>(attributes.integer("classes"), 2);
      if (value.data.index() == 0) {
        for (double& number : value.floats()) number = normal(random_);
      } else {
        for (std::int64_t& number : value.integers()) {
          number = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(classes));
        }
      }
      inputs_[attributes.text("name")] = std::move(value);
    }
    // Recurrent states begin anywhere.
    for (const State& state : forward_.states) {
      if (states_.count(state.name) != 0) continue;
      Tensor value = Tensor::zeros(state.value->type);
      if (value.data.index() == 0) {
        for (double& number : value.floats()) number = normal(random_);
      }
      states_[state.name] = std::move(value);
    }
    for (const Output& output : forward_.outputs) {
      Tensor cotangent = Tensor::zeros(output.value->type);
      if (cotangent.data.index() != 0) continue;
      for (double& number : cotangent.floats()) number = normal(random_);
      cotangents_["cotangent:" + output.name] = std::move(cotangent);
    }
  }

  Tensors with_cotangents() const {
    Tensors all = inputs_;
    all.insert(cotangents_.begin(), cotangents_.end());
    return all;
  }

  // Outputs "i:<input>" and "p:<parameter>".
  void build_backward(Diagnostics& diagnostics) {
    backward_ = forward_.clone();
    GraphBuilder builder(backward_);
    std::vector<Value*> sources;
    std::vector<std::string> names;
    for (Value* input : std::vector<Value*>(backward_.inputs)) {
      if (!is_float(input->type.element)) continue;
      sources.push_back(input);
      names.push_back("i:" + input->producer->attributes.text("name"));
    }
    for (const State& state : backward_.states) {
      if (state.kind != StateKind::Parameter) continue;
      sources.push_back(state.value);
      names.push_back("p:" + state.name);
    }
    std::vector<Value*> sums(sources.size(), nullptr);
    const std::vector<Output> outputs = backward_.outputs;
    for (const Output& output : outputs) {
      if (!is_float(output.value->type.element)) continue;
      std::vector<Value*> operands = {output.value, backward_.input("cotangent:" + output.name, output.value->type)};
      operands.insert(operands.end(), sources.begin(), sources.end());
      const std::vector<Value*> parts = builder.op_all("gradient", operands);
      for (std::size_t i = 0; i < sources.size(); ++i) {
        sums[i] = sums[i] == nullptr ? parts[i] : builder.add(sums[i], parts[i]);
      }
    }
    backward_.outputs.clear();
    for (State& state : backward_.states) state.next = nullptr;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sums[i] != nullptr) backward_.outputs.push_back({names[i], sums[i]});
    }
    backward_.sort();
    differentiate(backward_, diagnostics);
    remove_dead(backward_);
  }

  // The outputs weighted by the cotangents.
  double objective() const {
    const Evaluation result = evaluate(forward_, inputs_, states_);
    double sum = 0;
    for (const std::pair<const std::string, Tensor>& output : result.outputs) {
      const Tensors::const_iterator cotangent = cotangents_.find("cotangent:" + output.first);
      if (cotangent == cotangents_.end()) continue;
      for (std::size_t i = 0; i < output.second.floats().size(); ++i) {
        sum += output.second.floats()[i] * cotangent->second.floats()[i];
      }
    }
    return sum;
  }

  double slope(Tensor& tensor, const std::vector<double>& direction, double step) {
    const std::vector<double> before = tensor.floats();
    const auto move = [&](double by) {
      for (std::size_t i = 0; i < before.size(); ++i) tensor.floats()[i] = before[i] + by * direction[i];
      return objective();
    };
    const double high = move(step), low = move(-step);
    tensor.floats() = before;
    return (high - low) / (2 * step);
  }

  bool check(const std::string& name, Tensor& tensor, const Tensor& gradient) {
    const std::int64_t count = element_count(tensor.type.shape);
    double largest = 0;
    for (const double number : gradient.floats()) largest = std::max(largest, std::fabs(number));
    std::vector<std::vector<double>> directions;
    const auto along = [&](std::int64_t element) {
      std::vector<double> direction(static_cast<std::size_t>(count), 0);
      direction[static_cast<std::size_t>(element)] = 1;
      directions.push_back(std::move(direction));
    };
    if (count <= kAllElements) {
      for (std::int64_t i = 0; i < count; ++i) along(i);
    } else {
      for (int i = 0; i < kSampledElements; ++i) {
        along(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(count)));
      }
      std::normal_distribution<double> normal;
      for (int i = 0; i < kDirections; ++i) {
        std::vector<double> direction(static_cast<std::size_t>(count));
        for (double& number : direction) number = normal(random_) / std::sqrt(static_cast<double>(count));
        directions.push_back(std::move(direction));
      }
    }
    double worst = 0;
    for (const std::vector<double>& direction : directions) {
      double derived = 0;
      for (std::size_t i = 0; i < direction.size(); ++i) derived += gradient.floats()[i] * direction[i];
      double error = INFINITY;
      for (const double step : kSteps) {
        const double measured = slope(tensor, direction, step);
        const double scale = std::max({std::fabs(derived), std::fabs(measured), largest, 1e-12});
        error = std::min(error, std::fabs(derived - measured) / scale);
        if (error <= kTolerance) break;
      }
      worst = std::max(worst, std::isnan(error) ? INFINITY : error);
    }
    fmt::print("{} {} {}: {} slopes, worst error {:.1e}\n", worst <= kTolerance ? "ok  " : "BAD ", name,
               to_string(tensor.type), directions.size(), worst);
    std::fflush(stdout);
    return worst <= kTolerance;
  }

  Graph forward_, backward_;
  std::mt19937_64 random_;
  Tensors inputs_, states_, cotangents_;
};

}  // namespace

int check_gradients(const GradientCheckOptions& options) {
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ElaboratedProgram> program =
      load_program(options.model_path, sources, diagnostics, options.compile.elaborate);
  if (show(diagnostics, sources) != kSuccess || !program) return kBadInput;
  int status = kSuccess;
  for (const ElaboratedModel& model : program->models) {
    if (!options.compile.model.empty() && model.name != options.compile.model) continue;
    const Result<std::map<std::string, Tensor>> parameters = parameter_tensors(model, options.weights, options.seed);
    if (!parameters) return fail(parameters.error());
    fmt::print("{}:\n", model.name);
    status = std::max(status, GradientCheck(model, *parameters, options.seed + 1).run());
  }
  return status;
}

}  // namespace nnc
