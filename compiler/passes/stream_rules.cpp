// The rules of make_stream for all operations but those that attention is made of. See stream.h.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "compiler/passes/stream.h"

namespace nnc {
namespace {

std::size_t place_of(std::int64_t axis) { return static_cast<std::size_t>(axis); }

// The attributes of a window that slides along the axis no more: no padding there, and the dilation given.
Attributes along_time(const Op& op, std::size_t axis, const char* dilation_name, std::int64_t dilation) {
  Attributes attributes = op.attributes;
  for (const auto& [name, value] :
       {std::pair<const char*, std::int64_t>("pad_low", 0), {"pad_high", 0}, {dilation_name, dilation}}) {
    std::vector<std::int64_t> values = op.attributes.integers(name);
    values[axis] = value;
    attributes.set(name, values);
  }
  return attributes;
}

}  // namespace

void MakeStream::fail_all(const Op& op) const {
  fail_stream(op, fmt::format("combines all {}, those to come too", count_steps(steps_)));
}

void MakeStream::elementwise(const Op& op) {
  const Timing timing = timing_of(op);
  set(op, timing, [&](const Part& part) {
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(take(input, op, timing, timing.axis, part));
    return clone_op(memory_.graph(), op, std::move(inputs))->result();
  });
  map_[op.result()].past = past_of(op);
}

void MakeStream::reduction(const Op& op) {
  const std::int64_t axis = static_cast<std::int64_t>(operand(op, 0).timing.axis);
  std::int64_t before = 0;
  for (const std::int64_t reduced : op.attributes.integers("axes")) {
    if (reduced == axis) fail_all(op);
    before += reduced < axis;
  }
  keep(op, place_of(axis - before));
}

void MakeStream::argmax(const Op& op) {
  const std::int64_t axis = static_cast<std::int64_t>(operand(op, 0).timing.axis);
  if (op.attributes.integer("axis") == axis) fail_all(op);
  keep(op, place_of(axis - (op.attributes.integer("axis") < axis)));
}

void MakeStream::broadcast(const Op& op) {
  const std::size_t axis = place_of(op.attributes.integers("axes")[operand(op, 0).timing.axis]);
  set_like(op, axis, [&](const Part& part) {
    Shape shape = op.attributes.integers("shape");
    shape[axis] = part.count;
    return with_attribute(op, "shape", shape);
  });
}

void MakeStream::reshape(const Op& op) {
  Shape to = op.result()->type.shape;
  const std::optional<std::size_t> axis = same_axis(op.inputs[0]->type.shape, operand(op, 0).timing.axis, to);
  if (!axis) fail_stream(op, "puts elements of several steps side by side");
  set_like(op, *axis, [&](const Part& part) {
    to[*axis] = part.count;
    return with_attribute(op, "shape", to);
  });
}

void MakeStream::transpose(const Op& op) {
  const std::vector<std::int64_t>& permutation = op.attributes.integers("permutation");
  const auto moved = [&](std::size_t axis) {
    return place_of(std::find(permutation.begin(), permutation.end(), static_cast<std::int64_t>(axis)) -
                    permutation.begin());
  };
  const Streamed x = operand(op, 0);
  keep(op, moved(x.timing.axis));
  if (x.past) map_[op.result()].past = {x.past->made, moved(x.past->axis), x.past->later};
}

void MakeStream::reverse(const Op& op) {
  for (const std::int64_t axis : op.attributes.integers("axes")) {
    if (place_of(axis) == operand(op, 0).timing.axis) fail_stream(op, "reads the sequence from its end");
  }
  keep(op, operand(op, 0).timing.axis);
}

// Along time: the last element; what lies before the first step; the element of the first step, which is kept; or a
// part, which comes the later the more is left out before it.
void MakeStream::slice(const Op& op) {
  const Streamed x = operand(op, 0);
  const std::size_t axis = x.timing.axis;
  const std::int64_t length = op.inputs[0]->type.shape[axis];
  const std::int64_t start = op.attributes.integers("start")[axis], stop = op.attributes.integers("stop")[axis];
  const std::int64_t first_step = start - x.timing.shift;
  const auto others = [&](const Part& part) {
    std::vector<std::int64_t> starts = op.attributes.integers("start"), stops = op.attributes.integers("stop");
    starts[axis] = 0;
    stops[axis] = part.count;
    Attributes attributes = with_attribute(op, "start", starts);
    attributes.set("stop", stops);
    return attributes;
  };
  const auto of = [&](Value* value, std::int64_t count) {
    return builder_.op("slice", {value}, others({false, count}));
  };
  const bool is_single = stop == start + 1;
  if (is_single && stop == length && first_step == steps_ - 1) {
    map_[op.result()] = {of(x.value, 1), Life::End};
    return;
  }
  if (stop <= x.timing.shift) {
    map_[op.result()] = {of(memory_.part(x.before, axis, start, stop), stop - start)};
    return;
  }
  if (is_single && first_step == 0) {
    map_[op.result()] = {memory_.first(op.origin, of(x.value, 1))};
    return;
  }
  const std::int64_t stride = op.attributes.integers("step")[axis];
  if (is_single && length > 1) {
    fail_stream(op, fmt::format("is step {} alone: of single steps a stream has the first and the last", first_step));
  }
  if (stride != 1) fail_stream(op, "skips steps: a stream gives an output for each");
  Timing timing = x.timing;
  timing.shift -= start;
  if (timing.shift < 0 && timing.late == nullptr) timing.late = &op;
  set(op, timing, [&](const Part& part) {
    if (!part.is_before) return of(x.value, 1);
    return of(memory_.part(x.before, axis, start, start + part.count), part.count);
  });
}

// `head`: what comes before x. What it has for the steps in which x has nothing yet, it gives in those.
Streamed MakeStream::behind(Streamed x, Value* head) {
  const std::size_t axis = x.timing.axis;
  const std::int64_t count = head->type.shape[axis], missing = std::max<std::int64_t>(-x.timing.shift, 0);
  x.timing.shift += count;
  if (missing > 0) {
    const std::optional<double> number = splat_value(head);
    Value* own = number ? builder_.like(x.value, *number) : memory_.at_step(head, axis, x.timing.shift);
    x.value = memory_.in_first(missing, own, x.value);
  }
  if (x.timing.shift >= 0) x.timing.late = nullptr;
  if (x.timing.shift <= 0) return x;
  Value* known = memory_.part(head, axis, 0, std::min(count, x.timing.shift));
  if (x.before != nullptr) {
    Attributes along;
    along.set("axis", static_cast<std::int64_t>(axis));
    known = builder_.op("concat", {known, x.before}, along);
  }
  x.before = known;
  return x;
}

// `low` elements before x; below 0: so many fewer.
Streamed MakeStream::padded(const Op& op, Streamed x, std::int64_t low, double value) {
  const std::size_t axis = x.timing.axis;
  if (low > 0) {
    Shape shape = x.value->type.shape;
    shape[axis] = low;
    return behind(x, builder_.full({x.value->type.element, shape}, value));
  }
  const std::int64_t known = x.timing.shift;
  x.timing.shift += low;
  if (x.timing.shift < 0 && x.timing.late == nullptr) x.timing.late = &op;
  x.before = x.timing.shift > 0 ? memory_.part(x.before, axis, -low, known) : nullptr;
  return x;
}

// What lies behind the sequence never comes: a stream has no end.
void MakeStream::pad(const Op& op) {
  const Streamed x = operand(op, 0);
  const std::size_t axis = x.timing.axis;
  const std::int64_t low = op.attributes.integers("low")[axis];
  if (op.attributes.integers("interior")[axis] != 0) fail_stream(op, "puts something between the steps");
  Attributes attributes = op.attributes;
  for (const char* end : {"low", "high"}) {
    std::vector<std::int64_t> counts = op.attributes.integers(end);
    counts[axis] = 0;
    attributes.set(end, counts);
  }
  const auto others = [&](Value* value) {
    return value == nullptr ? nullptr : builder_.op("pad", {value}, attributes);
  };
  Streamed y{others(x.value), Life::Step, x.timing, others(x.before)};
  y.value->name = op.result()->name;
  map_[op.result()] = padded(op, y, low, op.attributes.get<double>("value"));
}

void MakeStream::concat(const Op& op) {
  const Timing timing = timing_of(op);
  const auto join = [&](std::vector<Value*> parts) {
    return parts.size() == 1 ? parts[0] : builder_.op("concat", std::move(parts), op.attributes);
  };
  if (place_of(op.attributes.integer("axis")) != timing.axis) {
    return set(op, timing, [&](const Part& part) {
      std::vector<Value*> inputs;
      for (const Value* input : op.inputs) inputs.push_back(take(input, op, timing, timing.axis, part));
      return join(inputs);
    });
  }
  std::vector<Value*> heads;
  const Value* sequence = nullptr;
  for (const Value* input : op.inputs) {
    const bool is_sequence = at(input).life == Life::Step;
    if (is_sequence && sequence != nullptr) fail_stream(op, "puts one sequence behind another");
    if (is_sequence) sequence = input;
    if (sequence == nullptr) heads.push_back(at(input).value);
  }
  map_[op.result()] = heads.empty() ? at(sequence) : behind(at(sequence), join(heads));
}

void MakeStream::gather(const Op& op) {
  if (operand(op, 0).life == Life::Step) fail_stream(op, "takes any steps of the sequence");
  const Timing timing = operand(op, 1).timing;
  set(op, timing, [&](const Part& part) {
    Value* index = take(op.inputs[1], op, timing, timing.axis, part);
    return clone_op(memory_.graph(), op, {operand(op, 0).value, index})->result();
  });
}

void MakeStream::slide(const Op& op, const Windows& windows, std::size_t result_axis, const MakeWindows& make) {
  if (windows.stride != 1) {
    fail_stream(op, fmt::format("moves {} at a time: a stream gives an output for each", count_steps(windows.stride)));
  }
  const Streamed x = padded(op, operand(op, 0), windows.pad_low, windows.padding);
  const std::size_t axis = x.timing.axis;
  const std::int64_t reach = (windows.taps - 1) * windows.dilation;
  Timing timing = x.timing;
  timing.axis = result_axis;
  timing.shift -= reach;
  if (timing.shift < 0 && timing.late == nullptr) timing.late = &op;
  set(op, timing, [&](const Part& part) {
    if (part.is_before) return make(x.before, windows.dilation);
    Value* recent = memory_.recent(op.origin, x.value, axis, x.before, reach, windows.taps, windows.dilation);
    return make(recent, 1);
  });
}

void MakeStream::window(const Op& op) {
  const std::size_t axis = operand(op, 0).timing.axis;
  const auto along = [&](const char* name) { return op.attributes.integers(name)[axis]; };
  const double padding = op.def->name == "window_max" ? -std::numeric_limits<double>::infinity() : 0;
  const Windows windows{along("stride"), along("window"), along("dilation"), along("pad_low"), padding};
  slide(op, windows, axis, [&](Value* x, std::int64_t dilation) {
    return builder_.op(op.def->name, {x}, along_time(op, axis, "dilation", dilation));
  });
}

void MakeStream::convolution(const Op& op) {
  if (operand(op, 1).life != Life::Fixed) fail_stream(op, "has a kernel that depends on the sequence");
  Value* w = operand(op, 1).value;
  const std::size_t axis = operand(op, 0).timing.axis;
  const char time = op.attributes.text("x_axes")[axis];
  if (time == 'c') fail_all(op);
  const std::size_t result_axis = op.attributes.text("y_axes").find(time);
  if (time == 'n') {
    const Streamed& x = operand(op, 0);
    Timing timing = x.timing;
    timing.axis = result_axis;
    return set(op, timing, [&](const Part& part) {
      return clone_op(memory_.graph(), op, {part.is_before ? x.before : x.value, w})->result();
    });
  }
  const std::size_t spatial = static_cast<std::size_t>(time - '0');
  const auto along = [&](const char* name) { return op.attributes.integers(name)[spatial]; };
  if (along("input_dilation") != 1) fail_stream(op, "makes several steps of one");
  const std::int64_t taps = w->type.shape[op.attributes.text("w_axes").find(time)];
  const Windows windows{along("stride"), taps, along("window_dilation"), along("pad_low"), 0};
  slide(op, windows, result_axis, [&](Value* x, std::int64_t dilation) {
    Value* product = x->type.shape[axis] == taps && dilation == 1 ? as_product(op, x, axis, w) : nullptr;
    if (product != nullptr) return product;
    return builder_.op("convolution", {x, w}, along_time(op, spatial, "window_dilation", dilation));
  });
}

// A convolution over nothing but time, its taps and channels side by side: one product, summed in the order of the
// convolution (taps, then channels). Null if there are other axes or groups.
Value* MakeStream::as_product(const Op& op, Value* recent, std::size_t axis, Value* w) {
  const char time = op.attributes.text("x_axes")[axis];
  const std::string& w_axes = op.attributes.text("w_axes");
  std::string letters = w_axes;
  std::sort(letters.begin(), letters.end());
  if (letters != std::string(1, time) + "io" || recent->type.shape.size() != 2) return nullptr;
  if (op.attributes.integer("groups") != 1 || op.attributes.integer("batch_groups") != 1) return nullptr;
  std::vector<std::int64_t> order;
  for (const char letter : {time, 'i', 'o'}) order.push_back(static_cast<std::int64_t>(w_axes.find(letter)));
  const std::string result = op.attributes.text("y_axes").front() == time ? "no" : "on";
  Value* taps = axis == 0 ? recent : builder_.transpose(recent, {1, 0});
  return builder_.contraction("nti,tio->" + result, with_axis(taps), builder_.transpose(w, order));
}

void MakeStream::scan(const Op& op) {
  const ScanView view(op);
  if (view.reverse) fail_stream(op, "reads the sequence from its end");
  const std::size_t sequences_end = view.carries + view.sequences;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const Streamed& x = operand(op, i);
    if (x.life != Life::Step) continue;
    if (i < view.carries) fail_stream(op, "begins with the whole sequence");
    if (i >= sequences_end) fail_stream(op, "uses the whole sequence at each of its steps");
    if (x.timing.axis != 0) fail_stream(op, "runs along another axis than time");
  }
  const Timing timing = timing_of(op);
  // The elements before the first step.
  std::vector<Value*> begin, inputs;
  for (std::size_t i = 0; i < view.carries; ++i) begin.push_back(operand(op, i).value);
  if (timing.shift > 0) {
    inputs = begin;
    for (std::size_t i = view.carries; i < op.inputs.size(); ++i) {
      const bool is_fixed = i >= sequences_end;
      inputs.push_back(is_fixed ? operand(op, i).value : take(op.inputs[i], op, timing, 0, {true, timing.shift}));
    }
    std::vector<std::unique_ptr<Graph>> body;
    body.push_back(std::make_unique<Graph>(view.body.clone()));
    begin = builder_.op_all("scan", inputs, with_attribute(op, "length", timing.shift), std::move(body));
  }
  inputs.clear();
  std::vector<Value*> states;
  for (std::size_t i = 0; i < view.carries; ++i) {
    const StreamMemory::Kept kept = carry(view, i, begin[i], timing.shift > 0);
    states.push_back(kept.state);
    inputs.push_back(kept.value);
  }
  for (std::size_t i = view.carries; i < op.inputs.size(); ++i) {
    const bool is_fixed = i >= sequences_end;
    inputs.push_back(is_fixed ? operand(op, i).value : without_axis(take(op.inputs[i], op, timing, 0, {false, 1}), 0));
  }
  const std::vector<Value*> outputs = inline_graph(memory_.graph(), view.body, inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Value* result = op.results[i].get();
    if (i >= view.carries) {
      map_[result] = {with_axis(outputs[i]), Life::Step, timing, timing.shift > 0 ? begin[i] : nullptr};
      continue;
    }
    // Steps that have no element yet leave it as it is.
    Value* next = timing.shift < 0 ? memory_.in_first(-timing.shift, inputs[i], outputs[i]) : outputs[i];
    memory_.advance(states[i], next);
    if (uses_[result] > 0 && view.length - timing.shift != steps_) {
      fail_stream(op, fmt::format("ends after {} where the sequence has {}", count_steps(view.length), steps_));
    }
    map_[result] = {next, Life::End};
  }
}

// The state that a carry becomes: one that the scan goes on from (`carry: true`), or a new one. `is_later`: `initial`
// is not how the scan begins but what it carries at the first step.
StreamMemory::Kept MakeStream::carry(const ScanView& scan, std::size_t i, Value* initial, bool is_later) {
  const Value* begin = scan.carry(i);
  while (is_op(begin, "stop_gradient")) begin = begin->producer->inputs[0];
  for (const State& state : old_.states) {
    if (state.value != begin || state.next != scan.op.result(static_cast<int>(i))) continue;
    Value* own = at(begin).value;
    return {own, is_later ? memory_.in_first(1, initial, own) : own};
  }
  const Value* inner = scan.body.inputs[i];
  const bool has_name = !inner->name.empty() && inner->name != inner->producer->attributes.text("name");
  return memory_.keep(inner->producer->origin, has_name ? inner->name : "carry", inner->type, initial);
}

}  // namespace nnc
