// What the files of the primitives share: their declarations, evaluation helpers, and shape rules with reasons.
//
// Eigen is included by support.cpp and products.cpp alone: it is slow to compile.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "compiler/ops/op.h"

namespace nnc::ops {

using Operands = std::span<const Tensor* const>;
using Evaluate = std::function<std::vector<Tensor>(const Op&, Operands)>;

// ---- evaluation -----------------------------------------------------------------------------------------------------

// Element by element; the integer version computes modulo 2^64 and is wrapped to the type afterwards. A null function
// says that the class is not allowed (infer refuses it). `natural` is for u64, if that computes otherwise.
using IntegerBinary = std::int64_t (*)(std::int64_t, std::int64_t);
using NaturalBinary = std::uint64_t (*)(std::uint64_t, std::uint64_t);
Evaluate map_unary(double (*real)(double), std::uint64_t (*integer)(std::uint64_t) = nullptr);
Evaluate map_binary(double (*real)(double, double), IntegerBinary integer = nullptr, NaturalBinary natural = nullptr);
Evaluate map_comparison(bool (*real)(double, double), bool (*integer)(std::int64_t, std::int64_t));

// sum += x; integers modulo 2^64.
inline void add_to(double& sum, double x) { sum += x; }
inline void add_to(std::int64_t& sum, std::int64_t x) {
  sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(x));
}

// Integers whose order as int64 is that of the tensor's numbers: u64 with the highest bit flipped, others as they are.
// Applied twice it is the tensor again.
Tensor in_order(const Tensor& x);

// Calls `visit` with the vector of elements, of whichever class.
template <class F>
void with_elements(Tensor& tensor, const F& visit) {
  std::visit(visit, tensor.data);
}

// result[i] = x[from[i]] for flat indices; from[i] < 0 gives `value`.
Tensor take(const Tensor& x, const Type& type, const std::vector<std::int64_t>& from, double value = 0);
// The element of the result at `index` is x[offset + the dot product of index with `strides`].
Tensor take_strided(const Tensor& x, const Type& type, const Shape& strides, std::int64_t offset = 0);
// For each element of `shape` in row-major order: offset + the dot product of its index with `strides`.
std::vector<std::int64_t> strided_offsets(const Shape& shape, const Shape& strides, std::int64_t offset = 0);
// Result axis i is axis permutation[i] of x.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& permutation);
// c[i] = a[i] b[i] for i < batch: matrices [m, k] and [k, n] one after the other; integers modulo 2^64.
Tensor batched_product(const Tensor& a, const Tensor& b, std::int64_t batch, std::int64_t m, std::int64_t k,
                       std::int64_t n);
// Wraps integers to the element type.
void wrap(Tensor& tensor);

// Folds the reduced axes (attribute `axes`) from `initial` on, in row-major order; integers modulo 2^64.
Evaluate fold(double initial, double (*real)(double, double), std::int64_t integer_initial, IntegerBinary integer);
// The same for what asks for the order of the numbers: `integer` sees those of in_order.
Evaluate fold_ordered(double initial, double (*real)(double, double), std::int64_t integer_initial,
                      IntegerBinary integer);

// ---- shape rules ----------------------------------------------------------------------------------------------------

Inferred float_elementwise(const OpView& op);    // all alike and float
Inferred number_elementwise(const OpView& op);   // all alike, float or integer
Inferred integer_elementwise(const OpView& op);  // all alike and integer
Inferred bool_elementwise(const OpView& op);     // all alike and bool

Inferred infer_reduction(const OpView& op);  // numbers, without the axes in `axes`

// Axes ascend, without repetition, within `rank`; "" if so.
std::string check_axes(const std::vector<std::int64_t>& axes, std::size_t rank);
// The list has one entry an axis of `rank`, none below `low`; "" if so.
std::string check_list(const char* name, const std::vector<std::int64_t>& list, std::size_t rank,
                       std::int64_t low = -(std::int64_t{1} << 31));
bool contains(const std::vector<std::int64_t>& list, std::int64_t value);
// 0, 1, …, rank - 1 without those in `axes`.
std::vector<std::int64_t> other_axes(std::size_t rank, const std::vector<std::int64_t>& axes);
std::vector<std::int64_t> all_axes(std::size_t rank);

// ---- batch rules ----------------------------------------------------------------------------------------------------

// The list with `first` put before it: a list of one entry an axis gains the batch axis.
std::vector<std::int64_t> prepend(std::int64_t first, const std::vector<std::int64_t>& list);
// Axes moved by one, for the batch axis before them.
std::vector<std::int64_t> shift_axes(const std::vector<std::int64_t>& axes);

std::vector<Value*> batch_reduction(BatchContext& context);

// ---- gradients ------------------------------------------------------------------------------------------------------

// A reduction's result or its gradient, repeated along the reduced axes of operand 0.
Value* expand_reduced(GradientBuilder& g, Value* reduced);
// The gradient of reduce_max and reduce_min: dy where `ranked` (x, or its negative) has its first maximum.
void differentiate_extremum(GradientBuilder& g, Value* ranked);

Attributes with(const Attributes& attributes, const std::string& name, Attribute value);

// ---- samples --------------------------------------------------------------------------------------------------------

// An f32 operand of that shape with values in [low, high].
SampleOperand f32(Shape shape, double low = -2, double high = 2);
SampleOperand f32_values(Shape shape, std::vector<double> values);
SampleOperand i32(Shape shape, double low, double high);
SampleOperand operand(ElementType element, Shape shape, std::vector<double> values);

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace nnc::ops
