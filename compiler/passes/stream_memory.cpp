#include "compiler/passes/stream_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

const Type kNumber{ElementType::I32, {}};
// Steps are counted up to this, so that sums with a shift do not overflow.
constexpr double kStepMax = 1 << 30;

// The order of axes that moves `axis` to the front, or back from there.
std::vector<std::int64_t> front_order(std::size_t rank, std::size_t axis, bool is_back) {
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  const std::ptrdiff_t place = static_cast<std::ptrdiff_t>(axis);
  std::rotate(order.begin(), order.begin() + (is_back ? 1 : place), order.begin() + place + 1);
  return order;
}

}  // namespace

StreamMemory::StreamMemory(const Graph& old, Graph init, Origin origin, std::int64_t steps)
    : old_(old), init_(std::move(init)), builder_(graph_), origin_(std::move(origin)), steps_(steps) {
  graph_.name = old.name;
}

Value* StreamMemory::step(std::int64_t shift) {
  if (step_ == nullptr) {
    const Origin asking = builder_.origin();
    builder_.set_origin(origin_);
    step_ = keep(origin_, "step", kNumber, nullptr).state;
    Value* next = builder_.add(step_, builder_.full(kNumber, 1));
    advance(step_, builder_.op("minimum", {next, builder_.full(kNumber, kStepMax)}));
    builder_.set_origin(asking);
  }
  return shift == 0 ? step_ : builder_.add(step_, builder_.full(kNumber, static_cast<double>(shift)));
}

Value* StreamMemory::in_first(std::int64_t count, Value* a, Value* b) {
  Value* is_early = builder_.op("less", {step(), builder_.full(kNumber, static_cast<double>(count))});
  return builder_.select(builder_.broadcast_scalar(is_early, b->type.shape), a, b);
}

Value* StreamMemory::at_step(Value* whole, std::size_t axis, std::int64_t shift) {
  Shape sizes = whole->type.shape;
  sizes[axis] = 1;
  std::vector<Value*> operands = {whole};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    operands.push_back(i == axis ? step(shift) : builder_.full(kNumber, 0));
  }
  Attributes attributes;
  attributes.set("sizes", sizes);
  return builder_.op("dynamic_slice", operands, attributes);
}

Value* StreamMemory::part(Value* whole, std::size_t axis, std::int64_t first, std::int64_t last) {
  if (first == 0 && last == whole->type.shape[axis]) return whole;
  Shape start(whole->type.shape.size(), 0), stop = whole->type.shape;
  if (const std::optional<double> number = splat_value(whole)) {
    stop[axis] = last - first;
    return builder_.full({whole->type.element, stop}, *number);
  }
  start[axis] = first;
  stop[axis] = last;
  Attributes attributes;
  attributes.set("start", start);
  attributes.set("stop", stop);
  attributes.set("step", Shape(start.size(), 1));
  return builder_.op("slice", {whole}, attributes);
}

StreamMemory::Kept StreamMemory::keep(const Origin& origin, const std::string& word, const Type& type, Value* initial) {
  const bool is_chosen = initial != nullptr && !is_constant(initial);
  if (is_chosen) step();
  const std::string path = origin.layer.empty() ? word : origin.layer + "." + word;
  std::string name = path;
  const auto is_known = [&](const State& state) { return state.name == name; };
  for (int i = 2; std::any_of(graph_.states.begin(), graph_.states.end(), is_known) ||
                  std::any_of(old_.states.begin(), old_.states.end(), is_known);
       ++i) {
    name = fmt::format("{}_{}", path, i);
  }
  GraphBuilder init_builder(init_, origin);
  Value* begin = initial == nullptr || is_chosen ? init_builder.full(type, 0) : copy_to_init(initial);
  init_.outputs.push_back({name, begin});
  Value* state = graph_.state(name, type, StateKind::Recurrent, origin);
  return {state, is_chosen ? in_first(1, initial, state) : state};
}

Value* StreamMemory::first(const Origin& origin, Value* value) {
  const Kept kept = keep(origin, "first", value->type, value);
  advance(kept.state, kept.value);
  return kept.value;
}

Value* StreamMemory::last_rows(Value* x, std::int64_t count) {
  const std::int64_t known = x->type.shape[0];
  if (known >= count) return part(x, 0, known - count, known);
  Shape rest = x->type.shape;
  rest[0] = count - known;
  Attributes along;
  along.set("axis", std::int64_t{0});
  return builder_.op("concat", {builder_.full({x->type.element, rest}, 0), x}, along);
}

StreamMemory::Ring StreamMemory::ring(const Origin& origin, Value* now, std::int64_t reach, Value* initial) {
  const Kept kept = keep(origin, "ring", initial->type, initial);
  Value* place = keep(origin, "place", kNumber, nullptr).state;
  std::vector<Value*> operands = {kept.value, now, place};
  while (operands.size() < now->type.shape.size() + 2) operands.push_back(builder_.full(kNumber, 0));
  Value* next = builder_.op("dynamic_update", operands);
  advance(kept.state, next);
  Value* behind = builder_.add(place, builder_.full(kNumber, 1));
  advance(place, builder_.op("remainder", {behind, builder_.full(kNumber, static_cast<double>(reach + 1))}));
  return {next, place};
}

// A ring begins with what constants make of `before`: the oldest behind the place that is written first, which is 0.
// What is known only when the model runs is taken from `before` itself, as long as the window reaches there.
Value* StreamMemory::recent(const Origin& origin, Value* now, std::size_t axis, Value* before, std::int64_t reach,
                            std::int64_t count, std::int64_t dilation) {
  if (reach == 0) return now;
  const std::size_t rank = now->type.shape.size();
  const auto move = [&](Value* x) { return builder_.transpose(x, front_order(rank, axis, false)); };
  const bool is_known = before == nullptr || is_constant(before);
  const std::optional<double> number = before == nullptr || !is_known ? 0 : splat_value(before);
  const auto make = [&] {
    Value* moved = move(now);
    Type type = moved->type;
    type.shape[0] = reach + 1;
    return ring(origin, moved, reach, number ? builder_.full(type, *number) : last_rows(move(before), reach + 1));
  };
  const RingKey key{now, axis, reach, std::bit_cast<std::uint64_t>(number.value_or(0))};
  if (number && rings_.count(key) == 0) rings_[key] = make();
  const Ring from = number ? rings_.at(key) : make();
  const auto places_from = [&](Value* start, std::int64_t first) {
    Tensor later = Tensor::zeros({ElementType::I32, {count}});
    for (std::int64_t i = 0; i < count; ++i) later.integers()[static_cast<std::size_t>(i)] = first + i * dilation;
    return builder_.add(builder_.broadcast_scalar(start, {count}), builder_.constant(later));
  };
  Value* places = places_from(from.place, 1);
  Value* index = builder_.op("remainder", {places, builder_.like(places, static_cast<double>(reach + 1))});
  Value* window = builder_.op("gather", {from.next, index});
  if (!is_known) {
    Value* index_before = places_from(step(), 0);
    Value* is_before = builder_.op("less", {index_before, builder_.like(index_before, static_cast<double>(reach))});
    Value* rows = builder_.op("gather", {last_rows(move(before), reach), index_before});
    window = builder_.select(builder_.broadcast(is_before, window->type.shape, {0}), rows, window);
  }
  return builder_.transpose(window, front_order(rank, axis, true));
}

Value* StreamMemory::so_far(const Origin& origin, Value* now, std::size_t axis) {
  step();
  Type type = now->type;
  type.shape[axis] = steps_;
  const Kept kept = keep(origin, "past", type, nullptr);
  std::vector<Value*> operands = {kept.state, now};
  for (std::size_t i = 0; i < type.shape.size(); ++i) {
    operands.push_back(i == axis ? step() : builder_.full(kNumber, 0));
  }
  Value* next = builder_.op("dynamic_update", operands);
  advance(kept.state, next);
  return next;
}

void StreamMemory::finish() {
  for (State& state : graph_.states) {
    const std::map<Value*, Value*>::const_iterator next = next_.find(state.value);
    if (next != next_.end()) state.next = next->second;
  }
}

bool StreamMemory::is_constant(const Value* value) {
  const std::map<const Value*, bool>::const_iterator known = is_constant_.find(value);
  if (known != is_constant_.end()) return known->second;
  const Op& op = *value->producer;
  bool result = op.def->name != "input" && op.def->name != "state";
  for (const Value* input : op.inputs) result = result && is_constant(input);
  return is_constant_[value] = result;
}

Value* StreamMemory::copy_to_init(const Value* value) {
  Value*& copy = in_init_[value];
  if (copy != nullptr) return copy;
  std::vector<Value*> inputs;
  for (const Value* input : value->producer->inputs) inputs.push_back(copy_to_init(input));
  return copy = clone_op(init_, *value->producer, std::move(inputs))
                    ->results[static_cast<std::size_t>(value->result)]
                    .get();
}

}  // namespace nnc
