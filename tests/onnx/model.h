// ONNX models made by tests, and what becomes of them.
#pragma once

#include <doctest/doctest.h>
#include <onnx-ml.pb.h>

#include <fstream>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "compiler/graph/evaluate.h"
#include "compiler/onnx/import.h"
#include "tests/support/nnc_folder.h"

namespace nnc {

class OnnxModel {
 public:
  explicit OnnxModel(int opset = 17) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    graph().set_name("graph");
  }

  ::onnx::GraphProto& graph() { return *proto.mutable_graph(); }

  // An axis is a size, or a name if it is open.
  OnnxModel& input(const std::string& name, const std::vector<std::string>& shape,
                   ::onnx::TensorProto::DataType type = ::onnx::TensorProto::FLOAT) {
    describe(*graph().add_input(), name, type);
    ::onnx::TypeProto::Tensor& tensor =
        *graph().mutable_input(graph().input_size() - 1)->mutable_type()->mutable_tensor_type();
    tensor.mutable_shape();
    for (const std::string& axis : shape) {
      ::onnx::TensorShapeProto::Dimension& dimension = *tensor.mutable_shape()->add_dim();
      const bool is_size = axis.find_first_not_of("0123456789") == std::string::npos;
      if (is_size) dimension.set_dim_value(std::stoll(axis));
      if (!is_size) dimension.set_dim_param(axis);
    }
    return *this;
  }
  OnnxModel& output(const std::string& name) {
    describe(*graph().add_output(), name, ::onnx::TensorProto::FLOAT);
    return *this;
  }
  OnnxModel& floats(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    ::onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::FLOAT);
    for (const std::int64_t size : shape) tensor.add_dims(size);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }
  OnnxModel& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    ::onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }
  ::onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& outputs) {
    return fill(*graph().add_node(), op, inputs, outputs);
  }
  static ::onnx::NodeProto& fill(::onnx::NodeProto& node, const std::string& op, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs) {
    node.set_op_type(op);
    node.set_name(op + "_" + (outputs.empty() ? "" : outputs[0]));
    for (const std::string& input : inputs) node.add_input(input);
    for (const std::string& output : outputs) node.add_output(output);
    return node;
  }
  static void describe(::onnx::ValueInfoProto& value, const std::string& name, ::onnx::TensorProto::DataType type) {
    value.set_name(name);
    value.mutable_type()->mutable_tensor_type()->set_elem_type(type);
  }

  ::onnx::ModelProto proto;
};

inline void attribute(::onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  ::onnx::AttributeProto& one = *node.add_attribute();
  one.set_name(name);
  one.set_type(::onnx::AttributeProto::INT);
  one.set_i(value);
}

inline void attribute(::onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  ::onnx::AttributeProto& one = *node.add_attribute();
  one.set_name(name);
  one.set_type(::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) one.add_ints(value);
}

struct Import {
  std::optional<ImportedModel> model;
  std::string messages;
};

// The bytes as a file `model.onnx` of the folder, imported.
inline Import import_bytes(const Folder& folder, const std::string& bytes,
                           const std::map<std::string, std::string>& settings = {}, bool readable = false) {
  folder.write("model.onnx", bytes);
  SourceManager sources;
  Diagnostics diagnostics;
  Import result;
  const std::string path = folder.file("model.onnx");
  result.model = readable ? import_onnx_readable(path, settings, sources, diagnostics)
                          : import_onnx(path, settings, sources, diagnostics);
  result.messages = diagnostics.render(sources, false);
  CHECK(result.model.has_value() != diagnostics.has_errors());
  return result;
}

inline Import import_model(OnnxModel& model, const std::map<std::string, std::string>& settings = {},
                           bool readable = false) {
  const Folder folder;
  return import_bytes(folder, model.proto.SerializeAsString(), settings, readable);
}

}  // namespace nnc
