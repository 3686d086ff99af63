#include "compiler/commands/graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/commands/console.h"
#include "compiler/commands/graph_picture.h"
#include "compiler/commands/inference.h"
#include "compiler/interop/file.h"
#include "dsl/utf8.h"

namespace nnc {
namespace {

std::string bytes_text(std::int64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  const bool is_small = bytes < 1'000'000;
  return fmt::format("{:.1f} {}", static_cast<double>(bytes) / (is_small ? 1e3 : 1e6), is_small ? "kB" : "MB");
}

std::string title_of(const ElaboratedModel& model) {
  std::int64_t count = 0, bytes = 0;
  for (const State& state : model.forward.states) {
    if (state.kind != StateKind::Parameter) continue;
    count += element_count(state.value->type.shape);
    bytes += element_count(state.value->type.shape) * size_bytes(state.value->type.element);
  }
  return count == 0 ? model.name + ": no parameters"
                    : fmt::format("{}: {} parameters, {}", model.name, count, bytes_text(bytes));
}

// A row a node, in columns.
std::string text_of(const std::vector<ModelNode>& nodes) {
  std::vector<std::vector<std::string>> rows = {{"value", "from", "shape", "parameters", ""}};
  for (const ModelNode& node : nodes) {
    std::string from;
    for (const std::size_t i : node.from) from += (from.empty() ? "" : ", ") + nodes[i].name;
    rows.push_back({node.name, from, node.type, node.parameters > 0 ? std::to_string(node.parameters) : "",
                    node.text + (node.has_state ? (node.text.empty() ? "state" : ", state") : "")});
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], utf8::count(row[i]));
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - utf8::count(row[i]), ' ');
      line += i == 3 ? blanks + row[i] + "  " : row[i] + blanks + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace

int graph(const GraphOptions& options) {
  const Status possible = check_outputs({options.output}, {options.model_path});
  if (!possible) return fail(possible.error());
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ChosenModel> chosen = load_model(options.model_path, options.compile, sources, diagnostics);
  if (!chosen) return kBadInput;
  const ElaboratedModel& model = chosen->program.models[chosen->index];
  const std::vector<ModelNode> nodes = model_nodes(model, sources);
  const std::string title = title_of(model);
  if (options.output.empty()) {
    fmt::print("{}\n{}", title, text_of(nodes));
    return kSuccess;
  }
  const Status written = write_file(options.output, graph_svg(title, nodes));
  return written ? kSuccess : fail(written.error());
}

}  // namespace nnc
