#include "compiler/plan/groups.h"

#include <algorithm>
#include <set>

#include "compiler/ops/op.h"

namespace nnc {

bool is_view(const Op& op) {
  const std::string& name = op.def->name;
  return op.def->has(Leaf) || name == "iota" || name == "broadcast" || name == "reshape" || name == "transpose" ||
         name == "slice" || name == "reverse";
}

bool is_fusible(const Op& op) { return op.def->lower.family == Family::Elementwise && op.results.size() == 1; }

const Value* behind_views(const Value* value) {
  while (is_view(*value->producer) && !value->producer->inputs.empty()) value = value->producer->inputs[0];
  return value;
}

bool reads_through_view(const Op& op, const Value* value) {
  return std::any_of(op.inputs.begin(), op.inputs.end(),
                     [&](const Value* input) { return input != value && behind_views(input) == value; });
}

namespace {

constexpr std::size_t kLargestFunctor = 64;  // operations; larger functors compile slowly and spill registers

class Grouping {
 public:
  explicit Grouping(const Graph& graph) : graph_(graph) {
    for (const std::unique_ptr<Op>& op : graph.ops) {
      for (const Value* input : op->inputs) users_[input].push_back(op.get());
    }
    order_operations();
  }

  std::vector<Group> run() {
    for (const Op* op : order_) {
      if (is_view(*op)) continue;
      if (is_fusible(*op)) {
        place_elementwise(*op);
      } else {
        new_group(op->results[0]->type.shape, position_.at(op)).root = op;
        group_of_[op] = static_cast<int>(groups_.size()) - 1;
      }
    }
    return finish();
  }

 private:
  // Operations whose results reach nothing but next states come last ("updates").
  void order_operations() {
    std::set<const Value*> outputs, nexts;
    for (const Output& output : graph_.outputs) outputs.insert(output.value);
    for (const State& state : graph_.states) {
      if (state.next != nullptr) nexts.insert(state.next);
    }
    for (auto op = graph_.ops.rbegin(); op != graph_.ops.rend(); ++op) {
      bool reaches_state = false;
      bool only_updates = true;
      for (const std::unique_ptr<Value>& result : (*op)->results) {
        if (outputs.count(result.get()) != 0) only_updates = false;
        if (nexts.count(result.get()) != 0) reaches_state = true;
        for (const Op* user : users_[result.get()]) {
          if (updates_.count(user) == 0) only_updates = false;
          reaches_state = true;
        }
      }
      if (only_updates && reaches_state) updates_.insert(op->get());
    }
    for (const bool update : {false, true}) {
      for (const std::unique_ptr<Op>& op : graph_.ops) {
        if ((updates_.count(op.get()) != 0) == update) order_.push_back(op.get());
      }
    }
    for (std::size_t i = 0; i < order_.size(); ++i) position_[order_[i]] = static_cast<int>(i);
  }

  Group& new_group(const Shape& shape, int position) {
    Group& group = groups_.emplace_back();
    group.shape = shape;
    group.position = position;
    return group;
  }

  // The group that computes a value, looking through views; -1 for leaves.
  int source_group(const Value* value) const {
    const Op* op = behind_views(value)->producer;
    return is_view(*op) ? -1 : group_of_.at(op);
  }

  // Operations that use a value, looking through views.
  void readers(const Value* value, std::vector<const Op*>& found) const {
    const std::map<const Value*, std::vector<const Op*>>::const_iterator users = users_.find(value);
    if (users == users_.end()) return;
    for (const Op* user : users->second) {
      if (is_view(*user)) {
        readers(user->result(), found);
      } else {
        found.push_back(user);
      }
    }
  }

  std::vector<const Op*> members(const Group& group) const {
    std::vector<const Op*> all = group.elementwise;
    if (group.root != nullptr) all.insert(all.begin(), group.root);
    return all;
  }

  // May the group run at `position` instead of where it is, as far as those that read its results are concerned?
  bool may_move_to(int group, int position, int except) const {
    for (const Op* op : members(groups_[static_cast<std::size_t>(group)])) {
      for (const std::unique_ptr<Value>& result : op->results) {
        std::vector<const Op*> found;
        readers(result.get(), found);
        for (const Op* reader : found) {
          const std::map<const Op*, int>::const_iterator at = group_of_.find(reader);
          if (at == group_of_.end() || at->second == group || at->second == except) continue;
          if (groups_[static_cast<std::size_t>(at->second)].position <= position) return false;
        }
      }
    }
    return true;
  }

  bool accepts(const Group& group, const Op& op) const {
    if (group.shape != op.result()->type.shape || group.elementwise.size() >= kLargestFunctor) return false;
    if (group.root != nullptr) {
      const Family family = group.root->def->lower.family;
      if (family != Family::Contract && family != Family::Convolve && family != Family::Window &&
          family != Family::Reduce) {
        return false;
      }
      if (group.root->results.size() != 1 || group.root->def->name == "argmax" ||
          group.root->def->name == "window_scatter") {
        return false;
      }
    }
    const std::vector<const Op*> all = members(group);
    return (updates_.count(all.front()) != 0) == (updates_.count(&op) != 0);
  }

  // Does the operation need a result of the group as a whole before any of its own? Then the two cannot be one step.
  bool needs_whole(const Op& op, int group) const {
    return std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Value* input) {
      return (is_view(*input->producer) || !is_fusible(op)) && source_group(input) == group;
    });
  }

  void place_elementwise(const Op& op) {
    const int here = position_.at(&op);
    std::vector<int> candidates;  // groups that compute an operand directly and could take the operation in
    int needed = -1;              // position of the latest other source
    for (const Value* input : op.inputs) {
      const int source = source_group(input);
      if (source < 0) continue;
      if (!is_view(*input->producer) && accepts(groups_[static_cast<std::size_t>(source)], op) &&
          !needs_whole(op, source)) {
        if (std::find(candidates.begin(), candidates.end(), source) == candidates.end()) candidates.push_back(source);
      } else {
        needed = std::max(needed, groups_[static_cast<std::size_t>(source)].position);
      }
    }
    std::sort(candidates.begin(), candidates.end(), [this](int a, int b) {
      return groups_[static_cast<std::size_t>(a)].position > groups_[static_cast<std::size_t>(b)].position;
    });
    int chosen = -1;
    if (!candidates.empty()) {
      const int latest = candidates.front();
      Group& group = groups_[static_cast<std::size_t>(latest)];
      if (needed < group.position) {
        chosen = latest;
      } else if (may_move_to(latest, here, -1)) {
        group.position = here;
        chosen = latest;
      }
    }
    if (chosen < 0) {
      new_group(op.result()->type.shape, here);
      chosen = static_cast<int>(groups_.size()) - 1;
    }
    Group& group = groups_[static_cast<std::size_t>(chosen)];
    group.elementwise.push_back(&op);
    group_of_[&op] = chosen;
    for (const int other : candidates) {
      if (other != chosen) absorb(chosen, other, op);
    }
  }

  // Merges group `other`, an earlier one that feeds `op`, into `chosen`, if nothing in between needs it.
  void absorb(int chosen, int other, const Op& op) {
    Group& into = groups_[static_cast<std::size_t>(chosen)];
    Group& from = groups_[static_cast<std::size_t>(other)];
    if (from.root != nullptr && into.root != nullptr) return;
    if (from.root != nullptr && !accepts(from, op)) return;
    if (into.elementwise.size() + from.elementwise.size() > kLargestFunctor) return;
    if (!may_move_to(other, into.position, chosen)) return;
    for (const Op* member : members(into)) {
      if (needs_whole(*member, other)) return;
    }
    if (from.root != nullptr) into.root = from.root;
    for (const Op* member : members(from)) group_of_[member] = chosen;
    into.elementwise.insert(into.elementwise.end(), from.elementwise.begin(), from.elementwise.end());
    from.root = nullptr;
    from.elementwise.clear();
  }

  std::vector<Group> finish() {
    std::set<const Value*> kept;
    for (const Output& output : graph_.outputs) kept.insert(output.value);
    for (const State& state : graph_.states) {
      if (state.next != nullptr) kept.insert(state.next);
    }
    std::vector<Group> result;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      Group& group = groups_[i];
      if (group.root == nullptr && group.elementwise.empty()) continue;
      std::sort(group.elementwise.begin(), group.elementwise.end(),
                [this](const Op* a, const Op* b) { return position_.at(a) < position_.at(b); });
      for (const Op* op : members(group)) {
        for (const std::unique_ptr<Value>& value : op->results) {
          bool is_stored = kept.count(value.get()) != 0;
          for (const Op* user : users_[value.get()]) {
            const std::map<const Op*, int>::const_iterator at = group_of_.find(user);
            if (at == group_of_.end() || at->second != static_cast<int>(i)) is_stored = true;
          }
          if (is_stored) group.stored.push_back(value.get());
        }
      }
      result.push_back(std::move(group));
    }
    std::sort(result.begin(), result.end(), [](const Group& a, const Group& b) { return a.position < b.position; });
    return result;
  }

  const Graph& graph_;
  std::map<const Value*, std::vector<const Op*>> users_;
  std::set<const Op*> updates_;
  std::vector<const Op*> order_;
  std::map<const Op*, int> position_;
  std::map<const Op*, int> group_of_;
  std::vector<Group> groups_;
};

}  // namespace

std::vector<Group> form_groups(const Graph& graph) { return Grouping(graph).run(); }

}  // namespace nnc
