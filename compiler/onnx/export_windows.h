// What moves a window over axes, as nodes: convolutions and pooling; and the padding that they want.
#pragma once

#include "compiler/onnx/node_writer.h"

namespace nnc::translation {

struct Padding {
  std::vector<std::int64_t> low, high, interior;  // an axis each; low and high may be negative
};
// x with `interior` elements between neighbours, then padded, all with the value, a scalar.
std::string padded(NodeWriter& w, std::string x, Shape shape, const Padding& padding, const Tensor& value);

std::string convolution_nodes(NodeWriter& w, const Op& op);
std::string window_max_nodes(NodeWriter& w, const Op& op);
std::string window_sum_nodes(NodeWriter& w, const Op& op);

}  // namespace nnc::translation
