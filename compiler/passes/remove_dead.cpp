// Removes operations on which no output and no next state depends; also what a scan computes for nobody: carries and
// stacked results that are not used, and operands that its body does not read.
//
// Requires: nothing. Establishes: every operation but inputs and states is needed. Inputs and states stay, used or not:
// they are the signature.
//
//   %a = exp(%x)
//   %b = tanh(%x)            ->     %b = tanh(%x)
//   output y = %b                   output y = %b
#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

void keep_needed(Graph& graph) {
  std::set<const Value*> needed;
  for (const Output& output : graph.outputs) needed.insert(output.value);
  for (const State& state : graph.states) needed.insert(state.next);
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = *graph.ops[i];
    for (const std::unique_ptr<Value>& result : op.results) {
      if (needed.count(result.get())) needed.insert(op.inputs.begin(), op.inputs.end());
    }
  }
  auto is_dead = [&](const std::unique_ptr<Op>& op) {
    if (op->def->name == "input" || op->def->name == "state") return false;
    for (const std::unique_ptr<Value>& result : op->results) {
      if (needed.count(result.get())) return false;
    }
    return true;
  };
  graph.ops.erase(std::remove_if(graph.ops.begin(), graph.ops.end(), is_dead), graph.ops.end());
}

// Which outputs of the body are needed: those whose result is used, and the carries that these depend on.
std::vector<bool> needed_outputs(const ScanView& scan, const std::map<const Value*, int>& uses) {
  std::vector<bool> needed;
  for (const std::unique_ptr<Value>& result : scan.op.results) {
    auto found = uses.find(result.get());
    needed.push_back(found != uses.end() && found->second > 0);
  }
  for (bool changed = true; changed;) {
    changed = false;
    std::set<const Value*> read;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (needed[i]) read.insert(scan.body.outputs[i].value);
    }
    for (std::size_t i = scan.body.ops.size(); i-- > 0;) {
      const Op& op = *scan.body.ops[i];
      for (const std::unique_ptr<Value>& result : op.results) {
        if (read.count(result.get())) read.insert(op.inputs.begin(), op.inputs.end());
      }
    }
    for (std::size_t i = 0; i < scan.carries; ++i) {
      if (needed[i] || !read.count(scan.body.inputs[i])) continue;
      needed[i] = true;
      changed = true;
    }
  }
  return needed;
}

// The scan with only what is needed; a result that is not gets no replacement of its own, since nobody reads it.
std::vector<Value*> shrink(GraphBuilder& builder, const Op& op, const std::map<const Value*, int>& uses) {
  const ScanView scan(op);
  const std::vector<bool> needed = needed_outputs(scan, uses);
  Graph body = scan.body.clone();
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) body.outputs.erase(body.outputs.begin() + static_cast<std::ptrdiff_t>(i));
  }
  keep_needed(body);
  const std::map<const Value*, int> body_uses = use_counts(body);
  auto is_read = [&](std::size_t i) { return body_uses.count(body.inputs[i]) && body_uses.at(body.inputs[i]) > 0; };
  bool is_same = true;
  for (bool one : needed) is_same = is_same && one;
  for (std::size_t i = scan.carries; i < body.inputs.size(); ++i) is_same = is_same && is_read(i);
  if (is_same) return {};

  ScanBuilder shrunk;
  std::vector<Value*> inputs(body.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i < scan.carries ? !needed[i] : !is_read(i)) continue;
    inputs[i] = i < scan.carries                    ? shrunk.carry(op.inputs[i])
                : i < scan.carries + scan.sequences ? shrunk.sequence(op.inputs[i])
                                                    : shrunk.fixed(op.inputs[i]);
  }
  const std::vector<Value*> outputs = inline_graph(shrunk.body(), body, inputs);
  std::size_t at = 0;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    if (i < scan.carries) {
      shrunk.next(outputs[at++]);
    } else {
      shrunk.stack(outputs[at++]);
    }
  }
  const std::vector<Value*> kept = shrunk.finish(builder, scan.length, scan.reverse);
  std::vector<Value*> results;
  at = 0;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    results.push_back(needed[i] ? kept[at++] : builder.zeros_like(op.results[i].get()));
  }
  return results;
}

}  // namespace

void remove_dead(Graph& graph) {
  keep_needed(graph);
  const std::map<const Value*, int> uses = use_counts(graph);
  const bool changed = rewrite(graph, [&](GraphBuilder& builder, Op& op) -> std::vector<Value*> {
    if (op.def->name != "scan") return {};
    return shrink(builder, op, uses);
  });
  for_each_subgraph(graph, remove_dead);
  if (changed) remove_dead(graph);
}

}  // namespace nnc
