// `nnc ops`: the reference of what programs call, from the tables and the prelude, and of the graph's primitives.
#pragma once

#include <string>

namespace nnc {

struct OpsOptions {
  std::string name;  // a primitive or a definition of the prelude, with all that is known of it; empty: all
};

int list_ops(const OpsOptions& options);

}  // namespace nnc
