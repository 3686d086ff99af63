#include "compiler/commands/ops.h"

#include <fmt/format.h>

#include "compiler/commands/console.h"
#include "compiler/elaborate/reference.h"
#include "compiler/ops/op.h"
#include "compiler/ops/reference.h"

namespace nnc {

int list_ops(const OpsOptions& options) {
  if (options.name.empty()) {
    fmt::print("{}\n## Primitives of the graph\n\nWhat `--emit=graph` shows.\n\n{}", language_reference(),
               op_reference());
    return kSuccess;
  }
  // Programs call some primitives of the graph by their own names.
  const std::optional<std::string> callable = describe_callable(options.name);
  const OpDef* def = find_op(options.name);
  if (callable) fmt::print("{}", *callable);
  if (def != nullptr) fmt::print("{}{}", callable ? "\nIn the graph:\n\n" : "", describe(*def));
  if (callable || def != nullptr) return kSuccess;
  std::vector<std::string> names = callable_names();
  for (const OpDef& each : op_table()) names.push_back(each.name);
  const std::string near = nearest(options.name, names);
  return fail(fmt::format("nothing is named '{}'{}", options.name,
                          near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace nnc
