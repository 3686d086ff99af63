// The graph of a stream while make_stream writes it, and all that it remembers from one step to the next.
//
// What a stream remembers is a recurrent state: the number of the step, rings of the last steps, all steps so far, what
// a scan carries. Its initial value is an output of the graph `init` where constants make it. Where it depends on
// parameters or inputs it is chosen at the first step, select(step = 0, initial, state), of a ring as long as a window
// reaches behind the first step.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc {

class StreamMemory {
 public:
  // A state and its value at entry, which differ where the initial value is chosen at the first step.
  struct Kept {
    Value* state;
    Value* value;
  };

  // `old`: the graph of the sequence, which has `steps` steps; `init`: gets the initial values.
  StreamMemory(const Graph& old, Graph init, Origin origin, std::int64_t steps);

  GraphBuilder& builder() { return builder_; }
  Graph& graph() { return graph_; }
  Graph& init() { return init_; }

  // The number of this step, from 0, plus `shift`.
  Value* step(std::int64_t shift = 0);
  // `a` in the first `count` steps, then `b`.
  Value* in_first(std::int64_t count, Value* a, Value* b);
  // The element of this step (plus `shift`) along the axis; the last one if there are no more.
  Value* at_step(Value* whole, std::size_t axis, std::int64_t shift);
  // Elements first to last - 1 along the axis.
  Value* part(Value* whole, std::size_t axis, std::int64_t first, std::int64_t last);

  // Do constants alone make it?
  bool is_constant(const Value* value);

  // A new state; `initial`: of this graph, null: zeros. The caller says by advance() what comes next.
  Kept keep(const Origin& origin, const std::string& word, const Type& type, Value* initial);
  void advance(Value* state, Value* next) { next_[state] = next; }
  bool advances(Value* state) const { return next_.count(state) != 0; }

  // `value` as it is at the first step, in all steps.
  Value* first(const Origin& origin, Value* value);
  // Of `now`, which has extent 1 along the axis: as it was `reach` steps ago, and `dilation` steps later, and so on,
  // `count` in all. `before`: what was there before the first step, the latest last; null if that does not matter.
  Value* recent(const Origin& origin, Value* now, std::size_t axis, Value* before, std::int64_t reach,
                std::int64_t count, std::int64_t dilation);
  // As many places along the axis as the sequence has steps, each with what `now` was in its step; zeros where no step
  // has been. Further steps take the place of the last.
  Value* so_far(const Origin& origin, Value* now, std::size_t axis);

  // To be called at the end: states get their next values.
  void finish();

 private:
  struct Ring {
    Value* next;   // with this step in it
    Value* place;  // where that has been written
  };
  // By value, axis, reach, and the bits of the number that fills it at first.
  using RingKey = std::tuple<const Value*, std::size_t, std::int64_t, std::uint64_t>;
  // The last rows of x; zeros before them if it has fewer.
  Value* last_rows(Value* x, std::int64_t count);
  Ring ring(const Origin& origin, Value* now, std::int64_t reach, Value* initial);
  Value* copy_to_init(const Value* value);

  const Graph& old_;
  Graph graph_, init_;
  GraphBuilder builder_;
  Origin origin_;
  std::int64_t steps_;
  Value* step_ = nullptr;
  std::map<Value*, Value*> next_;
  std::map<const Value*, bool> is_constant_;
  std::map<const Value*, Value*> in_init_;
  std::map<RingKey, Ring> rings_;
};

}  // namespace nnc
