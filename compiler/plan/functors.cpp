// Elementwise operations: as steps of their own, and as epilogues of kernels.
#include <algorithm>

#include "compiler/plan/builder.h"

namespace nnc {

namespace {

std::string operand_name(const Value* value) {
  if (!value->name.empty()) return value->name;
  const std::string& name = value->producer->def->name;
  if (name == "state" || name == "input") return value->producer->attributes.text("name");
  if (is_view(*value->producer) && !value->producer->inputs.empty()) return operand_name(value->producer->inputs[0]);
  return name;
}

double elementwise_flops(const std::vector<const Op*>& ops) {
  double flops = 0;
  for (const Op* op : ops) {
    flops += op->def->lower.flops * static_cast<double>(element_count(op->result()->type.shape));
  }
  return flops;
}

// Operands of `ops` that none of them computes.
std::vector<const Value*> external_operands(const std::vector<const Op*>& ops) {
  std::set<const Value*> inside;
  std::vector<const Value*> found;
  for (const Op* op : ops) {
    for (const Value* input : op->inputs) {
      if (inside.count(input) == 0 && std::find(found.begin(), found.end(), input) == found.end()) {
        found.push_back(input);
      }
    }
    inside.insert(op->result());
  }
  return found;
}

bool same_strides(const View& a, const View& b) {
  for (std::size_t i = 0; i < a.shape.size(); ++i) {
    if (a.shape[i] > 1 && a.strides[i] != b.strides[i]) return false;
  }
  return true;
}

// How an operand at `load` is reached from a kernel that walks `y` with the axes `lanes` in its lanes.
std::optional<Access> epilogue_access(const View& load, const View& y, const std::set<int>& lanes) {
  bool is_scalar = true, is_channel = true;
  for (std::size_t i = 0; i < y.shape.size(); ++i) {
    if (y.shape[i] == 1) continue;
    if (load.strides[i] != 0) is_scalar = false;
    const std::int64_t wanted = lanes.count(static_cast<int>(i)) != 0 ? y.strides[i] : 0;
    if (load.strides[i] != wanted) is_channel = false;
  }
  if (is_scalar) return Access::Scalar;
  if (same_strides(load, y)) return Access::Offset;
  if (is_channel) return Access::Channel;
  return std::nullopt;
}

}  // namespace

bool PlanBuilder::epilogue_fits(const Group& group, const View& y, const std::set<int>& lanes) {
  for (const Value* operand : external_operands(group.elementwise)) {
    if (group.root != nullptr && operand == group.root->result()) continue;
    const View& seen = view(operand);
    if (seen.buffer == kLiteralBuffer) continue;
    if (seen.buffer == kIotaBuffer || !epilogue_access(seen, y, lanes)) return false;
  }
  return true;
}

void PlanBuilder::finish_root(const Group& group, const ResultForm& form,
                              const std::function<Step(const View& y)>& make) {
  const Value* root = group.root->result();
  const std::vector<int>& order = form.order;
  // What the kernel itself stores: a value of the kernel's own element type, if there is one.
  const Value* result = group.stored.empty() ? root : group.stored.back();
  for (const Value* value : group.stored) {
    if (value->type.element == root->type.element) result = value;
  }
  const bool is_stored = form.stores_any_type || result->type.element == root->type.element;
  const View place = place_like(result, order, nullptr, form.suits);
  const std::ptrdiff_t lane_axes = form.lane_axes_at != nullptr ? form.lane_axes_at(place) : form.lane_axes;
  const std::set<int> lanes(order.end() - std::min(lane_axes, static_cast<std::ptrdiff_t>(order.size())), order.end());
  if (!group.elementwise.empty() && result != root && is_stored && epilogue_fits(group, place, lanes)) {
    const View y = place_result(result, order, nullptr, form.suits);
    Step step = make(y);
    step.arguments[static_cast<std::size_t>(step.pointers.back())].element = result->type.element;
    Functor& functor = step.functor;
    functor.accumulator = root;
    functor.result = result;
    functor.ops = group.elementwise;
    for (const Value* operand : external_operands(group.elementwise)) {
      if (operand == root) continue;
      const View seen = view(operand);
      if (seen.buffer == kLiteralBuffer) {
        functor.literals.push_back({operand, literal(seen)});
        continue;
      }
      const Access access = *epilogue_access(seen, y, lanes);
      const int index = argument(step, operand_name(operand), seen, operand->type.element, false);
      functor.loads.push_back({operand, index, access, {}, 0});
    }
    for (const Value* value : group.stored) {
      if (value == result) continue;
      const View like_y = place_result(value, order, &y);
      const int index = argument(step, operand_name(value) + "_out", like_y, value->type.element, true);
      functor.stores.push_back({value, index, Access::Offset, {}, 0});
    }
    step.has_epilogue = true;
    step.flops += elementwise_flops(group.elementwise);
    emit_step(std::move(step));
    return;
  }
  const View y = place_result(root, order, nullptr, form.suits);
  Step step = make(y);
  step.has_epilogue = true;
  emit_step(std::move(step));
  if (!group.elementwise.empty()) {
    Group rest = group;
    rest.root = nullptr;
    rest.stored.erase(std::remove(rest.stored.begin(), rest.stored.end(), root), rest.stored.end());
    lower_elementwise(rest);
  }
}

void PlanBuilder::lower_elementwise(const Group& group) {
  const Op& first = *group.elementwise.front();
  if (element_count(group.shape) == 0) {
    for (const Value* value : group.stored) place_result(value, {});
    return;
  }
  // The results lie as the operands do: in the order of the first operand that has all axes.
  const std::vector<const Value*> operands = external_operands(group.elementwise);
  std::vector<int> order = memory_order(contiguous_view(-1, group.shape));
  const std::vector<int> plain = order;
  for (const Value* operand : operands) {
    const View& seen = view(operand);
    bool is_full = seen.buffer >= 0;
    for (std::size_t i = 0; i < group.shape.size(); ++i) {
      if (group.shape[i] > 1 && seen.strides[i] == 0) is_full = false;
    }
    if (!is_full) continue;
    order = memory_order(seen);
    break;
  }
  for (const Value* value : group.stored) {  // a goal is met in its own order
    const std::map<const Value*, View>::const_iterator goal = goals_.find(value);
    if (goal != goals_.end()) {
      order = memory_order(goal->second);
      break;
    }
  }

  Step step = new_step(first, "for_each", "templates/elementwise.h");
  Functor& functor = step.functor;
  functor.ops = group.elementwise;
  std::vector<std::vector<std::int64_t>> walks;
  const auto in_order = [&](const View& view) {
    std::vector<std::int64_t> strides;
    for (const int axis : order) strides.push_back(view.strides[static_cast<std::size_t>(axis)]);
    return strides;
  };
  std::vector<View> read;
  for (const Value* operand : operands) {
    const View seen = view(operand);
    if (seen.buffer == kLiteralBuffer) {
      functor.literals.push_back({operand, literal(seen)});
    } else if (seen.buffer == kIotaBuffer) {
      functor.loads.push_back({operand, -1, Access::Iota, {}, seen.offset});
      walks.push_back(in_order(seen));
    } else {
      const int index = argument(step, operand_name(operand), seen, operand->type.element, false);
      functor.loads.push_back({operand, index, Access::Index, {}, 0});
      walks.push_back(in_order(seen));
      read.push_back(seen);
    }
  }
  for (const Value* value : group.stored) {
    const View place = place_result(value, order);
    // What is read element by element just before, and in no other way, may be overwritten.
    Buffer& buffer = plan_.buffers[static_cast<std::size_t>(place.buffer)];
    const auto lies_alike = [&](const View& seen) {
      return seen.offset == place.offset && seen.terms.empty() && place.terms.empty() && same_strides(seen, place) &&
             size_bytes(plan_.buffers[static_cast<std::size_t>(seen.buffer)].element) == size_bytes(buffer.element);
    };
    for (const View& seen : read) {
      const bool is_safe = std::all_of(read.begin(), read.end(), [&](const View& other) {
        return other.buffer != seen.buffer || lies_alike(other);
      });
      if (is_safe) buffer.may_replace.push_back(seen.buffer);
    }
    const int index = argument(step, operand_name(value) + "_out", place, value->type.element, true);
    functor.stores.push_back({value, index, Access::Index, {}, 0});
    walks.push_back(in_order(place));
  }
  std::vector<std::int64_t> extents;
  for (const int axis : order) extents.push_back(group.shape[static_cast<std::size_t>(axis)]);
  Collapsed walk = collapse(extents, walks);
  if (walk.extents.empty()) {
    walk.extents = {1};
    for (std::vector<std::int64_t>& strides : walk.strides) strides = {0};
  }
  step.extents = walk.extents;
  std::size_t next = 0;
  for (FunctorOperand& load : functor.loads) load.strides = walk.strides[next++];
  for (FunctorOperand& stored : functor.stores) stored.strides = walk.strides[next++];
  step.flops = elementwise_flops(group.elementwise);
  step.comments.push_back("over " + to_string(group.shape));
  emit_step(std::move(step));
}

}  // namespace nnc
