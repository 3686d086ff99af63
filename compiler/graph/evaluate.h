// The meaning of a graph: every operation evaluated as its OpDef says. Slow, exact: what all else is tested against.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"

namespace nnc {

struct Evaluation {
  std::map<std::string, Tensor> outputs;
  std::map<std::string, Tensor> next_states;  // of the states that the graph changes
  std::map<const Value*, Tensor> values;      // of every value, if asked for
};

struct EvaluateOptions {
  bool keep_values = false;
  bool round_to_type = false;  // round f32/f16/bf16 results to their type after each operation
  // An evaluation of this graph that kept its values, at inputs and states that differ from those given now in the one
  // named `changed` alone: only what depends on that one is computed.
  const Evaluation* before = nullptr;
  std::string changed = {};
};

// `inputs` and `states` by name; all must be there with the types that the graph states (else InternalError).
Evaluation evaluate(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                    const std::map<std::string, Tensor>& states, const EvaluateOptions& options = {});
// One operation.
std::vector<Tensor> evaluate(const Op& op, const std::vector<const Tensor*>& operands);

}  // namespace nnc
