// What make_stream knows of each value of the sequence's graph, and its rule for each kind of operation.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/passes/rewrite.h"
#include "compiler/passes/stream_memory.h"

namespace nnc {

// How a value depends on the sequence.
enum class Life {
  Fixed,  // not on its steps: it is known from the first step on
  Step,   // an element a step, along `axis`
  End,    // as it is once the sequence has ended; the new graph has it as if this step were the last
};

// An axis whose places are steps, besides the axis of time: the keys of attention. What lies there of later steps?
struct Past {
  enum class Later {
    Unknown,  // what the sequence has there is not known yet
    Lowest,   // numbers so low that their exponentials are 0
    Zero,
  };
  const Op* made = nullptr;  // the product that has the axis
  std::size_t axis = 0;
  Later later = Later::Unknown;
};

// When the elements of a sequence come. At step t (from 0) it is element t + shift: more than 0 if something was put
// before the sequence, below 0 if an element needs later steps. While t + shift < 0 what the stream computes means
// nothing.
struct Timing {
  std::size_t axis = 0;
  std::int64_t shift = 0;
  const Op* late = nullptr;  // if the shift is below 0: what made it so first
};

// What became of a value.
struct Streamed {
  Value* value = nullptr;
  Life life = Life::Fixed;
  // Of a Step.
  Timing timing = {};
  Value* before = nullptr;  // elements 0 to shift - 1; null if there are none
  std::optional<Past> past = {};
};

// Why there is no stream. Caught by make_stream.
struct NotCausal {
  Span place;
  std::string reason;
};
// `doing` continues a sentence that begins with the operation: "combines all steps".
[[noreturn]] void fail_stream(const Op& op, const std::string& doing);
inline constexpr const char* kWithAll = "combines each step with all others, later ones too";
std::string count_steps(std::int64_t count);
// Where the axis is after a reshape: it stays one if as many elements lie before it.
std::optional<std::size_t> same_axis(const Shape& from, std::size_t axis, const Shape& to);
Attributes with_attribute(const Op& op, const std::string& name, Attribute value);

class MakeStream {
 public:
  MakeStream(const Graph& old, const Graph& init, const Value& sequence);
  void run();
  Graph graph() { return std::move(memory_.graph()); }
  // As many as the sequence has if there are places for no more; else 0, any number.
  std::int64_t steps_max() const { return has_end_ ? steps_ : 0; }
  Graph init() { return std::move(memory_.init()); }

 private:
  using Rule = void (MakeStream::*)(const Op&);
  // Every rule computes its result twice: for this step, and for the elements that are known before the first one.
  struct Part {
    bool is_before;
    std::int64_t count;  // the extent along the axis of time
  };
  using Make = std::function<Value*(const Part&)>;

  // make_stream.cpp: the walk over the graph.
  static const std::map<std::string_view, Rule>& rules();
  void visit(const Op& op);
  void copy(const Op& op);
  void input(const Op& op);
  void finish_states();
  Value* finish_output(const Output& output);

  // make_stream.cpp: what the rules ask.
  const Streamed& at(const Value* value) const { return map_.at(value); }
  static void check_known(const Streamed& x);
  const Streamed& operand(const Op& op, std::size_t i) const { return map_.at(op.inputs[i]); }
  bool has_life(const Op& op, Life life) const;
  // When a result comes whose operands are all at the same place: with the latest of them.
  Timing timing_of(const Op& op) const;
  // The same sequence, coming `count` steps later than it could.
  Streamed delayed(const Op& op, Streamed x, std::int64_t count);
  // An operand so timed; one that is no sequence has the place of time on axis `axis`, or none.
  Value* take(const Value* value, const Op& op, const Timing& timing, std::optional<std::size_t> axis,
              const Part& part);
  // Of a value that has all places of the sequence, that of this step. What is the same at each place needs none; what
  // is made for each place is made for one. Computed floats that constants make stay as they are, to be folded as in
  // the graph of the sequence: a table.
  Value* fixed_at_step(const Value* value, std::size_t axis, std::int64_t shift);
  Value* make_at_step(const Value* value, std::size_t axis, std::int64_t shift);
  // The place from which on the value is the same at each: 0, or later for a window over such a value (the count of a
  // mean).
  std::optional<std::int64_t> settles_at(const Value* value, std::size_t axis);
  std::optional<std::int64_t> find_settled(const Value* value, std::size_t axis);
  void set(const Op& op, const Timing& timing, const Make& make);
  // The operation on its first operand alone, with other attributes.
  void set_like(const Op& op, std::size_t axis, const std::function<Attributes(const Part&)>& attributes);
  void keep(const Op& op, std::size_t axis);
  Value* without_axis(Value* value, std::size_t axis);
  Value* with_axis(Value* row);

  // stream_rules.cpp.
  [[noreturn]] void fail_all(const Op& op) const;
  void elementwise(const Op& op);
  void reduction(const Op& op);
  void argmax(const Op& op);
  void broadcast(const Op& op);
  void reshape(const Op& op);
  void transpose(const Op& op);
  void reverse(const Op& op);
  void slice(const Op& op);
  void pad(const Op& op);
  void concat(const Op& op);
  void gather(const Op& op);
  void window(const Op& op);
  void convolution(const Op& op);
  void scan(const Op& op);
  Streamed behind(Streamed x, Value* head);
  Streamed padded(const Op& op, Streamed x, std::int64_t low, double value);
  // The operation on windows of its first operand along time; `make` computes it on values whose steps lie side by
  // side, those of a window `dilation` apart.
  struct Windows {
    std::int64_t stride, taps, dilation, pad_low;
    double padding;
  };
  using MakeWindows = std::function<Value*(Value* x, std::int64_t dilation)>;
  void slide(const Op& op, const Windows& windows, std::size_t result_axis, const MakeWindows& make);
  Value* as_product(const Op& op, Value* recent, std::size_t axis, Value* w);
  StreamMemory::Kept carry(const ScanView& scan, std::size_t i, Value* initial, bool is_later);

  // stream_attention.cpp.
  void contraction(const Op& op);
  void contraction_of_two(const Op& op, const std::string (&letters)[2], const std::string& result);
  std::optional<Past> past_of(const Op& op);
  bool is_for_later(const Value* condition, std::size_t axis, std::size_t past, bool wanted);

  const Graph& old_;
  const Value& sequence_;
  const std::int64_t steps_;
  StreamMemory memory_;
  GraphBuilder& builder_;
  std::map<const Value*, Streamed> map_;
  std::map<const Value*, Value*> inputs_;  // of the signature
  std::map<const Value*, int> uses_;
  std::map<std::tuple<const Value*, std::size_t, std::int64_t>, Value*> at_steps_;
  std::map<std::pair<const Value*, std::size_t>, std::optional<std::int64_t>> settled_;
  bool has_end_ = false;  // what is read at the place of the step has no more places than the sequence
};

}  // namespace nnc
