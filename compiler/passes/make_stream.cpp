// Turns the graph of a causal model of a sequence into its step function: one element of the sequence a call, and
// states for what later steps need of earlier ones.
//
// It follows which axis of each value is time; that axis has extent 1 in the new graph, so most operations stay what
// they are. A scan becomes its body, its carries become recurrent states. A convolution over time reads from a
// ring of the last `pad_low` + 1 steps: state `ring`, and `place`, where in it the next step is written. The last
// element of a sequence becomes that of this step: the answer if the sequence ended here. All else that mixes steps is
// refused, with the reason and its place (kind not_causal). Each output is computed by the operations of the sequence,
// summed in their order: the same numbers.
//
// Requires: the graph of one example, before add_batch; remove_dead. `init` has an output for each state.
// Establishes: no value has an axis of time; the initial values of the new states are outputs of `init`. On an error
// both graphs stay as they are.
//
//   %x = input() {name="x"} : f32[9, 4]                           %x = input() {name="x"} : f32[4]
//   %_, %ys = scan(%h0, %x, %u) {length=9} : …, f32[9, 8]   ->    %h = state() {kind="recurrent", name="gru.h"} :
//   f32[8]
//     next h = f(%h, %x, %u)                                      next %h = f(%h, %x, %u)
//   output y = slice(%ys) {start=[8, 0], stop=[9, 8]}             output y = reshape(next %h) : f32[1, 8]
#include <fmt/format.h>

#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// How a value depends on the sequence.
enum class Life {
  Fixed,  // not at all
  Step,   // an element a step, along `axis`
  End,    // as it is once the sequence has ended; the new graph has it as if this step were the last
};

struct Streamed {
  Value* value = nullptr;
  Life life = Life::Fixed;
  std::size_t axis = 0;
};

// Why there is no stream. Caught by make_stream.
struct NotCausal {
  Span place;
  std::string reason;
};

[[noreturn]] void fail(const Op& op, std::string reason) { throw NotCausal{op.origin.span, std::move(reason)}; }

std::string steps(std::int64_t count) { return fmt::format("{} step{}", count, count == 1 ? "" : "s"); }

Attributes with(const Op& op, const std::string& name, Attribute value) {
  Attributes attributes = op.attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

class MakeStream {
 public:
  MakeStream(const Graph& old, Graph init, std::string input)
      : old_(old), init_(std::move(init)), input_(std::move(input)), builder_(graph_) {}

  void run() {
    find_steps();
    graph_.name = old_.name;
    for (const std::unique_ptr<Op>& op : old_.ops) {
      builder_.set_origin(op->origin);
      visit(*op);
    }
    graph_.inputs.clear();
    for (const Value* input : old_.inputs) graph_.inputs.push_back(inputs_.at(input));
    finish_states();
    finish_outputs();
  }
  Graph graph() { return std::move(graph_); }
  Graph init() { return std::move(init_); }

 private:
  using Rule = void (MakeStream::*)(const Op&);

  // What the rules ask.
  const Streamed& at(const Value* value) const { return map_.at(value); }
  const Streamed& operand(const Op& op, std::size_t i) const { return map_.at(op.inputs[i]); }
  bool has_life(const Op& op, Life life) const {
    return std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Value* x) { return at(x).life == life; });
  }
  void set(const Op& op, Value* value, std::size_t axis) {
    value->name = op.result()->name;
    map_[op.result()] = {value, Life::Step, axis};
  }
  // The operation on its first operand alone, with other attributes.
  void set_like(const Op& op, Attributes attributes, std::size_t axis) {
    set(op, builder_.op(op.def->name, {operand(op, 0).value}, std::move(attributes)), axis);
  }
  void keep(const Op& op, std::size_t axis) { set_like(op, op.attributes, axis); }
  static std::size_t place(std::int64_t axis) { return static_cast<std::size_t>(axis); }

  void find_steps() {
    std::vector<std::string> names;
    for (const Value* input : old_.inputs) {
      const std::string& name = input->producer->attributes.text("name");
      if (!is_added_by_nnc(name)) names.push_back(name);
      if (name != input_) continue;
      sequence_ = input;
      if (input->type.shape.empty()) fail(*input->producer, "it is one number, not a sequence");
      steps_ = input->type.shape[0];
      if (steps_ < 2) fail(*input->producer, "it has one step");
    }
    if (sequence_ == nullptr) {
      throw NotCausal{{}, fmt::format("`{}` has no such input; it has {}", old_.name, fmt::join(names, ", "))};
    }
  }

  void visit(const Op& op) {
    if (op.def->name == "input") return input(op);
    const bool has_steps = has_life(op, Life::Step);
    if (!has_steps) {
      std::vector<Value*> inputs;
      for (const Value* input : op.inputs) inputs.push_back(at(input).value);
      const Op* copy = clone_op(graph_, op, std::move(inputs));
      const Life life = has_life(op, Life::End) ? Life::End : Life::Fixed;
      for (std::size_t i = 0; i < op.results.size(); ++i) map_[op.results[i].get()] = {copy->results[i].get(), life, 0};
      return;
    }
    if (has_life(op, Life::End)) fail(op, "this uses the end of the sequence at each step");
    if (op.def->has(Elementwise) || op.def->name == "stop_gradient") return elementwise(op);
    if (op.def->has(Reduction)) return reduction(op);
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
    const std::map<std::string_view, Rule>::const_iterator rule = kRules.find(op.def->name);
    if (rule == kRules.end()) fail(op, fmt::format("nnc does not know how to do `{}` step by step", op.def->name));
    (this->*rule->second)(op);
  }

  void input(const Op& op) {
    if (op.result() != sequence_) {
      inputs_[op.result()] = clone_op(graph_, op, {})->result();
      map_[op.result()] = {inputs_[op.result()], Life::Fixed, 0};
      return;
    }
    const Shape& shape = sequence_->type.shape;
    Value* step =
        graph_.add(*op.def, {}, with(op, "shape", Shape(shape.begin() + 1, shape.end())), op.origin)->result();
    step->name = op.result()->name;
    inputs_[op.result()] = step;
    map_[op.result()] = {with_axis(step), Life::Step, 0};
  }

  Value* with_axis(Value* row) {
    Shape shape = row->type.shape;
    shape.insert(shape.begin(), 1);
    return builder_.reshape(row, shape);
  }
  Value* without_axis(Value* value, std::size_t axis) {
    Shape shape = value->type.shape;
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
    return builder_.reshape(value, shape);
  }

  // What is the same at each place of the axis, at one of them. `op` is who asks.
  Value* one_place(const Value* value, std::size_t axis, const Op& op) {
    const Op& made = *value->producer;
    Shape shape = value->type.shape;
    shape[axis] = 1;
    if (const std::optional<double> number = splat_value(value))
      return builder_.full({value->type.element, shape}, *number);
    if (made.def->name == "broadcast") {
      const std::vector<std::int64_t>& axes = made.attributes.integers("axes");
      if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) == axes.end()) {
        return builder_.broadcast(at(made.inputs[0]).value, shape, axes);
      }
    }
    if (!made.def->has(Elementwise)) fail(op, "what this does depends on the place in the sequence");
    std::vector<Value*> inputs;
    for (const Value* input : made.inputs) inputs.push_back(one_place(input, axis, op));
    return clone_op(graph_, made, std::move(inputs))->result();
  }
  Value* at_step(const Value* value, std::size_t axis, const Op& op) {
    const Streamed& streamed = at(value);
    if (streamed.life == Life::Fixed) return one_place(value, axis, op);
    if (streamed.axis != axis) fail(op, "this combines each step with all others");
    return streamed.value;
  }
  std::size_t axis_of(const Op& op) const {
    for (const Value* input : op.inputs) {
      if (at(input).life == Life::Step) return at(input).axis;
    }
    throw InternalError("make_stream: no operand is a sequence");
  }

  void elementwise(const Op& op) {
    const std::size_t axis = axis_of(op);
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(at_step(input, axis, op));
    set(op, clone_op(graph_, op, std::move(inputs))->result(), axis);
  }

  void reduction(const Op& op) {
    const std::int64_t axis = static_cast<std::int64_t>(operand(op, 0).axis);
    std::int64_t before = 0;
    for (const std::int64_t reduced : op.attributes.integers("axes")) {
      if (reduced == axis) fail(op, "this combines all steps");
      before += reduced < axis;
    }
    keep(op, place(axis - before));
  }

  void argmax(const Op& op) {
    const std::int64_t axis = static_cast<std::int64_t>(operand(op, 0).axis);
    if (op.attributes.integer("axis") == axis) fail(op, "this combines all steps");
    keep(op, place(axis - (op.attributes.integer("axis") < axis)));
  }

  void broadcast(const Op& op) {
    const std::size_t axis = place(op.attributes.integers("axes")[operand(op, 0).axis]);
    Shape shape = op.attributes.integers("shape");
    shape[axis] = 1;
    set_like(op, with(op, "shape", shape), axis);
  }

  // The axis of time stays one if as many elements lie before it.
  void reshape(const Op& op) {
    const std::size_t axis = operand(op, 0).axis;
    const Shape& from = op.inputs[0]->type.shape;
    Shape to = op.result()->type.shape;
    const std::int64_t before = element_count(Shape(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis)));
    std::int64_t count = 1;
    for (std::size_t i = 0; i < to.size() && count <= before; ++i) {
      if (count == before && to[i] == from[axis]) {
        to[i] = 1;
        return set_like(op, with(op, "shape", to), i);
      }
      count *= to[i];
    }
    fail(op, "this puts elements of several steps side by side");
  }

  void transpose(const Op& op) {
    const std::vector<std::int64_t>& permutation = op.attributes.integers("permutation");
    const std::int64_t axis = static_cast<std::int64_t>(operand(op, 0).axis);
    keep(op, place(std::find(permutation.begin(), permutation.end(), axis) - permutation.begin()));
  }

  void reverse(const Op& op) {
    for (const std::int64_t axis : op.attributes.integers("axes")) {
      if (place(axis) == operand(op, 0).axis) fail(op, "this reads the sequence from its end");
    }
    keep(op, operand(op, 0).axis);
  }

  // Along time: the first steps, which leaves each where it is, or the last one alone.
  void slice(const Op& op) {
    const Streamed& x = operand(op, 0);
    std::vector<std::int64_t> start = op.attributes.integers("start"), stop = op.attributes.integers("stop");
    const bool is_last = start[x.axis] == steps_ - 1 && stop[x.axis] == steps_;
    const bool is_prefix = start[x.axis] == 0 && op.attributes.integers("step")[x.axis] == 1 && stop[x.axis] > 0;
    if (!is_last && !is_prefix) fail(op, "this takes a part of the sequence other than its last step");
    start[x.axis] = 0;
    stop[x.axis] = 1;
    Attributes attributes = with(op, "start", start);
    attributes.set("stop", stop);
    set_like(op, std::move(attributes), x.axis);
    if (is_last) map_[op.result()].life = Life::End;
  }

  void concat(const Op& op) {
    const std::size_t axis = axis_of(op);
    if (place(op.attributes.integer("axis")) == axis) fail(op, "this puts something before or behind the sequence");
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(at_step(input, axis, op));
    set(op, clone_op(graph_, op, std::move(inputs))->result(), axis);
  }

  void pad(const Op& op) {
    const std::size_t axis = operand(op, 0).axis;
    for (const char* end : {"low", "high", "interior"}) {
      if (op.attributes.integers(end)[axis] != 0) fail(op, "this pads the sequence; only a convolution may");
    }
    keep(op, axis);
  }

  void gather(const Op& op) {
    if (operand(op, 0).life == Life::Step) fail(op, "this takes any steps of the sequence");
    const Streamed& index = operand(op, 1);
    set(op, clone_op(graph_, op, {operand(op, 0).value, index.value})->result(), index.axis);
  }

  void contraction(const Op& op) {
    const std::string& spec = op.attributes.text("spec");
    const std::size_t comma = spec.find(','), arrow = spec.find("->");
    const std::string letters[] = {spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1)};
    const std::string result = spec.substr(arrow + 2);
    const std::size_t first = operand(op, 0).life == Life::Step ? 0 : 1;
    const char time = letters[first][operand(op, first).axis];
    if (result.find(time) == std::string::npos) fail(op, "this combines all steps");
    std::vector<Value*> inputs;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t axis = letters[i].find(time);
      const bool is_step = operand(op, i).life == Life::Step;
      if (is_step && letters[i][operand(op, i).axis] != time) fail(op, "this combines each step with all others");
      inputs.push_back(axis == std::string::npos ? operand(op, i).value : at_step(op.inputs[i], axis, op));
    }
    set(op, clone_op(graph_, op, std::move(inputs))->result(), result.find(time));
  }

  void window(const Op& op) {
    const std::size_t axis = operand(op, 0).axis;
    const std::int64_t stride = op.attributes.integers("stride")[axis];
    if (stride != 1) fail(op, fmt::format("this moves {} at a time", steps(stride)));
    if (op.attributes.integers("window")[axis] != 1) fail(op, "this combines several steps");
    for (const char* end : {"pad_low", "pad_high"}) {
      if (op.attributes.integers(end)[axis] != 0) fail(op, "this pads the sequence; only a convolution may");
    }
    keep(op, axis);
  }

  void convolution(const Op& op) {
    const Streamed x = operand(op, 0);
    if (operand(op, 1).life != Life::Fixed) fail(op, "the kernel of this depends on the sequence");
    Value* w = operand(op, 1).value;
    std::string x_axes = op.attributes.text("x_axes");
    const char time = x_axes[x.axis];
    const std::size_t y_axis = op.attributes.text("y_axes").find(time);
    if (time == 'c') fail(op, "this combines all steps");
    if (time == 'n') return set(op, clone_op(graph_, op, {x.value, w})->result(), y_axis);
    const std::size_t spatial = static_cast<std::size_t>(time - '0');
    const auto along = [&](const char* name) { return op.attributes.integers(name)[spatial]; };
    if (along("stride") != 1) fail(op, fmt::format("this moves {} at a time", steps(along("stride"))));
    if (along("input_dilation") != 1) fail(op, "this makes several steps of one");
    const std::int64_t taps = w->type.shape[op.attributes.text("w_axes").find(time)];
    const std::int64_t dilation = along("window_dilation"), reach = (taps - 1) * dilation, before = along("pad_low");
    if (before < reach) {
      fail(op, fmt::format("this looks {} ahead; a causal convolution has {} of padding before the sequence",
                           steps(reach - before), steps(reach)));
    }
    Value* x_recent = recent(op, x, before, taps, dilation);
    if (Value* y = as_product(op, x_recent, w, time)) return set(op, y, y_axis);
    Attributes attributes = op.attributes;
    for (const auto& [name, value] : {std::pair("pad_low", 0), {"pad_high", 0}, {"window_dilation", 1}}) {
      std::vector<std::int64_t> values = op.attributes.integers(name);
      values[spatial] = value;
      attributes.set(name, values);
    }
    x_axes.erase(x.axis, 1);
    attributes.set("x_axes", time + x_axes);
    set(op, builder_.op("convolution", {x_recent, w}, attributes), y_axis);
  }

  // A convolution over nothing but time, its taps and channels side by side: one product, summed in the order of the
  // convolution (taps, then channels). Null if there are other axes or groups.
  Value* as_product(const Op& op, Value* x_recent, Value* w, char time) {
    const std::string& w_axes = op.attributes.text("w_axes");
    std::string letters = w_axes;
    std::sort(letters.begin(), letters.end());
    if (letters != std::string(1, time) + "io" || x_recent->type.shape.size() != 2) return nullptr;
    if (op.attributes.integer("groups") != 1 || op.attributes.integer("batch_groups") != 1) return nullptr;
    std::vector<std::int64_t> order;
    for (const char letter : {time, 'i', 'o'}) order.push_back(static_cast<std::int64_t>(w_axes.find(letter)));
    const std::string result = op.attributes.text("y_axes").front() == time ? "no" : "on";
    return builder_.contraction("nti,tio->" + result, with_axis(x_recent), builder_.transpose(w, order));
  }

  // The steps that a convolution reads, the oldest first: `before` steps ago, and each `dilation` later. Time is axis
  // 0.
  Value* recent(const Op& op, const Streamed& x, std::int64_t before, std::int64_t taps, std::int64_t dilation) {
    std::vector<std::int64_t> permutation = {static_cast<std::int64_t>(x.axis)};
    for (std::size_t i = 0; i < x.value->type.shape.size(); ++i) {
      if (i != x.axis) permutation.push_back(static_cast<std::int64_t>(i));
    }
    Value* now = x.axis == 0 ? x.value : builder_.transpose(x.value, permutation);
    if (before == 0) return now;
    Shape shape = now->type.shape;
    shape[0] = before + 1;
    const Type number{ElementType::I32, {}};
    Value* ring = new_state(op.origin, "ring", {now->type.element, shape}, nullptr);
    Value* place = new_state(op.origin, "place", number, nullptr);
    std::vector<Value*> operands = {ring, now, place};
    while (operands.size() < shape.size() + 2) operands.push_back(builder_.full(number, 0));
    next_[ring] = builder_.op("dynamic_update", operands);
    // The oldest lies behind what has just been written.
    const Type indices{ElementType::I32, {taps}};
    Tensor later = Tensor::zeros(indices);
    for (std::int64_t i = 0; i < taps; ++i) later.integers()[static_cast<std::size_t>(i)] = 1 + i * dilation;
    const auto around = [&](Value* count) {
      Value* sum = builder_.add(builder_.broadcast_scalar(place, count->type.shape), count);
      return builder_.op("remainder", {sum, builder_.like(sum, static_cast<double>(shape[0]))});
    };
    next_[place] = around(builder_.full(number, 1));
    return builder_.op("gather", {next_[ring], around(builder_.constant(later))});
  }

  void scan(const Op& op) {
    const ScanView view(op);
    if (view.reverse) fail(op, "this reads the sequence from its end");
    std::vector<Value*> inputs;
    for (std::size_t i = 0; i < view.carries; ++i) {
      if (at(view.carry(i)).life == Life::Step) fail(op, "this begins with the whole sequence");
      inputs.push_back(carry(view, i));
    }
    for (std::size_t i = 0; i < view.sequences; ++i) {
      inputs.push_back(without_axis(at_step(view.sequence(i), 0, op), 0));
    }
    for (std::size_t i = 0; i < view.fixed; ++i) {
      const Streamed& fixed = at(view.fixed_operand(i));
      if (fixed.life == Life::Step) fail(op, "each step of this uses the whole sequence");
      inputs.push_back(fixed.value);
    }
    if (view.length != steps_) fail(op, "this visits another number of steps than the sequence has");
    const std::vector<Value*> outputs = inline_graph(graph_, view.body, inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Value* result = op.results[i].get();
      if (i < view.carries) {
        next_[inputs[i]] = outputs[i];
        map_[result] = {outputs[i], Life::End, 0};
      } else {
        map_[result] = {with_axis(outputs[i]), Life::Step, 0};
      }
    }
  }

  // The state that a carry becomes: one that the scan goes on from (`carry: true`), or a new one.
  Value* carry(const ScanView& scan, std::size_t i) {
    const Value* initial = scan.carry(i);
    while (is_op(initial, "stop_gradient")) initial = initial->producer->inputs[0];
    for (const State& state : old_.states) {
      if (state.value == initial && state.next == scan.op.result(static_cast<int>(i))) return at(initial).value;
    }
    const Value* inner = scan.body.inputs[i];
    const Origin& origin = inner->producer->origin;
    return new_state(origin, inner->name.empty() ? "carry" : inner->name, inner->type, initial);
  }

  // `initial`: of the old graph; null: zeros.
  Value* new_state(const Origin& origin, const std::string& word, const Type& type, const Value* initial) {
    const std::string path = origin.layer.empty() ? word : origin.layer + "." + word;
    std::string name = path;
    const auto is_known = [&](const State& state) { return state.name == name; };
    for (int i = 2; std::any_of(graph_.states.begin(), graph_.states.end(), is_known) ||
                    std::any_of(old_.states.begin(), old_.states.end(), is_known);
         ++i) {
      name = fmt::format("{}_{}", path, i);
    }
    GraphBuilder builder(init_, origin);
    Value* begin = initial == nullptr ? builder.full(type, 0) : initial_value(initial, name);
    init_.outputs.push_back({name, begin});
    return graph_.state(name, type, StateKind::Recurrent, origin);
  }

  // A value of the old graph that nothing but constants make, computed in `init`.
  Value* initial_value(const Value* value, const std::string& state) {
    const Op& op = *value->producer;
    if (op.def->name == "input" || op.def->name == "state") {
      fail(op, fmt::format("the state `{}` begins with a value that is known only when the model runs", state));
    }
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(initial_value(input, state));
    return clone_op(init_, op, std::move(inputs))->results[static_cast<std::size_t>(value->result)].get();
  }

  void finish_states() {
    for (const State& state : old_.states) {
      if (state.next == nullptr || next_.count(at(state.value).value) != 0) continue;
      fail(*state.value->producer, fmt::format("the state `{}` advances once a sequence", state.name));
    }
    for (State& state : graph_.states) {
      const std::map<Value*, Value*>::const_iterator next = next_.find(state.value);
      if (next != next_.end()) state.next = next->second;
    }
  }

  void finish_outputs() {
    bool depends = false;
    for (const Output& output : old_.outputs) {
      const Streamed& value = at(output.value);
      builder_.set_origin(output.value->producer->origin);
      depends = depends || value.life != Life::Fixed;
      if (value.life == Life::Step && output.value->type.shape[value.axis] != steps_) {
        fail(*output.value->producer, "this has another number of steps than the sequence");
      }
      Value* result = value.life == Life::Step ? without_axis(value.value, value.axis) : value.value;
      if (result->name.empty()) result->name = output.value->name;
      graph_.outputs.push_back({output.name, result});
    }
    if (!depends) fail(*sequence_->producer, "no output depends on it");
  }

  const Graph& old_;
  Graph graph_;
  Graph init_;
  std::string input_;
  GraphBuilder builder_;
  const Value* sequence_ = nullptr;
  std::int64_t steps_ = 0;
  std::map<const Value*, Streamed> map_;
  std::map<const Value*, Value*> inputs_;  // of the signature
  std::map<Value*, Value*> next_;          // of the new states
};

}  // namespace

void make_stream(Graph& graph, Graph& init, const std::string& input, Diagnostics& diagnostics) {
  MakeStream stream(graph, init.clone(), input);
  try {
    stream.run();
  } catch (const NotCausal& error) {
    diagnostics.report(Kind::not_causal, error.place, input, error.reason);
    return;
  }
  graph = stream.graph();
  init = stream.init();
}

}  // namespace nnc
