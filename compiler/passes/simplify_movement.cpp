// The half of simplify that is about movements of elements: those that move nothing vanish, two of a kind become one,
// and what only inserts or drops axes of extent 1 is a reshape.
//
// Movements of slices and pads are merged only where their meaning is one operation; none of this computes anything, so
// the bits are kept.
//
//   %a = reshape(%x) {shape=[6]}
//   %b = reshape(%a) {shape=[2, 3]}     ->     %x              (if %x has shape [2, 3])
#include <algorithm>
#include <map>

#include "compiler/ops/rows.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/simplify.h"

namespace nnc {
namespace {

using Integers = std::vector<std::int64_t>;

Value* simplify_reshape(GraphBuilder& builder, Op& op) {
  Value* x = op.inputs[0];
  if (x->type == op.result()->type) return x;
  if (is_op(x, "reshape")) return builder.reshape(x->producer->inputs[0], op.result()->type.shape);
  return nullptr;
}

Value* simplify_transpose(GraphBuilder& builder, Op& op) {
  Value* x = op.inputs[0];
  const Integers& permutation = op.attributes.integers("permutation");
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  if (is_op(x, "transpose")) {
    const Integers& inner = x->producer->attributes.integers("permutation");
    Integers both;
    for (std::int64_t axis : permutation) both.push_back(inner[static_cast<std::size_t>(axis)]);
    return builder.transpose(x->producer->inputs[0], both);
  }
  // Axes of extent 1 may go anywhere.
  Integers moved;
  for (std::int64_t axis : permutation) {
    if (x->type.shape[static_cast<std::size_t>(axis)] != 1) moved.push_back(axis);
  }
  return std::is_sorted(moved.begin(), moved.end()) ? builder.reshape(x, op.result()->type.shape) : nullptr;
}

Value* simplify_broadcast(GraphBuilder& builder, Op& op) {
  Value* x = op.inputs[0];
  const Shape& shape = op.result()->type.shape;
  if (x->type.shape == shape) return x;
  if (element_count(x->type.shape) == element_count(shape)) return builder.reshape(x, shape);
  const Integers& axes = op.attributes.integers("axes");
  if (is_op(x, "broadcast")) {
    Integers both;
    for (std::int64_t axis : x->producer->attributes.integers("axes")) {
      both.push_back(axes[static_cast<std::size_t>(axis)]);
    }
    return builder.broadcast(x->producer->inputs[0], shape, both);
  }
  // A reshape that only inserted axes of extent 1, or a single element: broadcast what was there before.
  if (!is_op(x, "reshape")) return nullptr;
  Value* source = x->producer->inputs[0];
  Integers both;
  std::size_t from = 0;
  for (std::size_t i = 0; i < x->type.shape.size(); ++i) {
    if (from < source->type.shape.size() && source->type.shape[from] == x->type.shape[i]) {
      both.push_back(axes[i]);
      ++from;
    } else if (x->type.shape[i] != 1) {
      return nullptr;
    }
  }
  return from == source->type.shape.size() ? builder.broadcast(source, shape, both) : nullptr;
}

Value* simplify_slice(GraphBuilder& builder, Op& op) {
  Value* x = op.inputs[0];
  // Of the whole: starts at 0, steps by 1, keeps the shape.
  if (x->type == op.result()->type) return x;
  if (!is_op(x, "slice")) return nullptr;
  const Attributes &inner = x->producer->attributes, &outer = op.attributes;
  Integers start, stop, step;
  for (std::size_t i = 0; i < x->type.shape.size(); ++i) {
    const std::int64_t inner_step = inner.integers("step")[i];
    start.push_back(inner.integers("start")[i] + outer.integers("start")[i] * inner_step);
    step.push_back(inner_step * outer.integers("step")[i]);
    const std::int64_t extent = op.result()->type.shape[i];
    stop.push_back(extent == 0 ? start.back() : start.back() + (extent - 1) * step.back() + 1);
  }
  Attributes attributes;
  attributes.set("start", start);
  attributes.set("stop", stop);
  attributes.set("step", step);
  return builder.op("slice", {x->producer->inputs[0]}, attributes);
}

Value* simplify_pad(GraphBuilder&, Op& op) {
  auto all_zero = [&](const char* name) {
    const Integers& sizes = op.attributes.integers(name);
    return std::all_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size == 0; });
  };
  return all_zero("low") && all_zero("high") && all_zero("interior") ? op.inputs[0] : nullptr;
}

Value* simplify_concat(GraphBuilder&, Op& op) { return op.inputs.size() == 1 ? op.inputs[0] : nullptr; }

Value* simplify_reverse(GraphBuilder&, Op& op) {
  for (std::int64_t axis : op.attributes.integers("axes")) {
    if (op.inputs[0]->type.shape[static_cast<std::size_t>(axis)] > 1) return nullptr;
  }
  return op.inputs[0];
}

// Rows at equal distances are a slice.
Value* simplify_gather(GraphBuilder& builder, Op& op) {
  const Tensor* index = constant_value(op.inputs[1]);
  Value* table = op.inputs[0];
  if (index == nullptr || element_count(index->type.shape) == 0) return nullptr;
  const Integers rows = ops::clamped(*index, table->type.shape[0]);
  const std::int64_t distance = rows.size() > 1 ? rows[1] - rows[0] : 1;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (distance < 1 || rows[i] - rows[i - 1] != distance) return nullptr;
  }
  Integers start(table->type.shape.size(), 0), stop = table->type.shape, step(start.size(), 1);
  start[0] = rows.front();
  stop[0] = rows.back() + 1;
  step[0] = distance;
  Attributes attributes;
  attributes.set("start", start);
  attributes.set("stop", stop);
  attributes.set("step", step);
  return builder.reshape(builder.op("slice", {table}, attributes), op.result()->type.shape);
}

}  // namespace

Value* simplify_movement(GraphBuilder& builder, Op& op) {
  using Simplifier = Value* (*)(GraphBuilder&, Op&);
  static const std::map<std::string_view, Simplifier> kTable = {
      {"reshape", simplify_reshape},
      {"transpose", simplify_transpose},
      {"broadcast", simplify_broadcast},
      {"slice", simplify_slice},
      {"pad", simplify_pad},
      {"concat", simplify_concat},
      {"reverse", simplify_reverse},
      {"gather", simplify_gather},
  };
  auto found = kTable.find(op.def->name);
  return found == kTable.end() ? nullptr : found->second(builder, op);
}

}  // namespace nnc
