// What --print-after and --time-passes show of the passes.
#pragma once

#include <set>
#include <string>

#include "compiler/compile.h"

namespace nnc {

struct PassReports {
  std::set<std::string> print_after;  // names of passes, or "all"
  bool time_passes = false;

  // Called after each pass: graphs go to standard output, times to standard error. Empty if nothing is asked for.
  std::function<void(const std::string&, const std::string&, const Graph&, double, bool)> callback(
      const SourceManager& sources) const;
};

}  // namespace nnc
