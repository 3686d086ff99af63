// The functions of a unit by the evaluator, called one after the other as emitted code is.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "compiler/emit/unit.h"
#include "compiler/graph/evaluate.h"

namespace nnc {

// `states`: what the unit's structs hold, by name; it takes the next states, and the results of `prepare`. Those that
// are not there begin as zeros. With `round_to_type` each operation is rounded to its type.
std::map<std::string, Tensor> evaluate_function(const UnitFunction& function,
                                                const std::map<std::string, Tensor>& inputs,
                                                std::map<std::string, Tensor>& states, bool round_to_type = false);

// $seed as an input.
Tensor seed_tensor(std::uint64_t seed);

}  // namespace nnc
