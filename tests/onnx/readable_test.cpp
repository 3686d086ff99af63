// The readable import: what it reads like, and that it computes what the model does.
#include <algorithm>
#include <cmath>
#include <random>

#include "compiler/compile.h"
#include "tests/onnx/model.h"

namespace nnc {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Network {
 public:
  explicit Network(const std::vector<std::string>& shape) {
    model.input("x", shape);
    value = "x";
  }
  std::string floats(const std::string& name, const std::vector<std::int64_t>& shape, bool is_positive = false) {
    std::int64_t elements = 1;
    for (const std::int64_t size : shape) elements *= size;
    std::vector<float> values;
    std::uniform_real_distribution<float> draw(is_positive ? 0.5F : -0.5F, is_positive ? 1.5F : 0.5F);
    for (std::int64_t i = 0; i < elements; ++i) values.push_back(draw(random));
    model.floats(name, shape, values);
    return name;
  }
  ::onnx::NodeProto& node(const std::string& op, std::vector<std::string> more, const std::string& module = "") {
    more.insert(more.begin(), value);
    value = "v" + std::to_string(++count);
    ::onnx::NodeProto& made = model.node(op, more, {value});
    made.set_name(module + "/" + op);
    return made;
  }
  void conv(const std::string& module, std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
    const std::string name = module.substr(1);
    ::onnx::NodeProto& made =
        node("Conv", {floats(name + ".weight", {out, in, 3, 3}), floats(name + ".bias", {out})}, module);
    attribute(made, "pads", std::vector<std::int64_t>{1, 1, 1, 1});
    attribute(made, "strides", std::vector<std::int64_t>{stride, stride});
  }
  void norm(const std::string& module, std::int64_t channels) {
    const std::string name = module.substr(1);
    node("BatchNormalization",
         {floats(name + ".weight", {channels}), floats(name + ".bias", {channels}), floats(name + ".mean", {channels}),
          floats(name + ".var", {channels}, true)},
         module);
  }
  // relu(norm(conv(relu(conv(x)))) + x)
  void residual(const std::string& module, std::int64_t channels) {
    const std::string before = value;
    conv(module + "/conv1", channels, channels);
    node("Relu", {}, module);
    conv(module + "/conv2", channels, channels);
    norm(module + "/norm", channels);
    node("Add", {before}, module);
    node("Relu", {}, module);
  }

  OnnxModel model;
  std::string value;

 private:
  std::mt19937 random{7};
  int count = 0;
};

// Of inputs that are the same numbers, with and without a batch of one.
Tensor first_output(const ImportedModel& model) {
  const Folder folder;
  folder.write("program.nn", model.program);
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ElaboratedProgram> program = load_program(folder.file("program.nn"), sources, diagnostics, {});
  CHECK_MESSAGE(diagnostics.all().empty(), diagnostics.render(sources, false));
  REQUIRE_MESSAGE(program, model.program);
  const Graph& graph = program->models[0].forward;
  Tensor input = Tensor::zeros(graph.inputs[0]->type);
  for (std::size_t i = 0; i < input.floats().size(); ++i) input.floats()[i] = std::sin(static_cast<double>(i) * 1.7);
  return evaluate(graph, {{graph.inputs[0]->producer->attributes.text("name"), input}}, model.weights)
      .outputs.begin()
      ->second;
}

// The readable program, after a look that it computes what the program does that is compiled.
std::string readable(Network& network) {
  network.model.output(network.value);
  const Import as_compiled = import_model(network.model, {{"N", "1"}});
  const Import import = import_model(network.model, {{"N", "1"}}, true);
  REQUIRE_MESSAGE(as_compiled.model, as_compiled.messages);
  REQUIRE_MESSAGE(import.model, import.messages);
  const Tensor expected = first_output(*as_compiled.model), got = first_output(*import.model);
  REQUIRE(element_count(got.type.shape) == element_count(expected.type.shape));
  double largest = 0;
  for (std::int64_t i = 0; i < element_count(expected.type.shape); ++i) {
    CHECK(std::abs(got.at(i) - expected.at(i)) <= 1e-9 * (1 + std::abs(expected.at(i))));
    largest = std::max(largest, std::abs(expected.at(i)));
  }
  CHECK(largest > 0);
  return import.model->program;
}

TEST_CASE("modules that are repeated become one layer; those that follow each other a list") {
  Network network({"N", "4", "6", "6"});
  network.residual("/layer1/layer1.0", 4);
  network.residual("/layer1/layer1.1", 4);
  network.conv("/down", 4, 6, 2);
  network.residual("/layer2/layer2.0", 6);
  const std::string program = readable(network);
  CHECK(program ==
        "# From model.onnx.\n"
        "layer block(x: f32[C, H, H], channels: int) {\n"
        "  layer conv1 = conv(channels, 3, pad: 1)\n"
        "  layer conv2 = conv(channels, 3, pad: 1)\n"
        "  layer norm = batch_norm\n"
        "  let v4 = x |> conv1 |> relu |> conv2 |> norm\n"
        "  v4 + x |> relu\n"
        "}\n\n"
        "model model_2(x: f32[4, 6, 6]) -> (v19: f32[6, 3, 3]) {\n"
        "  layer layer1[2] = block(4)\n"
        "  layer down = conv(6, 3, stride: 2, pad: 1)\n"
        "  layer layer2_0 = block(6)\n"
        "  v19 = x |> layer1 |> down |> layer2_0\n"
        "}\n");
}

TEST_CASE("lines that repeat where no module is named are a block, too") {
  Network network({"N", "2", "5", "5"});
  for (const std::string name : {"a", "b", "c"}) {
    network.conv("/" + name, name == "a" ? 2 : name == "b" ? 3 : 5, name == "a" ? 3 : 5);
    network.norm("/" + name + "n", name == "a" ? 3 : 5);
    network.node("Relu", {});
    network.node("Sigmoid", {});
  }
  for (::onnx::NodeProto& node : *network.model.graph().mutable_node()) node.clear_name();
  const std::string program = readable(network);
  CHECK(has(program, "layer block(x: f32[C, 5, 5], channels: int) {\n"));
  CHECK(has(program, "  layer block1 = block(3)\n  layer blocks[2] = block(5)\n"));
  CHECK(has(program, " = x |> block1 |> blocks\n"));
}

TEST_CASE("a block that shares its layer with the rest, or gives two values, is left as it is") {
  Network network({"N", "4"});
  const std::string shared = network.floats("shared", {4, 4});
  std::string sum;
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < 3; ++k) {
      network.node("Sigmoid", {});
      network.node("MatMul", {shared});
    }
    sum = sum.empty() ? network.value : sum;
  }
  network.node("Add", {sum});
  readable(network);
}

TEST_CASE("recurrence in two directions: the program, as the model, compiles without a warning") {
  Network network({"3", "N", "2"});
  ::onnx::NodeProto& node = network.node("RNN", {network.floats("W", {2, 4, 2}), network.floats("R", {2, 4, 4})});
  attribute(node, "hidden_size", std::int64_t{4});
  ::onnx::AttributeProto& direction = *node.add_attribute();
  direction.set_name("direction");
  direction.set_type(::onnx::AttributeProto::STRING);
  direction.set_s("bidirectional");
  CHECK(has(readable(network), "RNN("));
}

TEST_CASE("attention, as exporters write it") {
  Network network({"N", "6", "8"});
  network.model.integers("heads", {0, 6, 2, 4});
  network.model.integers("width", {0, 6, 8});
  for (const std::string module : {"/layers.0", "/layers.1", "/layers.2"}) {
    const std::string before = network.value, name = module.substr(1);
    network.node("MatMul", {network.floats(name + ".w", {8, 24})}, module + "/qkv");
    network.node("Add", {network.floats(name + ".b", {24})}, module + "/qkv");
    ::onnx::NodeProto& split = network.node("Split", {}, module);
    attribute(split, "axis", std::int64_t{2});
    split.clear_output();
    const std::vector<std::string> parts = {name + "q", name + "k", name + "v"};
    for (const std::string& part : parts) split.add_output(part);
    std::vector<std::string> heads;
    for (const std::string& part : parts) {
      network.value = part;
      network.node("Reshape", {"heads"}, module);
      attribute(network.node("Transpose", {}, module), "perm",
                part.ends_with('k') ? std::vector<std::int64_t>{0, 2, 3, 1} : std::vector<std::int64_t>{0, 2, 1, 3});
      heads.push_back(network.value);
    }
    network.value = heads[0];
    network.node("MatMul", {heads[1]}, module);
    network.node("Softmax", {}, module);
    network.node("MatMul", {heads[2]}, module);
    attribute(network.node("Transpose", {}, module), "perm", std::vector<std::int64_t>{0, 2, 1, 3});
    network.node("Reshape", {"width"}, module);
    network.node("Add", {before}, module);
  }
  const std::string program = readable(network);
  CHECK(has(program, "layer block(x: f32[6, 8]) {\n"));
  CHECK(has(program, "split("));
  CHECK(has(program, "  layer layers[3] = block\n"));
  CHECK(has(program, " = x |> layers\n"));
}

TEST_CASE("arithmetic with numbers and constants is infix; parts are indexed") {
  Network network({"N", "3", "4"});
  network.model.floats("two", {}, {2}).floats("third", {1}, {0.25F}).integers("last", {-1});
  ::onnx::TensorProto& one = *network.model.graph().add_initializer();
  one.set_name("one");
  one.set_data_type(::onnx::TensorProto::INT64);
  one.add_int64_data(1);
  network.node("Add", {network.floats("scale", {1, 3, 1})});
  network.node("Mul", {"two"});
  network.node("Pow", {"two"});
  network.node("Sub", {"third"});
  network.node("Sum", {"x"});
  network.model.integers("from", {-3}).integers("to", {100}).integers("axis", {2});
  network.node("Slice", {"from", "to", "axis"});
  attribute(network.node("Gather", {"one"}), "axis", std::int64_t{1});
  const std::string program = readable(network);
  CAPTURE(program);
  CHECK(has(program, "* 2"));
  CHECK(has(program, "^2\n"));
  CHECK(has(program, "[:, 1:]"));
  CHECK(has(program, "[1]\n"));
}

TEST_CASE("where the batch stays an axis, arithmetic is infix and blocks are found all the same") {
  Network network({"N", "4"});
  network.model.floats("half", {}, {0.5F});
  for (const std::string module : {"/layers.0", "/layers.1"}) {
    const std::string name = module.substr(1);
    network.node("MatMul", {network.floats(name + ".w", {4, 4})}, module);
    network.node("Mul", {"half"}, module);
    network.node("Tanh", {}, module);
    attribute(network.node("Softmax", {}, module), "axis", std::int64_t{0});
    network.node("Add", {network.floats(name + ".b", {4})}, module);
  }
  const std::string program = readable(network);
  CAPTURE(program);
  CHECK(has(program, "# Its batch is an axis like others"));
  CHECK(has(program, " * 0.5 |> tanh\n"));
  CHECK(has(program, "layer layers[2] = block\n"));
}

}  // namespace
TEST_CASE("a readable program with tensors of no elements is one that may have them") {
  OnnxModel model(13);
  model.input("x", {"0", "4"}).output("y").integers("axes", {0});
  model.node("ReduceSum", {"x", "axes"}, {"y"});
  const Import import = import_model(model, {}, true);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(import.model->program.find("import \"onnx\"") != std::string::npos);
}

}  // namespace nnc
