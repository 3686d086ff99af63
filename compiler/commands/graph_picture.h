// The nodes of a model as a picture: rows from the inputs down, an edge for each value. Its colours are readable on
// white and on black.
#pragma once

#include <string>
#include <vector>

#include "compiler/commands/model_nodes.h"

namespace nnc {

// An SVG document of its own.
std::string graph_svg(const std::string& title, const std::vector<ModelNode>& nodes);

}  // namespace nnc
