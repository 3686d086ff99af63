// Moves work of a scan's body that does not depend on the carry out of the loop.
//
// Before the loop goes what depends on fixed operands only (once instead of at every step) and products of a sequence
// with weights, together with what makes their operands: one product over all steps instead of one a step. After the
// loop goes a product that is only stacked: its factors are stacked instead. Elementwise work stays where it is, to be
// fused; so do broadcasts, which would be memory outside. A scan
// without carries whose body has batch rules throughout is no loop any more.
//
// Requires: remove_dead. Establishes: no product in a body is independent of its carries.
//
//   %h = scan(%h0, %xs, %w, %u)                        %p = contraction(%w, %xs) {spec="ab,cb->ca"}
//     %a = contraction(%w, %x) {spec="ab,b->a"}   ->   %h = scan(%h0, %p, %u)
//     %b = contraction(%u, %h) {spec="ab,b->a"}          %b = contraction(%u, %h) {spec="ab,b->a"}
//     next h = tanh(add(%a, %b))                         next h = tanh(add(%p, %b))
#include <algorithm>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

bool is_product(const Op& op) {
  return op.def->lower.family == Family::Contract || op.def->lower.family == Family::Convolve;
}

// Movements that make more of less: no work saved, memory spent.
bool is_growth(const Op& op) {
  return op.inputs.empty() ||
         (op.def->has(Movement) && element_count(op.result()->type.shape) > element_count(op.inputs[0]->type.shape));
}

class Hoist {
 public:
  Hoist(GraphBuilder& builder, Op& op) : builder_(builder), scan_(op), body_(scan_.body), uses_(use_counts(body_)) {
    const std::ptrdiff_t carries = static_cast<std::ptrdiff_t>(scan_.carries);
    const std::ptrdiff_t sequences = static_cast<std::ptrdiff_t>(scan_.sequences);
    auto begin = body_.inputs.begin();
    of_carry_ = dependents(body_, {begin, begin + carries});
    of_sequence_ = dependents(body_, {begin + carries, begin + carries + sequences});
    of_fixed_ = dependents(body_, {begin + carries + sequences, body_.inputs.end()});
  }

  std::vector<Value*> run() {
    if (is_parallel()) return all_outside();
    choose();
    if (before_.empty() && after_.empty()) return {};
    return rebuild();
  }

 private:
  // Without carries, and all of it movable: no loop at all.
  bool is_parallel() {
    bool parallel = scan_.carries == 0;
    for (const Output& output : body_.outputs) parallel = parallel && is_movable(output.value);
    return parallel;
  }
  std::vector<Value*> all_outside() {
    std::vector<Value*> results;
    for (std::size_t i = 0; i < body_.outputs.size(); ++i) {
      const Outside made = outside(body_.outputs[i].value);
      results.push_back(made.has_steps ? made.value : repeat(made.value));
    }
    return results;
  }
  Value* repeat(Value* value) {
    Shape shape = value->type.shape;
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i) + 1);
    shape.insert(shape.begin(), scan_.length);
    return builder_.broadcast(value, shape, axes);
  }

  // All that makes the value can be computed over all steps at once.
  bool is_movable(const Value* value) {
    auto [found, is_new] = movable_.try_emplace(value, false);
    if (!is_new) return found->second;
    const Op& op = *value->producer;
    bool movable = !of_carry_.count(value);
    // A draw of chance stays in the loop: the index of the step is an operand of its own kind.
    if (of_sequence_.count(value) && !op.def->has(Leaf)) {
      movable = movable && op.def->batch && op.def->name != "uniform";
    }
    for (const Value* input : op.inputs) movable = movable && is_movable(input);
    return movable_[value] = movable;
  }

  void choose() {
    for (const std::unique_ptr<Op>& op : body_.ops) {
      if (op->def->has(Leaf) || op->results.size() != 1) continue;
      const Value* value = op->result();
      const bool is_invariant = !of_carry_.count(value) && !of_sequence_.count(value);
      if (is_invariant ? of_fixed_.count(value) && !is_growth(*op) : is_product(*op) && is_movable(value)) {
        before_.insert(value);
      } else if (is_product(*op) && of_carry_.count(value) && is_only_stacked(value) && op->def->batch) {
        after_.insert(value);
      }
    }
  }

  bool is_only_stacked(const Value* value) {
    int stacked = 0;
    for (std::size_t i = scan_.carries; i < body_.outputs.size(); ++i) stacked += body_.outputs[i].value == value;
    return stacked > 0 && uses_.at(value) == stacked;
  }

  struct Outside {
    Value* value;
    bool has_steps;  // with the leading axis of the steps
  };

  Outside compute(const Op& op, std::vector<Value*> operands, std::vector<bool> have_steps) {
    if (std::find(have_steps.begin(), have_steps.end(), true) == have_steps.end()) {
      return {clone_op(builder_.graph(), op, std::move(operands))->result(), false};
    }
    builder_.set_origin(op.origin);
    BatchContext context{builder_, op, scan_.length, std::move(operands), std::move(have_steps)};
    return {batch_operation(context).at(0), true};
  }

  // A movable value, computed before the scan.
  Outside outside(const Value* value) {
    if (auto found = outside_.find(value); found != outside_.end()) return found->second;
    const Op& op = *value->producer;
    if (op.def->name == "input") {
      const std::size_t i =
          static_cast<std::size_t>(std::find(body_.inputs.begin(), body_.inputs.end(), value) - body_.inputs.begin());
      return {scan_.op.inputs[i], i < scan_.carries + scan_.sequences};
    }
    std::vector<Value*> operands;
    std::vector<bool> have_steps;
    for (const Value* input : op.inputs) {
      const Outside operand = outside(input);
      operands.push_back(operand.value);
      have_steps.push_back(operand.has_steps);
    }
    const Outside made = compute(op, std::move(operands), std::move(have_steps));
    outside_[value] = made;
    return made;
  }

  // The value in the new body, written when it is first asked for.
  Value* inside(const Value* value) {
    if (auto found = inside_.find(value); found != inside_.end()) return found->second;
    const Op& op = *value->producer;
    if (before_.count(value)) {
      const Outside made = outside(value);
      return inside_[value] = made.has_steps ? new_.sequence(made.value) : new_.fixed(made.value);
    }
    if (op.def->name == "input") {
      const Outside operand = outside(value);
      return inside_[value] = operand.has_steps ? new_.sequence(operand.value) : new_.fixed(operand.value);
    }
    std::vector<Value*> operands;
    for (const Value* input : op.inputs) operands.push_back(inside(input));
    Op* copy = clone_op(new_.body(), op, std::move(operands));
    for (std::size_t i = 0; i < op.results.size(); ++i) inside_[op.results[i].get()] = copy->results[i].get();
    return inside_.at(value);
  }

  // Stacked slices of what is there as a whole need no stacking.
  bool is_whole(const Value* value) {
    if (before_.count(value)) return outside(value).has_steps;
    return is_op(value, "input") && of_sequence_.count(value) && !of_carry_.count(value);
  }

  std::size_t stack(const Value* value) {
    auto [found, is_new] = stack_.try_emplace(value, 0);
    if (is_new) found->second = new_.stack(inside(value));
    return found->second;
  }

  // An operand of a product that is taken after the scan.
  Outside operand_after(const Value* value, const std::vector<Value*>& results) {
    if (!of_carry_.count(value) && is_movable(value)) return outside(value);
    return {results[scan_.carries + stack(value)], true};
  }

  std::vector<Value*> rebuild() {
    for (std::size_t i = 0; i < scan_.carries; ++i) inside_[body_.inputs[i]] = new_.carry(scan_.carry(i));
    // In the order of the old body, so that the new one reads like it.
    std::set<const Value*> needed = needed_inside();
    for (const std::unique_ptr<Op>& op : body_.ops) {
      for (const std::unique_ptr<Value>& result : op->results) {
        if (needed.count(result.get())) inside(result.get());
      }
    }
    for (std::size_t i = 0; i < scan_.carries; ++i) new_.next(inside(body_.outputs[i].value));
    for (std::size_t i = scan_.carries; i < body_.outputs.size(); ++i) {
      const Value* value = body_.outputs[i].value;
      if (is_whole(value)) continue;
      if (!after_.count(value)) {
        stack(value);
        continue;
      }
      for (const Value* input : value->producer->inputs) {
        if (of_carry_.count(input) || !is_movable(input)) stack(input);
      }
    }
    const std::vector<Value*> made = new_.finish(builder_, scan_.length, scan_.reverse);
    std::vector<Value*> results(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(scan_.carries));
    for (std::size_t i = scan_.carries; i < body_.outputs.size(); ++i) {
      const Value* value = body_.outputs[i].value;
      if (is_whole(value)) {
        results.push_back(outside(value).value);
        continue;
      }
      if (!after_.count(value)) {
        results.push_back(made[scan_.carries + stack(value)]);
        continue;
      }
      std::vector<Value*> operands;
      std::vector<bool> have_steps;
      for (const Value* input : value->producer->inputs) {
        const Outside operand = operand_after(input, made);
        operands.push_back(operand.value);
        have_steps.push_back(operand.has_steps);
      }
      results.push_back(compute(*value->producer, std::move(operands), std::move(have_steps)).value);
    }
    return results;
  }

  // What the new body computes or reads.
  std::set<const Value*> needed_inside() {
    std::set<const Value*> needed;
    for (std::size_t i = 0; i < body_.outputs.size(); ++i) {
      const Output& output = body_.outputs[i];
      if (i >= scan_.carries && is_whole(output.value)) continue;
      if (!after_.count(output.value)) {
        needed.insert(output.value);
        continue;
      }
      for (const Value* input : output.value->producer->inputs) {
        if (of_carry_.count(input) || !is_movable(input)) needed.insert(input);
      }
    }
    for (std::size_t i = body_.ops.size(); i-- > 0;) {
      const Op& op = *body_.ops[i];
      for (const std::unique_ptr<Value>& result : op.results) {
        if (!needed.count(result.get()) || before_.count(result.get())) continue;
        needed.insert(op.inputs.begin(), op.inputs.end());
      }
    }
    return needed;
  }

  GraphBuilder& builder_;
  ScanView scan_;
  const Graph& body_;
  std::map<const Value*, int> uses_;
  std::set<const Value*> of_carry_, of_sequence_, of_fixed_;  // what depends on them
  std::map<const Value*, bool> movable_;
  std::set<const Value*> before_, after_;  // roots of what moves
  std::map<const Value*, Outside> outside_;
  ScanBuilder new_;
  std::map<const Value*, Value*> inside_;
  std::map<const Value*, std::size_t> stack_;
};

}  // namespace

void hoist_from_scan(Graph& graph) {
  for_each_subgraph(graph, hoist_from_scan);
  rewrite(graph, [](GraphBuilder& builder, Op& op) -> std::vector<Value*> {
    if (op.def->name != "scan") return {};
    return Hoist(builder, op).run();
  });
}

}  // namespace nnc
