#include "compiler/plan/builder.h"

#include <algorithm>
#include <cctype>

#include "compiler/graph/evaluate.h"

namespace nnc {

std::string identifier(const std::string& name) {
  constexpr std::size_t kLongest = 60;
  std::string result;
  for (const char c : name) {
    if (result.size() == kLongest) break;
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 128;
    if (plain) {
      result += c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  if (result.empty() || std::isdigit(static_cast<unsigned char>(result[0])) != 0) result = "v" + result;
  return result;
}

std::string PlanBuilder::unique_name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !buffer_names_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
  return name;
}

int PlanBuilder::new_buffer(const std::string& name, ElementType element, std::int64_t count, Memory memory,
                            const std::string& slot) {
  Buffer buffer;
  if (!name.empty()) buffer.name = unique_name(identifier(name));
  buffer.element = element;
  buffer.count = count;
  buffer.memory = memory;
  buffer.slot = slot;
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<int>(plan_.buffers.size()) - 1;
}

const View& PlanBuilder::view(const Value* value) {
  const std::map<const Value*, View>::iterator known = views_.find(value);
  if (known != views_.end()) return known->second;
  const Op& op = *value->producer;
  View result;
  if (op.def->name == "constant") {
    const Tensor& tensor = op.attributes.get<Tensor>("value");
    // A literal is a double: what that cannot hold is stored.
    const bool is_literal = tensor.is_splat() && same_bits(Tensor::filled(tensor.type, tensor.at(0)), tensor);
    if (is_literal) {
      result.buffer = kLiteralBuffer;
      result.offset = static_cast<std::int64_t>(literals_.size());
      result.shape = value->type.shape;
      result.strides.assign(result.shape.size(), 0);
      literals_.push_back(tensor.at(0));
    } else {
      result = constant_view(tensor);
    }
  } else if (op.def->name == "iota") {
    result.buffer = kIotaBuffer;
    result.shape = value->type.shape;
    result.strides.assign(result.shape.size(), 0);
    result.strides[static_cast<std::size_t>(op.attributes.integer("axis"))] = 1;
  } else if (is_view(op) && !op.inputs.empty()) {
    const View operand = view(op.inputs[0]);
    std::optional<View> seen = apply_view(op, operand);
    if (!seen) {  // a reshape of what does not lie so
      std::vector<int> order(operand.shape.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
      seen = reshape_view(packed_view(op.inputs[0], order), value->type.shape);
    }
    result = *seen;
  } else {
    throw InternalError("no place for the result of '" + op.def->name + "'");
  }
  return views_[value] = result;
}

View PlanBuilder::constant_view(const Tensor& tensor) {
  const int buffer = new_buffer("constant", tensor.type.element, element_count(tensor.type.shape), Memory::Constants);
  plan_.buffers[static_cast<std::size_t>(buffer)].constant = static_cast<int>(plan_.constants.size());
  plan_.constants.push_back(tensor);
  return contiguous_view(buffer, tensor.type.shape);
}

View PlanBuilder::memory_view(const Value* value) {
  const View seen = view(value);
  if (seen.buffer >= 0) return seen;
  if (seen.buffer == kLiteralBuffer) {
    View stored = constant_view(Tensor::scalar(value->type.element, literal(seen)));
    stored.shape = seen.shape;
    stored.strides = seen.strides;
    return stored;
  }
  Tensor tensor = Tensor::zeros(value->type);
  const std::vector<std::int64_t> plain = row_major_strides(value->type.shape);
  for (std::int64_t flat = 0; flat < element_count(value->type.shape); ++flat) {
    std::int64_t rest = flat, number = seen.offset;
    for (std::size_t axis = 0; axis < plain.size(); ++axis) {
      number += rest / plain[axis] * seen.strides[axis];
      rest %= plain[axis];
    }
    if (is_float(value->type.element)) {
      tensor.floats()[static_cast<std::size_t>(flat)] = static_cast<double>(number);
    } else {
      tensor.integers()[static_cast<std::size_t>(flat)] = number;
    }
  }
  return views_[value] = constant_view(tensor);
}

namespace {

std::vector<std::int64_t> strides_in_order(const Shape& shape, const std::vector<int>& order) {
  std::vector<std::int64_t> strides(shape.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[static_cast<std::size_t>(order[i])] = stride;
    stride *= shape[static_cast<std::size_t>(order[i])];
  }
  return strides;
}

bool has_strides(const View& view, const std::vector<std::int64_t>& strides) {
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (view.shape[i] > 1 && view.strides[i] != strides[i]) return false;
  }
  return true;
}

}  // namespace

View PlanBuilder::packed_view(const Value* value, const std::vector<int>& order) {
  const View from = memory_view(value);
  const std::vector<std::int64_t> strides = strides_in_order(from.shape, order);
  if (has_strides(from, strides)) return from;
  View to;
  to.buffer = new_buffer("", value->type.element, element_count(from.shape), Memory::Scratch);
  to.shape = from.shape;
  to.strides = strides;
  copy(*value->producer, from, to, value->type.element, "pack");
  complete(value, to);
  return to;
}

View PlanBuilder::place_like(const Value* value, const std::vector<int>& order, const View* alike, const Suits& suits) {
  const std::map<const Value*, View>::iterator goal = goals_.find(value);
  if (goal != goals_.end()) {
    const View& place = goal->second;
    const std::size_t last = order.empty() ? 0 : static_cast<std::size_t>(order.back());
    const bool is_dense = order.empty() || place.shape[last] == 1 || place.strides[last] == 1;
    const bool fits = is_dense && (suits == nullptr || suits(place));
    if (fits && (alike == nullptr || has_strides(place, alike->strides))) return place;
  }
  View place;
  place.shape = value->type.shape;
  place.strides = alike != nullptr ? alike->strides : strides_in_order(place.shape, order);
  return place;
}

View PlanBuilder::place_result(const Value* value, const std::vector<int>& order, const View* alike,
                               const Suits& suits) {
  View place = place_like(value, order, alike, suits);
  if (place.buffer < 0) {
    std::int64_t reach = 1;
    for (std::size_t i = 0; i < place.shape.size(); ++i) reach += (place.shape[i] - 1) * place.strides[i];
    if (element_count(place.shape) == 0) reach = 0;
    place.buffer = new_buffer(value->name, value->type.element, reach, Memory::Scratch);
  }
  return views_[value] = place;
}

// ---- steps ----------------------------------------------------------------------------------------------------------

Step PlanBuilder::new_step(const Op& op, const std::string& kernel, const std::string& header) {
  Step step;
  step.kernel = kernel;
  step.header = header;
  step.origin = op.origin;
  step.operation = op.def->name;
  return step;
}

int PlanBuilder::argument(Step& step, const std::string& name, const View& view, ElementType element, bool is_written) {
  for (std::size_t i = 0; i < step.arguments.size(); ++i) {
    StepArgument& known = step.arguments[i];
    if (known.is_written == is_written && known.view.buffer == view.buffer && known.view.offset == view.offset &&
        known.element == element && known.view.terms.size() == view.terms.size()) {
      bool same = true;
      for (std::size_t t = 0; t < view.terms.size(); ++t) {
        same = same && known.view.terms[t].loop == view.terms[t].loop &&
               known.view.terms[t].stride == view.terms[t].stride;
      }
      if (same) return static_cast<int>(i);
    }
  }
  std::string unique = identifier(name);
  const auto taken = [&](const std::string& text) {
    return std::any_of(step.arguments.begin(), step.arguments.end(),
                       [&](const StepArgument& other) { return other.name == text; });
  };
  for (int i = 2; taken(unique); ++i) unique = identifier(name) + "_" + std::to_string(i);
  step.arguments.push_back({unique, view, element, is_written});
  return static_cast<int>(step.arguments.size()) - 1;
}

void PlanBuilder::pointer(Step& step, const std::string& name, const View& view, ElementType element, bool is_written) {
  step.pointers.push_back(argument(step, name, view, element, is_written));
}

void PlanBuilder::touch(const View& view) {
  Buffer& buffer = plan_.buffers[static_cast<std::size_t>(view.buffer)];
  if (buffer.first < 0) buffer.first = clock_;
  buffer.last = std::max(buffer.last, clock_);
  for (OpenLoop& loop : loops_) {
    if (view.buffer < loop.buffers_before) {
      buffer.first = std::min(buffer.first, loop.first_step);
      loop.touched_outer.insert(view.buffer);
    }
  }
}

// What a kernel holds in its lanes beside its own elements may be wider: of all that a step touches, the widest counts.
void PlanBuilder::narrow_lanes(Step& step) const {
  int bytes = 4;
  for (const StepArgument& argument : step.arguments) bytes = std::max(bytes, size_bytes(argument.element));
  for (const Op* op : step.functor.ops) bytes = std::max(bytes, size_bytes(op->result()->type.element));
  for (Field& field : step.config) {
    if (field.name == "lanes") field.values[0] = lanes_of(target_.lanes, bytes);
  }
}

void PlanBuilder::emit_step(Step step) {
  narrow_lanes(step);
  for (const StepArgument& argument : step.arguments) touch(argument.view);
  ++clock_;
  Node node;
  node.step = std::make_unique<Step>(std::move(step));
  nodes_->push_back(std::move(node));
}

namespace {

bool writes(const Node& node, int buffer) {
  if (node.loop) {
    return std::any_of(node.loop->body.begin(), node.loop->body.end(),
                       [&](const Node& inner) { return writes(inner, buffer); });
  }
  return std::any_of(node.step->arguments.begin(), node.step->arguments.end(), [&](const StepArgument& argument) {
    return argument.is_written && argument.view.buffer == buffer;
  });
}

}  // namespace

void PlanBuilder::complete(const Value* value, const View& view, std::size_t first) {
  if (element_count(view.shape) == 0) return;
  for (std::size_t i = nodes_->size(); i-- > first;) {
    Node& node = (*nodes_)[i];
    if (writes(node, view.buffer)) return node.results.push_back({value, view});
  }
}

namespace {

// Do both have their axes in the same order in memory?
bool same_order(const View& a, const View& b) {
  const auto order = [](const View& view) {
    std::vector<int> axes = memory_order(view);
    axes.erase(std::remove_if(axes.begin(), axes.end(),
                              [&](int axis) { return view.shape[static_cast<std::size_t>(axis)] == 1; }),
               axes.end());
    return axes;
  };
  return order(a) == order(b);
}

}  // namespace

void PlanBuilder::copy(const Op& about, const View& from, const View& to, ElementType element,
                       const std::string& operation) {
  if (element_count(to.shape) == 0) return;
  Step step = new_step(about, "copy", "templates/move.h");
  step.operation = same_order(from, to) ? operation : "pack";
  // Walk in the order of the destination, so that writes are contiguous.
  std::vector<std::int64_t> extents, x, y;
  for (const int axis : memory_order(to)) {
    const std::size_t i = static_cast<std::size_t>(axis);
    extents.push_back(to.shape[i]);
    x.push_back(from.strides[i]);
    y.push_back(to.strides[i]);
  }
  Collapsed walk = collapse(extents, {x, y});
  if (walk.extents.empty()) walk = {{1}, {{1}, {1}}};
  step.config = {field("rank", static_cast<std::int64_t>(walk.extents.size())), array_field("extent", walk.extents),
                 array_field("x_stride", walk.strides[0]), array_field("y_stride", walk.strides[1]),
                 field("lanes", target_.lanes)};
  pointer(step, "x", from, element, false);
  pointer(step, "y", to, element, true);
  step.comments.push_back(to_string(Type{element, to.shape}));
  emit_step(std::move(step));
}

void PlanBuilder::copy_or_fill(const Op& about, const View& from, const View& to, ElementType element) {
  if (from.buffer == kLiteralBuffer) {
    fill(about, to, element, literal(from));
  } else {
    copy(about, from, to, element);
  }
}

void PlanBuilder::fill(const Op& about, const View& to, ElementType element, double value) {
  if (element_count(to.shape) == 0) return;
  Step step = new_step(about, "fill", "templates/move.h");
  step.operation = "fill";
  std::vector<std::int64_t> extents, y;
  for (const int axis : memory_order(to)) {
    extents.push_back(to.shape[static_cast<std::size_t>(axis)]);
    y.push_back(to.strides[static_cast<std::size_t>(axis)]);
  }
  Collapsed walk = collapse(extents, {y});
  if (walk.extents.empty()) walk = {{1}, {{1}}};
  step.config = {field("rank", static_cast<std::int64_t>(walk.extents.size())), array_field("extent", walk.extents),
                 array_field("y_stride", walk.strides[0]), field("lanes", target_.lanes)};
  pointer(step, "y", to, element, true);
  step.fill_value = value;
  emit_step(std::move(step));
}

}  // namespace nnc
