// The modules of the PyTorch program that a model was exported from, as far as its file tells them.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace onnx {
class NodeProto;
}  // namespace onnx

namespace nnc::translation {

// The module of the PyTorch program that has the node, "layer1.0.conv1": its exporter names all around it, or the node
// "/layer1/layer1.0/conv1/Conv". Their classes are added to `classes`.
// Nothing: the node does not say.
std::optional<std::string> module_of(const ::onnx::NodeProto& node, std::map<std::string, std::string>& classes);

// "features.0" of the weight "features.0.weight"; the module, if that is another: modules can share a weight.
std::string layer_name(const ::onnx::NodeProto& node, const std::string& module);

}  // namespace nnc::translation
