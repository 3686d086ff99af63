// All that the compiler knows of a primitive: one value of OpDef, built by one function in one file.
//
// To add a primitive: write compiler/ops/<name>.cpp and add one line to op_list.inc. See README.md beside this file.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"

namespace nnc {

enum Trait : unsigned {
  Elementwise = 1u << 0,  // result element i depends on element i of each operand; operands and result one shape
  Commutative = 1u << 1,
  Leaf = 1u << 2,                 // input, state, constant
  Movement = 1u << 3,             // copies elements, computes nothing (reshape, transpose, slice, concat, …)
  Reduction = 1u << 4,            // reduces the axes in attribute `axes`
  BeforeBatch = 1u << 5,          // exists only before add_batch (batch_mean)
  BeforeDifferentiate = 1u << 6,  // exists only before differentiate (gradient, stop_gradient)
  BeforeShards = 1u << 7,         // exists only before cut_shards (shard_mean)
  Sum = 1u << 8,                  // each element is a sum of elements of the operands, or of products of them
};

enum class AttributeKind { Flag, Integer, Real, Text, Integers, Element, TensorValue };
struct AttributeDef {
  const char* name;
  AttributeKind kind;
  const char* meaning;
};

// What infer sees: an operation not yet built.
struct OpView {
  std::span<Value* const> inputs;
  const Attributes& attributes;
  std::span<const std::unique_ptr<Graph>> graphs;

  const Type& type(int i) const { return inputs[static_cast<std::size_t>(i)]->type; }
  const Shape& shape(int i) const { return type(i).shape; }
};

// Result types, or why there are none (in terms of the operation; elaborate words it for the user).
struct Inferred {
  std::vector<Type> types;
  std::string error;
};
inline Inferred error(std::string text) { return {{}, std::move(text)}; }

// Writes graph operations with short names: used by gradients, batch rules, passes and elaborate. All take and return
// values of one graph and append to it. Binary helpers broadcast a scalar operand to the other's shape.
class GraphBuilder {
 public:
  explicit GraphBuilder(Graph& graph, Origin origin = {}) : graph_(graph), origin_(std::move(origin)) {}
  Graph& graph() { return graph_; }
  void set_origin(Origin origin) { origin_ = std::move(origin); }
  const Origin& origin() const { return origin_; }

  Value* op(std::string_view name, std::vector<Value*> inputs, Attributes attributes = {});
  std::vector<Value*> op_all(std::string_view name, std::vector<Value*> inputs, Attributes attributes = {},
                             std::vector<std::unique_ptr<Graph>> graphs = {});

  Value* constant(Tensor value);
  Value* full(const Type& type, double value);  // a scalar constant, broadcast
  Value* like(Value* x, double value);          // full of x's type
  Value* zeros_like(Value* x) { return like(x, 0); }

  Value* add(Value* a, Value* b);
  Value* subtract(Value* a, Value* b);
  Value* multiply(Value* a, Value* b);
  Value* divide(Value* a, Value* b);
  Value* negate(Value* a);
  Value* select(Value* condition, Value* a, Value* b);
  Value* cast(Value* x, ElementType to);
  Value* reshape(Value* x, Shape shape);
  Value* transpose(Value* x, std::vector<std::int64_t> permutation);
  // Result axis axes[i] is axis i of x; all other axes repeat it. axes ascend.
  Value* broadcast(Value* x, Shape shape, std::vector<std::int64_t> axes);
  Value* broadcast_scalar(Value* x, Shape shape) { return broadcast(x, std::move(shape), {}); }
  Value* reduce_sum(Value* x, std::vector<std::int64_t> axes);
  Value* contraction(const std::string& spec, Value* a, Value* b);

 private:
  Value* binary(std::string_view name, Value* a, Value* b);

  Graph& graph_;
  Origin origin_;
};

// What a gradient rule sees. Gradients are written as graph, never as text; so they are differentiable again.
class GradientBuilder : public GraphBuilder {
 public:
  GradientBuilder(Graph& graph, const Op& op, std::vector<Value*> result_gradients, std::vector<bool> needed);
  const Op& op_of() const { return op_; }
  Value* in(int i) const { return op_.inputs[static_cast<std::size_t>(i)]; }
  Value* out(int i = 0) const { return op_.result(i); }
  Value* dy(int i = 0);             // gradient of the result i; zeros if nothing flows back into it
  bool needs(int i) const;          // is the gradient of operand i asked for?
  void to(int i, Value* gradient);  // adds to the gradient of operand i
  const std::vector<Value*>& gradients() const { return gradients_; }

 private:
  const Op& op_;
  std::vector<Value*> result_gradients_;
  std::vector<bool> needed_;
  std::vector<Value*> gradients_;  // per operand; null: zero
};

// What a batch rule sees: operands of the batched graph, each with or without a new leading axis of size `batch`.
// The default rule for elementwise operations broadcasts the operands that lack the axis. An operation without a rule
// of its own is run example by example in a `scan` over the batch.
struct BatchContext {
  GraphBuilder& builder;
  const Op& op;  // the operation of one example
  std::int64_t batch;
  std::vector<Value*> inputs;    // of the new graph
  std::vector<bool> is_batched;  // has the leading axis
  Value* batched(int i);         // operand i with the axis (broadcast if it lacks it)
};
// Results of the batched operation, all with the leading axis. Called only if at least one operand is batched.
using BatchRule = std::function<std::vector<Value*>(BatchContext&)>;
// The rule that always works: a `scan` over the batch, example by example.
std::vector<Value*> batch_one_by_one(BatchContext& context);

// How a plan computes the operation. A family is a kernel template (or a handful) in templates/.
enum class Family {
  None,  // leaves, and what a pass removes before planning
  Elementwise,
  Reduce,
  Contract,
  Convolve,
  Window,
  Move,
  Scan,
  Special,  // its own kernel: named like the operation, see templates/special.h
};
// One element of an elementwise operation, for a first operand of the type `from` and a result of the type `to`: C++
// statements over the operands a, b, c (scalars or vectors), the body of a function template; names of runtime/nnc are
// unqualified. V is the (scalar or vector) type of the result, or of `a` where the result is bool: "return a + b;",
// "return splat<V>(1) / a;", "return select(a, b, c);", cast: "return cast<ElementOf<V>>(a);". Booleans are conditions
// as in vector.h: `a & b`, `a | b` and `a == 0` combine them.
using ElementBody = std::function<std::string(ElementType from, ElementType to)>;
struct Lowering {
  Family family = Family::None;
  ElementBody body = {};  // of the family Elementwise alone
  // Floating-point operations counted for one element, in the field's convention (exp and tanh count 1).
  double flops = 1;
};
// The same body for all types; with `integer_body` another for integers, whose arithmetic wraps.
Lowering elementwise_body(std::string body, std::string integer_body = {});
// "exp", "a": the function of runtime/nnc/math.h, and that of math_double.h for f64.
Lowering math_function(const std::string& name, const std::string& arguments, std::string integer_body = {});

// An operand of a sample: values drawn uniformly from [low, high] unless `values` are given.
struct SampleOperand {
  Type type;
  double low = -2;
  double high = 2;
  std::vector<double> values = {};
};
struct Sample {
  std::string what;  // "ties", "negative padding": shown when it fails
  std::vector<SampleOperand> operands = {};
  Attributes attributes = {};
  bool differentiable = true;  // false: at a kink, or integer; central differences do not apply
};

struct Tolerance {
  double relative = 0;  // of f32 emitted code against `evaluate` in double, relative to the largest output
  double absolute = 0;
};

struct OpDef {
  std::string name;
  std::string signature;  // "maximum(a, b)"
  std::string formula;    // "b > a or b is NaN ? b : a", with edge cases
  int operands_min = 0;
  int operands_max = 0;  // -1: any number
  unsigned traits = 0;
  std::vector<AttributeDef> attributes = {};
  std::function<Inferred(const OpView&)> infer = {};
  // The meaning, in the class of the element type (floats in double); written with Eigen where there is arithmetic.
  std::function<std::vector<Tensor>(const Op&, std::span<const Tensor* const>)> evaluate = {};
  // Absent: not differentiable; a gradient that has to pass through is an error for the user. A rule that calls to()
  // for no operand states that the gradient is zero.
  std::function<void(GradientBuilder&)> gradient = {};
  BatchRule batch = {};
  // The result, which has elements, where some operands have none: from the others, of which there is at least one.
  // Absent: operands with and without elements do not meet where the result has elements.
  std::function<Value*(GraphBuilder&, const Op&, std::span<Value* const> others)> without_empty = {};
  Lowering lower = {};
  std::vector<Sample> samples = {};
  Tolerance tolerance = {};

  bool has(Trait trait) const { return (traits & trait) != 0; }
};

// The table, built on first use from op_list.inc, in the order of the names.
const std::vector<OpDef>& op_table();
const OpDef* find_op(std::string_view name);  // null: no such primitive
const OpDef& op_def(std::string_view name);   // throws InternalError

// Result types, without building.
Inferred infer(const OpDef& def, std::span<Value* const> inputs, const Attributes& attributes,
               std::span<const std::unique_ptr<Graph>> graphs = {});

// Shape rules that several operations share.
Inferred same_shape_and_type(const OpView& op);  // all operands alike; the result is like them
Inferred comparison_type(const OpView& op);      // all operands alike; bool of that shape

}  // namespace nnc
