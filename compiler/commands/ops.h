// `nnc ops`: the reference of the primitives, from their table.
#pragma once

#include <string>

namespace nnc {

struct OpsOptions {
  std::string name;  // one primitive; empty: all
};

int list_ops(const OpsOptions& options);

}  // namespace nnc
