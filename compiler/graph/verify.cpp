// The invariants of a graph. Everything else may rely on them without looking.
#include "compiler/graph/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/ops/op.h"

namespace nnc {
namespace {

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph) {}

  std::string run() {
    for (const std::unique_ptr<Op>& op : graph_.ops) {
      const std::string wrong = check(*op);
      if (!wrong.empty()) return fmt::format("operation {} ({}): {}", position_, op->def ? op->def->name : "?", wrong);
      ++position_;
    }
    std::string wrong = check_leaves();
    if (wrong.empty()) wrong = check_states();
    if (wrong.empty()) wrong = check_outputs();
    return wrong;
  }

 private:
  std::string check(const Op& op) {
    if (op.def == nullptr) return "has no definition";
    for (const Value* operand : op.inputs) {
      if (operand == nullptr) return "an operand is null";
      if (defined_.count(operand) == 0) return "an operand is not defined before it";
    }
    for (const std::unique_ptr<Graph>& graph : op.graphs) {
      if (graph == nullptr) return "a sub-graph is null";
      if (!graph->states.empty()) return "a sub-graph has a state";
      const std::string wrong = verify(*graph);
      if (!wrong.empty()) return "in its sub-graph, " + wrong;
    }
    const Inferred inferred = infer(*op.def, op.inputs, op.attributes, op.graphs);
    if (!inferred.error.empty()) return inferred.error;
    if (inferred.types.size() != op.results.size()) return "has the wrong number of results";
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      const Value& value = *op.results[i];
      if (value.producer != &op || value.result != static_cast<int>(i)) return "a result names another producer";
      if (value.type != inferred.types[i]) {
        return fmt::format("result {} is {}, inferred is {}", i, to_string(value.type), to_string(inferred.types[i]));
      }
      defined_.insert(&value);
    }
    if (op.def->name == "input") input_ops_.push_back(op.result());
    if (op.def->name == "state") state_ops_.push_back(op.result());
    return "";
  }

  // `inputs` and `states` list exactly the leaves, in the order of the operations.
  std::string check_leaves() const {
    std::vector<const Value*> listed_states;
    for (const State& state : graph_.states) listed_states.push_back(state.value);
    if (!std::equal(input_ops_.begin(), input_ops_.end(), graph_.inputs.begin(), graph_.inputs.end())) {
      return "the inputs are not those of the input operations, in their order";
    }
    if (state_ops_ != listed_states) return "the states are not those of the state operations, in their order";
    std::set<std::string> names;
    for (const Value* input : graph_.inputs) {
      const std::string& name = input->producer->attributes.text("name");
      if (!names.insert(name).second) return fmt::format("two inputs are named '{}'", name);
    }
    return "";
  }

  std::string check_states() const {
    std::set<std::string> names;
    for (const State& state : graph_.states) {
      const Attributes& attributes = state.value->producer->attributes;
      if (attributes.text("name") != state.name || attributes.text("kind") != name(state.kind)) {
        return fmt::format("state '{}' and its operation differ in name or kind", state.name);
      }
      if (!names.insert(state.name).second) return fmt::format("two states are named '{}'", state.name);
      if (state.next == nullptr) continue;
      if (defined_.count(state.next) == 0) return fmt::format("the next value of '{}' is not defined", state.name);
      if (state.next->type != state.value->type) {
        return fmt::format("state '{}' is {}, its next value {}", state.name, to_string(state.value->type),
                           to_string(state.next->type));
      }
    }
    return "";
  }

  std::string check_outputs() const {
    std::set<std::string> names;
    for (const Output& output : graph_.outputs) {
      if (!names.insert(output.name).second) return fmt::format("two outputs are named '{}'", output.name);
      if (defined_.count(output.value) == 0) return fmt::format("output '{}' is not defined", output.name);
    }
    return "";
  }

  const Graph& graph_;
  int position_ = 0;
  std::set<const Value*> defined_;
  std::vector<const Value*> input_ops_;
  std::vector<const Value*> state_ops_;
};

}  // namespace

std::string verify(const Graph& graph) { return Verifier(graph).run(); }

}  // namespace nnc
