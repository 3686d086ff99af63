// Nodes of an ONNX graph, written for operations of a graph: names, constants, and repeated values.
//
// Names are those of the program: a value has its own ("h1", "conv1.out"), or that of its node; a node is named after
// the layer and the call that it belongs to ("block1.batch_norm/Add"). Equal constants are one initializer of the
// outermost graph. What repeats a value (`broadcast`) is written only where an operator does not repeat by itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/graph/graph.h"

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
class ValueInfoProto;
}  // namespace onnx

namespace nnc::translation {

// Thrown by what writes nodes: the standard has no nodes for this operation.
struct NotInOnnx {
  std::string reason;
};

// An attribute of a node.
using Setting = std::pair<std::string, std::variant<std::int64_t, std::string, std::vector<std::int64_t>>>;

// Of a constant that the program does not have, before it is made: throws NotInOnnx if a file should not hold it.
void check_constant_size(std::int64_t elements);

// Axes of the size `open_size` are open, and named `batch`; 0: there are none.
void describe(::onnx::ValueInfoProto& info, const std::string& name, const Type& type, std::int64_t open_size = 0);

class NodeWriter {
 public:
  explicit NodeWriter(::onnx::GraphProto& graph);
  // Of a graph within a node of `outer`, whose values it sees.
  NodeWriter(::onnx::GraphProto& body, NodeWriter& outer);

  // Sizes that are a multiple of `size` follow the first size of the value of that name where a node asks for them.
  void leave_open(std::int64_t size, const std::string& source);

  // Writes the operations of a graph in their order. `refuse` gets each for which there are no nodes, and why.
  void write(const Graph& graph, const std::function<void(const Op&, const std::string& reason)>& refuse);

  // The name of a value that has been written, or is a constant; the value is written under it.
  std::string of(const Value* value);
  void give(const Value* value, const std::string& name) { names_[value] = name; }
  // The value is this result of the last node, which gets the value's name.
  void give_result(int index, const Value* value);
  // The name that the value gets when it is written; nothing else may have it.
  void want(const Value* value, const std::string& name) { shared_->wanted[value] = name; }
  // The names of the operands of an elementwise operation, whose node repeats what is smaller than the result.
  std::vector<std::string> operands(const Op& op);
  // A name that nothing has yet: this, or with a number.
  std::string fresh(const std::string& wanted);
  // The same value under a name that a node of this graph gives and that is not among `taken`; it is then.
  std::string produced(const std::string& name, std::set<std::string>& taken);

  std::string constant(const Tensor& tensor);
  std::string integers(const std::vector<std::int64_t>& values);  // i64[n]
  std::string sizes(const Shape& shape);                          // i64[n]
  // Adds a node; the name of its last result.
  std::string node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<Setting>& settings = {}, int results = 1);
  ::onnx::NodeProto& last_node();
  std::int64_t open_size() const { return shared_->open_size; }

  // Nodes that change form alone; none where nothing changes.
  std::string cast(const std::string& x, ElementType from, ElementType to);
  std::string reshape(const std::string& x, const Shape& from, const Shape& to);
  std::string transpose(const std::string& x, const std::vector<std::int64_t>& permutation);

 private:
  // Of all graphs of a model.
  struct Shared {
    ::onnx::GraphProto* root = nullptr;
    std::set<std::string> given;
    std::set<std::string> nodes;
    std::map<std::string, std::string> constants;  // by their bits
    std::map<const Value*, std::string> wanted;
    std::int64_t open_size = 0;  // 0: all sizes are known
    std::string open_source;
  };
  static std::string unused(std::set<std::string>& given, const std::string& wanted);
  void write(const Op& op);
  bool repeats(const Op& op) const;
  Shape narrow_shape(const Value* value) const;
  std::string narrow(const Value* value);

  ::onnx::GraphProto& graph_;
  std::shared_ptr<Shared> shared_;
  std::map<const Value*, std::string> names_;
  std::map<const Value*, std::string> narrow_;
  const Op* current_ = nullptr;
};

// Writes the nodes of one operation and gives the name of its first result; other results it gives names itself.
// Throws NotInOnnx. `constant`, `broadcast` and `iota` have none: NodeWriter::of writes them.
using ExportRule = std::function<std::string(NodeWriter&, const Op&)>;
// By the primitive's name; null: there is none.
const ExportRule* export_rule(const std::string& primitive);

}  // namespace nnc::translation
