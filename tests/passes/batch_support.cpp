// Compares a graph of one example with what add_batch makes of it. See batch_support.h.
#include "tests/passes/batch_support.h"

#include <doctest/doctest.h>

#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

namespace nnc {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// The tensors one after the other along a new first axis.
Tensor stacked(const std::vector<Tensor>& rows) {
  Tensor all = rows[0];
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (is_float(all.type.element)) {
      append(all.floats(), rows[i].floats());
    } else {
      append(all.integers(), rows[i].integers());
    }
  }
  all.type.shape.insert(all.type.shape.begin(), static_cast<std::int64_t>(rows.size()));
  return all;
}

}  // namespace

void check_batch(const Graph& graph, std::int64_t batch, unsigned seed) {
  const Values states = random_states(graph, seed);
  std::map<std::string, std::vector<Tensor>> input_rows, output_rows;
  Values shared = random_inputs(graph, seed);
  for (std::int64_t row = 0; row < batch; ++row) {
    Values inputs = random_inputs(graph, seed + static_cast<unsigned>(row));
    for (const Value* input : graph.inputs) {
      const std::string& name = input->producer->attributes.text("name");
      if (!input->producer->attributes.flag("per_example")) inputs[name] = shared[name];
      input_rows[name].push_back(inputs[name]);
    }
    for (const auto& [name, value] : evaluate(graph, inputs, states).outputs) output_rows[name].push_back(value);
  }
  Graph batched = graph.clone();
  add_batch(batched, batch);
  CHECK(verify(batched) == "");
  Values inputs;
  for (const Value* input : graph.inputs) {
    const std::string& name = input->producer->attributes.text("name");
    inputs[name] = input->producer->attributes.flag("per_example") ? stacked(input_rows[name]) : shared[name];
  }
  Values batched_states = states;
  for (const State& state : graph.states) {
    if (state.kind != StateKind::Recurrent) continue;
    batched_states[state.name] = stacked(std::vector<Tensor>(static_cast<std::size_t>(batch), states.at(state.name)));
  }
  Evaluation expected;
  const Evaluation found = evaluate(batched, inputs, batched_states);
  for (const auto& [name, rows] : output_rows) {
    const bool is_shared = found.outputs.at(name).type == rows[0].type;
    expected.outputs[name] = is_shared ? rows[0] : stacked(rows);
  }
  expected.next_states = found.next_states;
  CHECK(difference(expected, found) <= 1e-12);
}

}  // namespace nnc
