#include "compiler/commands/pass_reports.h"

#include <fmt/format.h>

#include "compiler/graph/print.h"

namespace nnc {

std::function<void(const std::string&, const std::string&, const Graph&, double, bool)> PassReports::callback(
    const SourceManager& sources) const {
  if (print_after.empty() && !time_passes) return nullptr;
  return [reports = *this, &sources](const std::string& function, const std::string& pass, const Graph& graph,
                                     double seconds, bool changed) {
    if (reports.time_passes) {
      fmt::print(stderr, "{:<10} {:<16} {:9.3f} ms{}\n", function, pass, seconds * 1e3, changed ? "" : "  (unchanged)");
    }
    if (reports.print_after.count(pass) == 0 && reports.print_after.count("all") == 0) return;
    fmt::print("# {} after {}{}\n{}\n", function, pass, changed ? "" : " (unchanged)", print(graph, &sources));
  };
}

}  // namespace nnc
