// Contractions: which letters are rows, columns, sums and batch, and how they map on contraction<C>.
#include <algorithm>
#include <cmath>

#include "compiler/plan/builder.h"
#include "templates/tiles.h"

namespace nnc {

namespace {

struct Letters {
  std::string a, b, y;
};

Letters parse_spec(const std::string& spec) {
  const std::size_t comma = spec.find(','), arrow = spec.find("->");
  return {spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1), spec.substr(arrow + 2)};
}

bool contains(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

// Letters of `from` for which `keep` holds, in the order of `from`.
template <class Keep>
std::string filtered(const std::string& from, const Keep& keep) {
  std::string result;
  for (const char letter : from) {
    if (keep(letter)) result += letter;
  }
  return result;
}

// One way to compute it: `b` is the operand in the lanes.
struct Roles {
  const Value *a, *b;
  std::string a_letters, b_letters;
  std::string batch, m, n, k;  // m, n, batch in the order of y; k in the order of b
};

Roles roles(const Value* a, const Value* b, const std::string& a_letters, const std::string& b_letters,
            const std::string& y) {
  Roles r{a, b, a_letters, b_letters, "", "", "", ""};
  r.batch = filtered(y, [&](char c) { return contains(a_letters, c) && contains(b_letters, c); });
  r.m = filtered(y, [&](char c) { return contains(a_letters, c) && !contains(b_letters, c); });
  r.n = filtered(y, [&](char c) { return !contains(a_letters, c) && contains(b_letters, c); });
  r.k = filtered(b_letters, [&](char c) { return contains(a_letters, c) && !contains(y, c); });
  return r;
}

std::int64_t extent_of(const Roles& r, char letter) {
  const std::size_t in_a = r.a_letters.find(letter);
  if (in_a != std::string::npos) return r.a->type.shape[in_a];
  return r.b->type.shape[r.b_letters.find(letter)];
}

std::int64_t extent_of(const Roles& r, const std::string& letters) {
  std::int64_t product = 1;
  for (const char letter : letters) product *= extent_of(r, letter);
  return product;
}

// The strides of a group of letters in an operand, as one axis; nothing if they are not one walk.
struct Axis {
  std::int64_t extent = 1;
  std::int64_t stride = 0;
};
std::optional<Axis> one_axis(const Roles& r, const std::string& group, const std::string& letters, const View& view) {
  std::vector<std::int64_t> extents, strides;
  for (const char letter : group) {
    extents.push_back(extent_of(r, letter));
    const std::size_t at = letters.find(letter);
    strides.push_back(at == std::string::npos ? 0 : view.strides[at]);
  }
  const Collapsed walk = collapse(extents, {strides});
  if (walk.extents.size() > 1) return std::nullopt;
  if (walk.extents.empty()) return Axis{1, 0};
  return Axis{walk.extents[0], walk.strides[0][0]};
}

struct Operand {
  Axis batch, outer, k;  // outer: m of a, n of b
};
std::optional<Operand> axes_of(const Roles& r, const std::string& outer, const std::string& letters, const View& view) {
  const std::optional<Axis> batch = one_axis(r, r.batch, letters, view), own = one_axis(r, outer, letters, view),
                            k = one_axis(r, r.k, letters, view);
  if (!batch || !own || !k) return std::nullopt;
  return Operand{*batch, *own, *k};
}

bool lanes_fit(const std::optional<Operand>& b) { return b && (b->outer.extent == 1 || b->outer.stride == 1); }

// What a way costs, in multiply-adds: the lanes left idle, and the copies that it needs.
double cost(PlanBuilder& builder, const Roles& r) {
  const int lanes = builder.lanes(r.b->type.element);
  const double n = static_cast<double>(extent_of(r, r.n));
  const double products = static_cast<double>(extent_of(r, r.batch) * extent_of(r, r.m) * extent_of(r, r.k));
  double total = products * std::ceil(n / lanes);
  constexpr double kCopyCost = 2;  // an element copied against a vector of multiply-adds
  if (!lanes_fit(axes_of(r, r.n, r.b_letters, builder.memory_view(r.b)))) {
    total += kCopyCost * static_cast<double>(element_count(r.b->type.shape));
  }
  if (!axes_of(r, r.m, r.a_letters, builder.memory_view(r.a))) {
    total += kCopyCost * static_cast<double>(element_count(r.a->type.shape));
  }
  return total;
}

std::vector<int> order_of(const std::string& letters, const std::string& wanted) {
  std::vector<int> order;
  for (const char letter : wanted) order.push_back(static_cast<int>(letters.find(letter)));
  return order;
}

}  // namespace

void lower_contraction(PlanBuilder& builder, const Group& group) {
  const Op& op = *group.root;
  const Letters letters = parse_spec(op.attributes.text("spec"));
  const Roles straight = roles(op.inputs[0], op.inputs[1], letters.a, letters.b, letters.y);
  const Roles swapped = roles(op.inputs[1], op.inputs[0], letters.b, letters.a, letters.y);
  const Roles r = cost(builder, swapped) < cost(builder, straight) ? swapped : straight;

  View b = builder.memory_view(r.b);
  std::optional<Operand> b_axes = axes_of(r, r.n, r.b_letters, b);
  if (!lanes_fit(b_axes)) {
    b = builder.packed_view(r.b, order_of(r.b_letters, r.batch + r.k + r.n));
    b_axes = axes_of(r, r.n, r.b_letters, b);
  }
  View a = builder.memory_view(r.a);
  std::optional<Operand> a_axes = axes_of(r, r.m, r.a_letters, a);
  if (!a_axes) {
    a = builder.packed_view(r.a, order_of(r.a_letters, r.batch + r.m + r.k));
    a_axes = axes_of(r, r.m, r.a_letters, a);
  }
  const std::int64_t batch = extent_of(r, r.batch), m = extent_of(r, r.m), n = extent_of(r, r.n), k = extent_of(r, r.k);
  const std::vector<int> order = order_of(letters.y, r.batch + r.m + r.n);
  const auto axis_of_result = [&](const std::string& group_letters, const View& y) {
    return one_axis(r, group_letters, letters.y, y);
  };
  const auto make = [&](const View& y) {
    const std::optional<Axis> y_batch = axis_of_result(r.batch, y), y_m = axis_of_result(r.m, y);
    if (!y_batch || !y_m) throw InternalError("the result of a contraction lies in no regular order");
    const int lanes = builder.lanes(r.b->type.element);
    const TileShape tile =
        tile_shape(m, n, lanes, builder.target().registers, size_bytes(r.a->type.element) * a_axes->outer.stride);
    Step step = builder.new_step(op, "contraction", "templates/contraction.h");
    step.config = {field("batch", batch),
                   field("m", m),
                   field("n", n),
                   field("k", k),
                   field("a_batch", a_axes->batch.stride),
                   field("a_m", a_axes->outer.stride),
                   field("a_k", a_axes->k.stride),
                   flag_field("packed", false),
                   field("b_batch", b_axes->batch.stride),
                   field("b_k", b_axes->k.stride),
                   field("b_block", 0),
                   field("y_batch", y_batch->stride),
                   field("y_m", y_m->stride),
                   field("lanes", lanes),
                   field("tile_m", tile.rows),
                   field("tile_n", tile.vectors)};
    builder.pointer(step, "a", a, r.a->type.element, false);
    builder.pointer(step, "b", b, r.b->type.element, false);
    builder.pointer(step, "y", y, op.result()->type.element, true);
    step.flops = 2.0 * static_cast<double>(batch * m) * static_cast<double>(n * k);
    step.comments.push_back(to_string(op.inputs[0]->type) + " x " + to_string(op.inputs[1]->type) + " -> " +
                            to_string(op.result()->type));
    return step;
  };
  const auto suits = [&](const View& y) {
    return axis_of_result(r.batch, y) && axis_of_result(r.m, y) && axis_of_result(r.n, y);
  };
  builder.finish_root(group, {order, static_cast<int>(r.n.size()), suits}, make);
}

}  // namespace nnc
