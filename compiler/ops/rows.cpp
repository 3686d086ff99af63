// Rows of a table chosen by index.
#include "compiler/ops/rows.h"

#include "compiler/ops/support.h"

namespace nnc::ops {

std::vector<std::int64_t> clamped(const Tensor& index, std::int64_t count) {
  std::vector<std::int64_t> result = index.integers();
  const bool is_natural = index.type.element == ElementType::U64;
  for (std::int64_t& i : result) i = is_natural && i < 0 ? count - 1 : std::clamp<std::int64_t>(i, 0, count - 1);
  return result;
}

Value* index_in_all(BatchContext& context, Value* index, std::int64_t count) {
  GraphBuilder& g = context.builder;
  // Clamped before the sum, in a type that holds every index.
  const ElementType element = index->type.element;
  const bool is_wide = size_bytes(element) == 8;
  index = g.cast(index, is_wide ? element : element == ElementType::U32 ? ElementType::I64 : ElementType::I32);
  index = g.op("maximum", {index, g.like(index, 0)});
  index = g.op("minimum", {index, g.like(index, static_cast<double>(count - 1))});
  index = g.cast(index, ElementType::I32);
  Attributes attributes = with(with({}, "shape", index->type.shape), "axis", std::int64_t{0});
  Value* example = g.op("iota", {}, with(attributes, "element", ElementType::I32));
  return g.add(index, g.multiply(example, g.like(example, static_cast<double>(count))));
}

Value* move_axis(GraphBuilder& g, Value* x, std::size_t from, std::size_t to) {
  std::vector<std::int64_t> permutation = all_axes(x->type.shape.size());
  permutation.erase(permutation.begin() + static_cast<std::ptrdiff_t>(from));
  permutation.insert(permutation.begin() + static_cast<std::ptrdiff_t>(to), static_cast<std::int64_t>(from));
  return g.transpose(x, permutation);
}

}  // namespace nnc::ops
