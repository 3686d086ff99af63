// Placement of scratch buffers in the arena.
//
// Buffers alive at the same time get disjoint ranges. Largest first, each at the lowest place that is free during its
// life; a buffer that may replace one that dies at its birth is tried there first. All offsets are multiples of 64, so
// that vectors do not straddle cache lines.
#include <algorithm>
#include <map>

#include "compiler/plan/plan.h"

namespace nnc {

namespace {

constexpr std::int64_t kAlignment = 64;

std::int64_t bytes_of(const Buffer& buffer) {
  const std::int64_t bytes = buffer.count * size_bytes(buffer.element);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool is_placed(const Buffer& buffer) { return buffer.memory == Memory::Scratch && buffer.first >= 0; }

bool replaces(const Plan& plan, int a, int b) {
  const Buffer &first = plan.buffers[static_cast<std::size_t>(a)], &second = plan.buffers[static_cast<std::size_t>(b)];
  const auto lists = [](const Buffer& buffer, int other) {
    return std::find(buffer.may_replace.begin(), buffer.may_replace.end(), other) != buffer.may_replace.end();
  };
  if (first.last == second.first && lists(second, a)) return true;
  return second.last == first.first && lists(first, b);
}

bool alive_together(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

// May buffer `a` lie at `offset` beside the placed buffer `b`?
bool is_free(const Plan& plan, int a, std::int64_t offset, int b) {
  const Buffer &own = plan.buffers[static_cast<std::size_t>(a)], &other = plan.buffers[static_cast<std::size_t>(b)];
  if (!alive_together(own, other)) return true;
  if (offset + bytes_of(own) <= other.offset || other.offset + bytes_of(other) <= offset) return true;
  return offset == other.offset && replaces(plan, a, b);
}

}  // namespace

void place_buffers(Plan& plan) {
  std::vector<int> order;
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    if (is_placed(plan.buffers[i])) order.push_back(static_cast<int>(i));
  }
  const std::vector<int> all = order;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const Buffer &x = plan.buffers[static_cast<std::size_t>(a)], &y = plan.buffers[static_cast<std::size_t>(b)];
    const std::int64_t life_x = x.last - x.first, life_y = y.last - y.first;
    return bytes_of(x) != bytes_of(y) ? bytes_of(x) > bytes_of(y) : life_x > life_y;
  });
  std::vector<int> placed;
  plan.arena_bytes = 0;
  for (const int index : order) {
    Buffer& buffer = plan.buffers[static_cast<std::size_t>(index)];
    std::vector<std::int64_t> places = {0};
    for (const int other : placed) {
      const Buffer& neighbour = plan.buffers[static_cast<std::size_t>(other)];
      places.push_back(neighbour.offset + bytes_of(neighbour));
      if (replaces(plan, index, other)) places.push_back(neighbour.offset);
    }
    std::sort(places.begin(), places.end());
    for (const std::int64_t place : places) {
      const bool fits =
          std::all_of(placed.begin(), placed.end(), [&](int other) { return is_free(plan, index, place, other); });
      if (!fits) continue;
      buffer.offset = place;
      break;
    }
    placed.push_back(index);
    plan.arena_bytes = std::max(plan.arena_bytes, buffer.offset + bytes_of(buffer));
  }
  // The bound: at each step, what is alive, less what may be replaced.
  plan.arena_bound = 0;
  int last = -1;
  for (const int index : all) last = std::max(last, plan.buffers[static_cast<std::size_t>(index)].last);
  for (int step = 0; step <= last; ++step) {
    std::int64_t alive = 0;
    for (const int index : all) {
      const Buffer& buffer = plan.buffers[static_cast<std::size_t>(index)];
      if (buffer.first > step || buffer.last < step) continue;
      const bool replaced = std::any_of(all.begin(), all.end(), [&](int other) {
        const Buffer& next = plan.buffers[static_cast<std::size_t>(other)];
        return other != index && next.first == step && buffer.last == step && replaces(plan, index, other);
      });
      if (!replaced) alive += bytes_of(buffer);
    }
    plan.arena_bound = std::max(plan.arena_bound, alive);
  }
}

namespace {

void collect(const std::vector<Node>& nodes, std::vector<const Step*>& steps) {
  for (const Node& node : nodes) {
    if (node.step != nullptr) {
      steps.push_back(node.step.get());
    } else {
      collect(node.loop->body, steps);
    }
  }
}

void loop_counts(const std::vector<Node>& nodes, std::map<int, std::int64_t>& counts) {
  for (const Node& node : nodes) {
    if (node.loop == nullptr) continue;
    counts[node.loop->id] = node.loop->count;
    loop_counts(node.loop->body, counts);
  }
}

}  // namespace

std::string verify(const Plan& plan) {
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    if (!is_placed(plan.buffers[i])) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (is_placed(plan.buffers[j]) &&
          !is_free(plan, static_cast<int>(i), plan.buffers[i].offset, static_cast<int>(j))) {
        return "buffers '" + plan.buffers[i].name + "' and '" + plan.buffers[j].name + "' overlap";
      }
    }
  }
  std::vector<const Step*> steps;
  collect(plan.nodes, steps);
  std::map<int, std::int64_t> counts;
  loop_counts(plan.nodes, counts);
  std::vector<bool> written(plan.buffers.size(), false);
  for (const Step* step : steps) {
    for (const StepArgument& argument : step->arguments) {
      const View& view = argument.view;
      if (view.buffer < 0 || view.buffer >= static_cast<int>(plan.buffers.size())) {
        return "step '" + step->name + "' has an operand without memory";
      }
      const Buffer& buffer = plan.buffers[static_cast<std::size_t>(view.buffer)];
      std::int64_t low = view.offset, high = view.offset;
      const auto reach = [&](std::int64_t extent, std::int64_t stride) {
        (stride < 0 ? low : high) += (extent - 1) * stride;
      };
      for (std::size_t axis = 0; axis < view.shape.size(); ++axis) reach(view.shape[axis], view.strides[axis]);
      for (const LoopTerm& term : view.terms) reach(counts[term.loop], term.stride);
      if (element_count(view.shape) > 0 && (low < 0 || high >= buffer.count)) {
        return "step '" + step->name + "' reaches beyond buffer '" + buffer.name + "'";
      }
      if (!argument.is_written && buffer.memory == Memory::Scratch && !written[static_cast<std::size_t>(view.buffer)]) {
        return "step '" + step->name + "' reads buffer '" + buffer.name + "' before it is written";
      }
    }
    for (const StepArgument& argument : step->arguments) {
      if (argument.is_written) written[static_cast<std::size_t>(argument.view.buffer)] = true;
    }
  }
  return "";
}

}  // namespace nnc
