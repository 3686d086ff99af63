// The textual form of a graph: complete, and parsed back to the same graph.
#pragma once

#include <string>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"

namespace nnc {

// `sources` may be null: then no places are printed.
std::string print(const Graph& graph, const SourceManager* sources = nullptr);
// Parses what print wrote; errors go to `diagnostics` (kind graph_syntax). Null on error.
std::unique_ptr<Graph> parse_graph(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics);
// The same operations, attributes, names and connections; places are not compared.
bool same_graph(const Graph& a, const Graph& b);

}  // namespace nnc
