// The graph of an ONNX model, node by node, into lines of a Builder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/onnx/builder.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/readable.h"

namespace onnx {
class AttributeProto;
class FunctionProto;
class GraphProto;
class ModelProto;
class NodeProto;
}  // namespace onnx

namespace nnc::translation {

// Values by their ONNX names: of a graph, of a branch in it, or of a function's body.
struct Values {
  Values* outer = nullptr;
  std::map<std::string, Imported> by_name;

  Imported* find(const std::string& name);
};

// The body of a function being inlined: the attributes of the call stand for those that it refers to.
struct Inlined {
  const ::onnx::FunctionProto* function = nullptr;
  std::map<std::string, const ::onnx::AttributeProto*> attributes;
  std::string place;  // of the call
};

// The model as it is, its batch an axis like others; the same to be read; or a program of one example, whose weights
// are in layers.
enum class Style { Explicit, Readable, PerExample };

// Thrown in the style PerExample: this place does not keep examples apart, or has no form for one of them.
struct NotPerExample {
  std::string reason;
};

// The name of the library's function for a node: "Gelu" of the domain "com.microsoft" is `com_microsoft_Gelu`.
std::string library_name(const ::onnx::NodeProto& node);
// All names that a node uses, those in its sub-graphs included.
void add_used(const ::onnx::NodeProto& node, std::set<std::string>& used, int depth = 0);

class Translator {
 public:
  Translator(const ::onnx::ModelProto& model, std::string path, const std::map<std::string, std::string>& settings,
             Style style, SourceManager& sources, Diagnostics& diagnostics);
  // The program begins with the comment. Nothing on error.
  std::optional<ImportedModel> run(Given given, const std::string& comment);

 private:
  using Attributes = std::map<std::string, const ::onnx::AttributeProto*>;

  void error(const std::string& message);
  void unsupported(const std::string& place, const std::string& what);
  std::string place_of(const ::onnx::NodeProto& node, const Inlined* inlined) const;
  std::int64_t opset(const std::string& domain, const Inlined* inlined) const;

  void initialisers(const ::onnx::GraphProto& graph, Values& values);
  // All nodes that the outputs need, in an order in which each comes after what it uses.
  template <class Nodes>
  std::vector<const ::onnx::NodeProto*> order(const Nodes& nodes, const std::vector<std::string>& outputs);
  void node(const ::onnx::NodeProto& node, Values& values, const Inlined* inlined);

  // What a line is made of: node_lines.cpp.
  void call(const ::onnx::NodeProto& node, const ast::Definition& definition, const Attributes& attributes,
            Values& values, const std::string& place);
  // In the style PerExample, a node that uses a value of the batch.
  void example_node(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values,
                    const std::string& place, std::int64_t opset);
  // The line of a node that has a form; `last` gives its result.
  void write(const Form& form, const ::onnx::NodeProto& node, const ::onnx::NodeProto& last, Values& values,
             const std::string& place);
  // The constant that is added to the node's result, if that is its only use, and the node that adds it.
  const Tensor* added_to(const ::onnx::NodeProto& node, Values& values, const ::onnx::NodeProto*& adder) const;

  void add_inputs(Values& values, ImportedModel& result);
  // What is given besides the outputs of the graph.
  void add_values(Values& values, ImportedModel& result);
  Attributes attributes_of(const ::onnx::NodeProto& node, const Inlined* inlined);
  void constant(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values, const std::string& place);
  void inline_function(const ::onnx::FunctionProto& function, const ::onnx::NodeProto& node,
                       const Attributes& attributes, Values& values, const std::string& place);
  // The nodes of a sub-graph, with the values around it in sight.
  void body(const ::onnx::GraphProto& graph, Values& values, const Inlined* inlined);

  // Control flow: control_flow.cpp.
  struct Body {  // of a loop
    const ::onnx::GraphProto* graph = nullptr;
    Values frame;  // what every iteration has in common
    std::vector<const ::onnx::NodeProto*> nodes;
    const Inlined* inlined = nullptr;
  };
  void control_flow(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
                    const std::string& place);
  void branch(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
              const std::string& place);
  void loop(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
            const std::string& place);
  void scan(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
            const std::string& place);
  void flex_attention(const ::onnx::NodeProto& node, const Attributes& attributes, Values& values,
                      const Inlined* inlined, const std::string& place);
  std::optional<std::vector<Imported>> scan_over(Body& body, const Attributes& attributes, std::vector<Imported> state,
                                                 const std::vector<Imported>& sequences, const std::string& place);
  // A graph of a node with so many inputs, and at least so many outputs; null after an error.
  const ::onnx::GraphProto* graph_of(const Attributes& attributes, const std::string& name, std::int64_t inputs,
                                     std::int64_t outputs, const std::string& place);
  std::optional<std::vector<Imported>> outputs_of(const ::onnx::GraphProto& graph, Values& values,
                                                  const std::string& place);
  // Translates what does not depend on the iteration, once.
  Body open_body(const ::onnx::GraphProto& graph, Values& values, const Inlined* inlined);
  // The outputs of the body for these inputs.
  std::optional<std::vector<Imported>> iteration(Body& body, const std::vector<Imported>& inputs,
                                                 const std::string& place);
  Imported stacked(std::vector<Imported>& items, std::int64_t axis, const std::string& name, const std::string& place);
  Imported row_of(Imported value, std::int64_t axis, std::int64_t at, const std::string& name,
                  const std::string& place);

  const ::onnx::FunctionProto* function_of(const ::onnx::NodeProto& node) const;
  // How many nodes there are once all functions are inlined, up to kNodesMax; an error if one calls itself.
  template <class Nodes>
  std::int64_t inlined_nodes(const Nodes& nodes, int depth);
  void set_broken(const ::onnx::NodeProto& node, Values& values);

  const ::onnx::ModelProto& model_;
  std::string path_;
  std::string folder_;
  const std::map<std::string, std::string>& settings_;
  SourceManager& sources_;
  Diagnostics& diagnostics_;
  Builder builder_;
  Style style_;
  std::int64_t batch_ = 1;  // in the style PerExample: the size of the axis left out
  std::map<std::string, std::vector<const ::onnx::NodeProto*>> users_;    // of the values of the graph
  std::set<const ::onnx::NodeProto*> done_;                               // nodes that are part of another's line
  using FunctionKey = std::tuple<std::string, std::string, std::string>;  // domain, name, overload
  std::map<FunctionKey, const ::onnx::FunctionProto*> functions_;
  std::map<const ::onnx::FunctionProto*, std::int64_t> inlined_sizes_;  // -1: being counted
  int depth_ = 0;
};

}  // namespace nnc::translation
