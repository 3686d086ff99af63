#include "compiler/commands/check.h"

#include "compiler/commands/console.h"
#include "compiler/compile.h"

namespace nnc {

int check(const CheckOptions& options) {
  SourceManager sources;
  Diagnostics diagnostics;
  load_program(options.path, sources, diagnostics, options.elaborate);
  return show(diagnostics, sources, options.json);
}

}  // namespace nnc
