// `nnc model.nn -o model.cpp --self-test`: what the program in model_test.cpp draws and expects (emit/self_test.h).
#pragma once

#include <map>
#include <string>

#include "compiler/compile.h"
#include "compiler/emit/self_test.h"
#include "compiler/interop/result.h"

namespace nnc {

// Expected numbers are those of the evaluator in double. The tolerance of an output comes from what rounding each
// operation to its type does to it, which is evaluated too: 64 times the largest difference and 1e-5 of the largest
// element; integers are exact. Where rounding decides on an integer (a class), other inputs are drawn.
//
// `embedded`: the parameters whose values are in the unit; empty: the test draws them, around their initial values.
// `program`: of a model that is no stream, its graph, which `forward` is compared with; null: the graphs that were
// planned. Fails if a tensor has no elements.
Result<SelfTest> make_self_test(const Unit& unit, const Graph* program, const Graph& init,
                                const std::map<std::string, Tensor>& embedded);

}  // namespace nnc
