// Cuts the outputs of a convolution's weights in blocks, as many as a tile of the kernel has, and puts each block
// together: the kernel then reads its weights one after the other. In plain rows of many outputs it would step over all
// others at each channel, by powers of two as a rule, so that what it reads shares a few sets of the first cache.
//
// Requires: lower_layout has run; for what is computed with many weights once prepared, so not for training, where the
// weights change at every step. Establishes: convolutions whose weights depend on parameters alone and whose outputs
// are several whole blocks have weights "O…io".
//
//   %y = convolution(%x, %w) {w_axes="01io"}     ->     %b = reshape(%w)           [k, k, i, O, o]
//                                                       %v = transpose(%b)         [O, k, k, i, o]
//                                                       %y = convolution(%x, %v) {w_axes="O01io"}
#include "compiler/passes/parameter_values.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "templates/tiles.h"

namespace nnc {
namespace {

// The places along which the kernel's tiles lie: the last axis of the result that has more than one.
std::int64_t places_of(const Op& op) {
  const std::string& letters = op.attributes.text("y_axes");
  std::int64_t places = 1;
  for (const char letter : std::string("012")) {
    const std::size_t at = letters.find(letter);
    if (at != std::string::npos && op.result()->type.shape[at] > 1) places = op.result()->type.shape[at];
  }
  return places;
}

}  // namespace

void pack_weights(Graph& graph, const LayoutTarget& target) {
  const ParameterValues parameters(graph);
  rewrite(graph, [&](GraphBuilder& builder, Op& op) -> std::vector<Value*> {
    if (op.def->name != "convolution" || op.attributes.integer("groups") != 1) return {};
    const std::string& letters = op.attributes.text("w_axes");
    if (letters.find('O') != std::string::npos || !letters.ends_with("io") || !parameters.contains(op.inputs[1])) {
      return {};
    }
    // Other types have other lanes, and are rare.
    if (op.inputs[1]->type.element != ElementType::F32) return {};
    Shape shape = op.inputs[1]->type.shape;
    const std::int64_t outputs = shape.back();
    const TileShape tile = tile_shape(places_of(op), outputs, target.lanes, target.registers);
    const std::int64_t block = static_cast<std::int64_t>(tile.vectors) * target.lanes;
    if (outputs <= block || outputs % block != 0) return {};
    shape.back() = outputs / block;
    shape.push_back(block);
    const std::int64_t rank = static_cast<std::int64_t>(shape.size());
    std::vector<std::int64_t> permutation = {rank - 2};
    for (std::int64_t axis = 0; axis < rank; ++axis) {
      if (axis != rank - 2) permutation.push_back(axis);
    }
    Attributes attributes = op.attributes;
    attributes.set("w_axes", "O" + letters);
    Value* weights = builder.transpose(builder.reshape(op.inputs[1], shape), permutation);
    return builder.op_all("convolution", {op.inputs[0], weights}, attributes);
  });
}

}  // namespace nnc
