// Turns the graph of a causal model of a sequence into its step function: one element of the sequence a call, and
// states for what later steps need of earlier ones.
//
// It follows which axis of each value is time; that axis has extent 1 in the new graph, so most operations stay what
// they are. It also follows when elements come: padding by k elements before the sequence moves it k places, so that
// element t + k comes at step t, and the elements before are known; a window that reaches r steps back moves its result
// r places the other way. An output must be where the input is, or it would wait for steps to come; who combines two
// values waits for the later one. Windows and waiting read from rings of the last steps: state `ring`, and `place`,
// where in it the next step is written. A scan becomes its body, its carries recurrent states. What depends on the
// place in the sequence is read at the number of the step. The last element of a sequence becomes that of this step:
// the answer if the sequence ended here. Attention whose mask hides all later steps keeps its keys and values
// (stream_attention.cpp). All else that mixes steps is refused, with the reason and its place (kind not_causal). Each
// output is computed by the operations of the sequence, summed in their order: the same numbers.
//
// Requires: the graph of one example, before add_batch; remove_dead. `init` has an output for each state.
// Establishes: no value has an axis of time; the initial values of the new states are outputs of `init`. On an error
// both graphs stay as they are.
//
//   %x = input() {name="x"} : f32[9, 4]                          %x = input() {name="x"} : f32[4]
//   %_, %ys = scan(%h0, %x, %u) {length=9} : …, f32[9, 8]   ->   %h = state() {name="gru.h"} : f32[8]
//     next h = f(%h, %x, %u)                                     next %h = f(%h, %x, %u)
//   output y = slice(%ys) {start=[8, 0], stop=[9, 8]}            output y = reshape(next %h) : f32[1, 8]
#include <fmt/format.h>

#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/stream.h"

namespace nnc {
namespace {

// What the user calls an operation.
std::string subject(const Op& op) {
  static const std::map<std::string_view, std::string_view> kWords = {
      {"add", "`+`"},
      {"argmax", "index of the largest"},
      {"contraction", "matrix product"},
      {"convolution", "convolution"},
      {"divide", "`/`"},
      {"multiply", "`*`"},
      {"reduce_max", "maximum"},
      {"reduce_min", "minimum"},
      {"reduce_product", "product"},
      {"reduce_sum", "sum"},
      {"scan", "loop"},
      {"select", "choice"},
      {"slice", "part taken"},
      {"subtract", "`-`"},
      {"window_max", "pooling"},
      {"window_sum", "pooling"},
  };
  const std::map<std::string_view, std::string_view>::const_iterator word = kWords.find(op.def->name);
  const std::string name = word == kWords.end() ? "`" + op.def->name + "`" : std::string(word->second);
  return op.origin.call.empty() ? "the " + name : fmt::format("the {} in `{}`", name, op.origin.call);
}

// Computed by the emitted code it might differ from what folding gives.
bool rounds(const Op& op) {
  static const std::set<std::string_view> kExact = {"abs", "cast", "maximum", "minimum", "negate", "select"};
  return is_float(op.result()->type.element) && kExact.count(op.def->name) == 0;
}

const Value& find_sequence(const Graph& graph, const std::string& wanted) {
  std::vector<std::string> names;
  for (const Value* input : graph.inputs) {
    const std::string& name = input->producer->attributes.text("name");
    if (!is_added_by_nnc(name)) names.push_back(name);
    if (name != wanted) continue;
    const Span place = input->producer->origin.span;
    if (input->type.shape.empty()) throw NotCausal{place, "it is one number, not a sequence"};
    if (input->type.shape[0] < 2) throw NotCausal{place, "it has one step"};
    return *input;
  }
  throw NotCausal{{}, fmt::format("`{}` has no such input; it has {}", graph.name, fmt::join(names, ", "))};
}

}  // namespace

void fail_stream(const Op& op, const std::string& doing) { throw NotCausal{op.origin.span, subject(op) + " " + doing}; }

std::string count_steps(std::int64_t count) { return fmt::format("{} step{}", count, count == 1 ? "" : "s"); }

Attributes with_attribute(const Op& op, const std::string& name, Attribute value) {
  Attributes attributes = op.attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

std::optional<std::size_t> same_axis(const Shape& from, std::size_t axis, const Shape& to) {
  const std::int64_t before = element_count(Shape(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis)));
  std::int64_t count = 1;
  for (std::size_t i = 0; i < to.size() && count <= before; ++i) {
    if (count == before && to[i] == from[axis]) return i;
    count *= to[i];
  }
  return std::nullopt;
}

MakeStream::MakeStream(const Graph& old, const Graph& init, const Value& sequence)
    : old_(old),
      sequence_(sequence),
      steps_(sequence.type.shape[0]),
      memory_(old, init.clone(), sequence.producer->origin, steps_),
      builder_(memory_.builder()),
      uses_(use_counts(old)) {}

const std::map<std::string_view, MakeStream::Rule>& MakeStream::rules() {
  static const std::map<std::string_view, Rule> kRules = {
      {"broadcast", &MakeStream::broadcast},
      {"reshape", &MakeStream::reshape},
      {"transpose", &MakeStream::transpose},
      {"reverse", &MakeStream::reverse},
      {"slice", &MakeStream::slice},
      {"concat", &MakeStream::concat},
      {"pad", &MakeStream::pad},
      {"argmax", &MakeStream::argmax},
      {"gather", &MakeStream::gather},
      {"contraction", &MakeStream::contraction},
      {"window_max", &MakeStream::window},
      {"window_sum", &MakeStream::window},
      {"convolution", &MakeStream::convolution},
      {"scan", &MakeStream::scan},
  };
  return kRules;
}

void MakeStream::run() {
  for (const std::unique_ptr<Op>& op : old_.ops) {
    builder_.set_origin(op->origin);
    visit(*op);
  }
  memory_.graph().inputs.clear();
  for (const Value* input : old_.inputs) memory_.graph().inputs.push_back(inputs_.at(input));
  finish_states();
  const auto depends = [&](const Output& output) { return at(output.value).life != Life::Fixed; };
  if (std::none_of(old_.outputs.begin(), old_.outputs.end(), depends)) {
    throw NotCausal{sequence_.producer->origin.span, "no output depends on its steps"};
  }
  for (const Output& output : old_.outputs) {
    builder_.set_origin(output.value->producer->origin);
    Value* result = finish_output(output);
    if (result->name.empty()) result->name = output.value->name;
    memory_.graph().outputs.push_back({output.name, result});
  }
  memory_.finish();
}

void MakeStream::visit(const Op& op) {
  if (op.def->name == "input") return input(op);
  if (!has_life(op, Life::Step)) return copy(op);
  if (has_life(op, Life::End)) fail_stream(op, "uses the end of the sequence at each step");
  if (op.def->has(Elementwise) || op.def->name == "stop_gradient") return elementwise(op);
  for (const Value* input : op.inputs) check_known(at(input));
  if (op.def->has(Reduction)) return reduction(op);
  const std::map<std::string_view, Rule>::const_iterator rule = rules().find(op.def->name);
  if (rule == rules().end()) fail_stream(op, "has no rule by which nnc does it step by step");
  (this->*rule->second)(op);
}

// What does not depend on the steps.
void MakeStream::copy(const Op& op) {
  std::vector<Value*> inputs;
  for (const Value* input : op.inputs) inputs.push_back(at(input).value);
  const Op* copy = clone_op(memory_.graph(), op, std::move(inputs));
  const Life life = has_life(op, Life::End) ? Life::End : Life::Fixed;
  for (std::size_t i = 0; i < op.results.size(); ++i) map_[op.results[i].get()] = {copy->results[i].get(), life};
}

void MakeStream::input(const Op& op) {
  if (op.result() != &sequence_) {
    inputs_[op.result()] = clone_op(memory_.graph(), op, {})->result();
    map_[op.result()] = {inputs_[op.result()]};
    return;
  }
  const Shape& shape = sequence_.type.shape;
  const Attributes attributes = with_attribute(op, "shape", Shape(shape.begin() + 1, shape.end()));
  Value* step = memory_.graph().add(*op.def, {}, attributes, op.origin)->result();
  step->name = op.result()->name;
  inputs_[op.result()] = step;
  map_[op.result()] = {with_axis(step), Life::Step};
}

void MakeStream::finish_states() {
  for (const State& state : old_.states) {
    if (state.next == nullptr || memory_.advances(at(state.value).value)) continue;
    throw NotCausal{state.value->producer->origin.span,
                    fmt::format("the state `{}` advances once a sequence, not once a step", state.name)};
  }
}

Value* MakeStream::finish_output(const Output& output) {
  const Streamed& x = at(output.value);
  if (x.life != Life::Step) return x.value;
  const Op& op = *output.value->producer;
  const Timing& timing = x.timing;
  if (timing.shift < 0) {
    fail_stream(*timing.late, fmt::format("makes `{}` wait for {} to come: pad the sequence before it, not behind",
                                          output.name, count_steps(-timing.shift)));
  }
  const std::int64_t count = output.value->type.shape[timing.axis];
  if (count != steps_) {
    fail_stream(op, fmt::format("gives `{}` {} where the sequence has {}", output.name, count_steps(count), steps_));
  }
  check_known(x);
  return without_axis(delayed(op, x, timing.shift).value, timing.axis);
}

void MakeStream::check_known(const Streamed& x) {
  if (!x.past || x.past->later != Past::Later::Unknown) return;
  fail_stream(*x.past->made, "combines each step with all others, and no mask hides the later ones");
}

bool MakeStream::has_life(const Op& op, Life life) const {
  return std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Value* x) { return at(x).life == life; });
}

Timing MakeStream::timing_of(const Op& op) const {
  std::optional<Timing> latest;
  for (const Value* input : op.inputs) {
    const Streamed& x = at(input);
    if (x.life != Life::Step) continue;
    if (latest && latest->axis != x.timing.axis) fail_stream(op, kWithAll);
    if (!latest || x.timing.shift < latest->shift) latest = x.timing;
  }
  return latest.value();
}

Streamed MakeStream::delayed(const Op& op, Streamed x, std::int64_t count) {
  if (count == 0) return x;
  Timing& timing = x.timing;
  x.value = memory_.recent(op.origin, x.value, timing.axis, x.before, count, 1, 1);
  timing.shift -= count;
  x.before = timing.shift > 0 ? memory_.part(x.before, timing.axis, 0, timing.shift) : nullptr;
  return x;
}

Value* MakeStream::take(const Value* value, const Op& op, const Timing& timing, std::optional<std::size_t> axis,
                        const Part& part) {
  const Streamed& x = at(value);
  if (x.life == Life::Step) {
    if (part.is_before) return memory_.part(x.before, x.timing.axis, 0, part.count);
    return delayed(op, x, x.timing.shift - timing.shift).value;
  }
  if (!axis) return x.value;
  return part.is_before ? memory_.part(x.value, *axis, 0, part.count) : fixed_at_step(value, *axis, timing.shift);
}

Value* MakeStream::fixed_at_step(const Value* value, std::size_t axis, std::int64_t shift) {
  Value*& known = at_steps_[{value, axis, shift}];
  if (known == nullptr) known = make_at_step(value, axis, shift);
  return known;
}

Value* MakeStream::make_at_step(const Value* value, std::size_t axis, std::int64_t shift) {
  const Op& made = *value->producer;
  Shape shape = value->type.shape;
  shape[axis] = 1;
  if (const std::optional<double> number = splat_value(value)) {
    return builder_.full({value->type.element, shape}, *number);
  }
  if (made.def->name == "iota") {
    if (made.attributes.integer("axis") == static_cast<std::int64_t>(axis)) {
      return builder_.broadcast_scalar(builder_.cast(memory_.step(shift), value->type.element), shape);
    }
    return memory_.graph().add(*made.def, {}, with_attribute(made, "shape", shape), made.origin)->result();
  }
  if (made.def->name == "broadcast") {
    const std::vector<std::int64_t>& axes = made.attributes.integers("axes");
    const std::ptrdiff_t from = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) - axes.begin();
    const bool repeats = from == static_cast<std::ptrdiff_t>(axes.size());
    Value* x =
        repeats ? at(made.inputs[0]).value : fixed_at_step(made.inputs[0], static_cast<std::size_t>(from), shift);
    return builder_.broadcast(x, shape, axes);
  }
  if (made.def->has(Elementwise) && (!rounds(made) || !memory_.is_constant(at(value).value))) {
    std::vector<Value*> inputs;
    for (const Value* input : made.inputs) inputs.push_back(fixed_at_step(input, axis, shift));
    return clone_op(memory_.graph(), made, std::move(inputs))->result();
  }
  const std::optional<std::int64_t> settled = settles_at(value, axis);
  has_end_ = has_end_ || !settled || *settled >= value->type.shape[axis];
  return memory_.at_step(at(value).value, axis, shift);
}

std::optional<std::int64_t> MakeStream::settles_at(const Value* value, std::size_t axis) {
  const std::pair<const Value*, std::size_t> key(value, axis);
  if (settled_.count(key) == 0) settled_[key] = find_settled(value, axis);
  return settled_.at(key);
}

std::optional<std::int64_t> MakeStream::find_settled(const Value* value, std::size_t axis) {
  if (splat_value(value)) return 0;
  const Op& made = *value->producer;
  const std::string& name = made.def->name;
  std::vector<std::size_t> axes(made.inputs.size(), axis);  // of the operands
  std::int64_t before = 0;
  if (name == "window_sum" || name == "window_max") {
    before = made.attributes.integers("pad_low")[axis];
    if (before < 0 || made.attributes.integers("pad_high")[axis] > 0 || made.attributes.integers("stride")[axis] != 1) {
      return std::nullopt;
    }
  } else if (name == "reshape") {
    const std::optional<std::size_t> from = same_axis(value->type.shape, axis, made.inputs[0]->type.shape);
    if (!from) return std::nullopt;
    axes[0] = *from;
  } else if (name == "broadcast") {
    const std::vector<std::int64_t>& to = made.attributes.integers("axes");
    axes[0] = static_cast<std::size_t>(std::find(to.begin(), to.end(), static_cast<std::int64_t>(axis)) - to.begin());
    if (axes[0] == to.size()) return 0;
  } else if (!made.def->has(Elementwise)) {
    return std::nullopt;
  }
  std::int64_t latest = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::optional<std::int64_t> place = settles_at(made.inputs[i], axes[i]);
    if (!place) return std::nullopt;
    latest = std::max(latest, *place);
  }
  return latest + before;
}

void MakeStream::set(const Op& op, const Timing& timing, const Make& make) {
  Streamed result{make({false, 1}), Life::Step, timing};
  result.value->name = op.result()->name;
  if (timing.shift > 0) result.before = make({true, timing.shift});
  map_[op.result()] = result;
}

void MakeStream::set_like(const Op& op, std::size_t axis, const std::function<Attributes(const Part&)>& attributes) {
  const Streamed& x = operand(op, 0);
  Timing timing = x.timing;
  timing.axis = axis;
  set(op, timing, [&](const Part& part) {
    return builder_.op(op.def->name, {part.is_before ? x.before : x.value}, attributes(part));
  });
}

void MakeStream::keep(const Op& op, std::size_t axis) {
  set_like(op, axis, [&](const Part&) { return op.attributes; });
}

Value* MakeStream::with_axis(Value* row) {
  Shape shape = row->type.shape;
  shape.insert(shape.begin(), 1);
  return builder_.reshape(row, shape);
}

Value* MakeStream::without_axis(Value* value, std::size_t axis) {
  Shape shape = value->type.shape;
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return builder_.reshape(value, shape);
}

std::int64_t make_stream(Graph& graph, Graph& init, const std::string& input, Diagnostics& diagnostics) {
  try {
    MakeStream stream(graph, init, find_sequence(graph, input));
    stream.run();
    graph = stream.graph();
    init = stream.init();
    return stream.steps_max();
  } catch (const NotCausal& error) {
    diagnostics.report(Kind::not_causal, error.place, input, error.reason);
    return 0;
  }
}

}  // namespace nnc
