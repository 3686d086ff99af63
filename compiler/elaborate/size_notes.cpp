// Where a size comes from, for the notes of messages.
//
// The graph is walked back from an axis, through operations that keep it as it is, to the one that makes its size: an
// input, a parameter, or an operation that computes it. If that size was written as a number, or computed from sizes
// with a source of their own (SizeSource), the notes go on there.
#include <algorithm>
#include <numeric>

#include "compiler/elaborate/session.h"

namespace nnc::semantics {
namespace {

constexpr std::int64_t kNone = -2;

// The axis of `from` that is axis `axis` of `to`, its reshaped form: the elements before it are as many. kNone: none.
std::int64_t reshaped_axis(const Shape& from, const Shape& to, std::int64_t axis) {
  const auto count = [](const Shape& shape, std::size_t end) {
    return std::accumulate(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(end), std::int64_t{1},
                           std::multiplies<>());
  };
  const std::int64_t before = count(to, static_cast<std::size_t>(axis));
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == to[static_cast<std::size_t>(axis)] && count(from, i) == before) return static_cast<std::int64_t>(i);
  }
  return kNone;
}

// Axes that a reduction leaves, in order: the operand's axis that is `axis` of the result.
std::int64_t left_axis(const std::vector<std::int64_t>& reduced, std::int64_t axis) {
  for (std::int64_t i = 0;; ++i) {
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end() && axis-- == 0) return i;
  }
}

// The axis of the same operand that has the letter of the result's axis; kNone if the operand has none.
std::int64_t lettered_axis(const std::string& letters, char letter) {
  const std::size_t found = letters.find(letter);
  return found == std::string::npos ? kNone : static_cast<std::int64_t>(found);
}

}  // namespace

Value* Session::with_sources(Value* value, std::vector<SizeSources> sources, SizeSources class_sources) {
  if (!sources.empty() || !class_sources.empty()) {
    written_sizes_[value] = {std::move(sources), std::move(class_sources)};
  }
  return value;
}

Session::Axis Session::axis_before(const Axis& at) const {
  const Op& op = *at.value->producer;
  const std::string& name = op.def->name;
  const auto known = info_.find(at.value);
  if (known != info_.end() && known->second.outer != nullptr) {
    return {known->second.outer, at.axis == kClassCount ? at.axis : at.axis + known->second.dropped};
  }
  if (op.inputs.empty()) return {};
  if (at.axis == kClassCount) {
    // What keeps classes keeps those of one operand.
    for (const Value* input : op.inputs) {
      const auto info = info_.find(input);
      if (info != info_.end() && info->second.classes == info_.at(at.value).classes) return {input, kClassCount};
    }
    return {};
  }
  const std::size_t axis = static_cast<std::size_t>(at.axis);
  const Value* first = op.inputs.front();
  const auto same = [&](std::int64_t found) { return found == kNone ? Axis{} : Axis{first, found}; };
  if (op.def->has(Elementwise)) {
    // An operand that was stretched to the others' shape has its size from them.
    for (const Value* input : op.inputs) {
      const bool is_stretched =
          input->producer->def->name == "broadcast" && axis_before({input, at.axis}).value == nullptr;
      if (!is_stretched) return {input, at.axis};
    }
    return {first, at.axis};
  }
  if (name == "broadcast") {
    const std::vector<std::int64_t>& axes = op.attributes.integers("axes");
    const auto found = std::find(axes.begin(), axes.end(), at.axis);
    return same(found == axes.end() ? kNone : found - axes.begin());
  }
  if (name == "transpose") return same(op.attributes.integers("permutation")[axis]);
  if (name == "reshape") return same(reshaped_axis(first->type.shape, at.value->type.shape, at.axis));
  if (op.def->has(Reduction)) return same(left_axis(op.attributes.integers("axes"), at.axis));
  if (name == "contraction") {
    const std::string& spec = op.attributes.text("spec");
    const std::size_t comma = spec.find(','), arrow = spec.find("->");
    const char letter = spec[arrow + 2 + axis];
    const std::int64_t of_first = lettered_axis(spec.substr(0, comma), letter);
    if (of_first != kNone) return {first, of_first};
    return {op.inputs[1], lettered_axis(spec.substr(comma + 1, arrow - comma - 1), letter)};
  }
  if (name == "convolution" && op.attributes.text("y_axes")[axis] == 'c') {
    return {op.inputs[1], lettered_axis(op.attributes.text("w_axes"), 'o')};
  }
  if (name == "scan") {
    const Value* inner = op.graphs.front()->outputs[static_cast<std::size_t>(at.value->result)].value;
    const std::int64_t carries = op.attributes.integer("carries");
    if (at.value->result < carries) return {inner, at.axis};
    if (at.axis > 0) return {inner, at.axis - 1};
    return op.attributes.integer("sequences") > 0 ? Axis{op.inputs[static_cast<std::size_t>(carries)], 0} : Axis{};
  }
  if (name == "gather") {
    const std::int64_t rank = static_cast<std::int64_t>(op.inputs[1]->type.shape.size());
    return at.axis < rank ? Axis{op.inputs[1], at.axis} : Axis{first, at.axis - rank + 1};
  }
  // What leaves an axis of one operand as it was: a part of it, a window over it, padding.
  const bool keeps_rank = first->type.shape.size() == at.value->type.shape.size();
  const bool keeps_size = keeps_rank && first->type.shape[axis] == at.value->type.shape[axis];
  const bool may_keep = name == "slice" || name == "pad" || name == "reverse" || name == "concat" ||
                        name.rfind("window_", 0) == 0 || name == "batch_mean" || name == "dynamic_slice";
  return may_keep && keeps_size ? Axis{first, at.axis} : Axis{};
}

Session::Axis Session::source_axis(Axis at, std::vector<std::string>* layers) const {
  for (Axis before = axis_before(at); before.value != nullptr; before = axis_before(at)) {
    const std::string& layer = at.value->producer->origin.layer;
    const bool is_new =
        layers != nullptr && !layer.empty() && std::find(layers->begin(), layers->end(), layer) == layers->end();
    if (is_new) layers->push_back(layer);
    at = before;
  }
  return at;
}

void Session::add_size_notes(Axis at, const std::string& used_through, std::vector<Note>& notes) const {
  std::vector<std::string> layers;  // from the use back to the source
  // A size that was written stands for itself, unless the value has it from an operand.
  const auto written = [&](const Axis& of) -> const SizeSources* {
    const auto found = written_sizes_.find(of.value);
    if (found == written_sizes_.end()) return nullptr;
    if (of.axis == kClassCount) return &found->second.classes;
    const std::size_t axis = static_cast<std::size_t>(of.axis);
    return axis < found->second.axes.size() ? &found->second.axes[axis] : nullptr;
  };
  at = source_axis(at, &layers);
  const Op& source = *at.value->producer;
  const bool is_leaf = source.def->has(Leaf) && source.attributes.has("name");
  const bool is_class = at.axis == kClassCount;
  const TensorType type = this->type(at.value);
  const std::int64_t size = is_class ? type.element.classes : type.shape[static_cast<std::size_t>(at.axis)];
  const SizeSources* sources = written(at);
  const Span here = source.origin.span;
  const auto is_inside = [&](const SizeSource& one) {
    return one.value == nullptr && one.span.file == here.file && one.span.begin >= here.begin &&
           one.span.end <= here.end;
  };
  const bool goes_on = sources != nullptr && !sources->empty();
  const bool is_written_there = goes_on && sources->size() == 1 && is_inside(sources->front());
  std::string through = used_through;
  for (const std::string& layer : layers) {
    const bool is_owner = is_leaf && source.attributes.text("name").rfind(layer + ".", 0) == 0;
    if (layer != source.origin.layer && !is_owner) {
      through = through.empty() ? fmt::format("`{}`", layer) : fmt::format("`{}`, {}", layer, through);
    }
  }
  const std::string path = through.empty() ? "" : ", through " + through;
  if (is_leaf) {
    const std::string& name = source.attributes.text("name");
    if (goes_on && !is_written_there && source.def->name == "state") {
      const std::string of_leaf = path.empty() ? fmt::format("`{}`", name) : fmt::format("`{}`, {}", name, through);
      return add_size_notes(*sources, of_leaf, notes);
    }
    notes.push_back({is_written_there ? sources->front().span : here,
                     fmt::format("{} comes from `{}`, {}{}", size, name, to_string(type), path)});
    if (goes_on && !is_written_there) add_size_notes(*sources, "", notes);
    return;
  }
  const bool is_computed =
      goes_on && std::any_of(sources->begin(), sources->end(), [&](const SizeSource& one) { return one.size != size; });
  if (goes_on && !is_computed) return add_size_notes(*sources, through, notes);
  const std::string what = source.origin.layer.empty()
                               ? fmt::format(" here: {}", to_string(type))
                               : fmt::format(" `{}`, whose value is {}", source.origin.layer, to_string(type));
  notes.push_back({here, fmt::format("{} comes from{}{}", size, what, path)});
  // Where the sizes come from that it is computed from.
  if (is_computed) add_size_notes(*sources, "", notes);
}

void Session::add_size_notes(const SizeSources& sources, const std::string& through, std::vector<Note>& notes) const {
  for (const SizeSource& source : sources) {
    if (source.value == nullptr) {
      notes.push_back({source.span, fmt::format("{} comes from here{}", source.size,
                                                through.empty() ? "" : ", through " + through)});
    } else if (info_.count(source.value) != 0) {
      // Sources of another graph (an initial value's arguments) are not known here.
      add_size_notes(Axis{source.value, source.axis}, through, notes);
    }
  }
}

std::vector<Note> Session::size_notes(const Value* value, std::int64_t axis) const {
  std::vector<Note> notes;
  add_size_notes(Axis{value, axis}, "", notes);
  return notes;
}

std::vector<Note> Session::size_notes(const SizeSources& sources) const {
  std::vector<Note> notes;
  add_size_notes(sources, "", notes);
  return notes;
}

std::vector<Note> Session::size_notes(const Value* value, const Shape& wanted) const {
  const Shape& shape = value->type.shape;
  if (shape.size() != wanted.size()) return shape_notes(value);
  std::vector<Note> notes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != wanted[i]) add_size_notes(Axis{value, static_cast<std::int64_t>(i)}, "", notes);
  }
  return notes;
}

std::vector<Note> Session::shape_notes(const Value* value) const {
  const Shape& shape = value->type.shape;
  // A shape that arrived as a whole is said once.
  const Value* source = nullptr;
  bool is_whole = true;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Axis axis{value, static_cast<std::int64_t>(i)};
    const Axis from = source_axis(axis, nullptr);
    is_whole = is_whole && from.axis == axis.axis && (source == nullptr || source == from.value);
    source = from.value;
  }
  // A parameter's sizes may be written elsewhere, each in its place.
  const bool is_parameter = source != nullptr && source->producer->def->name == "state";
  if (source != nullptr && is_whole && !is_parameter && source->type.shape == shape) {
    const Op& op = *source->producer;
    const bool is_named = op.def->has(Leaf) && op.attributes.has("name");
    const std::string name = is_named ? op.attributes.text("name") : op.origin.layer;
    return {{op.origin.span, fmt::format("{} comes from {}", nnc::to_string(shape),
                                         name.empty() ? std::string("here") : fmt::format("`{}`", name))}};
  }
  std::vector<Note> notes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1) add_size_notes(Axis{value, static_cast<std::int64_t>(i)}, "", notes);
  }
  return notes;
}

}  // namespace nnc::semantics
