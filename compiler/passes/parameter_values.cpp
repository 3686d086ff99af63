// Values that depend on parameters and constants alone, and along which axes they vary. See parameter_values.h.
//
// Where a shape says little (a scale per channel, spelled as a chain of broadcasts, sums and quotients as large as the
// image), the chain is followed to what it was made from.
#include "compiler/passes/parameter_values.h"

#include <algorithm>

#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

using Integers = std::vector<std::int64_t>;

std::vector<bool> extents_above_one(const Shape& shape) {
  std::vector<bool> varying;
  for (std::int64_t extent : shape) varying.push_back(extent > 1);
  return varying;
}

std::vector<bool> varying_in(const Tensor& tensor) {
  const Shape strides = row_major_strides(tensor.type.shape);
  std::vector<bool> varying(tensor.type.shape.size());
  for (std::int64_t flat = 0; flat < element_count(tensor.type.shape); ++flat) {
    for (std::size_t axis = 0; axis < varying.size(); ++axis) {
      const std::int64_t index = flat / strides[axis] % tensor.type.shape[axis];
      if (index > 0 && tensor.at(flat) != tensor.at(flat - strides[axis])) varying[axis] = true;
    }
  }
  return varying;
}

// A reshape that only inserts or drops axes of extent 1 moves the others along; any other mixes all.
std::vector<bool> through_reshape(const Shape& from, const std::vector<bool>& varying, const Shape& to) {
  auto is_unit = [](std::int64_t extent) { return extent == 1; };
  Shape a, b;
  std::remove_copy_if(from.begin(), from.end(), std::back_inserter(a), is_unit);
  std::remove_copy_if(to.begin(), to.end(), std::back_inserter(b), is_unit);
  const bool varies = std::find(varying.begin(), varying.end(), true) != varying.end();
  std::vector<bool> result(to.size());
  if (!varies) return result;
  if (a != b) return extents_above_one(to);
  std::size_t at = 0;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 1) continue;
    while (from[at] == 1) ++at;
    result[i] = varying[at++];
  }
  return result;
}

}  // namespace

ParameterValues::ParameterValues(const Graph& graph, std::set<const Value*> known) : values_(std::move(known)) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (op->def->name == "input") continue;
    bool all = true;
    for (const Value* input : op->inputs) all = all && values_.count(input);
    if (!all) continue;
    for (const std::unique_ptr<Value>& result : op->results) values_.insert(result.get());
  }
  for (const State& state : graph.states) {
    // What changes from call to call is no parameter.
    if (state.kind == StateKind::Parameter || state.kind == StateKind::Statistic || state.kind == StateKind::Prepared) {
      continue;
    }
    for (const Value* value : dependents(graph, {state.value})) values_.erase(value);
  }
}

const std::vector<bool>& ParameterValues::varying_axes(const Value* value) {
  auto found = varying_.find(value);
  if (found == varying_.end()) found = varying_.emplace(value, find_varying(value)).first;
  return found->second;
}

std::vector<bool> ParameterValues::find_varying(const Value* value) {
  const Op& op = *value->producer;
  if (const Tensor* tensor = constant_value(value)) return varying_in(*tensor);
  std::vector<bool> varying(value->type.shape.size());
  if (op.def->name == "broadcast") {
    const std::vector<bool> source = varying_axes(op.inputs[0]);
    for (std::size_t i = 0; i < source.size(); ++i) {
      varying[static_cast<std::size_t>(op.attributes.integers("axes")[i])] = source[i];
    }
    return varying;
  }
  if (op.def->name == "transpose") {
    const std::vector<bool> source = varying_axes(op.inputs[0]);
    for (std::size_t i = 0; i < varying.size(); ++i) {
      varying[i] = source[static_cast<std::size_t>(op.attributes.integers("permutation")[i])];
    }
    return varying;
  }
  if (op.def->name == "reshape") {
    return through_reshape(op.inputs[0]->type.shape, varying_axes(op.inputs[0]), value->type.shape);
  }
  if (op.def->has(Elementwise)) {
    for (const Value* input : op.inputs) {
      const std::vector<bool> source = varying_axes(input);
      for (std::size_t i = 0; i < varying.size(); ++i) varying[i] = varying[i] || source[i];
    }
    return varying;
  }
  return extents_above_one(value->type.shape);
}

bool ParameterValues::varies_only_along(const Value* value, const Integers& axes) {
  if (!contains(value)) return false;
  const std::vector<bool>& varying = varying_axes(value);
  for (std::size_t i = 0; i < varying.size(); ++i) {
    if (varying[i] && !std::binary_search(axes.begin(), axes.end(), static_cast<std::int64_t>(i))) return false;
  }
  return true;
}

Value* extract_axes(GraphBuilder& builder, Value* value, const Integers& axes) {
  Shape shape;
  for (std::int64_t axis : axes) shape.push_back(value->type.shape[static_cast<std::size_t>(axis)]);
  if (shape.size() == value->type.shape.size()) return value;
  const Op& op = *value->producer;
  if (op.def->name == "broadcast") {
    Integers source_axes, positions;
    const Integers& to = op.attributes.integers("axes");
    for (std::size_t i = 0; i < to.size(); ++i) {
      auto found = std::find(axes.begin(), axes.end(), to[i]);
      if (found == axes.end()) continue;
      source_axes.push_back(static_cast<std::int64_t>(i));
      positions.push_back(found - axes.begin());
    }
    return builder.broadcast(extract_axes(builder, op.inputs[0], source_axes), shape, positions);
  }
  if (op.def->has(Elementwise)) {
    std::vector<Value*> operands;
    for (Value* input : op.inputs) operands.push_back(extract_axes(builder, input, axes));
    return clone_op(builder.graph(), op, operands)->result();
  }
  const std::size_t rank = value->type.shape.size();
  Integers stop(rank, 1);
  for (std::int64_t axis : axes) {
    stop[static_cast<std::size_t>(axis)] = value->type.shape[static_cast<std::size_t>(axis)];
  }
  Attributes attributes;
  attributes.set("start", Integers(rank, 0));
  attributes.set("stop", stop);
  attributes.set("step", Integers(rank, 1));
  return builder.reshape(builder.op("slice", {value}, attributes), shape);
}

}  // namespace nnc
