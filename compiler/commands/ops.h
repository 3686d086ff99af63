// `nnc ops`: the reference of the primitives, from their table.
#pragma once

#include <string>

namespace nnc {

struct OpsOptions {
  std::string name;  // one primitive, with all that is known of it; empty: the table
};

int list_ops(const OpsOptions& options);

}  // namespace nnc
