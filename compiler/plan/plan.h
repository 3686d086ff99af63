// The plan: a tree of steps and loops over buffers. Everything about speed and memory is decided here.
//
// A step is one kernel template of templates/ with its constants, its operands as strided views of buffers, and a
// functor (the elementwise operations fused into it). A loop repeats its nodes for each value of its index, by which
// views of operands may move. The plan points into the graph that it was made from: that must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/graph/graph.h"

namespace nnc {

// Where a buffer lives. Each class has its own size in the emitted file.
enum class Memory {
  Scratch,     // in the arena, placed by place_buffers
  Input,       // an array of the caller, by the input's name
  Output,      // likewise, by the output's name
  Parameters,  // one struct: States of kind Parameter, then Statistic
  Gradients,   // one struct, like Parameters: outputs named "gradient:<parameter>"
  Prepared,    // one struct: results of `prepare`
  State,       // one struct: Optimizer, Counter and Recurrent States
  Constants,   // read-only data of the unit
};
std::string_view name(Memory memory);

struct Buffer {
  std::string name;  // of the value that it holds first (names.cpp); a C++ identifier, unique in the plan
  ElementType element = ElementType::F32;
  std::int64_t count = 0;  // elements
  Memory memory = Memory::Scratch;
  std::string slot;              // the input's, output's or State's name; empty for Scratch and Constants
  std::int64_t offset = 0;       // bytes from the start of the arena; Scratch only
  int constant = -1;             // index in Plan::constants; Constants only
  std::vector<int> may_replace;  // buffers that this one may lie upon exactly though both are touched by step `first`:
                                 // that step reads each of their elements before it writes the same one here
  int first = -1;                // first and last step (in the order of execution) that touch it; a buffer that lives
  int last = -1;                 // across iterations of a loop spans the whole loop. Scratch only
};

// A strided window on a buffer. Strides and offset count elements.
struct LoopTerm {
  int loop = 0;             // Loop::id
  std::int64_t stride = 0;  // elements a step of the loop index
};
struct View {
  int buffer = -1;
  std::int64_t offset = 0;
  Shape shape;
  std::vector<std::int64_t> strides;
  std::vector<LoopTerm> terms;
};

// A pointer parameter of a step's function: to the first element of the view.
struct StepArgument {
  std::string name;  // C++ identifier
  View view;
  ElementType element = ElementType::F32;
  bool is_written = false;
};

// How a functor reaches an operand.
enum class Access {
  Index,    // elementwise steps: at Σ strides[axis] · index(axis), over the step's extents
  Offset,   // epilogue, prologue: at the offset that the kernel passes (lies like the result / the operand)
  Channel,  // epilogue: at the index along the lane axis. Prologue: at the result's offset
  Scalar,   // one element, spread over the lanes
  Iota,     // no memory: the value is base + Σ strides[axis] · index(axis), over the step's extents
};
struct FunctorOperand {
  const Value* value = nullptr;  // the name by which `ops` know it
  int argument = -1;             // index in Step::arguments; -1 for Iota
  Access access = Access::Index;
  std::vector<std::int64_t> strides;  // Index, Iota: one an extent of the step
  std::int64_t base = 0;              // Iota
};
// An operand whose elements are all the same known number.
struct FunctorLiteral {
  const Value* value = nullptr;
  double number = 0;
};
// Elementwise operations fused into a step, in order. Every operand of `ops` is a load, a literal, the accumulator or
// a result of an earlier one.
struct Functor {
  std::vector<FunctorOperand> loads;
  std::vector<FunctorLiteral> literals;
  std::vector<const Op*> ops;
  std::vector<FunctorOperand> stores;  // elementwise steps: all results; epilogues: further results besides `result`
  const Value* accumulator = nullptr;  // epilogue: what the kernel passes in
  const Value* result = nullptr;       // epilogue, prologue: what is returned

  bool is_trivial() const { return ops.empty() && stores.empty(); }
};

// A constant of a kernel's configuration struct.
struct Field {
  std::string name;
  std::vector<std::int64_t> values;  // one, unless an array
  bool is_array = false;
  bool is_flag = false;
};

struct Step {
  std::string name;           // of the emitted function, unique in the plan; the table of names: names.cpp
  std::string kernel;         // function template: "convolution", "contraction", "for_each", "reduce", "copy", …
  std::string header;         // "templates/convolution.h"
  std::vector<Field> config;  // its struct C; empty for for_each
  std::vector<std::int64_t> extents;  // for_each
  std::vector<StepArgument> arguments;
  std::vector<int> pointers;  // arguments passed to the kernel itself, in the order of its signature
  std::string combine;        // reduce: "ReduceSum", …
  double fill_value = 0;      // fill: the value, of the element type of what is filled
  bool has_prologue = false;  // reduce: else LoadElement of pointers[0]
  Functor prologue;
  bool has_epilogue = false;  // the kernel takes one; a trivial functor is KeepSum
  Functor functor;            // for_each: the whole computation; else the epilogue
  Origin origin;
  std::string operation;              // the primitive: "convolution"; "copy", "pack" or "fill"
  std::string title;                  // for the reader: "block1: conv"
  std::vector<std::string> comments;  // "3x3, f32[1, 8, 8] -> f32[16, 8, 8]", "batch_norm folded in", "relu fused"
  double flops = 0;
};

struct Node;
struct Loop {
  const Op* scan = nullptr;  // what it computes
  int id = 0;
  std::string name;  // of the emitted function: "memory_scan"
  std::int64_t count = 0;
  bool reverse = false;
  std::vector<Node> body;
  Origin origin;

  // Over the shards of the batch (cut_shards): no loop of the program.
  bool is_over_shards() const { return origin.call == kShardsCall && !origin.span.is_valid(); }
};
// A value, and where its elements lie.
struct PlacedValue {
  const Value* value = nullptr;
  View view;
};
struct Node {
  std::unique_ptr<Step> step;  // exactly one of the two
  std::unique_ptr<Loop> loop;
  std::vector<PlacedValue> results;  // what is complete, and lies there, once the node has run
};

struct Plan {
  std::string name;  // of the function: "forward", "step", …
  std::vector<Buffer> buffers;
  std::vector<Tensor> constants;
  std::vector<Node> nodes;
  std::int64_t arena_bytes = 0;  // a multiple of 64
  std::int64_t arena_bound = 0;  // bytes of the largest set of buffers alive at once: no placement does better
};

struct PlanTarget {
  int lanes = 8;
  int registers = 16;
};
// Elements of `bytes` that a kernel takes at a time: as many as a vector of `lanes` floats holds, since wider vectors
// than the target has are slow and draw warnings; narrow elements as many as floats. 16, 8, 4 or 1.
constexpr int lanes_of(int lanes, int bytes) {
  if (bytes <= 4) return lanes;
  return lanes * 4 / bytes >= 4 ? lanes * 4 / bytes : 1;
}

// Requires a graph without `gradient`, `stop_gradient`, `batch_mean`. Establishes: every value that is not inside a
// functor has a place; no two buffers alive at once overlap.
Plan make_plan(const Graph& graph, const std::string& name, const PlanTarget& target);
// Places Scratch buffers in the arena (called by make_plan last).
void place_buffers(Plan& plan);
// Empty if all holds: live buffers do not overlap, views stay inside their buffers, every value is written before it
// is read.
std::string verify(const Plan& plan);
// For --emit=plan: steps, loops, views, the memory map.
std::string print(const Plan& plan);

// Moves what depends on parameters alone out of `graph` into a graph of its own, whose outputs the first reads as
// States of kind Prepared (parameters that it reads directly become outputs, too).
Graph split_prepare(Graph& graph);

}  // namespace nnc
