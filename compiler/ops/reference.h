// The reference of the primitives, made from their table: what `nnc ops` shows and README.md beside this file ends
// with.
#pragma once

#include <string>

#include "compiler/ops/op.h"

namespace nnc {

// A Markdown table of all primitives: signature, attributes, meaning, gradient.
std::string op_reference();
// All that a reader may want to know of one, in Markdown.
std::string describe(const OpDef& def);

}  // namespace nnc
