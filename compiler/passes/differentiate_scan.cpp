// The gradient of a `scan`: a scan that visits the steps in the opposite order.
//
// The body is differentiated like any graph. Its reverse carries the cotangents of the carries. What it reads of the
// forward body is a residual: the forward scan stacks it as a further result, unless a short chain of cheap operations
// makes it again from what is there. The gradient of a sequence is stacked. The gradient of a fixed operand is a sum
// over the steps: where it is a product of two stacked values (the weights of a recurrent layer), it becomes one
// product after the scan, summing over the steps too; where not, it is carried.
//
// Requires: the body holds no `gradient`.
// Establishes: the results that the scan had keep their values.
//
//   %h, %hs = scan(%h0, %xs, %w)          %h, %hs, %h_in = scan(%h0, %xs, %w)       ; h_in[t] = h before step t
//     next h = tanh(contraction(w, h) + x)   %dh0, %dz = scan(%dh, %dhs, %hs, %w) {reverse}
//                                         %dw = contraction(%dz, %h_in) {spec="ta,tb->ab"};  %dxs = %dz
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "compiler/passes/reverse_mode.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// Cheaper to do again than to store and load.
bool is_cheap(const Op& op) {
  static const std::array<std::string_view, 11> kCheap = {"add",        "subtract",    "multiply",   "negate",
                                                          "select",     "less",        "equal",      "maximum",
                                                          "less_equal", "logical_not", "logical_and"};
  if (op.results.size() != 1 || !op.graphs.empty()) return false;
  return op.def->has(Movement) || std::find(kCheap.begin(), kCheap.end(), op.def->name) != kCheap.end();
}

// One term of the gradient of a fixed operand: `moves`, last first, applied to the sum over the steps of `value`.
struct Term {
  Value* value;
  std::vector<Op*> moves;
};

class ScanGradient {
 public:
  ScanGradient(Graph& graph, Op& scan, const std::vector<Value*>& result_gradients, const std::vector<bool>& needed,
               Diagnostics& diagnostics)
      : graph_(graph),
        builder_(graph, scan.origin.backward()),
        scan_(scan),
        view_(scan),
        body_(*scan.graphs[0]),
        forward_count_(body_.ops.size()),
        result_gradients_(result_gradients),
        needed_(needed),
        diagnostics_(diagnostics) {}

  std::vector<Value*> run() {
    activate_carries();
    reverse_body();
    split_fixed_gradients();
    choose_residuals();
    return build();
  }

 private:
  std::vector<Value*> active_inputs() const {
    std::vector<Value*> found;
    for (std::size_t i = 0; i < body_inputs_.size(); ++i) {
      if (needed_[i]) found.push_back(body_inputs_[i]);
    }
    return found;
  }

  // A carry is active too if a step makes it depend on something active.
  void activate_carries() {
    body_inputs_ = body_.inputs;
    for (bool changed = true; changed;) {
      changed = false;
      const ReverseMode activity(body_, active_inputs(), diagnostics_);
      for (std::size_t i = 0; i < view_.carries; ++i) {
        if (needed_[i] || !activity.is_active(body_.outputs[i].value)) continue;
        needed_[i] = true;
        changed = true;
      }
    }
  }

  // Appends the reverse of one step to the body. Its cotangents are inputs, in cotangent_of_.
  void reverse_body() {
    ReverseMode reverse(body_, active_inputs(), diagnostics_);
    for (std::size_t i = 0; i < body_.outputs.size(); ++i) {
      Value* output = body_.outputs[i].value;
      const bool is_carry = i < view_.carries;
      if (is_carry ? !needed_[i] : !result_gradients_[i]) continue;
      Value* cotangent = body_.input(fmt::format("d{}", i), output->type, true, scan_.origin.backward());
      cotangent_of_[cotangent] = i;
      if (reverse.is_active(output)) reverse.add_cotangent(output, cotangent);
    }
    reverse.run(forward_count_);
    for (std::size_t i = 0; i < body_inputs_.size(); ++i) {
      Value* gradient = needed_[i] ? reverse.gradient(body_inputs_[i]) : nullptr;
      input_gradients_.push_back(gradient);
    }
    for (std::size_t i = 0; i < body_.ops.size(); ++i) position_[body_.ops[i].get()] = i;
  }

  bool is_reverse(const Value* value) const { return position_.at(value->producer) >= forward_count_; }
  bool is_cotangent(const Value* value) const { return cotangent_of_.count(value) != 0; }

  void add_terms(Value* value, std::vector<Op*> moves, std::vector<Term>& terms) {
    Op* op = value->producer;
    const bool is_computed = is_reverse(value) && !is_cotangent(value);
    if (is_computed && op->def->name == "add") {
      add_terms(op->inputs[0], moves, terms);
      add_terms(op->inputs[1], moves, terms);
    } else if (is_computed && (op->def->name == "reshape" || op->def->name == "transpose")) {
      moves.push_back(op);
      add_terms(op->inputs[0], moves, terms);
    } else {
      terms.push_back({value, moves});
    }
  }

  // Values that differ from step to step can be stacked.
  bool varies(const Value* value) const { return is_reverse(value) || varying_.count(value); }
  bool is_stackable_product(const Value* value) const {
    if (!is_reverse(value) || !is_op(value, "contraction")) return false;
    return varies(value->producer->inputs[0]) && varies(value->producer->inputs[1]);
  }

  void split_fixed_gradients() {
    std::set<const Value*> seeds(body_inputs_.begin(),
                                 body_inputs_.begin() + static_cast<std::ptrdiff_t>(view_.carries + view_.sequences));
    varying_ = dependents(body_, seeds);
    fixed_terms_.resize(view_.fixed);
    for (std::size_t i = 0; i < view_.fixed; ++i) {
      Value* gradient = input_gradients_[view_.carries + view_.sequences + i];
      if (gradient) add_terms(gradient, {}, fixed_terms_[i]);
    }
    for (const std::vector<Term>& terms : fixed_terms_) {
      for (const Term& term : terms) {
        if (!is_stackable_product(term.value)) continue;
        for (Value* operand : term.value->producer->inputs) {
          if (!is_stacked_factor(operand)) to_stack_.push_back(operand);
        }
      }
    }
  }

  bool is_stacked_factor(const Value* value) const {
    return std::find(to_stack_.begin(), to_stack_.end(), value) != to_stack_.end();
  }

  // The value that a term sums over the steps, if it is stacked anyway.
  Value* stacked_source(const Term& term) const {
    Value* source =
        is_reverse(term.value) && is_op(term.value, "reduce_sum") ? term.value->producer->inputs[0] : term.value;
    return is_stacked_factor(source) ? source : nullptr;
  }

  void choose_residuals() {
    for (std::size_t i = 0; i < input_gradients_.size(); ++i) {
      if (i < view_.carries + view_.sequences && input_gradients_[i]) wanted_.insert(input_gradients_[i]);
    }
    for (const std::vector<Term>& terms : fixed_terms_) {
      for (const Term& term : terms) {
        if (!is_stackable_product(term.value) && !stacked_source(term)) wanted_.insert(term.value);
      }
    }
    for (Value* value : to_stack_) {
      if (is_reverse(value)) wanted_.insert(value);
    }
    want_operands(forward_count_, body_.ops.size());
    for (Value* value : to_stack_) {
      if (!is_reverse(value) && !is_sequence(value)) stored_.insert(value);
    }
    choose_stored();
  }

  void want_operands(std::size_t begin, std::size_t end) {
    for (std::size_t i = end; i-- > begin;) {
      const Op& op = *body_.ops[i];
      for (const std::unique_ptr<Value>& result : op.results) {
        if (!wanted_.count(result.get()) || stored_.count(result.get())) continue;
        for (Value* input : op.inputs) wanted_.insert(input);
      }
    }
  }

  bool is_input(const Value* value) const { return is_op(value, "input"); }
  std::size_t input_number(const Value* value) const {
    return static_cast<std::size_t>(std::find(body_inputs_.begin(), body_inputs_.end(), value) - body_inputs_.begin());
  }
  bool is_carry(const Value* value) const { return is_input(value) && input_number(value) < view_.carries; }
  bool is_sequence(const Value* value) const {
    return is_input(value) && !is_carry(value) && input_number(value) < view_.carries + view_.sequences;
  }

  // Of the forward values that are wanted, those that are not made again.
  void choose_stored() {
    std::set<const Value*> free;
    for (std::size_t i = 0; i < forward_count_; ++i) {
      const Op& op = *body_.ops[i];
      bool is_free = op.def->has(Leaf) ? !is_carry(op.result()) : is_cheap(op);
      for (const Value* input : op.inputs) is_free = is_free && (free.count(input) || wanted_.count(input));
      for (const std::unique_ptr<Value>& result : op.results) {
        if (is_free) {
          free.insert(result.get());
        } else if (wanted_.count(result.get())) {
          stored_.insert(result.get());
        }
      }
    }
    want_operands(0, forward_count_);
  }

  // The value of every step, as a value of the graph around the scan: a further result unless there is one already.
  Value* stacked(Value* value) {
    if (is_sequence(value)) return view_.sequence(input_number(value) - view_.carries);
    for (std::size_t i = view_.carries; i < body_.outputs.size(); ++i) {
      if (body_.outputs[i].value == value) return scan_.result(static_cast<int>(i));
    }
    Type type = value->type;
    type.shape.insert(type.shape.begin(), view_.length);
    body_.outputs.push_back({fmt::format("y{}", body_.outputs.size() - view_.carries), value});
    scan_.results.push_back(std::make_unique<Value>());
    Value* result = scan_.results.back().get();
    *result = {type, &scan_, static_cast<int>(scan_.results.size()) - 1, value->name};
    return result;
  }

  Value* initial_cotangent(std::size_t i) {
    return result_gradients_[i] ? result_gradients_[i] : builder_.zeros_like(scan_.result(static_cast<int>(i)));
  }

  // The body of the reverse scan: map_ leads from the values of body_ to it.
  void write_reverse(ScanBuilder& reverse) {
    for (std::size_t i = 0; i < view_.carries; ++i) {
      for (const auto& [cotangent, number] : cotangent_of_) {
        if (number == i) map_[cotangent] = reverse.carry(initial_cotangent(i));
      }
    }
    for (const std::unique_ptr<Op>& op : body_.ops) {
      for (const std::unique_ptr<Value>& result : op->results) {
        Value* value = result.get();
        if (map_.count(value) || !wanted_.count(value)) continue;
        if (is_cotangent(value)) {
          map_[value] = reverse.sequence(result_gradients_[cotangent_of_.at(value)]);
        } else if (stored_.count(value) || is_sequence(value)) {
          map_[value] = reverse.sequence(stacked(value));
        } else if (is_input(value)) {
          map_[value] = reverse.fixed(view_.fixed_operand(input_number(value) - view_.carries - view_.sequences));
        } else {
          std::vector<Value*> operands;
          for (Value* input : op->inputs) operands.push_back(map_.at(input));
          Op* copy = clone_op(reverse.body(), *op, std::move(operands));
          for (std::size_t i = 0; i < op->results.size(); ++i) map_[op->results[i].get()] = copy->results[i].get();
        }
      }
    }
  }

  // The sum over the steps that one term of a fixed operand's gradient is, computed after the scan.
  Value* term_after(const Term& term, const std::map<const Value*, Value*>& stacks) {
    auto all_steps = [&](Value* value) { return is_reverse(value) ? stacks.at(value) : stacked(value); };
    const Op& op = *term.value->producer;
    Value* sum = nullptr;
    if (is_stackable_product(term.value)) {
      std::string spec = op.attributes.text("spec");
      char step = 'a';
      while (spec.find(step) != std::string::npos) ++step;
      spec.insert(spec.find(',') + 1, 1, step);
      spec.insert(0, 1, step);
      sum = builder_.contraction(spec, all_steps(op.inputs[0]), all_steps(op.inputs[1]));
    } else {
      Value* source = stacked_source(term);
      std::vector<std::int64_t> axes = {0};
      if (source != term.value) {
        for (std::int64_t axis : op.attributes.integers("axes")) axes.push_back(axis + 1);
      }
      sum = builder_.reduce_sum(all_steps(source), axes);
    }
    for (std::size_t i = term.moves.size(); i-- > 0;) sum = clone_op(graph_, *term.moves[i], {sum})->result();
    return sum;
  }

  // The part of a fixed operand's gradient that the reverse scan sums; null if all is summed after it.
  Value* carried_part(ScanBuilder& reverse, const std::vector<Term>& terms) {
    Value* sum = nullptr;
    GraphBuilder inner(reverse.body(), scan_.origin.backward());
    for (const Term& term : terms) {
      if (is_stackable_product(term.value) || stacked_source(term)) continue;
      Value* value = map_.at(term.value);
      for (std::size_t i = term.moves.size(); i-- > 0;) {
        value = clone_op(reverse.body(), *term.moves[i], {value})->result();
      }
      sum = sum ? inner.add(sum, value) : value;
    }
    return sum;
  }

  std::vector<Value*> build() {
    ScanBuilder reverse;
    write_reverse(reverse);
    GraphBuilder inner(reverse.body(), scan_.origin.backward());
    std::vector<Value*> gradients(scan_.inputs.size());
    std::vector<std::size_t> carry_of(scan_.inputs.size()), stack_of(scan_.inputs.size());
    std::vector<bool> is_carried(scan_.inputs.size()), is_stacked(scan_.inputs.size());
    std::size_t carries = 0;
    for (std::size_t i = 0; i < view_.carries; ++i) {
      if (!needed_[i]) continue;
      Value* gradient = input_gradients_[i];
      reverse.next(gradient ? map_.at(gradient) : inner.full(body_inputs_[i]->type, 0));
      is_carried[i] = true;
      carry_of[i] = carries++;
    }
    for (std::size_t i = view_.carries; i < view_.carries + view_.sequences; ++i) {
      if (!input_gradients_[i]) continue;
      is_stacked[i] = true;
      stack_of[i] = reverse.stack(map_.at(input_gradients_[i]));
    }
    for (std::size_t k = 0; k < view_.fixed; ++k) {
      const std::size_t i = view_.carries + view_.sequences + k;
      Value* part = carried_part(reverse, fixed_terms_[k]);
      if (!part) continue;
      reverse.next(inner.add(reverse.carry(builder_.zeros_like(scan_.inputs[i])), part));
      is_carried[i] = true;
      carry_of[i] = carries++;
    }
    std::map<const Value*, std::size_t> stack_number;
    for (Value* value : to_stack_) {
      if (is_reverse(value)) stack_number[value] = reverse.stack(map_.at(value));
    }
    const std::vector<Value*> results = reverse.finish(builder_, view_.length, !view_.reverse);
    std::map<const Value*, Value*> stacks;
    for (const auto& [value, number] : stack_number) stacks[value] = results[carries + number];
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (is_carried[i]) gradients[i] = results[carry_of[i]];
      if (is_stacked[i]) gradients[i] = results[carries + stack_of[i]];
    }
    for (std::size_t k = 0; k < view_.fixed; ++k) {
      Value*& gradient = gradients[view_.carries + view_.sequences + k];
      for (const Term& term : fixed_terms_[k]) {
        if (!is_stackable_product(term.value) && !stacked_source(term)) continue;
        Value* sum = term_after(term, stacks);
        gradient = gradient ? builder_.add(gradient, sum) : sum;
      }
    }
    body_.ops.resize(forward_count_);
    body_.inputs = body_inputs_;
    return gradients;
  }

  Graph& graph_;
  GraphBuilder builder_;
  Op& scan_;
  ScanView view_;
  Graph& body_;
  std::size_t forward_count_;  // operations of the body before the reverse is appended
  std::vector<Value*> result_gradients_;
  std::vector<bool> needed_;  // operands of the scan
  Diagnostics& diagnostics_;

  std::vector<Value*> body_inputs_;
  std::map<const Value*, std::size_t> cotangent_of_;  // input of the reverse -> output of the body
  std::vector<Value*> input_gradients_;               // in the body
  std::map<const Op*, std::size_t> position_;
  std::set<const Value*> varying_;  // forward values that depend on the step
  std::vector<std::vector<Term>> fixed_terms_;
  std::vector<Value*> to_stack_;   // factors of products that are taken after the scan
  std::set<const Value*> wanted_;  // what the reverse body computes or reads
  std::set<const Value*> stored_;  // forward values that are residuals
  std::map<const Value*, Value*> map_;
};

}  // namespace

std::vector<Value*> scan_gradient(Graph& graph, Op& scan, const std::vector<Value*>& result_gradients,
                                  const std::vector<bool>& needed, Diagnostics& diagnostics) {
  return ScanGradient(graph, scan, result_gradients, needed, diagnostics).run();
}

}  // namespace nnc
