// Data movement that is no view: concat, pad, gather and the like.
#include <algorithm>
#include <map>
#include <numeric>

#include "compiler/plan/builder.h"

namespace nnc {

namespace {

std::vector<int> plain_order(std::size_t rank) {
  std::vector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void lower_concat(PlanBuilder& builder, const Op& op) {
  const std::size_t axis = static_cast<std::size_t>(op.attributes.integer("axis"));
  const View all = builder.place_result(op.result(), memory_order(builder.memory_view(op.inputs[0])));
  std::int64_t at = 0;
  for (const Value* input : op.inputs) {
    View part = all;
    part.shape = input->type.shape;
    part.offset += at * all.strides[axis];
    at += input->type.shape[axis];
    builder.copy(op, builder.memory_view(input), part, input->type.element);
  }
}

void lower_pad(PlanBuilder& builder, const Op& op) {
  const std::vector<std::int64_t>&low = op.attributes.integers("low"), &interior = op.attributes.integers("interior");
  View from = builder.memory_view(op.inputs[0]);
  const View all = builder.place_result(op.result(), memory_order(from));
  View part = all;
  bool covers_all = true;
  for (std::size_t i = 0; i < part.shape.size(); ++i) {
    // Elements of x that fall into the result: low may be negative, and so may high.
    const std::int64_t step = interior[i] + 1, extent = from.shape[i];
    const std::int64_t first = low[i] >= 0 ? 0 : (-low[i] + step - 1) / step;
    const std::int64_t last_cell = all.shape[i] - 1 - low[i];
    const std::int64_t last = std::min(extent - 1, last_cell >= 0 ? last_cell / step : std::int64_t{-1});
    const std::int64_t count = std::max<std::int64_t>(0, last - first + 1);
    if (count != all.shape[i]) covers_all = false;
    from.offset += first * from.strides[i];
    part.offset += (low[i] + first * step) * all.strides[i];
    from.shape[i] = part.shape[i] = count;
    part.strides[i] = all.strides[i] * step;
  }
  if (!covers_all) builder.fill(op, all, op.result()->type.element, op.attributes.get<double>("value"));
  if (element_count(part.shape) > 0) builder.copy(op, from, part, op.result()->type.element);
}

void lower_gather(PlanBuilder& builder, const Op& op) {
  const std::size_t index_rank = op.inputs[1]->type.shape.size();
  const View table = builder.packed_view(op.inputs[0], plain_order(op.inputs[0]->type.shape.size()));
  const View index = builder.packed_view(op.inputs[1], plain_order(index_rank));
  const View y = builder.place_result(op.result(), plain_order(op.result()->type.shape.size()));
  const std::int64_t rows = element_count(op.inputs[1]->type.shape);
  const std::int64_t table_rows = op.inputs[0]->type.shape[0];
  const std::int64_t width = table_rows == 0 ? 0 : element_count(op.inputs[0]->type.shape) / table_rows;
  Step step = builder.new_step(op, "gather_rows", "templates/move.h");
  step.config = {field("rows", rows),       field("table_rows", table_rows), field("width", width),
                 field("table_row", width), field("y_row", width),           field("lanes", builder.target().lanes)};
  builder.pointer(step, "table", table, op.inputs[0]->type.element, false);
  builder.pointer(step, "index", index, op.inputs[1]->type.element, false);
  builder.pointer(step, "y", y, op.result()->type.element, true);
  step.comments.push_back(to_string(op.inputs[0]->type) + " by " + to_string(op.inputs[1]->type));
  builder.emit_step(std::move(step));
}

// scatter_rows<C>(index, u, table, combine) into a table of zeros (scatter_add), or one that holds x already.
void lower_scatter(PlanBuilder& builder, const Op& op) {
  static const std::map<std::string, std::string> combines = {{"set", "Replace"},
                                                              {"add", "ReduceSum"},
                                                              {"multiply", "ReduceProduct"},
                                                              {"maximum", "ReduceMaximum"},
                                                              {"minimum", "ReduceMinimum"}};
  const bool is_into = op.def->name == "scatter_into";
  const Value* const index_value = op.inputs[is_into ? 1 : 0];
  const Value* const rows_value = op.inputs[is_into ? 2 : 1];
  const ElementType element = op.result()->type.element;
  const View x = is_into ? builder.packed_view(op.inputs[0], plain_order(op.inputs[0]->type.shape.size())) : View{};
  const View index = builder.packed_view(index_value, plain_order(index_value->type.shape.size()));
  const View u = builder.packed_view(rows_value, plain_order(rows_value->type.shape.size()));
  const View table = builder.place_result(op.result(), plain_order(op.result()->type.shape.size()));
  if (!is_into) builder.fill(op, table, element, 0);
  if (is_into && !same_place(x, table)) builder.copy(op, x, table, element);
  const std::int64_t rows = element_count(index_value->type.shape);
  const std::int64_t width = rows == 0 ? 0 : element_count(rows_value->type.shape) / rows;
  Step step = builder.new_step(op, "scatter_rows", "templates/move.h");
  step.combine = is_into ? combines.at(op.attributes.text("by")) : "ReduceSum";
  step.config = {field("rows", rows),   field("table_rows", op.result()->type.shape[0]),
                 field("width", width), field("table_row", width),
                 field("u_row", width), field("lanes", builder.target().lanes)};
  builder.pointer(step, "index", index, index_value->type.element, false);
  builder.pointer(step, "u", u, element, false);
  builder.pointer(step, "table", table, element, true);
  step.comments.push_back(to_string(rows_value->type) + " into " + to_string(op.result()->type));
  builder.emit_step(std::move(step));
}

// dynamic_slice<C>(x, y, starts…) and dynamic_update<C>(u, y, starts…), where y holds x already.
void lower_dynamic(PlanBuilder& builder, const Op& op) {
  const bool is_update = op.def->name == "dynamic_update";
  const std::size_t rank = op.inputs[0]->type.shape.size();
  const View x = builder.packed_view(op.inputs[0], plain_order(rank));
  const View u = is_update ? builder.packed_view(op.inputs[1], plain_order(rank)) : View{};
  const View y = builder.place_result(op.result(), plain_order(rank));
  const ElementType element = op.inputs[0]->type.element;
  if (is_update && !same_place(x, y)) builder.copy(op, x, y, element);
  const View& whole = is_update ? y : x;
  const View& piece = is_update ? u : y;
  Step step = builder.new_step(op, op.def->name, "templates/move.h");
  step.config = {field("rank", static_cast<std::int64_t>(rank)), array_field("extent", piece.shape),
                 array_field("x_extent", whole.shape),           array_field("x_stride", whole.strides),
                 array_field("y_stride", piece.strides),         field("lanes", builder.target().lanes)};
  builder.pointer(step, is_update ? "u" : "x", is_update ? u : x, element, false);
  builder.pointer(step, "y", y, element, true);
  for (std::size_t i = is_update ? 2 : 1; i < op.inputs.size(); ++i) {
    builder.pointer(step, "start", builder.memory_view(op.inputs[i]), op.inputs[i]->type.element, false);
  }
  step.comments.push_back(to_string(op.inputs[0]->type) + " -> " + to_string(op.result()->type));
  builder.emit_step(std::move(step));
}

void lower_uniform(PlanBuilder& builder, const Op& op) {
  const View y = builder.place_result(op.result(), plain_order(op.result()->type.shape.size()));
  Step step = builder.new_step(op, "uniform", "templates/random.h");
  step.config = {field("examples", element_count(op.inputs[2]->type.shape)),
                 field("count", element_count(op.attributes.integers("dims"))),
                 field("site", op.attributes.integer("site")), field("lanes", builder.target().lanes)};
  const char* names[] = {"seed", "iteration", "example", "index"};
  for (std::size_t i = 0; i < 4; ++i) {
    builder.pointer(step, names[i], builder.packed_view(op.inputs[i], plain_order(op.inputs[i]->type.shape.size())),
                    op.inputs[i]->type.element, false);
  }
  builder.pointer(step, "y", y, ElementType::F32, true);
  step.comments.push_back(to_string(op.result()->type));
  builder.emit_step(std::move(step));
}

void lower_top_places(PlanBuilder& builder, const Op& op) {
  const std::vector<int> order = plain_order(op.result()->type.shape.size());
  const View x = builder.packed_view(op.inputs[0], order);
  const View y = builder.place_result(op.result(), order);
  const std::int64_t length = op.inputs[0]->type.shape.back(), count = op.attributes.integer("count");
  Step step = builder.new_step(op, "top_places", "templates/order.h");
  step.config = {field("rows", element_count(op.result()->type.shape) / count), field("length", length),
                 field("count", count), flag_field("largest", op.attributes.get<bool>("largest"))};
  builder.pointer(step, "x", x, op.inputs[0]->type.element, false);
  builder.pointer(step, "y", y, ElementType::I32, true);
  step.comments.push_back(to_string(op.inputs[0]->type) + " -> " + to_string(op.result()->type));
  builder.emit_step(std::move(step));
}

}  // namespace

void lower_move(PlanBuilder& builder, const Op& op) {
  const std::string& name = op.def->name;
  if (name == "concat") return lower_concat(builder, op);
  if (name == "pad") return lower_pad(builder, op);
  if (name == "gather") return lower_gather(builder, op);
  if (name == "scatter_add" || name == "scatter_into") return lower_scatter(builder, op);
  if (name == "dynamic_slice" || name == "dynamic_update") return lower_dynamic(builder, op);
  throw InternalError("the plan has no kernel for '" + name + "'");
}

void lower_special(PlanBuilder& builder, const Op& op) {
  if (op.def->name == "uniform") return lower_uniform(builder, op);
  if (op.def->name == "top_places") return lower_top_places(builder, op);
  throw InternalError("the plan has no kernel for '" + op.def->name + "'");
}

}  // namespace nnc
