// A model as a few nodes: its inputs, the calls of the user's text, the operators that join two of them, its outputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"

namespace nnc {

struct ModelNode {
  enum class Kind { Input, Call, Join, Output };
  Kind kind = Kind::Call;
  std::string name;               // "image", "block1.conv", "+"
  std::string text;               // as the program writes the call, on one line: "conv(16, kernel: 3)"
  std::string type;               // of its value, for one example: "f32[16, 8, 8]"
  std::int64_t parameters = 0;    // elements of those that the value is computed from, since the nodes before it
  bool has_state = false;         // recurrent states likewise
  std::vector<std::size_t> from;  // the nodes before it, ascending; all stand before it in the list
};

// In the order of the graph. What depends on no input is no node.
std::vector<ModelNode> model_nodes(const ElaboratedModel& model, const SourceManager& sources);

}  // namespace nnc
