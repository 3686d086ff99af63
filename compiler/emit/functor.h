// Functor -> C++: the struct that a kernel calls for its fused operations.
//
// Every operation is one line `const Vec<float, N> t3 = …;` whose operands are identifiers, so that the text of a
// lowering can be put in place token by token. Booleans are conditions (nnc/emitted.h) inside a functor and bytes in
// memory. Fields are named by their order, so that layers with the same expression share one struct.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/plan/plan.h"

namespace nnc {

enum class FunctorRole {
  Loop,      // for_each: at<N>(i0, …)
  Epilogue,  // operator()(sum, offset, channel)
  Prologue,  // at<N>(offset, result)
};

struct FunctorText {
  std::string name;            // what it does: "AddTanh"
  std::string operations;      // "add, tanh"
  std::string body;            // the struct's members
  std::vector<int> arguments;  // Step arguments that initialise its fields, in their order
};

// Function templates for operations whose lowering is more than an expression: name -> text.
using OperationFunctions = std::map<std::string, std::string>;

FunctorText functor_text(const Functor& functor, const Step& step, FunctorRole role, OperationFunctions& operations);

// Elements that for_each takes at a time: lanes_of the widest type in it.
int functor_lanes(const Functor& functor, int lanes);

// The arguments of a step that its function uses at all.
std::set<int> used_arguments(const Step& step);

}  // namespace nnc
