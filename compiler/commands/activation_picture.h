// The rows of `nnc report --activations` as a picture. Its colours are readable on white and on black.
#pragma once

#include <string>
#include <vector>

#include "compiler/commands/activations.h"

namespace nnc {

// An SVG document of its own.
std::string activations_svg(const std::string& title, const std::vector<Activation>& activations);
// An HTML page of its own, with the picture and what its columns mean.
std::string activations_html(const std::string& title, const std::vector<Activation>& activations);

}  // namespace nnc
