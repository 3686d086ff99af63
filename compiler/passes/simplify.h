// The two halves of simplify: arithmetic (simplify.cpp) and movement of elements (simplify_movement.cpp).
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/ops/op.h"

namespace nnc {

// A simpler way to move the same elements, or null.
Value* simplify_movement(GraphBuilder& builder, Op& op);

}  // namespace nnc
