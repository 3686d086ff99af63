// Graph -> plan: groups in their order, each lowered by its family; loops; goals met at the end.
#include <algorithm>
#include <set>

#include "compiler/plan/builder.h"

namespace nnc {

namespace {

void readers(const Graph& graph, const Value* value, std::vector<const Op*>& found) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (std::find(op->inputs.begin(), op->inputs.end(), value) == op->inputs.end()) continue;
    if (is_view(*op)) {
      readers(graph, op->result(), found);
    } else {
      found.push_back(op.get());
    }
  }
}

// It writes a part of what lies there, and leaves the rest: in place, nothing is copied.
bool updates(const Op& op, const PlanBuilder::Goal& goal) {
  return op.def->name == "dynamic_update" && op.result() == goal.value && op.inputs[0] == goal.replaces &&
         op.inputs[1] != goal.replaces && !reads_through_view(op, goal.replaces);
}

}  // namespace

void PlanBuilder::plan_graph(const Graph& graph, const std::vector<Goal>& goals) {
  const std::vector<Group> groups = form_groups(graph);
  std::map<const Op*, int> at;  // operation -> index of its group
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].root != nullptr) at[groups[i].root] = static_cast<int>(i);
    for (const Op* op : groups[i].elementwise) at[op] = static_cast<int>(i);
  }
  // A goal is met directly if the value is computed once all that reads what lies there before has run.
  std::map<const Value*, View> outer_goals;
  outer_goals.swap(goals_);
  std::vector<Goal> left;
  for (const Goal& goal : goals) {
    const std::map<const Op*, int>::const_iterator computed = at.find(goal.value->producer);
    bool is_direct = computed != at.end() && goals_.count(goal.value) == 0;
    if (is_direct && goal.replaces != nullptr) {
      std::vector<const Op*> found;
      readers(graph, goal.replaces, found);
      for (const Op* reader : found) {
        const int group = at.at(reader);
        const bool reads_each_first =
            groups[static_cast<std::size_t>(group)].root == nullptr && !reads_through_view(*reader, goal.replaces);
        const bool is_first = group < computed->second;
        if (!is_first && (group != computed->second || !(reads_each_first || updates(*reader, goal))))
          is_direct = false;
      }
      for (const Goal& other : goals) {
        if (behind_views(other.value) == goal.replaces) is_direct = false;
      }
    }
    if (is_direct) goals_[goal.value] = goal.place;
    left.push_back(goal);
  }
  for (const Group& group : groups) {
    const std::size_t before = nodes_->size();
    lower_group(group);
    complete(group, before);
  }
  meet_goals(left);
  goals_ = std::move(outer_goals);
}

// Says of each result that has a place in memory which node completes it.
void PlanBuilder::complete(const Group& group, std::size_t first) {
  std::vector<const Op*> ops = group.elementwise;
  if (group.root != nullptr) ops.insert(ops.begin(), group.root);
  for (const Op* op : ops) {
    for (const std::unique_ptr<Value>& result : op->results) {
      const std::map<const Value*, View>::const_iterator place = views_.find(result.get());
      if (place != views_.end()) complete(result.get(), place->second, first);
    }
  }
}

// Copies what is not at its goal yet. A place is overwritten only when nobody needs what lies there; of states that
// swap, one is saved first.
void PlanBuilder::meet_goals(const std::vector<Goal>& goals) {
  struct Move {
    const Goal* goal;
    View from;
  };
  std::vector<Move> left;
  for (const Goal& goal : goals) {
    const View seen = view(goal.value);
    const View from = seen.buffer == kLiteralBuffer ? seen : memory_view(goal.value);
    if (!same_place(from, goal.place)) left.push_back({&goal, from});
  }
  const auto reader_of = [&](const Move& move) {
    return std::find_if(left.begin(), left.end(), [&](const Move& other) {
      return other.goal != move.goal && other.from.buffer == move.goal->place.buffer;
    });
  };
  while (!left.empty()) {
    std::vector<Move>::iterator next =
        std::find_if(left.begin(), left.end(), [&](const Move& move) { return reader_of(move) == left.end(); });
    if (next == left.end()) {
      const std::vector<Move>::iterator reader = reader_of(left.front());
      const Value* value = reader->goal->value;
      const int buffer = new_buffer("saved", value->type.element, element_count(value->type.shape), Memory::Scratch);
      const View saved = contiguous_view(buffer, value->type.shape);
      copy(*value->producer, reader->from, saved, value->type.element);
      complete(value, saved);
      reader->from = saved;
      continue;
    }
    copy_or_fill(*next->goal->value->producer, next->from, next->goal->place, next->goal->value->type.element);
    complete(next->goal->value, next->goal->place);
    left.erase(next);
  }
}

void PlanBuilder::lower_group(const Group& group) {
  if (group.root == nullptr) {
    lower_elementwise(group);
    return;
  }
  switch (group.root->def->lower.family) {
    case Family::Contract:
      return lower_contraction(*this, group);
    case Family::Convolve:
      return lower_convolution(*this, group);
    case Family::Reduce:
      return lower_reduce(*this, group);
    case Family::Window:
      return lower_window(*this, group);
    case Family::Move:
      return lower_move(*this, *group.root);
    case Family::Scan:
      return lower_scan(*group.root);
    case Family::Special:
      return lower_special(*this, *group.root);
    case Family::None:
    case Family::Elementwise:
      break;
  }
  throw InternalError("the plan has no kernel for '" + group.root->def->name + "'");
}

// A loop: carries lie in buffers of their own and are replaced at the end of each turn; sequences and results are
// visited a slice a turn.
void PlanBuilder::lower_scan(const Op& op) {
  const Graph& body = *op.graphs.front();
  const std::size_t carries = static_cast<std::size_t>(op.attributes.integer("carries"));
  const std::size_t sequences = static_cast<std::size_t>(op.attributes.integer("sequences"));
  const std::int64_t length = op.attributes.integer("length");
  std::vector<View> carried;
  for (std::size_t i = 0; i < carries; ++i) {
    const Value* initial = op.inputs[i];
    const View seen = view(initial);
    const View from = seen.buffer == kLiteralBuffer ? seen : memory_view(initial);
    const View to =
        contiguous_view(new_buffer(body.inputs[i]->name.empty() ? "carry" : body.inputs[i]->name, initial->type.element,
                                   element_count(initial->type.shape), Memory::Scratch),
                        initial->type.shape);
    copy_or_fill(op, from, to, initial->type.element);
    complete(initial, to);
    carried.push_back(to);
  }
  std::vector<View> stacked;
  for (std::size_t i = carries; i < op.results.size(); ++i) {
    const Value* result = op.results[i].get();
    std::vector<int> order(result->type.shape.size());
    for (std::size_t axis = 0; axis < order.size(); ++axis) order[axis] = static_cast<int>(axis);
    stacked.push_back(place_result(result, order));
  }
  for (std::size_t i = carries; i < carries + sequences; ++i) memory_view(op.inputs[i]);

  Node node;
  node.loop = std::make_unique<Loop>();
  Loop& loop = *node.loop;
  loop.scan = &op;
  loop.id = loop_count_++;
  loop.count = length;
  loop.reverse = op.attributes.flag("reverse");
  loop.origin = op.origin;
  const auto slice = [&](const View& all) {
    View one = all;
    one.terms.push_back({loop.id, all.strides[0]});
    one.shape.erase(one.shape.begin());
    one.strides.erase(one.strides.begin());
    return one;
  };
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    if (i < carries) {
      set_view(body.inputs[i], carried[i]);
    } else if (i < carries + sequences) {
      set_view(body.inputs[i], slice(memory_view(op.inputs[i])));
    } else {
      const View fixed = view(op.inputs[i]);
      set_view(body.inputs[i], fixed);
    }
  }
  std::vector<Goal> goals;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    if (i < carries) {
      goals.push_back({body.outputs[i].value, carried[i], body.inputs[i]});
    } else {
      goals.push_back({body.outputs[i].value, slice(stacked[i - carries]), nullptr});
    }
  }
  loops_.push_back({clock_, static_cast<int>(plan_.buffers.size()), {}});
  std::vector<Node>* outer = nodes_;
  nodes_ = &loop.body;
  if (length > 0) plan_graph(body, goals);
  nodes_ = outer;
  const OpenLoop closed = loops_.back();
  loops_.pop_back();
  const int last = std::max(clock_ - 1, closed.first_step);
  for (const int buffer : closed.touched_outer) {
    Buffer& outer_buffer = plan_.buffers[static_cast<std::size_t>(buffer)];
    outer_buffer.last = std::max(outer_buffer.last, last);
  }
  if (!loop.body.empty()) nodes_->push_back(std::move(node));
  for (std::size_t i = 0; i < carries; ++i) set_view(op.results[i].get(), carried[i]);
}

Plan make_plan(const Graph& graph, const std::string& name, const PlanTarget& target) {
  Plan plan;
  plan.name = name;
  PlanBuilder builder(plan, target);
  builder.plan_function(graph);
  name_plan(plan);
  place_buffers(plan);
  const std::string broken = verify(plan);
  if (!broken.empty()) throw InternalError("plan of " + name + ": " + broken);
  return plan;
}

void PlanBuilder::plan_function(const Graph& graph) {
  nodes_ = &plan_.nodes;
  const auto memory_of = [](StateKind kind) {
    switch (kind) {
      case StateKind::Parameter:
      case StateKind::Statistic:
        return Memory::Parameters;
      case StateKind::Prepared:
        return Memory::Prepared;
      default:
        return Memory::State;
    }
  };
  for (const Value* input : graph.inputs) {
    const std::string& slot = input->producer->attributes.text("name");
    set_view(input, contiguous_view(
                        new_buffer(slot, input->type.element, element_count(input->type.shape), Memory::Input, slot),
                        input->type.shape));
  }
  std::vector<Goal> goals;
  for (const State& state : graph.states) {
    const Type& type = state.value->type;
    const View place = contiguous_view(
        new_buffer(state.name, type.element, element_count(type.shape), memory_of(state.kind), state.name), type.shape);
    set_view(state.value, place);
    if (state.next != nullptr && state.next != state.value) goals.push_back({state.next, place, state.value});
  }
  for (const Output& output : graph.outputs) {
    const Type& type = output.value->type;
    const bool is_gradient = output.name.rfind("gradient:", 0) == 0;
    const std::string slot = is_gradient ? output.name.substr(9) : output.name;
    const View place = contiguous_view(
        new_buffer((is_gradient               ? "d_"
                    : plan_.name == "prepare" ? "prepared_"
                                              : "") +
                       slot,
                   type.element, element_count(type.shape), is_gradient ? Memory::Gradients : Memory::Output, slot),
        type.shape);
    goals.push_back({output.value, place, nullptr});
  }
  plan_graph(graph, goals);
}

}  // namespace nnc
