// The textual form of a graph: complete, and parsed back to the same graph.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"

namespace nnc {

// `sources` may be null: then no places are printed.
std::string print(const Graph& graph, const SourceManager* sources = nullptr);
// Parses what print wrote, one graph after the other; errors go to `diagnostics` (kind graph_syntax). Empty on error.
std::vector<std::unique_ptr<Graph>> parse_graphs(const SourceManager& sources, std::int32_t file,
                                                 Diagnostics& diagnostics);
// The same for a text that holds one graph. Null on error.
std::unique_ptr<Graph> parse_graph(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics);
// Does the text begin as a printed graph does?
bool is_printed_graph(std::string_view text);
// The same operations, attributes, names and connections; places are not compared.
bool same_graph(const Graph& a, const Graph& b);

}  // namespace nnc
