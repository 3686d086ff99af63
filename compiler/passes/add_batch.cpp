// Puts the batch in: every value that depends on an example gets a leading axis of size `batch`.
//
// Values that depend on no example (parameters, schedules, constants) stay as they are. An operation with a batched
// operand is rewritten by the batch rule of its OpDef; a `scan` carries and visits batches; anything else runs example
// by example in a `scan` over the batch. A recurrent state has one slot for each row of the batch. A `gradient` of
// per-example values is one of batched values, since examples do not mix.
//
// Requires: the graph of one example, as elaborate makes it.
// Establishes: every batch axis is explicit; no batch_mean is left. Inputs keep their order, names and `per_example`.
//
//   %x = input() {name="x", per_example=true} : f32[3]         %x = input() {…} : f32[8, 3]
//   %w = state() {name="w", …} : f32[3]                        %w = state() {…} : f32[3]
//   %y = multiply(%x, %w) : f32[3]                      ->     %b = broadcast(%w) {axes=[1], shape=[8, 3]}
//   %l = reduce_sum(%y) {axes=[0]} : f32[]                     %y = multiply(%x, %b)
//   %m = batch_mean(%l) : f32[]                                %l = reduce_sum(%y) {axes=[1]} : f32[8]
//                                                              %m = divide(reduce_sum(%l) {axes=[0]}, 8)
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

struct Batched {
  Value* value = nullptr;
  bool is_batched = false;
};

Type with_batch(Type type, std::int64_t batch) {
  type.shape.insert(type.shape.begin(), batch);
  return type;
}

std::vector<Value*> one_by_one(BatchContext& context) {
  ScanBuilder scan;
  std::vector<Value*> operands;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    operands.push_back(context.is_batched[i] ? scan.sequence(context.inputs[i]) : scan.fixed(context.inputs[i]));
  }
  const Op* inner = clone_op(scan.body(), context.op, operands);
  for (const std::unique_ptr<Value>& result : inner->results) scan.stack(result.get());
  return scan.finish(context.builder, context.batch, false);
}

class AddBatch {
 public:
  // `leaves`: the inputs and states that get the axis.
  AddBatch(const Graph& old, std::int64_t batch, std::set<const Value*> leaves)
      : old_(old), batch_(batch), leaves_(std::move(leaves)), builder_(graph_) {}

  Graph run() {
    visit_all();
    graph_.inputs.clear();
    graph_.states.clear();
    for (const Value* input : old_.inputs) graph_.inputs.push_back(map_.at(input).value);
    for (const State& state : old_.states) add_state(state);
    for (const Output& output : old_.outputs) graph_.outputs.push_back({output.name, map_.at(output.value).value});
    return std::move(graph_);
  }

 private:
  void visit_all() {
    graph_.name = old_.name;
    for (const std::unique_ptr<Op>& op : old_.ops) {
      builder_.set_origin(op->origin);
      visit(*op);
    }
  }

  void visit(const Op& op) {
    std::vector<Value*> inputs;
    std::vector<bool> is_batched;
    for (const Value* input : op.inputs) {
      inputs.push_back(map_.at(input).value);
      is_batched.push_back(map_.at(input).is_batched);
    }
    const bool any = std::find(is_batched.begin(), is_batched.end(), true) != is_batched.end();
    if (op.def->has(Leaf)) {
      leaf(op);
    } else if (op.def->name == "batch_mean") {
      set(op, {any ? mean(inputs[0]) : inputs[0]}, false);
    } else if (op.def->name == "gradient") {
      gradient(op, inputs, is_batched);
    } else if (!any) {
      const Op* copy = clone_op(graph_, op, inputs);
      for (std::size_t i = 0; i < op.results.size(); ++i) map_[op.results[i].get()] = {copy->results[i].get(), false};
    } else if (op.def->name == "scan") {
      scan(op, inputs, is_batched);
    } else {
      BatchContext context{builder_, op, batch_, std::move(inputs), std::move(is_batched)};
      set(op, batch_operation(context), true);
    }
  }

  // The loop stays one loop: its body is batched, with the steps before the batch. A carry gets the axis if it begins
  // with it or becomes an example's in a step.
  void scan(const Op& op, std::vector<Value*> inputs, std::vector<bool> is_batched) {
    const ScanView view(op);
    std::unique_ptr<AddBatch> inner;
    for (bool changed = true; changed;) {
      changed = false;
      std::set<const Value*> leaves;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (is_batched[i]) leaves.insert(view.body.inputs[i]);
      }
      inner = std::make_unique<AddBatch>(view.body, batch_, leaves);
      inner->visit_all();
      for (std::size_t i = 0; i < view.carries; ++i) {
        if (is_batched[i] || !inner->map_.at(view.body.outputs[i].value).is_batched) continue;
        is_batched[i] = true;
        inputs[i] = broadcast_to_batch(inputs[i]);
        changed = true;
      }
    }
    ScanBuilder loop;
    std::vector<Value*> bound;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool is_sequence = i >= view.carries && i < view.carries + view.sequences;
      bound.push_back(i < view.carries ? loop.carry(inputs[i])
                      : !is_sequence   ? loop.fixed(inputs[i])
                                       : loop.sequence(is_batched[i] ? swap_first(inputs[i]) : inputs[i]));
    }
    std::vector<bool> is_result_batched;
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      Batched output = inner->map_.at(view.body.outputs[i].value);
      if (i < view.carries && is_batched[i] && !output.is_batched) {
        output = {inner->broadcast_to_batch(output.value), true};
      }
      is_result_batched.push_back(output.is_batched);
      inner->graph_.outputs.push_back({view.body.outputs[i].name, output.value});
    }
    const std::vector<Value*> outputs = inline_graph(loop.body(), inner->graph_, bound);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (i < view.carries) {
        loop.next(outputs[i]);
      } else {
        loop.stack(outputs[i]);
      }
    }
    const std::vector<Value*> results = loop.finish(builder_, view.length, view.reverse);
    for (std::size_t i = 0; i < results.size(); ++i) {
      Value* result = i >= view.carries && is_result_batched[i] ? swap_first(results[i]) : results[i];
      map_[op.results[i].get()] = {result, is_result_batched[i]};
    }
  }

  // [steps, batch, …] and back.
  Value* swap_first(Value* value) {
    std::vector<std::int64_t> permutation(value->type.shape.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::swap(permutation[0], permutation[1]);
    return builder_.transpose(value, permutation);
  }

  void set(const Op& op, const std::vector<Value*>& results, bool is_batched) {
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      if (results[i]->name.empty()) results[i]->name = op.results[i]->name;
      map_[op.results[i].get()] = {results[i], is_batched};
    }
  }

  void leaf(const Op& op) {
    Attributes attributes = op.attributes;
    const bool is_batched = leaves_.count(op.result()) != 0;
    if (is_batched) attributes.set("shape", with_batch(op.result()->type, batch_).shape);
    set(op, {graph_.add(*op.def, {}, attributes, op.origin)->result()}, is_batched);
  }

  void add_state(const State& state) {
    const Batched before = map_.at(state.value);
    Batched next = state.next ? map_.at(state.next) : Batched{};
    if (next.value && before.is_batched && !next.is_batched) next = {broadcast_to_batch(next.value), true};
    if (next.value && before.is_batched != next.is_batched) {
      throw InternalError(fmt::format("state {} is shared but its next value depends on an example", state.name));
    }
    graph_.states.push_back({state.name, state.kind, before.value, next.value});
  }

  Value* broadcast_to_batch(Value* value) {
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < value->type.shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i) + 1);
    return builder_.broadcast(value, with_batch(value->type, batch_).shape, axes);
  }

  Value* mean(Value* x) {
    Value* sum = builder_.reduce_sum(x, {0});
    return builder_.divide(sum, builder_.full(sum->type, static_cast<double>(batch_)));
  }

  // Σ cotangent · ∂y/∂x. If x is shared while y is not, each example would need its own copy of what lies between.
  void gradient(const Op& op, std::vector<Value*> inputs, const std::vector<bool>& is_batched) {
    if (is_batched[1] && !is_batched[0]) throw InternalError("gradient: a cotangent per example of a shared value");
    if (is_batched[0] && !is_batched[1]) inputs[1] = broadcast_to_batch(inputs[1]);
    for (std::size_t i = 2; i < inputs.size(); ++i) {
      if (is_batched[0] && !is_batched[i]) {
        throw InternalError("gradient: of a value per example with respect to a shared one");
      }
    }
    Op* copy = clone_op(graph_, op, inputs);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      map_[op.results[i].get()] = {copy->results[i].get(), is_batched[i + 2]};
    }
  }

  const Graph& old_;
  std::int64_t batch_;
  std::set<const Value*> leaves_;
  Graph graph_;
  GraphBuilder builder_;
  std::map<const Value*, Batched> map_;
};

}  // namespace

std::vector<Value*> batch_operation(BatchContext& context) {
  return context.op.def->batch ? context.op.def->batch(context) : one_by_one(context);
}

void add_batch(Graph& graph, std::int64_t batch) {
  std::set<const Value*> leaves;
  for (const Value* input : graph.inputs) {
    if (input->producer->attributes.flag("per_example")) leaves.insert(input);
  }
  for (const State& state : graph.states) {
    if (state.kind == StateKind::Recurrent) leaves.insert(state.value);
  }
  graph = AddBatch(graph, batch, std::move(leaves)).run();
}

}  // namespace nnc
