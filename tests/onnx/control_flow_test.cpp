// If, Loop and Scan: what is opened, what is computed once, what is refused.
#include "tests/onnx/model.h"

namespace nnc {
namespace {

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}
bool has(const std::string& text, const std::string& part) { return count(text, part) > 0; }

::onnx::GraphProto& graph_attribute(::onnx::NodeProto& node, const std::string& name) {
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

void describe_inputs(::onnx::GraphProto& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) OnnxModel::describe(*graph.add_input(), name, ::onnx::TensorProto::FLOAT);
}
void describe_outputs(::onnx::GraphProto& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) OnnxModel::describe(*graph.add_output(), name, ::onnx::TensorProto::FLOAT);
}

// for i in range(count): s = s + relu(w) * i; the sums are stacked.
OnnxModel sums(const std::string& count) {
  OnnxModel model;
  model.input("x", {"2"}).input("w", {"2"}).output("final").output("steps").integers("three", {3});
  ::onnx::NodeProto& loop = model.node("Loop", {count, "", "x"}, {"final", "steps"});
  ::onnx::GraphProto& body = graph_attribute(loop, "body");
  describe_inputs(body, {"i", "goes_on", "s"});
  describe_outputs(body, {"goes_on", "t", "t"});
  OnnxModel::fill(*body.add_node(), "Cast", {"i"}, {"number"});
  attribute(*body.mutable_node(0), "to", std::int64_t{::onnx::TensorProto::FLOAT});
  OnnxModel::fill(*body.add_node(), "Relu", {"w"}, {"r"});
  OnnxModel::fill(*body.add_node(), "Mul", {"r", "number"}, {"step"});
  OnnxModel::fill(*body.add_node(), "Add", {"s", "step"}, {"t"});
  return model;
}

}  // namespace

TEST_CASE("a loop is opened; what all iterations have in common is computed once") {
  OnnxModel model = sums("three");
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  const std::string& program = import.model->program;
  CHECK(count(program, "Relu(w)") == 1);
  CHECK(count(program, "Mul(r, ") == 3);
  CHECK(has(program, "steps = stacked([t, t_2, t_3], 0)"));
  CHECK(has(program, "-> (final: f32[2], steps: f32[3, 2])"));
}

TEST_CASE("a loop whose number of iterations is known only at run time is refused") {
  OnnxModel model = sums("n");
  model.input("n", {}, ::onnx::TensorProto::INT64);
  CHECK(has(import_model(model).messages, "how often it runs is known only when the network runs"));
  REQUIRE(import_model(model, {{"n", "2"}}).model);
  const Import many = import_model(model, {{"n", "100000"}});
  CHECK(has(many.messages, "it runs more than 10000 times, and each time is written out"));
}

TEST_CASE("a loop goes on while its condition is known to hold") {
  OnnxModel model = sums("three");
  ::onnx::GraphProto& body = *model.graph().mutable_node(0)->mutable_attribute(0)->mutable_g();
  body.mutable_output(0)->set_name("next");
  model.integers("one", {1});
  OnnxModel::fill(*body.add_node(), "Less", {"i", "one"}, {"next"});
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(has(import.model->program, "steps: f32[2, 2]"));
  OnnxModel::fill(*body.mutable_node(4), "Less", {}, {});
  body.mutable_node(4)->Clear();
  OnnxModel::fill(*body.mutable_node(4), "Less", {"s", "w"}, {"next"});
  CHECK(has(import_model(model).messages, "whether it runs again is known only when the network runs"));
}

TEST_CASE("a scan takes its sequences apart along their axes, in either direction") {
  OnnxModel model;
  model.input("s", {"2"}).input("x", {"2", "3"}).output("final").output("steps");
  ::onnx::NodeProto& scan = model.node("Scan", {"s", "x"}, {"final", "steps"});
  ::onnx::GraphProto& body = graph_attribute(scan, "body");
  describe_inputs(body, {"before", "row"});
  describe_outputs(body, {"after", "after"});
  OnnxModel::fill(*body.add_node(), "Add", {"before", "row"}, {"after"});
  attribute(scan, "num_scan_inputs", std::int64_t{1});
  attribute(scan, "scan_input_axes", std::vector<std::int64_t>{1});
  attribute(scan, "scan_input_directions", std::vector<std::int64_t>{1});
  attribute(scan, "scan_output_axes", std::vector<std::int64_t>{-1});
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  const std::string& program = import.model->program;
  CHECK(program.find("row(x, 1, 2)") < program.find("row(x, 1, 0)"));
  CHECK(has(program, "stacked([after, after_2, after_3], -1)"));
  CHECK(has(program, "steps: f32[2, 3]"));
}

TEST_CASE("a condition known only at run time takes one of two results of the same type") {
  OnnxModel model;
  model.input("x", {"2"}).input("flag", {}, ::onnx::TensorProto::BOOL).output("y");
  ::onnx::NodeProto& node = model.node("If", {"flag"}, {"y"});
  for (const auto& [name, op] : {std::pair("then_branch", "Relu"), std::pair("else_branch", "Tanh")}) {
    ::onnx::GraphProto& branch = graph_attribute(node, name);
    OnnxModel::fill(*branch.add_node(), op, {"x"}, {"r"});
    describe_outputs(branch, {"r"});
  }
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(has(import.model->program, "either(flag, r, r_2)"));
  ::onnx::NodeProto& other = *node.mutable_attribute(1)->mutable_g()->mutable_node(0);
  OnnxModel::fill(other, "Shape", {}, {});
  CHECK(has(import_model(model).messages, "its branches give f32[2] and i64[1]"));
}

TEST_CASE("a constant that several nodes use is one parameter") {
  OnnxModel model;
  model.input("x", {"2"}).output("y").floats("w", {2}, {1, 2});
  model.node("Add", {"x", "w"}, {"a"});
  model.node("Mul", {"a", "w"}, {"y"});
  const Import import = import_model(model);
  REQUIRE(import.model);
  CHECK(import.model->weights.size() == 1);
}

}  // namespace nnc
