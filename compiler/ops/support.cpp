// Evaluation helpers (with Eigen) and the rules that several primitives share.
#include "compiler/ops/support.h"

#include <Eigen/Core>

namespace nnc::ops {
namespace {

using Reals = Eigen::Map<const Eigen::ArrayXd>;

Reals reals(const Tensor& x) { return {x.floats().data(), static_cast<Eigen::Index>(x.floats().size())}; }
Eigen::Map<Eigen::ArrayXd> reals(Tensor& x) {
  return {x.floats().data(), static_cast<Eigen::Index>(x.floats().size())};
}

template <class Scalar, class Storage>
void multiply_matrices(const Storage* a, const Storage* b, Storage* c, std::int64_t batch, std::int64_t m,
                       std::int64_t k, std::int64_t n) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (std::int64_t i = 0; i < batch; ++i) {
    const Eigen::Map<const Matrix> left(reinterpret_cast<const Scalar*>(a + i * m * k), m, k);
    const Eigen::Map<const Matrix> right(reinterpret_cast<const Scalar*>(b + i * k * n), k, n);
    Eigen::Map<Matrix>(reinterpret_cast<Scalar*>(c + i * m * n), m, n).noalias() = left * right;
  }
}

Inferred all_alike(const OpView& op, bool allowed, const char* what) {
  if (!allowed) return error(fmt::format("operands must be {}, not {}", what, name(op.type(0).element)));
  return same_shape_and_type(op);
}

}  // namespace

void wrap(Tensor& tensor) {
  if (is_float(tensor.type.element) || size_bytes(tensor.type.element) == 8) return;
  for (std::int64_t& x : tensor.integers()) x = wrap_to(tensor.type.element, x);
}

Tensor in_order(const Tensor& x) {
  Tensor y = x;
  if (x.type.element != ElementType::U64) return y;
  for (std::int64_t& element : y.integers()) element ^= std::numeric_limits<std::int64_t>::min();
  return y;
}

Evaluate map_unary(double (*real)(double), std::uint64_t (*integer)(std::uint64_t)) {
  return [=](const Op& op, Operands in) {
    Tensor y = Tensor::zeros(op.result()->type);
    if (is_float(y.type.element)) {
      reals(y) = reals(*in[0]).unaryExpr(real);
    } else {
      std::transform(in[0]->integers().begin(), in[0]->integers().end(), y.integers().begin(),
                     [&](std::int64_t x) { return static_cast<std::int64_t>(integer(static_cast<std::uint64_t>(x))); });
      wrap(y);
    }
    return std::vector<Tensor>{std::move(y)};
  };
}

Evaluate map_binary(double (*real)(double, double), IntegerBinary integer, NaturalBinary natural) {
  return [=](const Op& op, Operands in) {
    Tensor y = Tensor::zeros(op.result()->type);
    if (is_float(y.type.element)) {
      reals(y) = reals(*in[0]).binaryExpr(reals(*in[1]), real);
    } else if (natural != nullptr && y.type.element == ElementType::U64) {
      std::transform(
          in[0]->integers().begin(), in[0]->integers().end(), in[1]->integers().begin(), y.integers().begin(),
          [&](std::int64_t a, std::int64_t b) {
            return static_cast<std::int64_t>(natural(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
          });
    } else {
      std::transform(in[0]->integers().begin(), in[0]->integers().end(), in[1]->integers().begin(),
                     y.integers().begin(), integer);
      wrap(y);
    }
    return std::vector<Tensor>{std::move(y)};
  };
}

Evaluate map_comparison(bool (*real)(double, double), bool (*integer)(std::int64_t, std::int64_t)) {
  return [=](const Op& op, Operands in) {
    Tensor y = Tensor::zeros(op.result()->type);
    if (is_float(in[0]->type.element)) {
      std::transform(in[0]->floats().begin(), in[0]->floats().end(), in[1]->floats().begin(), y.integers().begin(),
                     real);
    } else {
      const Tensor a = in_order(*in[0]), b = in_order(*in[1]);
      std::transform(a.integers().begin(), a.integers().end(), b.integers().begin(), y.integers().begin(), integer);
    }
    return std::vector<Tensor>{std::move(y)};
  };
}

Tensor take(const Tensor& x, const Type& type, const std::vector<std::int64_t>& from, double value) {
  Tensor y = Tensor::filled(type, value);
  const auto copy = [&](const auto& source, auto& target) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] >= 0) target[i] = source[static_cast<std::size_t>(from[i])];
    }
  };
  if (is_float(type.element)) {
    copy(x.floats(), y.floats());
  } else {
    copy(x.integers(), y.integers());
  }
  return y;
}

Tensor take_strided(const Tensor& x, const Type& type, const Shape& strides, std::int64_t offset) {
  Tensor y = Tensor::zeros(type);
  const Shape outer(type.shape.begin(), type.shape.end() - (type.shape.empty() ? 0 : 1));
  const std::int64_t extent = type.shape.empty() ? 1 : type.shape.back();
  const std::int64_t stride = type.shape.empty() ? 0 : strides.back();
  const auto copy = [&](const auto& source, auto& target) {
    std::size_t at = 0;
    for (const std::int64_t row : strided_offsets(outer, strides, offset)) {
      for (std::int64_t i = 0; i < extent; ++i) target[at++] = source[static_cast<std::size_t>(row + i * stride)];
    }
  };
  if (is_float(type.element)) {
    copy(x.floats(), y.floats());
  } else {
    copy(x.integers(), y.integers());
  }
  return y;
}

std::vector<std::int64_t> strided_offsets(const Shape& shape, const Shape& strides, std::int64_t offset) {
  std::vector<std::int64_t> offsets = {offset};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    std::vector<std::int64_t> finer;
    finer.reserve(offsets.size() * static_cast<std::size_t>(shape[axis]));
    for (std::int64_t base : offsets) {
      for (std::int64_t i = 0; i < shape[axis]; ++i) finer.push_back(base + i * strides[axis]);
    }
    offsets = std::move(finer);
  }
  return offsets;
}

Tensor permute(const Tensor& x, const std::vector<std::int64_t>& permutation) {
  const Shape strides = row_major_strides(x.type.shape);
  Type type{x.type.element, {}};
  Shape permuted;
  for (std::int64_t axis : permutation) {
    type.shape.push_back(x.type.shape[static_cast<std::size_t>(axis)]);
    permuted.push_back(strides[static_cast<std::size_t>(axis)]);
  }
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  return take_strided(x, type, permuted);
}

Tensor batched_product(const Tensor& a, const Tensor& b, std::int64_t batch, std::int64_t m, std::int64_t k,
                       std::int64_t n) {
  Tensor c = Tensor::zeros({a.type.element, {batch, m, n}});
  if (is_float(a.type.element)) {
    multiply_matrices<double>(a.floats().data(), b.floats().data(), c.floats().data(), batch, m, k, n);
  } else {
    multiply_matrices<std::uint64_t>(a.integers().data(), b.integers().data(), c.integers().data(), batch, m, k, n);
    wrap(c);
  }
  return c;
}

Inferred float_elementwise(const OpView& op) { return all_alike(op, is_float(op.type(0).element), "float"); }
Inferred number_elementwise(const OpView& op) {
  return all_alike(op, op.type(0).element != ElementType::Bool, "numbers");
}
Inferred integer_elementwise(const OpView& op) { return all_alike(op, is_integer(op.type(0).element), "integers"); }
Inferred bool_elementwise(const OpView& op) { return all_alike(op, op.type(0).element == ElementType::Bool, "bool"); }

std::string check_axes(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::int64_t previous = -1;
  for (std::int64_t axis : axes) {
    if (axis <= previous) return fmt::format("axes {} do not ascend", to_string(axes));
    if (axis >= static_cast<std::int64_t>(rank)) return fmt::format("axis {} is not below the rank {}", axis, rank);
    previous = axis;
  }
  return "";
}

std::string check_list(const char* name, const std::vector<std::int64_t>& list, std::size_t rank, std::int64_t low) {
  if (list.size() != rank) return fmt::format("'{}' has {} entries for {} axes", name, list.size(), rank);
  for (std::int64_t x : list) {
    if (x < low) return fmt::format("'{}' may not be {}", name, x);
  }
  return "";
}

bool contains(const std::vector<std::int64_t>& list, std::int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::vector<std::int64_t> all_axes(std::size_t rank) { return other_axes(rank, {}); }

std::vector<std::int64_t> other_axes(std::size_t rank, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> others;
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(rank); ++axis) {
    if (!contains(axes, axis)) others.push_back(axis);
  }
  return others;
}

std::vector<std::int64_t> prepend(std::int64_t first, const std::vector<std::int64_t>& list) {
  std::vector<std::int64_t> longer = {first};
  longer.insert(longer.end(), list.begin(), list.end());
  return longer;
}

std::vector<std::int64_t> shift_axes(const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> shifted = axes;
  for (std::int64_t& axis : shifted) ++axis;
  return shifted;
}

Attributes with(const Attributes& attributes, const std::string& name, Attribute value) {
  Attributes changed = attributes;
  changed.set(name, std::move(value));
  return changed;
}

SampleOperand f32(Shape shape, double low, double high) {
  return {.type = {ElementType::F32, std::move(shape)}, .low = low, .high = high};
}
SampleOperand f32_values(Shape shape, std::vector<double> values) {
  return operand(ElementType::F32, std::move(shape), std::move(values));
}
SampleOperand i32(Shape shape, double low, double high) {
  return {.type = {ElementType::I32, std::move(shape)}, .low = low, .high = high};
}
SampleOperand operand(ElementType element, Shape shape, std::vector<double> values) {
  return {.type = {element, std::move(shape)}, .values = std::move(values)};
}

}  // namespace nnc::ops
