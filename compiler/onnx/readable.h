// How the nodes of a network whose first axis is a batch read in a program that describes one example.
//
// In such a program the batch is implicit: the shapes here are those of one example. A node whose form keeps examples
// apart has a rule (form_rules.h); weights that are constants become layers of the prelude, which hold them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/onnx/builder.h"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

namespace nnc::translation {

struct NodeView {
  const ::onnx::NodeProto& node;
  const std::map<std::string, const ::onnx::AttributeProto*>& attributes;
  std::vector<Imported*> inputs;  // null: left out
  std::int64_t batch = 1;         // the size of the axis that the values of the program do not have
  std::int64_t opset = 0;
  // The constant that the only user of the result adds to it; null if it is used otherwise.
  const Tensor* added = nullptr;
};

struct Form {
  std::string layer;                      // an operator: declared as `layer <name> = conv(64, 3)`, and applied
  std::map<std::string, Tensor> weights;  // of the layer, by their names in it
  std::string pipe;                       // an operator for the first argument: "relu", "softmax(axis: 0)"
  std::string expression;                 // or an expression of the arguments: "{0} + {1}"
  std::vector<Imported*> arguments;
  std::shared_ptr<Imported> reshaped;  // an argument that is made for this form
  std::size_t results = 1;             // of an expression that is a tuple
  bool takes_added = false;            // `added` is part of it
  bool is_alias = false;               // the first argument itself
};

// Nothing: the node has no form of its own for one example.
std::optional<Form> per_example_form(const NodeView& view);
// Of a node whose batch is an axis like others: arithmetic as infix, and functions of the prelude; nothing where the
// library's operator reads as well.
std::optional<Form> batched_form(const NodeView& view);

// Operators that work element by element: one example is treated as all are. Their other inputs are single numbers.
bool is_elementwise(const std::string& op);

}  // namespace nnc::translation
