// `nnc ops`: the reference of the primitives, from their table.
#pragma once

namespace nnc {

int list_ops();

}  // namespace nnc
