// The gradients of a convolution are convolutions, by axis roles; and so is a batch of convolutions.
//
// Input:   dy, spread by the stride, meets the flipped weights, whose o and i change roles.
// Weights: x meets dy as its window: n and c of x change roles, dy's channels become outputs and its batch inputs, the
//          stride becomes the window's dilation. Groups of the forward become groups of the batch.
//
// Two forms are first brought to others: an outer block `O` of w is merged into o, and groups of the batch (weights of
// grouped convolutions, differentiated once more) become groups of the channels.
#include "compiler/ops/convolution_roles.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

// A value whose axes have roles.
struct Roled {
  Value* value;
  std::string axes;
};

std::string swapped(std::string axes, char a, char b) {
  for (char& letter : axes) letter = letter == a ? b : letter == b ? a : letter;
  return axes;
}

Roled permuted(GraphBuilder& g, const Roled& x, const std::string& axes) {
  std::vector<std::int64_t> permutation;
  for (char letter : axes) permutation.push_back(axis_of(x.axes, letter));
  return {g.transpose(x.value, permutation), axes};
}

// The axis `letter` split in `count` parts: the outer one is called `outer`.
Roled split(GraphBuilder& g, const Roled& x, char letter, std::int64_t count, char outer) {
  const std::size_t axis = x.axes.find(letter);
  Shape shape = x.value->type.shape;
  shape[axis] /= count;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), count);
  std::string axes = x.axes;
  axes.insert(axis, 1, outer);
  return {g.reshape(x.value, shape), axes};
}

// The axis `outer` becomes the outer part of `inner`; where there is no `inner`, it takes its name.
Roled merge(GraphBuilder& g, const Roled& x, char outer, char inner) {
  if (axis_of(x.axes, inner) < 0) return {x.value, swapped(x.axes, outer, inner)};
  std::string axes = x.axes;
  axes.erase(axes.find(outer), 1);
  axes.insert(axes.find(inner), 1, outer);
  const Roled moved = permuted(g, x, axes);
  const std::size_t axis = axes.find(outer);
  Shape shape = moved.value->type.shape;
  shape[axis + 1] *= shape[axis];
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  axes.erase(axis, 1);
  return {g.reshape(moved.value, shape), axes};
}

// Undoes merge: `before` says how the axes were.
Roled unmerge(GraphBuilder& g, const Roled& x, char outer, char inner, std::int64_t count, const std::string& before) {
  if (before.find(inner) == std::string::npos) return {x.value, swapped(x.axes, outer, inner)};
  return permuted(g, split(g, x, inner, count, outer), before);
}

Attributes attributes_of(const Convolution& c) {
  Attributes attributes;
  attributes.set("x_axes", c.x_axes);
  attributes.set("w_axes", c.w_axes);
  attributes.set("y_axes", c.y_axes);
  attributes.set("stride", c.stride);
  attributes.set("input_dilation", c.input_dilation);
  attributes.set("window_dilation", c.window_dilation);
  attributes.set("pad_low", c.pad_low);
  attributes.set("pad_high", c.pad_high);
  attributes.set("groups", c.groups);
  attributes.set("batch_groups", c.batch_groups);
  return attributes;
}

Value* convolve(GraphBuilder& g, const Convolution& c, Value* x, Value* w) {
  return g.op("convolution", {x, w}, attributes_of(c));
}

// Neither O in w nor groups of the batch. Extents are those of `c`.
Value* input_gradient(GraphBuilder& g, const Convolution& c, Value* w, Value* dy) {
  Roled weights{w, c.w_axes};
  std::vector<std::int64_t> spatial;
  for (std::size_t i = 0; i < c.stride.size(); ++i) spatial.push_back(axis_of(c.w_axes, static_cast<char>('0' + i)));
  std::sort(spatial.begin(), spatial.end());
  if (!spatial.empty()) weights.value = g.op("reverse", {w}, with({}, "axes", spatial));
  if (c.groups > 1) {
    // Outputs of group j become inputs; the inputs of a group become outputs within block j. An absent i has extent 1,
    // so that all outputs of the gradient are blocks.
    weights = split(g, weights, 'o', c.groups, 'O');
  }
  Convolution back;
  back.x_axes = c.y_axes;
  back.y_axes = c.x_axes;
  back.w_axes = swapped(weights.axes, 'o', 'i');
  back.stride = c.input_dilation;
  back.input_dilation = c.stride;
  back.window_dilation = c.window_dilation;
  back.groups = c.groups;
  for (std::size_t i = 0; i < c.stride.size(); ++i) {
    const std::int64_t span = dilated(c.window[i], c.window_dilation[i]);
    const std::int64_t low = span - 1 - c.pad_low[i];
    back.pad_low.push_back(low);
    back.pad_high.push_back(dilated(c.in[i], c.input_dilation[i]) - 1 + span - dilated(c.out[i], c.stride[i]) - low);
  }
  return convolve(g, back, dy, weights.value);
}

Value* weight_gradient(GraphBuilder& g, const Convolution& c, Value* x, Value* dy) {
  Convolution back;
  back.x_axes = swapped(c.x_axes, 'n', 'c');
  back.w_axes = swapped(swapped(c.y_axes, 'n', 'i'), 'c', 'o');
  back.y_axes = swapped(swapped(c.w_axes, 'i', 'n'), 'o', 'c');
  back.stride = c.window_dilation;
  back.input_dilation = c.input_dilation;
  back.window_dilation = c.stride;
  back.batch_groups = c.groups;
  back.pad_low = c.pad_low;
  for (std::size_t i = 0; i < c.stride.size(); ++i) {
    back.pad_high.push_back((c.window[i] - 1) * c.window_dilation[i] + dilated(c.out[i], c.stride[i]) -
                            dilated(c.in[i], c.input_dilation[i]) - c.pad_low[i]);
  }
  return convolve(g, back, x, dy);
}

}  // namespace

void differentiate_convolution(GradientBuilder& g) {
  const Shape& w_shape = g.in(1)->type.shape;
  Convolution c = read_convolution(g.op_of().attributes, g.in(0)->type.shape, w_shape);
  if (element_count(g.out()->type.shape) == 0 || element_count(g.in(0)->type.shape) == 0) {
    if (g.needs(0)) g.to(0, g.zeros_like(g.in(0)));
    if (g.needs(1)) g.to(1, g.zeros_like(g.in(1)));
    return;
  }
  Roled x{g.in(0), c.x_axes};
  Roled w{g.in(1), c.w_axes};
  const std::string x_before = c.batch_groups > 1 ? split(g, x, 'n', c.batch_groups, 'G').axes : c.x_axes;
  const std::int64_t batch_groups = c.batch_groups;
  if (batch_groups > 1) {
    x = merge(g, split(g, x, 'n', batch_groups, 'G'), 'G', 'c');
    c.groups = batch_groups;
    c.batch_groups = 1;
    c.c *= batch_groups;
    c.n /= batch_groups;
    c.x_axes = x.axes;
  }
  const std::int64_t blocks = extent_of(w.axes, w_shape, 'O');
  const std::string w_before = w.axes;
  if (axis_of(w.axes, 'O') >= 0) w = merge(g, w, 'O', 'o');
  c.w_axes = w.axes;

  if (g.needs(0)) {
    Roled dx{input_gradient(g, c, w.value, g.dy()), c.x_axes};
    if (batch_groups > 1) dx = unmerge(g, dx, 'G', 'c', batch_groups, x_before);
    g.to(0, g.reshape(dx.value, g.in(0)->type.shape));
  }
  if (g.needs(1)) {
    Roled dw{weight_gradient(g, c, x.value, g.dy()), c.w_axes};
    if (axis_of(w_before, 'O') >= 0) dw = unmerge(g, dw, 'O', 'o', blocks, w_before);
    g.to(1, dw.value);
  }
}

// x alone: the batch joins n. Both: it joins the channels, as groups. Weights alone, and groups of the batch, are rare.
std::vector<Value*> batch_convolution(BatchContext& context) {
  GraphBuilder& g = context.builder;
  Convolution c =
      read_convolution(context.op.attributes, context.op.inputs[0]->type.shape, context.op.inputs[1]->type.shape);
  if (c.batch_groups > 1 || !context.is_batched[0]) return batch_one_by_one(context);
  const Roled x{context.inputs[0], "B" + c.x_axes};
  const std::string y_axes = c.y_axes;
  Shape y_shape = prepend(context.batch, context.op.result()->type.shape);
  if (!context.is_batched[1]) {
    const Roled joined = merge(g, x, 'B', 'n');
    c.x_axes = joined.axes;
    c.y_axes = axis_of(y_axes, 'n') < 0 ? "n" + y_axes : y_axes;
    Roled y{convolve(g, c, joined.value, context.inputs[1]), c.y_axes};
    if (axis_of(y_axes, 'n') < 0) return {y.value};
    return {permuted(g, split(g, y, 'n', context.batch, 'B'), "B" + y_axes).value};
  }
  // Output channel = (B, O, o): w's batch joins what is outermost.
  const Roled w{context.inputs[1], "B" + c.w_axes};
  const bool has_block = axis_of(c.w_axes, 'O') >= 0;
  const Roled joined_w = has_block ? merge(g, w, 'B', 'O') : merge(g, w, 'B', 'o');
  const Roled joined_x = merge(g, x, 'B', 'c');
  c.w_axes = joined_w.axes;
  c.x_axes = joined_x.axes;
  c.y_axes = axis_of(y_axes, 'c') < 0 ? "c" + y_axes : y_axes;
  c.groups *= context.batch;
  Roled y{convolve(g, c, joined_x.value, joined_w.value), c.y_axes};
  if (axis_of(y_axes, 'c') < 0) return {y.value};
  return {permuted(g, split(g, y, 'c', context.batch, 'B'), "B" + y_axes).value};
}

}  // namespace nnc::ops
