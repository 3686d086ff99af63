#include "compiler/graph/error_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Beyond so many uncertain operands only the corners are visited at which all errors have one sign.
constexpr std::size_t kOperandsOfBox = 3;

using Tensors = std::vector<Tensor>;

Tensors evaluate_on(const Op& op, const Tensors& operands) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& operand : operands) pointers.push_back(&operand);
  return evaluate(op, pointers);
}

double error_at(const Bounded& bounded, std::size_t i) { return bounded.error.empty() ? 0 : bounded.error[i]; }

// The operand with each element moved by its error.
Tensor moved(const Bounded& operand, double sign) {
  Tensor result = operand.value;
  for (std::size_t i = 0; i < operand.error.size(); ++i) {
    if (result.data.index() == 0) {
      result.floats()[i] += sign * operand.error[i];
      continue;
    }
    const double limit = std::min(operand.error[i], 0x1p62);
    const std::int64_t by = static_cast<std::int64_t>(std::ceil(limit)) * (sign < 0 ? -1 : 1);
    std::int64_t& element = result.integers()[i];
    const bool is_bool = result.type.element == ElementType::Bool;
    element = is_bool ? std::clamp<std::int64_t>(element + by, 0, 1) : wrap_to(result.type.element, element + by);
  }
  return result;
}

// |a - b|; 0 if both are NaN or the same infinity, else infinite if one of them is not finite.
double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? kInfinity : difference;
}

// What the errors of the operands become.
void add_propagated(const Op& op, const std::vector<const Bounded*>& operands, std::vector<Bounded>& results) {
  std::vector<std::size_t> uncertain;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i]->error.empty()) uncertain.push_back(i);
  }
  if (uncertain.empty()) return;
  Tensors corner;
  for (const Bounded* operand : operands) corner.push_back(operand->value);
  const bool is_box = uncertain.size() <= kOperandsOfBox;
  const unsigned corners = is_box ? 1u << uncertain.size() : 2;
  for (Bounded& result : results) {
    result.error.assign(static_cast<std::size_t>(element_count(result.value.type.shape)), 0);
  }
  for (unsigned k = 0; k < corners; ++k) {
    for (std::size_t i = 0; i < uncertain.size(); ++i) {
      const bool is_above = (k >> (is_box ? i : 0) & 1u) != 0;
      corner[uncertain[i]] = moved(*operands[uncertain[i]], is_above ? 1 : -1);
    }
    const Tensors there = evaluate_on(op, corner);
    for (std::size_t r = 0; r < results.size(); ++r) {
      for (std::size_t i = 0; i < results[r].error.size(); ++i) {
        const std::int64_t at = static_cast<std::int64_t>(i);
        results[r].error[i] = std::max(results[r].error[i], distance(there[r].at(at), results[r].value.at(at)));
      }
    }
  }
}

// Float operands, each element replaced.
template <class Element>
Tensors with_floats(const std::vector<const Bounded*>& operands, const Element& element) {
  Tensors result;
  for (const Bounded* operand : operands) {
    result.push_back(operand->value);
    if (!is_float(operand->value.type.element)) continue;
    std::vector<double>& numbers = result.back().floats();
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = element(numbers[i], error_at(*operand, i));
  }
  return result;
}

// What rounding adds to a sum of products, and what the errors of the operands become.
void bound_sum(const Op& op, const std::vector<const Bounded*>& operands, Bounded& result) {
  const ElementType element = result.value.type.element;
  const std::vector<double> count =
      evaluate_on(op, with_floats(operands, [](double, double) { return 1.0; }))[0].floats();
  const std::vector<double> size =
      evaluate_on(op, with_floats(operands, [](double x, double error) { return std::abs(x) + error; }))[0].floats();
  const bool is_uncertain =
      std::any_of(operands.begin(), operands.end(), [](const Bounded* operand) { return !operand->error.empty(); });
  std::vector<double> exact = size;
  if (is_uncertain) {
    exact = evaluate_on(op, with_floats(operands, [](double x, double) { return std::abs(x); }))[0].floats();
  }
  result.error.resize(count.size());
  for (std::size_t i = 0; i < count.size(); ++i) {
    const double all = 2 * count[i] * size[i];
    const double usual = 2 * count[i] * std::abs(result.value.floats()[i]) + 16 * std::sqrt(count[i]) * size[i];
    const double own = unit_roundoff(element) * std::min(all, usual) + 2 * count[i] * least_of(element);
    // Where a partial sum may leave the range, nothing is known.
    const bool is_in_range = size[i] <= largest_of(element);
    result.error[i] = is_in_range ? own + (size[i] - exact[i]) : kInfinity;
  }
}

// Elements of the operands for one of the result: those that a reduction combines.
double elements_combined(const Op& op, const Tensor& result) {
  double most = 1;
  const double count = std::max(1.0, static_cast<double>(element_count(result.type.shape)));
  for (const Value* operand : op.inputs) {
    most = std::max(most, static_cast<double>(element_count(operand->type.shape)) / count);
  }
  return most;
}

// What rounding adds to any other operation.
void add_rounding(const Op& op, Bounded& result) {
  const ElementType element = result.value.type.element;
  const std::vector<double>& values = result.value.floats();
  // Tolerances are stated for f32.
  const double relative = op.def->tolerance.relative * unit_roundoff(element) / unit_roundoff(ElementType::F32);
  const bool is_elementwise = op.def->has(Elementwise);
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  const double combined = is_elementwise ? 1 : elements_combined(op, result.value);
  std::vector<double> own(values.size(), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (relative > 0) {
      own[i] = relative * combined * (is_elementwise ? std::abs(values[i]) : largest) + least_of(element);
    } else {
      const double rounded = round_to(element, values[i]);
      own[i] = std::isfinite(rounded) ? std::abs(rounded - values[i]) : 0;
    }
  }
  if (result.error.empty()) {
    if (std::any_of(own.begin(), own.end(), [](double x) { return x > 0; })) result.error = std::move(own);
    return;
  }
  for (std::size_t i = 0; i < own.size(); ++i) result.error[i] += own[i];
}

// In the type, what is beyond its range is infinite.
void limit_range(Tensor& tensor) {
  for (double& value : tensor.floats()) {
    if (std::isfinite(value) && !std::isfinite(round_to(tensor.type.element, value))) {
      value = std::copysign(kInfinity, value);
    }
  }
}

}  // namespace

double unit_roundoff(ElementType type) {
  switch (type) {
    case ElementType::F32:
      return 0x1p-24;
    case ElementType::F64:
      return 0x1p-53;
    case ElementType::F16:
      return 0x1p-11;
    case ElementType::BF16:
      return 0x1p-8;
    default:
      return 0;
  }
}

double largest_of(ElementType type) {
  switch (type) {
    case ElementType::F16:
      return 65504;
    case ElementType::BF16:
      return 0x1.FEp127;
    case ElementType::F32:
      return static_cast<double>(std::numeric_limits<float>::max());
    default:
      return std::numeric_limits<double>::max();
  }
}

double least_of(ElementType type) {
  switch (type) {
    case ElementType::F16:
      return 0x1p-24;
    case ElementType::BF16:
      return 0x1p-133;
    case ElementType::F32:
      return 0x1p-149;
    case ElementType::F64:
      return std::numeric_limits<double>::denorm_min();
    default:
      return 0;
  }
}

std::vector<Bounded> evaluate_bounded(const Op& op, const std::vector<const Bounded*>& operands) {
  std::vector<const Tensor*> values;
  for (const Bounded* operand : operands) values.push_back(&operand->value);
  std::vector<Bounded> results;
  for (Tensor& value : evaluate(op, values)) results.push_back({std::move(value), {}});
  const bool is_constant = op.def->name == "constant";
  const bool is_sum = op.def->has(Sum) && is_float(results[0].value.type.element);
  if (!is_sum) add_propagated(op, operands, results);
  for (Bounded& result : results) {
    if (!is_float(result.value.type.element)) continue;
    if (is_sum) {
      bound_sum(op, operands, result);
    } else if (is_constant) {
      for (double& value : result.value.floats()) value = round_to(result.value.type.element, value);
    } else {
      add_rounding(op, result);
    }
    limit_range(result.value);
  }
  return results;
}

}  // namespace nnc
