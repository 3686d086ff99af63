// Cuts a batch in shards: one loop computes one shard after the other, so that memory is needed for the values of one.
//
// The graph is that of one shard. Into the loop goes what its examples decide, up to the `shard_mean`s: their operands
// are summed in the order of the shards. Inputs and recurrent states, which have a row for each example, grow to the
// whole batch; row r of it belongs to shard r / rows of a shard. What has rows at the end (metrics, the next recurrent
// states) is stacked. All else stays outside and is computed once, the optimiser after the loop.
//
// Requires: all other passes have run (products over all shards at once would be moved out of the loop again).
// Establishes: no shard_mean is left; inputs and states have their rows.
//
//   %x = input() {name="x", …} : f32[8, 3]          %x = input() {…} : f32[32, 3]
//   %y = contraction(%x, %w)                        %s = scan(%zeros, reshape(%x) : f32[4, 8, 3], %w) {length=4}
//   …                                        ->       %y = contraction(%x0, %f0)
//   %g = contraction(%dy, %x)                         next = add(%c0, contraction(%dy, %x0))
//   %m = shard_mean(%g)                             %m = divide(%s, 4)
#include <numeric>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

class CutShards {
 public:
  CutShards(const Graph& old, std::int64_t shards) : old_(old), shards_(shards), builder_(graph_) { find_parts(); }

  Graph run() {
    graph_.name = old_.name;
    for (const std::unique_ptr<Op>& op : old_.ops) {
      if (has_rows(*op)) {
        add_whole(*op);
      } else if (!is_after(*op) && !is_of_shard(*op)) {
        copy_outside(*op);
      }
    }
    loop();
    for (const std::unique_ptr<Op>& op : old_.ops) {
      if (is_after(*op) && map_.count(op->result()) == 0) copy_outside(*op);
    }
    finish();
    return std::move(graph_);
  }

 private:
  static bool is_mean(const Op& op) { return op.def->name == "shard_mean"; }
  bool is_of_shard(const Op& op) const { return !op.results.empty() && of_shard_.count(op.result()) != 0; }
  bool is_after(const Op& op) const { return !op.results.empty() && after_.count(op.result()) != 0; }

  // Leaves that have a row for each example.
  static bool has_rows(const Op& leaf) {
    if (leaf.def->name == "input") return leaf.attributes.flag("per_example");
    return leaf.def->name == "state" && leaf.attributes.text("kind") == name(StateKind::Recurrent);
  }

  void find_parts() {
    for (const std::unique_ptr<Op>& op : old_.ops) {
      bool depends = has_rows(*op), follows = false;
      for (const Value* input : op->inputs) {
        depends = depends || of_shard_.count(input) != 0;
        follows = follows || after_.count(input) != 0;
      }
      if (depends && follows) throw InternalError(op->def->name + " mixes values of one shard with means over shards");
      follows = follows || (depends && is_mean(*op));
      for (const std::unique_ptr<Value>& result : op->results) {
        if (follows) after_.insert(result.get());
        if (depends && !follows) of_shard_.insert(result.get());
      }
    }
  }

  void copy_outside(const Op& op) {
    builder_.set_origin(op.origin);
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(map_.at(input));
    if (is_mean(op)) {
      map_[op.result()] = inputs[0];  // equal in all shards
      return;
    }
    const Op* copy = clone_op(graph_, op, std::move(inputs));
    for (std::size_t i = 0; i < op.results.size(); ++i) map_[op.results[i].get()] = copy->results[i].get();
  }

  // The leaf, with the rows of all shards.
  void add_whole(const Op& leaf) {
    Attributes attributes = leaf.attributes;
    Shape shape = leaf.result()->type.shape;
    shape[0] *= shards_;
    attributes.set("shape", shape);
    Value* value = graph_.add(*leaf.def, {}, attributes, leaf.origin)->result();
    value->name = leaf.result()->name;
    map_[leaf.result()] = value;
  }

  // A value as the body of the loop sees it. A constant, repeated or not, is copied, so that kernels know it.
  Value* inside(const Value* value) {
    const std::map<const Value*, Value*>::const_iterator known = inside_.find(value);
    if (known != inside_.end()) return known->second;
    const Op& op = *value->producer;
    const bool is_known = op.def->name == "constant" || op.def->name == "iota" || splat_value(value).has_value();
    if (!is_known) return inside_[value] = loop_.fixed(map_.at(value));
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(inside(input));
    return inside_[value] = clone_op(loop_.body(), op, std::move(inputs))->result();
  }

  void copy_inside(const Op& op) {
    if (has_rows(op)) {
      Value* all = map_.at(op.result());
      Shape shape = op.result()->type.shape;
      shape.insert(shape.begin(), shards_);
      Value* rows = loop_.sequence(builder_.reshape(all, shape));
      rows->name = all->name;
      inside_[op.result()] = rows;
      return;
    }
    std::vector<Value*> inputs;
    for (const Value* input : op.inputs) inputs.push_back(inside(input));
    const Op* copy = clone_op(loop_.body(), op, std::move(inputs));
    for (std::size_t i = 0; i < op.results.size(); ++i) inside_[op.results[i].get()] = copy->results[i].get();
  }

  void loop() {
    std::vector<const Op*> means;
    for (const std::unique_ptr<Op>& op : old_.ops) {
      if (is_of_shard(*op)) copy_inside(*op);
      if (is_after(*op) && is_mean(*op)) means.push_back(op.get());
    }
    GraphBuilder body(loop_.body());
    for (const Op* mean : means) {
      body.set_origin(mean->origin);
      builder_.set_origin(mean->origin);
      Value* sum = loop_.carry(builder_.full(mean->result()->type, 0));
      sum->name = mean->result()->name.empty() ? "sum" : mean->result()->name + "_sum";
      loop_.next(body.add(sum, inside(mean->inputs[0])));
    }
    std::vector<const Value*> rows;
    for (const Output& output : old_.outputs) {
      if (of_shard_.count(output.value) != 0) rows.push_back(output.value);
    }
    for (const State& state : old_.states) {
      if (state.kind == StateKind::Recurrent && state.next != nullptr) rows.push_back(state.next);
    }
    for (const Value* value : rows) loop_.stack(inside(value));
    if (means.empty() && rows.empty()) return;
    builder_.set_origin({.span = {}, .layer = "", .call = kShardsCall});
    const std::vector<Value*> results = loop_.finish(builder_, shards_, false);
    for (std::size_t i = 0; i < means.size(); ++i) {
      builder_.set_origin(means[i]->origin);
      Value* mean = builder_.divide(results[i], builder_.full(results[i]->type, static_cast<double>(shards_)));
      mean->name = means[i]->result()->name;
      map_[means[i]->result()] = mean;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Shape shape = rows[i]->type.shape;
      shape[0] *= shards_;
      stacked_[rows[i]] = builder_.reshape(results[means.size() + i], shape);
      stacked_[rows[i]]->name = rows[i]->name;
    }
  }

  void finish() {
    graph_.inputs.clear();
    graph_.states.clear();
    for (const Value* input : old_.inputs) graph_.inputs.push_back(map_.at(input));
    for (const State& state : old_.states) {
      const bool is_recurrent = state.kind == StateKind::Recurrent;
      Value* next = state.next == nullptr ? nullptr : is_recurrent ? stacked_.at(state.next) : map_.at(state.next);
      graph_.states.push_back({state.name, state.kind, map_.at(state.value), next});
    }
    for (const Output& output : old_.outputs) {
      const std::map<const Value*, Value*>::const_iterator rows = stacked_.find(output.value);
      const bool is_of_shard = of_shard_.count(output.value) != 0;
      graph_.outputs.push_back({output.name, is_of_shard ? rows->second : map_.at(output.value)});
    }
  }

  const Graph& old_;
  std::int64_t shards_;
  std::set<const Value*> of_shard_;  // decided by the examples of one shard
  std::set<const Value*> after_;     // computed from means over shards
  Graph graph_;
  GraphBuilder builder_;
  ScanBuilder loop_;
  std::map<const Value*, Value*> map_;      // outside the loop
  std::map<const Value*, Value*> inside_;   // in its body
  std::map<const Value*, Value*> stacked_;  // with the rows of all shards
};

}  // namespace

void cut_shards(Graph& graph, std::int64_t shards) {
  graph = CutShards(graph, shards).run();
  remove_dead(graph);
}

}  // namespace nnc
