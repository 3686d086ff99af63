// Building operations: see session.h.
#include "compiler/elaborate/session.h"

#include <algorithm>

namespace nnc::semantics {
namespace {

// A program that opens into more is refused: it would not end in reasonable time or memory.
constexpr std::int64_t kOperationsMax = 200'000;
constexpr std::int64_t kStaticWorkMax = 1'000'000;

}  // namespace

Attributes attributes(AttributeList list) {
  Attributes result;
  for (const auto& [name, value] : list) result.set(name, value);
  return result;
}

StateInfo* StateTable::find(const std::string& path) {
  const std::unordered_map<std::string, StateInfo*>::const_iterator found = by_path.find(path);
  return found == by_path.end() ? nullptr : found->second;
}

StateInfo& StateTable::add(StateInfo info) {
  StateInfo& added = states.emplace_back(std::move(info));
  by_path.emplace(added.path, &added);
  return added;
}

Session::Session(Reporter& reporter, Purpose purpose, std::string graph_name) : reporter_(reporter), purpose_(purpose) {
  graph_.name = std::move(graph_name);
  root_.graph = &graph_;
  region_ = &root_;
  draws_are_shared = purpose == Purpose::Init;
}

Session::~Session() {
  for (const ScopePtr& scope : scopes) {
    scope->names.clear();
    scope->declared.clear();
  }
}

Value* Session::note(Value* value, Level level, std::int64_t classes) {
  info_[value] = {region_, level, classes};
  return value;
}

void Session::count_static_work(std::int64_t amount) {
  static_work_ += amount;
  if (static_work_ > kStaticWorkMax) {
    reporter_.fail(Kind::program_too_large, place, kStaticWorkMax, "applications and items of lists");
  }
}

TensorType Session::type(const Value* value) const {
  auto known = info_.find(value);
  return {{value->type.element, known == info_.end() ? 0 : known->second.classes}, value->type.shape};
}

std::vector<Value*> Session::op_all(const std::string& name, std::vector<Value*> inputs, Attributes attribute_values,
                                    std::vector<std::unique_ptr<Graph>> graphs) {
  if (++operations_ > kOperationsMax) reporter_.fail(Kind::program_too_large, place, kOperationsMax, "operations");
  Level widest = Level::Static;
  for (Value*& value : inputs) {
    widest = std::max(widest, level(value));
    value = import_value(value, *region_);
  }
  const OpDef& def = op_def(name);
  Inferred inferred = infer(def, inputs, attribute_values, graphs);
  const auto operand_notes = [&] {
    std::vector<Note> notes;
    for (const Value* value : inputs) notes = join_notes({notes, shape_notes(value)});
    return notes;
  };
  if (!inferred.error.empty()) {
    reporter_.fail_with(operand_notes(), Kind::primitive_misuse, place, name, inferred.error);
  }
  for (const Type& type : inferred.types) {
    std::int64_t count = 1;
    for (std::int64_t size : type.shape) {
      if (size > 0 && count > kElementsMax / size) {
        reporter_.fail_with(operand_notes(), Kind::tensor_too_large, place, nnc::to_string(type), kElementsMax);
      }
      count *= std::max<std::int64_t>(size, 1);
    }
  }
  Op* built = region_->graph->add(def, std::move(inputs), std::move(attribute_values), origin, std::move(graphs));
  std::vector<Value*> results;
  for (const auto& result : built->results) results.push_back(note(result.get(), widest));
  return results;
}

Value* Session::op(const std::string& name, std::vector<Value*> inputs, Attributes attribute_values) {
  return op_all(name, std::move(inputs), std::move(attribute_values)).front();
}

Value* Session::input(const std::string& name, const TensorType& type, bool per_example) {
  Value* value = region_->graph->input(name, {type.element.type, type.shape}, per_example, origin);
  if (type.element.classes > 0) value->producer->attributes.set("classes", type.element.classes);
  with_sources(value, type.sources, type.class_sources);
  return note(value, per_example ? Level::PerExample : Level::Shared, type.element.classes);
}

Value* Session::constant(Tensor tensor) {
  return note(region_->graph->constant(std::move(tensor), origin), Level::Static);
}

Value* Session::scalar(ElementType element, double value) { return constant(Tensor::scalar(element, value)); }

Value* Session::full(ElementType element, const Shape& shape, double value) {
  return broadcast(scalar(element, value), shape);
}

Value* Session::cast(Value* x, ElementType to) {
  return x->type.element == to ? x : op("cast", {x}, attributes({{"to", to}}));
}

Value* Session::reshape(Value* x, const Shape& shape) {
  if (x->type.shape == shape) return x;
  return with_classes(op("reshape", {x}, attributes({{"shape", shape}})), classes(x));
}

Value* Session::transpose(Value* x, const std::vector<std::int64_t>& permutation) {
  return with_classes(op("transpose", {x}, attributes({{"permutation", permutation}})), classes(x));
}

Value* Session::broadcast_from(Value* x, const Shape& shape, std::int64_t first) {
  if (x->type.shape == shape) return x;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < x->type.shape.size(); ++i) axes.push_back(first + static_cast<std::int64_t>(i));
  return with_classes(op("broadcast", {x}, attributes({{"shape", shape}, {"axes", axes}})), classes(x));
}

bool Session::broadcast_shapes(const Shape& a, const Shape& b, Shape& result) {
  if (a.size() == b.size()) {
    result = a;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return false;
      result[i] = a[i] == 1 ? b[i] : a[i];
    }
    return true;
  }
  const Shape& longer = a.size() > b.size() ? a : b;
  const Shape& shorter = a.size() > b.size() ? b : a;
  result = longer;
  return std::equal(shorter.rbegin(), shorter.rend(), longer.rbegin());
}

Value* Session::broadcast(Value* x, const Shape& shape) {
  const Shape& from = x->type.shape;
  if (from == shape) return x;
  Shape result;
  if (from.size() > shape.size() || !broadcast_shapes(from, shape, result) || result != shape) return nullptr;
  if (from.size() < shape.size()) {
    return broadcast_from(x, shape, static_cast<std::int64_t>(shape.size() - from.size()));
  }
  // The axes of extent 1 that are stretched are dropped first: `broadcast` repeats, it does not stretch.
  Shape kept;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != shape[i]) continue;
    kept.push_back(from[i]);
    axes.push_back(static_cast<std::int64_t>(i));
  }
  Value* dropped = reshape(x, kept);
  return with_classes(op("broadcast", {dropped}, attributes({{"shape", shape}, {"axes", axes}})), classes(x));
}

Value* Session::reduce(const std::string& name, Value* x, const std::vector<std::int64_t>& axes, bool keep) {
  Value* result = axes.empty() ? x : op(name, {x}, attributes({{"axes", axes}}));
  if (!keep) return result;
  Shape shape = x->type.shape;
  for (std::int64_t axis : axes) shape[static_cast<std::size_t>(axis)] = 1;
  return reshape(result, shape);
}

Value* Session::iota(const Shape& shape, std::int64_t axis, ElementType element) {
  return op("iota", {}, attributes({{"shape", shape}, {"axis", axis}, {"element", element}}));
}

Value* Session::slice_axis(Value* x, std::int64_t axis, std::int64_t start, std::int64_t stop) {
  const Shape& shape = x->type.shape;
  std::vector<std::int64_t> starts(shape.size(), 0), steps(shape.size(), 1), stops = shape;
  starts[static_cast<std::size_t>(axis)] = start;
  stops[static_cast<std::size_t>(axis)] = stop;
  if (start == 0 && stop == shape[static_cast<std::size_t>(axis)]) return x;
  Value* result = op("slice", {x}, attributes({{"start", starts}, {"stop", stops}, {"step", steps}}));
  return with_classes(result, classes(x));
}

Value* Session::concat(const std::vector<Value*>& parts, std::int64_t axis) {
  return parts.size() == 1 ? parts.front() : op("concat", parts, attributes({{"axis", axis}}));
}

Value* Session::with_classes(Value* value, std::int64_t count) {
  info_[value].classes = count;
  return value;
}

Value* Session::batch_mean(Value* value) {
  Value* mean = op("batch_mean", {value});
  info_[mean].level = Level::Shared;
  return mean;
}

Value* Session::mean_over_batch(Value* value) {
  // Sums are taken apart, so that a penalty on the weights is computed once and not for each example.
  if (level(value) != Level::PerExample) return value;
  const Op& made_by = *value->producer;
  bool is_sum = made_by.def->name == "add" || made_by.def->name == "subtract";
  if (is_sum && (level(made_by.inputs[0]) != Level::PerExample || level(made_by.inputs[1]) != Level::PerExample)) {
    Value* a = mean_over_batch(made_by.inputs[0]);
    Value* b = mean_over_batch(made_by.inputs[1]);
    return op(made_by.def->name, {a, b});
  }
  return batch_mean(value);
}

}  // namespace nnc::semantics
