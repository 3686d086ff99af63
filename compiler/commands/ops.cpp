#include "compiler/commands/ops.h"

#include <fmt/format.h>

#include "compiler/commands/console.h"
#include "compiler/ops/reference.h"

namespace nnc {

int list_ops() {
  fmt::print("{}", op_reference());
  return kSuccess;
}

}  // namespace nnc
