// What make_plan and the lowerings of the kernel families share while a plan is made.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/ops/op.h"
#include "compiler/plan/groups.h"
#include "compiler/plan/plan.h"
#include "compiler/plan/views.h"

namespace nnc {

// Pseudo-buffers of views that need no memory as long as only functors look at them.
inline constexpr int kIotaBuffer = -2;     // the element is offset + Σ stride · index
inline constexpr int kLiteralBuffer = -3;  // the element is the number literals()[offset]

class PlanBuilder {
 public:
  PlanBuilder(Plan& plan, const PlanTarget& target) : plan_(plan), target_(target) {}

  // A value that must end up at a given place, and may be computed there directly from step `from_position` on.
  struct Goal {
    const Value* value = nullptr;
    View place;
    const Value* replaces = nullptr;  // the value that lies there before: a state at entry, a carry
  };
  // Plans the operations of a graph whose leaves have views already; then sees that all goals are met.
  void plan_graph(const Graph& graph, const std::vector<Goal>& goals);
  // A whole function: its inputs, states and outputs lie with the caller.
  void plan_function(const Graph& graph);

  Plan& plan() { return plan_; }
  const PlanTarget& target() const { return target_; }
  int lanes(ElementType element) const { return lanes_of(target_.lanes, size_bytes(element)); }

  // ---- places ----
  // An empty name is given in the end, by name_plan.
  int new_buffer(const std::string& name, ElementType element, std::int64_t count, Memory memory,
                 const std::string& slot = "");
  void set_view(const Value* value, View view) { views_[value] = std::move(view); }
  // Any strides, possibly a pseudo-buffer.
  const View& view(const Value* value);
  // In memory, any strides.
  View memory_view(const Value* value);
  // In memory, laid out with the given axis order (outermost first), contiguous: copied if it is not so already.
  View packed_view(const Value* value, const std::vector<int>& order);
  double literal(const View& view) const { return literals_[static_cast<std::size_t>(view.offset)]; }
  // Where a step puts a result: at its goal if its last axis in `order` is contiguous there, else in a new buffer laid
  // out in that order. Registers the view. `alike`: a result of the same step, to whose strides this one must conform.
  // `suits`: what else the kernel asks of a goal.
  using Suits = std::function<bool(const View& place)>;
  View place_result(const Value* value, const std::vector<int>& order, const View* alike = nullptr,
                    const Suits& suits = nullptr);
  // A constant in read-only memory.
  View constant_view(const Tensor& tensor);

  // ---- steps ----
  Step new_step(const Op& op, const std::string& kernel, const std::string& header);
  // Index of the argument for a view: an existing one if the same.
  int argument(Step& step, const std::string& name, const View& view, ElementType element, bool is_written);
  // A kernel pointer.
  void pointer(Step& step, const std::string& name, const View& view, ElementType element, bool is_written);
  void emit_step(Step step);
  // The last of the nodes from `first` on that writes to the view's buffer completes the value there.
  void complete(const Value* value, const View& view, std::size_t first);
  // The step just emitted does.
  void complete(const Value* value, const View& view) {
    if (!nodes_->empty()) complete(value, view, nodes_->size() - 1);
  }
  void copy(const Op& about, const View& from, const View& to, ElementType element,
            const std::string& operation = "copy");
  // `from` may be a literal.
  void copy_or_fill(const Op& about, const View& from, const View& to, ElementType element);
  void fill(const Op& about, const View& to, ElementType element, double value);

  // How a kernel writes its result.
  struct ResultForm {
    std::vector<int> order;       // the axes as it lays them out
    int lane_axes = 1;            // how many of the last of them together fill the lanes
    Suits suits = nullptr;        // what else it asks of a goal
    bool stores_any_type = true;  // the epilogue may give another element type than the kernel computes in
    // lane_axes where they depend on the place.
    std::function<int(const View& place)> lane_axes_at = nullptr;
  };
  // Computes the root of `group` with its elementwise operations as the epilogue, or, if an operand of these lies
  // otherwise than the kernel walks, in a step of their own. `make` builds the step that writes to a place.
  void finish_root(const Group& group, const ResultForm& form, const std::function<Step(const View& y)>& make);
  void lower_elementwise(const Group& group);

 private:
  void lower_group(const Group& group);
  void complete(const Group& group, std::size_t first);
  bool epilogue_fits(const Group& group, const View& y, const std::set<int>& lanes);
  View place_like(const Value* value, const std::vector<int>& order, const View* alike, const Suits& suits);
  void lower_scan(const Op& op);
  void meet_goals(const std::vector<Goal>& goals);
  std::string unique_name(const std::string& wanted);
  void touch(const View& view);
  void narrow_lanes(Step& step) const;

  Plan& plan_;
  PlanTarget target_;
  std::map<const Value*, View> views_;
  std::map<const Value*, View> goals_;  // of values that may be computed in place
  std::vector<double> literals_;
  std::set<std::string> buffer_names_;
  std::vector<Node>* nodes_ = nullptr;  // where steps go
  int clock_ = 0;                       // number of the next step
  struct OpenLoop {
    int first_step = 0;
    int buffers_before = 0;  // buffers with a smaller index live outside of the loop
    std::set<int> touched_outer;
  };
  std::vector<OpenLoop> loops_;
  int loop_count_ = 0;
};

// The lowerings, one file each. They append steps; with `group` the elementwise operations go into the epilogue where
// they can, else into a step after it.
void lower_contraction(PlanBuilder& builder, const Group& group);
void lower_convolution(PlanBuilder& builder, const Group& group);
void lower_reduce(PlanBuilder& builder, const Group& group);
void lower_window(PlanBuilder& builder, const Group& group);
void lower_move(PlanBuilder& builder, const Op& op);
void lower_special(PlanBuilder& builder, const Op& op);

// Names all steps, loops and arguments, and the buffers that have no name yet; says what each step is.
void name_plan(Plan& plan);

// A C++ identifier from a name of the source.
std::string identifier(const std::string& name);

inline Field field(const std::string& name, std::int64_t value) { return {name, {value}, false, false}; }
inline Field flag_field(const std::string& name, bool value) { return {name, {value ? 1 : 0}, false, true}; }
inline Field array_field(const std::string& name, std::vector<std::int64_t> values) {
  return {name, std::move(values), true, false};
}

}  // namespace nnc
