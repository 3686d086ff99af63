// How far the numbers of a type may be from those in double, operation by operation: what code that computes in f32 is
// compared with.
//
// The bound of a result has two parts. What its own rounding adds:
//   a sum s of n products  2 n u sum |a b|, one rounding a product and one an addition; or, if that is less,
//                        2 n u |s| + 16 sqrt(n) u sum |a b|: where the terms cancel, so do the roundings (Higham and
//                        Mary, A new approach to probabilistic rounding error analysis, 2019), but of equal terms all
//                        may go one way. The sum of absolute values is the operation itself on absolute values
//   other arithmetic     the tolerance of its OpDef, relative to each element
//   all else             the rounding of the result to its type: none where the type holds the exact result
// And what the errors of its operands become: the operation is evaluated at the corners of the box of operands that
// they allow, which is exact where it is monotonic in each operand; at a jump (a comparison, floor) the bound is the
// jump. So a bound grows with a cancellation or a steep slope, as the error does.
#pragma once

#include <vector>

#include "compiler/graph/graph.h"

namespace nnc {

struct Bounded {
  Tensor value;               // in double; beyond the range of its type infinite, as in the type
  std::vector<double> error;  // of each element; empty: none. Infinite where nothing can be said
};

// The results of one operation. A constant is what the type makes of it.
std::vector<Bounded> evaluate_bounded(const Op& op, const std::vector<const Bounded*>& operands);

// Relative rounding error of one operation in the type; 0 for integers and bool.
double unit_roundoff(ElementType type);
// The largest finite number and the distance of the least ones.
double largest_of(ElementType type);
double least_of(ElementType type);

}  // namespace nnc
