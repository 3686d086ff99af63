// Binding times: what depends on parameters alone is computed once, by `prepare`.
//
//   %w = state {conv1.weight}            prepare:  %w = state {conv1.weight}
//   %p = transpose(%w)                             %p = transpose(%w)            output conv1.weight.transpose = %p
//   %y = convolution(%x, %p)             forward:  %p = state {conv1.weight.transpose}   (Prepared)
//                                                  %y = convolution(%x, %p)
#include <set>

#include "compiler/ops/op.h"
#include "compiler/passes/rewrite.h"
#include "compiler/plan/plan.h"

namespace nnc {

namespace {

// Drops what no output depends on.
void keep_needed(Graph& graph) {
  std::set<const Op*> needed;
  std::vector<const Op*> waiting;
  const auto need = [&](const Value* value) {
    if (needed.insert(value->producer).second) waiting.push_back(value->producer);
  };
  for (const Output& output : graph.outputs) need(output.value);
  for (const State& state : graph.states) need(state.value);
  while (!waiting.empty()) {
    const Op* op = waiting.back();
    waiting.pop_back();
    for (const Value* input : op->inputs) need(input);
  }
  std::vector<std::unique_ptr<Op>> ops;
  for (std::unique_ptr<Op>& op : graph.ops) {
    if (needed.count(op.get()) != 0) ops.push_back(std::move(op));
  }
  graph.ops = std::move(ops);
}

bool is_parameter(const Op& op) {
  if (op.def->name != "state") return false;
  const std::string& kind = op.attributes.text("kind");
  return kind == name(StateKind::Parameter) || kind == name(StateKind::Statistic);
}

}  // namespace

Graph split_prepare(Graph& graph) {
  std::set<const Op*> early, constant;  // depend on parameters and constants alone; on constants alone
  for (const std::unique_ptr<Op>& op : graph.ops) {
    bool is_early = is_parameter(*op) || !op->inputs.empty(), is_constant = true;
    for (const Value* input : op->inputs) {
      const bool known = constant.count(input->producer) != 0;
      if (!known) is_constant = false;
      if (!known && early.count(input->producer) == 0) is_early = false;
    }
    const std::string& name = op->def->name;
    if (op->inputs.empty()) is_constant = name == "constant" || name == "iota";
    if (is_constant) {
      constant.insert(op.get());
    } else if (is_early) {
      early.insert(op.get());
    }
  }
  // A broadcast is not worth keeping: it is only a way to look at its operand.
  std::set<const Value*> boundary;
  const auto keep = [&](const Value* value) {
    while (value->producer->def->name == "broadcast" && early.count(value->producer) != 0) {
      value = value->producer->inputs[0];
    }
    if (early.count(value->producer) != 0) boundary.insert(value);
  };
  std::set<const Op*> late_views;  // broadcasts that stay in the graph
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (early.count(op.get()) != 0) continue;
    for (const Value* input : op->inputs) {
      const Value* seen = input;
      while (seen->producer->def->name == "broadcast" && early.count(seen->producer) != 0) {
        late_views.insert(seen->producer);
        seen = seen->producer->inputs[0];
      }
      keep(input);
    }
  }
  for (const Output& output : graph.outputs) keep(output.value);
  for (const State& state : graph.states) {
    if (state.next != nullptr) keep(state.next);
  }

  std::map<const Value*, Value*> image;
  Graph prepare = graph.clone(&image);
  prepare.name = graph.name + "_prepare";
  prepare.inputs.clear();
  prepare.outputs.clear();
  std::vector<State> states;
  for (const State& state : prepare.states) {
    if (state.kind == StateKind::Parameter || state.kind == StateKind::Statistic) {
      states.push_back({state.name, state.kind, state.value, nullptr});
    }
  }
  prepare.states = std::move(states);

  std::set<std::string> names;
  std::vector<std::unique_ptr<Op>> leaves;
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (const std::unique_ptr<Value>& result : op->results) {
      if (boundary.count(result.get()) == 0) continue;
      std::string base = source_name(result.get());
      if (base.empty()) base = op->origin.layer.empty() ? op->def->name : op->origin.layer + "." + op->def->name;
      std::string unique = base;
      for (int i = 2; !names.insert(unique).second; ++i) unique = base + "." + std::to_string(i);
      prepare.outputs.push_back({unique, image.at(result.get())});
    }
  }
  keep_needed(prepare);
  // In the graph: a Prepared state for each value at the boundary.
  std::size_t next = 0;
  const std::size_t count = graph.ops.size();
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t r = 0; r < graph.ops[i]->results.size(); ++r) {
      Value* result = graph.ops[i]->results[r].get();
      if (boundary.count(result) == 0) continue;
      Value* prepared =
          graph.state(prepare.outputs[next++].name, result->type, StateKind::Prepared, graph.ops[i]->origin);
      prepared->name = result->name;
      graph.replace_uses(result, prepared);
    }
  }
  std::vector<State> kept;
  for (const State& state : graph.states) {
    if (state.kind != StateKind::Parameter && state.kind != StateKind::Statistic) kept.push_back(state);
  }
  graph.states = std::move(kept);
  std::vector<std::unique_ptr<Op>> ops;
  for (std::unique_ptr<Op>& op : graph.ops) {
    if (early.count(op.get()) == 0 || late_views.count(op.get()) != 0) ops.push_back(std::move(op));
  }
  graph.ops = std::move(ops);
  graph.sort();
  return prepare;
}

}  // namespace nnc
