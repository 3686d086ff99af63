// Attention, step by step: products of a sequence with itself, and masks that hide what comes later.
//
// scores = q @ transpose(k) has two axes of time. The stream computes the row of this step, for which it keeps all keys
// so far, one place a step of the sequence; what lies in the places of later steps is unknown. A choice by a mask that
// is false there (key <= query and whatever else) puts a number in their place, and all of the row is known, as it is
// in the sequence. If the number is so low that softmax makes zeros of it, the product with the values needs those so
// far only: the others count 0 times. Both products have the places of the whole sequence, so they sum as it does.
#include <algorithm>

#include "compiler/graph/evaluate.h"
#include "compiler/passes/stream.h"

namespace nnc {
namespace {

// The exponential of this, plus or minus what a network computes, is 0.
constexpr double kLowest = -1e30;
// A mask of more elements is not looked at.
constexpr std::int64_t kMaskMax = 1 << 24;

// What constants make. `known`: what has been computed.
const Tensor& value_of(const Value* value, std::map<const Value*, Tensor>& known) {
  const std::map<const Value*, Tensor>::const_iterator found = known.find(value);
  if (found != known.end()) return found->second;
  std::vector<const Tensor*> operands;
  for (const Value* input : value->producer->inputs) operands.push_back(&value_of(input, known));
  return known[value] = evaluate(*value->producer, operands)[static_cast<std::size_t>(value->result)];
}

// Are all elements whose index along `past` is above that along `axis` like that?
bool are_later(const Tensor& mask, std::size_t axis, std::size_t past, bool wanted) {
  const Shape& shape = mask.type.shape;
  const auto index = [&](std::int64_t i, std::size_t along) {
    for (std::size_t j = shape.size() - 1; j > along; --j) i /= shape[j];
    return i % shape[along];
  };
  for (std::int64_t i = 0; i < element_count(shape); ++i) {
    if (index(i, past) > index(i, axis) && (mask.at(static_cast<std::size_t>(i)) != 0) != wanted) return false;
  }
  return true;
}

}  // namespace

void MakeStream::contraction(const Op& op) {
  const std::string& spec = op.attributes.text("spec");
  const std::size_t comma = spec.find(','), arrow = spec.find("->");
  const std::string letters[] = {spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1)};
  const std::string result = spec.substr(arrow + 2);
  const bool are_steps = operand(op, 0).life == Life::Step && operand(op, 1).life == Life::Step;
  const std::size_t first = operand(op, 0).life == Life::Step ? 0 : 1;
  const char time = letters[first][operand(op, first).timing.axis];
  if (are_steps && letters[1][operand(op, 1).timing.axis] != time) return contraction_of_two(op, letters, result);
  if (result.find(time) == std::string::npos) fail_all(op);
  Timing timing = operand(op, first).timing;
  if (are_steps && operand(op, 1).timing.shift < timing.shift) timing = operand(op, 1).timing;
  timing.axis = result.find(time);
  set(op, timing, [&](const Part& part) {
    std::vector<Value*> inputs;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t axis = letters[i].find(time);
      const bool has_time = axis != std::string::npos;
      inputs.push_back(take(op.inputs[i], op, timing, has_time ? std::optional(axis) : std::nullopt, part));
    }
    return clone_op(memory_.graph(), op, std::move(inputs))->result();
  });
}

// The operands have different axes of time: one gives its row of this step, the other all that it was so far.
void MakeStream::contraction_of_two(const Op& op, const std::string (&letters)[2], const std::string& result) {
  const auto time_of = [&](std::size_t i) { return letters[i][operand(op, i).timing.axis]; };
  const auto is_kept = [&](char letter) { return result.find(letter) != std::string::npos; };
  // Scores: the first operand asks. Else who has zeros in the places of later steps.
  const bool is_scores = is_kept(time_of(0)) && is_kept(time_of(1));
  std::size_t row = 0;
  if (!is_scores) {
    const auto has_zeros = [&](std::size_t i) {
      const std::optional<Past>& past = operand(op, i).past;
      return past && past->later == Past::Later::Zero && letters[i][past->axis] == time_of(1 - i);
    };
    row = has_zeros(1) ? 1 : 0;
    if (!has_zeros(row) || !is_kept(time_of(row))) {
      fail_stream(op, "combines each step with all others, and nothing makes the later ones count 0 times");
    }
  }
  Value* inputs[2];
  for (const std::size_t i : {row, 1 - row}) {
    const Streamed& x = operand(op, i);
    if (x.timing.shift < 0 || op.inputs[i]->type.shape[x.timing.axis] != steps_) fail_stream(op, kWithAll);
    inputs[i] = delayed(op, x, x.timing.shift).value;
  }
  has_end_ = true;
  inputs[1 - row] = memory_.so_far(op.origin, inputs[1 - row], operand(op, 1 - row).timing.axis);
  Streamed y{clone_op(memory_.graph(), op, {inputs[0], inputs[1]})->result(), Life::Step, {result.find(time_of(row))}};
  if (is_scores) y.past = {&op, result.find(time_of(1)), Past::Later::Unknown};
  map_[op.result()] = y;
}

// What an elementwise operation knows of later steps.
std::optional<Past> MakeStream::past_of(const Op& op) {
  using Later = Past::Later;
  std::optional<Past> result;
  bool is_unknown = false;
  for (const Value* input : op.inputs) {
    const std::optional<Past>& past = at(input).past;
    if (!past) continue;
    is_unknown = is_unknown || past->later == Later::Unknown;
    if (result && result->axis != past->axis) fail_stream(op, kWithAll);
    result = past;
  }
  if (!result) return result;
  const Op* const made = result->made;
  const std::size_t axis = timing_of(op).axis, past = result->axis;
  const auto is = [&](std::size_t i, Later later) {
    return i < op.inputs.size() && operand(op, i).past && operand(op, i).past->later == later;
  };
  const std::string& name = op.def->name;
  if (name == "select" && !is(0, Later::Unknown)) {
    for (const std::size_t chosen : {std::size_t{1}, std::size_t{2}}) {
      const std::optional<double> number = splat_value(op.inputs[chosen]);
      if (!number || !is_for_later(op.inputs[0], axis, past, chosen == 1)) continue;
      if (*number == 0) return Past{made, past, Later::Zero};
      return *number <= kLowest ? std::optional(Past{made, past, Later::Lowest}) : std::nullopt;
    }
  }
  if (is_unknown) return Past{made, past, Later::Unknown};
  // The number that is taken off is the same for all places of the row.
  const Value* subtracted = name == "subtract" ? op.inputs[1] : nullptr;
  while (subtracted != nullptr && is_op(subtracted, "stop_gradient")) subtracted = subtracted->producer->inputs[0];
  if (subtracted != nullptr && is(0, Later::Lowest) && is_op(subtracted, "broadcast")) {
    const std::vector<std::int64_t>& axes = subtracted->producer->attributes.integers("axes");
    const bool is_same = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(past)) == axes.end();
    return is_same ? result : std::nullopt;
  }
  if (name == "exp" && is(0, Later::Lowest)) return Past{made, past, Later::Zero};
  const bool keeps_zero = name == "multiply" || name == "divide" || name == "stop_gradient" || name == "cast";
  if (keeps_zero && (is(0, Later::Zero) || (name == "multiply" && is(1, Later::Zero))))
    return Past{made, past, Later::Zero};
  return std::nullopt;
}

// Is the condition, which is of the old graph, `wanted` wherever the place along `past` lies behind that along `axis`?
bool MakeStream::is_for_later(const Value* condition, std::size_t axis, std::size_t past, bool wanted) {
  const Op& op = *condition->producer;
  if (at(condition).life != Life::Fixed) return false;
  if (op.def->name == "logical_not") return is_for_later(op.inputs[0], axis, past, !wanted);
  if (op.def->name == (wanted ? "logical_or" : "logical_and")) {
    return is_for_later(op.inputs[0], axis, past, wanted) || is_for_later(op.inputs[1], axis, past, wanted);
  }
  if (op.def->name == "broadcast") {
    const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
    const auto from = [&](std::size_t to) {
      return static_cast<std::size_t>(std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(to)) -
                                      axes.begin());
    };
    const bool has_both = from(axis) < axes.size() && from(past) < axes.size();
    return has_both && is_for_later(op.inputs[0], from(axis), from(past), wanted);
  }
  if (!memory_.is_constant(at(condition).value) || element_count(condition->type.shape) > kMaskMax) return false;
  std::map<const Value*, Tensor> known;
  return are_later(value_of(condition, known), axis, past, wanted);
}

}  // namespace nnc
