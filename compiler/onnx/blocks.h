// Repeated blocks: the same lines, with other weights and a few other numbers, become one `layer` applied several
// times.
//
//   let a = x |> conv1 |> relu              layer block(x: f32[8, 16, 16]) { x |> conv |> relu … }
//   let b = a |> conv2 |> relu       →      layer blocks[2] = block
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/graph/tensor.h"
#include "compiler/onnx/lines.h"
#include "compiler/onnx/words.h"

namespace nnc::translation {

struct BlockContext {
  const std::vector<std::string>& outputs;            // names of values
  const std::map<std::string, Type>& types;           // of all values
  const std::map<std::string, std::string>& classes;  // of modules, by their paths; "" where it is not known
  Names& names;                                       // of the program
  std::function<bool(const std::string&)> is_taken;   // names that mean something in the body of a layer
};

// Replaces blocks in `lines` and renames their weights ("layer1_0_conv1.weight" becomes "layer1_0.conv1.weight"); the
// layers that the program defines before its model.
std::string fold_blocks(std::vector<Line>& lines, std::map<std::string, Tensor>& weights, const BlockContext& context);

}  // namespace nnc::translation
