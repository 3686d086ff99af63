#include "compiler/commands/slopes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nnc {
namespace {

constexpr std::int64_t kSmall = 12;  // tensors of so many elements are checked whole
constexpr int kElements = 4;         // of larger ones: so many elements,
constexpr int kDirections = 3;       // and so many directions
// Between p and p + h d a large network crosses kinks, the fewer the smaller h: where one step finds no agreement, the
// next is tried.
constexpr double kSteps[] = {1e-6, 1e-7, 1e-8};
constexpr double kRelative = 1e-4;
// A gradient so small beside the value is one of rounding: it may be 0 but for that.
constexpr double kOfValue = 1e-4;

bool has_nan(const Evaluation& evaluation) {
  for (const auto& [value, tensor] : evaluation.values) {
    if (!is_float(tensor.type.element)) continue;
    for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) {
      if (std::isnan(tensor.at(i))) return true;
    }
  }
  return false;
}

}  // namespace

SlopeCheck::SlopeCheck(Differentiated subject) : subject_(std::move(subject)) {
  here_ = evaluate(subject_.values, subject_.inputs, subject_.states, {.keep_values = true});
  has_nan_inside_ = has_nan(here_);
  for (auto& [name, cotangent] : subject_.cotangents) {
    const Tensor& output = here_.outputs.at(name);
    for (std::int64_t i = 0; i < element_count(output.type.shape); ++i) {
      const bool is_finite = std::isfinite(output.at(i));
      ++(is_finite ? finite_ : left_out_);
      if (is_finite) magnitude_ += std::abs(output.at(i) * cotangent.at(i));
      if (!is_finite) cotangent.floats()[static_cast<std::size_t>(i)] = 0;
    }
  }
  given_ = subject_.inputs;
  for (const auto& [name, cotangent] : subject_.cotangents) given_["cotangent:" + name] = cotangent;
  gradients_ = evaluate(*subject_.gradients, given_, subject_.states).outputs;
}

const Tensor* SlopeCheck::gradient(const std::string& variable) const {
  const std::string name = (subject_.inputs.count(variable) != 0 ? "d:" : "gradient:") + variable;
  const std::map<std::string, Tensor>::const_iterator found = gradients_.find(name);
  return found == gradients_.end() ? nullptr : &found->second;
}

std::vector<std::string> SlopeCheck::variables() const {
  std::vector<std::string> names;
  for (const std::map<std::string, Tensor>* point : {&subject_.inputs, &subject_.states}) {
    for (const auto& [name, tensor] : *point) {
      if (gradient(name) != nullptr && is_float(tensor.type.element)) names.push_back(name);
    }
  }
  return names;
}

double SlopeCheck::value(const Evaluation& evaluation) const {
  double sum = 0;
  for (const auto& [name, cotangent] : subject_.cotangents) {
    const Tensor& output = evaluation.outputs.at(name);
    for (std::int64_t i = 0; i < element_count(output.type.shape); ++i) {
      // What is left out may be NaN.
      if (cotangent.at(i) != 0) sum += output.at(i) * cotangent.at(i);
    }
  }
  return sum;
}

void SlopeCheck::compare(const std::string& what, Tensor& variable, const std::vector<double>& direction,
                         double expected, double scale, SlopeReport& report) {
  const std::vector<double> point = variable.floats();
  const auto at = [&](double t) {
    for (std::size_t i = 0; i < point.size(); ++i) variable.floats()[i] = point[i] + t * direction[i];
    const EvaluateOptions only_what_changes = {.before = &here_, .changed = report.variable};
    const double result = value(evaluate(subject_.values, subject_.inputs, subject_.states, only_what_changes));
    variable.floats() = point;
    return result;
  };
  const double here = value(here_);
  const double tolerance = kRelative * std::max({std::abs(expected), scale, kOfValue * magnitude_});
  double slope = 0;
  if (std::isnan(expected) && has_nan_inside_) {
    ++report.undefined;
    return;
  }
  ++report.compared;
  for (const double step : kSteps) {
    const double left = (here - at(-step)) / step, right = (at(step) - here) / step;
    slope = (left + right) / 2;
    if (std::abs(slope - expected) <= tolerance) {
      report.worst = std::max(report.worst, std::abs(slope - expected) / std::max(tolerance / kRelative, 1e-300));
      return;
    }
    if (std::abs(left - right) > tolerance && expected >= std::min(left, right) - tolerance &&
        expected <= std::max(left, right) + tolerance) {
      ++report.kinks;
      return;
    }
  }
  report.wrong.push_back(fmt::format("{}: gradient {:.9g}, slope {:.9g}", what, expected, slope));
}

SlopeReport SlopeCheck::check(const std::string& name, Draws& draws, Progress& progress) {
  Tensor& variable = subject_.inputs.count(name) != 0 ? subject_.inputs.at(name) : subject_.states.at(name);
  SlopeReport report;
  report.variable = name;
  report.shape = variable.type.shape;
  const std::vector<double> slopes = gradient(name)->floats();
  const std::int64_t count = static_cast<std::int64_t>(slopes.size());
  double scale = 0;
  for (const double slope : slopes) scale = std::max(scale, std::abs(slope));
  report.is_zero = scale == 0;
  std::vector<double> direction(slopes.size(), 0);
  for (std::int64_t i = 0; i < (count <= kSmall ? count : kElements); ++i) {
    const std::size_t element = static_cast<std::size_t>(count <= kSmall ? i : draws.below(count));
    if (!std::isfinite(variable.floats()[element])) continue;
    const std::string what = fmt::format("{}[{}]", name, element);
    progress.show(what);
    direction[element] = 1;
    compare(what, variable, direction, slopes[element], scale, report);
    direction[element] = 0;
  }
  for (int i = 0; i < kDirections && count > kSmall; ++i) {
    double expected = 0;
    for (std::size_t k = 0; k < slopes.size(); ++k) {
      direction[k] = std::isfinite(variable.floats()[k]) ? draws.uniform(-1, 1) : 0;
      if (direction[k] != 0) expected += direction[k] * slopes[k];
    }
    const std::string what = fmt::format("{} along direction {}", name, i);
    progress.show(what);
    compare(what, variable, direction, expected, scale, report);
  }
  progress.clear();
  return report;
}

}  // namespace nnc
