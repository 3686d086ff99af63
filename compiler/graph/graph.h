// The graph: static single assignment over the primitives of compiler/ops, with static types.
//
// A Graph is a list of operations in topological order. There is no class per operation: an Op points to its OpDef,
// which holds all that the compiler knows of it. Leaves are operations too (`input`, `state`, `constant`).
// What outlives a call is a State: a value at entry and, if the graph changes it, a value at exit; a parameter of a
// network in inference is a State without a next value. An operation may own sub-graphs (`scan`); a sub-graph is
// closed: all it uses comes through its inputs.
//
// Printed form (print.h), complete and parsed back to the same graph; each line ends with its place:
//   graph LeNet5 {
//     %image = input() {name="image", per_example=true} : f32[1, 28, 28]          ; lenet5.nn:2
//     %0 = state() {name="conv1.weight", kind="parameter"} : f32[6, 1, 5, 5]       ; lenet5.nn:3 conv1
//     …
//     output scores = %12
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/diagnostics/internal_error.h"
#include "compiler/graph/tensor.h"
#include "dsl/source.h"

namespace nnc {

struct OpDef;
struct Op;
class Graph;

// Where a value comes from, in the words of the source.
struct Origin {
  Span span;
  std::string layer;         // path of the layer that made it: "conv1", "block.0.qkv"
  std::string call = {};     // what the user applied at `span`: "conv", "relu"; empty: an operator or primitive
  bool is_layer = false;     // `call` is the layer itself, not a function applied within it
  bool is_gradient = false;  // computes gradients of what came from here
  std::vector<std::string> folded = {};  // calls and operators whose work is in this one's weights: "batch_norm"

  // Of what computes its gradients.
  Origin backward() const { return {span, layer, call, is_layer, true, {}}; }
};

// The call of the loop over the shards of a batch, which no place of the source makes.
inline constexpr const char* kShardsCall = "shards";

struct Value {
  Type type;
  Op* producer = nullptr;
  int result = 0;    // which result of the producer
  std::string name;  // a hint from the source ("h1"), may be empty; not unique
};

using Attribute = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, ElementType, Tensor>;

// Attributes by name, printed in the order of the names.
class Attributes {
 public:
  void set(const std::string& name, Attribute value) { values_[name] = std::move(value); }
  bool has(const std::string& name) const { return values_.count(name) != 0; }
  // The attribute must be there with this type: a violation is a bug of nnc (verify has checked it).
  template <class T>
  const T& get(const std::string& name) const {
    return std::get<T>(values_.at(name));
  }
  std::int64_t integer(const std::string& name) const { return get<std::int64_t>(name); }
  const std::vector<std::int64_t>& integers(const std::string& name) const {
    return get<std::vector<std::int64_t>>(name);
  }
  const std::string& text(const std::string& name) const { return get<std::string>(name); }
  bool flag(const std::string& name) const { return get<bool>(name); }
  const std::map<std::string, Attribute>& all() const { return values_; }
  bool operator==(const Attributes&) const = default;

 private:
  std::map<std::string, Attribute> values_;
};

struct Op {
  const OpDef* def = nullptr;
  std::vector<Value*> inputs;
  std::vector<std::unique_ptr<Value>> results;
  Attributes attributes;
  std::vector<std::unique_ptr<Graph>> graphs;
  Origin origin;

  Value* result(int i = 0) const { return results[static_cast<std::size_t>(i)].get(); }
};

enum class StateKind {
  Parameter,  // trained or trainable; in the weights file
  Statistic,  // of a layer, advanced in training only (running_mean); in the weights file
  Optimizer,  // moments and the like; in the checkpoint
  Counter,    // iteration; in the checkpoint
  Recurrent,  // of a cell, in inference kept in the caller's state object
  Prepared,   // computed from parameters by the emitted `prepare`; put in by split_prepare
};
std::string_view name(StateKind kind);  // "parameter", …
bool parse_state_kind(std::string_view text, StateKind& kind);

struct State {
  std::string name;  // path: "conv1.weight", "memory.h"; optimiser state: "train.conv1.weight.m"
  StateKind kind = StateKind::Parameter;
  Value* value = nullptr;  // result of a `state` op
  Value* next = nullptr;   // null: not changed by this graph
};

struct Output {
  std::string name;
  Value* value = nullptr;
};

class Graph {
 public:
  std::string name;
  std::vector<std::unique_ptr<Op>> ops;  // topological order
  std::vector<Value*> inputs;            // results of `input` ops, in the order of the signature
  std::vector<State> states;
  std::vector<Output> outputs;

  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  // A deep copy; `map`, if given, receives old value -> new value.
  Graph clone(std::map<const Value*, Value*>* map = nullptr) const;

  // Appends an operation after inferring its result types; an `input` or `state` also enters the lists above. A type
  // error here is a bug of the caller: it throws InternalError. Callers that pass on what a user wrote ask infer()
  // first.
  Op* add(const OpDef& def, std::vector<Value*> inputs, Attributes attributes = {}, Origin origin = {},
          std::vector<std::unique_ptr<Graph>> graphs = {});

  Value* input(const std::string& name, const Type& type, bool per_example = true, Origin origin = {});
  Value* state(const std::string& name, const Type& type, StateKind kind, Origin origin = {});
  Value* constant(Tensor value, Origin origin = {});

  // Every use of `from` (operands, next states, outputs) becomes a use of `to`.
  void replace_uses(Value* from, Value* to);
  // Operations in topological order again after edits that appended at the end.
  void sort();
  State* find_state(std::string_view name);
  const State* find_state(std::string_view wanted) const { return const_cast<Graph*>(this)->find_state(wanted); }
  Value* find_output(std::string_view name);
  const Value* find_output(std::string_view wanted) const { return const_cast<Graph*>(this)->find_output(wanted); }
};

// What nnc adds to the graphs of a program: inputs that its driver or the device supplies, and the counter of steps. No
// name of a program begins so.
inline constexpr const char* kSeedName = "$seed";            // input, u32[2]
inline constexpr const char* kEpochName = "$epoch";          // input, f32[], from 0
inline constexpr const char* kExampleName = "$example";      // input, u32[] an example: its place in the data
inline constexpr const char* kIterationName = "$iteration";  // State, u32[]
inline bool is_added_by_nnc(std::string_view name) { return !name.empty() && name.front() == '$'; }

// How often each value is used: operands, next states, outputs.
std::map<const Value*, int> use_counts(const Graph& graph);

}  // namespace nnc
