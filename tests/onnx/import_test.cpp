// From ONNX models to programs: what is folded, inlined, named, refused.
#include "tests/onnx/model.h"

namespace nnc {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string refusal(OnnxModel& model, const std::map<std::string, std::string>& settings = {}) {
  const Import import = import_model(model, settings);
  CHECK(!import.model);
  return import.messages;
}

}  // namespace

TEST_CASE("a node becomes a call of the library's function of its name") {
  OnnxModel model;
  model.input("image", {"2", "3"}).output("y").node("Relu", {"image"}, {"y"});
  const Import import = import_model(model);
  REQUIRE(import.model);
  CHECK(import.model->program ==
        "import \"onnx\"\n\nmodel model_2(image: f32[2, 3]) -> (y: f32[2, 3]) {\n  y = Relu(image)\n}\n");
}

TEST_CASE("shapes are computed away: Shape, Gather, Concat, Reshape") {
  OnnxModel model;
  model.input("x", {"N", "3", "4"}).output("y").integers("zero", {0}).integers("rest", {-1});
  model.node("Shape", {"x"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"batch"});
  attribute(model.node("Concat", {"batch", "rest"}, {"target"}), "axis", std::int64_t{0});
  model.node("Reshape", {"x", "target"}, {"y"});
  const Import import = import_model(model, {{"N", "2"}});
  REQUIRE(import.model);
  CHECK(has(import.model->program, "Reshape(x, [2, -1])"));
  CHECK(has(import.model->program, "-> (y: f32[2, 12])"));
  CHECK(!has(import.model->program, "Gather"));
  CHECK(import.model->weights.empty());
}

TEST_CASE("what no output needs is left out, and compiling says nothing of unused names") {
  OnnxModel model;
  model.input("x", {"2", "4"}).output("y").floats("w", {4}, {1, 2, 3, 4});
  // Only the shape of this is used, and only one of the parts.
  model.node("Mul", {"x", "w"}, {"scaled"});
  model.node("Shape", {"scaled"}, {"shape"});
  model.node("Reshape", {"x", "shape"}, {"same"});
  attribute(model.node("Split", {"same"}, {"y", "rest"}), "axis", std::int64_t{1});
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(!has(import.model->program, "Mul"));
  CHECK(import.model->weights.empty());
  CHECK(has(import.model->program, "let (y_2, _rest) = Split("));
}

TEST_CASE("a condition that is known chooses the branch") {
  OnnxModel model;
  model.input("x", {"2"}).input("flag", {}, ::onnx::TensorProto::BOOL).output("y");
  ::onnx::NodeProto& node = model.node("If", {"flag"}, {"y"});
  for (const auto& [name, op] : {std::pair("then_branch", "Relu"), std::pair("else_branch", "Tanh")}) {
    ::onnx::AttributeProto& branch = *node.add_attribute();
    branch.set_name(name);
    branch.set_type(::onnx::AttributeProto::GRAPH);
    OnnxModel::fill(*branch.mutable_g()->add_node(), op, {"x"}, {"r"});
    OnnxModel::describe(*branch.mutable_g()->add_output(), "r", ::onnx::TensorProto::FLOAT);
  }
  CHECK(has(import_model(model, {{"flag", "1"}}).model->program, "Relu(x)"));
  CHECK(has(import_model(model, {{"flag", "0"}}).model->program, "Tanh(x)"));
}

TEST_CASE("functions of the model are inlined, their attributes from the call") {
  OnnxModel model;
  model.input("x", {"2"}).output("y");
  model.proto.add_opset_import()->set_domain("local");
  ::onnx::FunctionProto& function = *model.proto.add_functions();
  function.set_name("Twice");
  function.set_domain("local");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("slope");
  ::onnx::NodeProto& inner = OnnxModel::fill(*function.add_node(), "LeakyRelu", {"a"}, {"t"});
  ::onnx::AttributeProto& slope = *inner.add_attribute();
  slope.set_name("alpha");
  slope.set_type(::onnx::AttributeProto::FLOAT);
  slope.set_ref_attr_name("slope");
  OnnxModel::fill(*function.add_node(), "Add", {"t", "t"}, {"b"});
  ::onnx::NodeProto& call = model.node("Twice", {"x"}, {"y"});
  call.set_domain("local");
  ::onnx::AttributeProto& given = *call.add_attribute();
  given.set_name("slope");
  given.set_type(::onnx::AttributeProto::FLOAT);
  given.set_f(0.25F);
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(has(import.model->program, "LeakyRelu(x, alpha: 0.25)"));
}

TEST_CASE("open sizes are listed together, with how to set them") {
  OnnxModel model;
  model.input("x", {"batch", "3", "?"}).output("y").node("Relu", {"x"}, {"y"});
  const std::string message = refusal(model);
  CHECK(has(message, "'x' is [batch, 3, x.2]"));
  CHECK(has(message, "--set batch=1 --set x.2=1"));
  CHECK(import_model(model, {{"batch", "2"}, {"x.2", "5"}}).model);
  CHECK(has(refusal(model, {{"batch", "2"}, {"x.2", "many"}}), "must be a whole number, not 'many'"));
  CHECK(has(refusal(model, {{"batch", "2"}, {"x.2", "5"}, {"bach", "2"}}), "no open size and no input 'bach'"));
}

TEST_CASE("all that is not supported is said at once, with its node") {
  OnnxModel model;
  model.input("x", {"2"}).output("y").output("z");
  model.node("Frobnicate", {"x"}, {"y"}).set_name("first");
  model.node("Defrobnicate", {"x"}, {"z"}).set_name("second");
  const std::string message = refusal(model);
  CHECK(has(message, "node 'first' ('Frobnicate', opset 17): this operator is not supported"));
  CHECK(has(message, "node 'second' ('Defrobnicate', opset 17)"));
}

TEST_CASE("the line of the program that a node comes from is said") {
  OnnxModel model;
  model.input("x", {"2"}).output("y");
  ::onnx::StringStringEntryProto& entry = *model.node("Frobnicate", {"x"}, {"y"}).add_metadata_props();
  entry.set_key("pkg.torch.onnx.stack_trace");
  entry.set_value("File \"net.py\", line 7, in forward\n  return frobnicate(x)");
  CHECK(has(refusal(model), "File \"net.py\", line 7, in forward"));
}

TEST_CASE("graphs that are none are refused") {
  SUBCASE("a value that nothing gives") {
    OnnxModel model;
    model.input("x", {"2"}).output("y").node("Add", {"x", "ghost"}, {"y"});
    CHECK(has(refusal(model), "uses 'ghost', which nothing gives"));
  }
  SUBCASE("a cycle") {
    OnnxModel model;
    model.input("x", {"2"}).output("a");
    model.node("Add", {"x", "b"}, {"a"});
    model.node("Relu", {"a"}, {"b"});
    CHECK(has(refusal(model), "cycle"));
  }
  SUBCASE("a value given twice") {
    OnnxModel model;
    model.input("x", {"2"}).output("y");
    model.node("Relu", {"x"}, {"y"});
    model.node("Tanh", {"x"}, {"y"});
    CHECK(has(refusal(model), "two nodes give 'y'"));
  }
  SUBCASE("no outputs") {
    OnnxModel model;
    model.input("x", {"2"}).node("Relu", {"x"}, {"y"});
    CHECK(has(refusal(model), "no outputs"));
  }
  SUBCASE("an output that nothing gives") {
    OnnxModel model;
    model.input("x", {"2"}).output("y").node("Relu", {"x"}, {"z"});
    CHECK(has(refusal(model), "nothing gives the output 'y'"));
  }
  SUBCASE("sizes whose product overflows") {
    OnnxModel model;
    model.input("x", {"4611686018427387904", "4611686018427387904"}).output("y").node("Relu", {"x"}, {"y"});
    CHECK(has(refusal(model), "too large"));
  }
  SUBCASE("fewer elements than the shape says") {
    OnnxModel model;
    model.input("x", {"2"}).output("y").floats("w", {4}, {1, 2}).node("Add", {"x", "w"}, {"y"});
    CHECK(has(refusal(model), "tensor 'w': 2 elements, but [4] has 4"));
  }
  SUBCASE("no model at all") {
    const Folder folder;
    const Import import = import_bytes(folder, "this is no protobuf");
    CHECK(has(import.messages, "is not an ONNX model"));
  }
}

TEST_CASE("functions that call each other without end are refused") {
  OnnxModel model;
  model.input("x", {"2"}).output("y");
  model.proto.add_opset_import()->set_domain("local");
  for (int i = 0; i < 40; ++i) {  // each calls the next twice: 2^40 nodes
    ::onnx::FunctionProto& function = *model.proto.add_functions();
    function.set_name("F" + std::to_string(i));
    function.set_domain("local");
    function.add_input("a");
    function.add_output("b");
    const std::string next = i == 39 ? "Relu" : "F" + std::to_string(i + 1);
    for (const auto& [from, to] : {std::pair("a", "t"), std::pair("t", "b")}) {
      ::onnx::NodeProto& node = OnnxModel::fill(*function.add_node(), next, {from}, {to});
      if (i < 39) node.set_domain("local");
    }
  }
  model.node("F0", {"x"}, {"y"}).set_domain("local");
  CHECK(has(refusal(model), "opens into more than"));
}

TEST_CASE("names are identifiers, each once, whatever they were") {
  OnnxModel model;
  const std::string hostile = "*/ int pwned; /*\n\"\\?\?/";
  model.input(hostile, {"2"}).output("for").output("2nd").output("Relu");
  model.node("Relu", {hostile}, {"for"});
  model.node("Tanh", {hostile}, {"2nd"});
  model.node("Sigmoid", {hostile}, {"Relu"});
  const Import import = import_model(model);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(has(import.model->program, "int_pwned"));
  CHECK(!has(import.model->program, "*/"));
  CHECK(!has(import.model->program, "??"));
  OnnxModel long_names;
  long_names.input("x", {"2"}).output(std::string(200'000, 'y')).node("Relu", {"x"}, {std::string(200'000, 'y')});
  const Import with_long_names = import_model(long_names);
  REQUIRE(with_long_names.model);
  CHECK(with_long_names.model->program.size() < 1000);
}

TEST_CASE("external data must be a file of its own below the model's folder") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("inside"));
  folder.write("inside/data.bin", std::string(8, '\0'));
  folder.write("secret.bin", std::string(8, '\0'));
  std::filesystem::create_symlink(folder.file("secret.bin"), folder.file("inside/link.bin"));
  std::filesystem::create_hard_link(folder.file("secret.bin"), folder.file("inside/hard.bin"));
  const auto try_location = [&](const std::string& location, const std::string& offset = "0") {
    OnnxModel model;
    model.input("x", {"2"}).output("y").floats("w", {2}, {}).node("Add", {"x", "w"}, {"y"});
    ::onnx::TensorProto& tensor = *model.graph().mutable_initializer(0);
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] :
         {std::pair(std::string("location"), location), std::pair(std::string("offset"), offset)}) {
      ::onnx::StringStringEntryProto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    folder.write("inside/model.onnx", model.proto.SerializeAsString());
    SourceManager sources;
    Diagnostics diagnostics;
    const std::optional<ImportedModel> result = import_onnx(folder.file("inside/model.onnx"), {}, sources, diagnostics);
    CHECK(result.has_value() != diagnostics.has_errors());
    return diagnostics.render(sources, false);
  };
  CHECK(try_location("data.bin").empty());
  CHECK(has(try_location("../secret.bin"), "must lie below the model's folder"));
  CHECK(has(try_location("a/../../secret.bin"), "not found"));
  CHECK(has(try_location(folder.file("secret.bin")), "below the model's folder"));
  CHECK(has(try_location("link.bin"), "is a link"));
  CHECK(has(try_location("hard.bin"), "several names"));
  CHECK(has(try_location("nothing.bin"), "not found"));
  CHECK(has(try_location("data.bin", "4"), "which has 8"));
  CHECK(has(try_location("data.bin", "-1"), "must be a number"));
  CHECK(has(try_location("data.bin", "18446744073709551615"), "which has 8"));
  CHECK(has(try_location(""), "below the model's folder"));
  CHECK(has(try_location("."), "not a file"));
}

TEST_CASE("the readable form leaves the batch out and puts weights into layers") {
  OnnxModel model;
  model.input("image", {"N", "1", "4", "4"}).output("scores");
  model.floats("features.0.weight", {2, 1, 3, 3}, std::vector<float>(18, 0.5F)).floats("features.0.bias", {2}, {1, 2});
  model.floats("head.weight", {3, 32}, std::vector<float>(96, 0.25F)).floats("head.bias", {3}, {1, 2, 3});
  attribute(model.node("Conv", {"image", "features.0.weight", "features.0.bias"}, {"c"}), "pads",
            std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c"}, {"r"});
  model.node("Flatten", {"r"}, {"f"});
  attribute(model.node("Gemm", {"f", "head.weight", "head.bias"}, {"scores"}), "transB", std::int64_t{1});
  const Import import = import_model(model, {{"N", "1"}}, true);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(import.model->program ==
        "# From model.onnx.\n"
        "model model_2(image: f32[1, 4, 4]) -> (scores: f32[3]) {\n"
        "  layer features_0 = conv(2, 3, pad: 1)\n"
        "  layer head = dense(3)\n"
        "  scores = image |> features_0 |> relu |> flatten |> head\n"
        "}\n");
  CHECK(import.model->weights.count("features_0.weight") == 1);
  CHECK(count(import.model->program, "param") == 0);
}

TEST_CASE("a reshape of all that an example has is a flatten, also where 0 would be a size") {
  const auto program_of = [](const std::vector<std::int64_t>& target, std::int64_t allows_zero) {
    OnnxModel model;
    model.input("x", {"N", "2", "3"}).output("y");
    model.integers("target", target);
    attribute(model.node("Reshape", {"x", "target"}, {"y"}), "allowzero", allows_zero);
    const Import import = import_model(model, {{"N", "4"}}, true);
    REQUIRE_MESSAGE(import.model, import.messages);
    return import.model->program;
  };
  CHECK(has(program_of({-1, 6}, 1), "y = x |> flatten"));
  CHECK(has(program_of({0, 6}, 0), "y = x |> flatten"));
  CHECK(has(program_of({-1, 3, 2}, 1), "y = x |> reshape([3, 2])"));
  CHECK(has(program_of({-1, 3}, 1), "# Its batch is an axis like others: "));
}

TEST_CASE("a node that mixes examples keeps the batch an axis, and the program says why") {
  OnnxModel model;
  model.input("x", {"N", "3"}).output("y");
  attribute(model.node("Softmax", {"x"}, {"y"}), "axis", std::int64_t{0});
  const Import import = import_model(model, {{"N", "2"}}, true);
  REQUIRE_MESSAGE(import.model, import.messages);
  CHECK(has(import.model->program, "# Its batch is an axis like others: "));
  CHECK(has(import.model->program, "x: f32[2, 3]"));
}

TEST_CASE("the readable form takes an open batch as it is, and nothing that the other form does not take") {
  const auto dense = [](const char* batch) {
    OnnxModel model;
    model.input("x", {batch, "3"}).output("y").floats("w", {2, 3}, std::vector<float>(6, 1)).floats("b", {2}, {1, 2});
    attribute(model.node("Gemm", {"x", "w", "b"}, {"y"}), "transB", std::int64_t{1});
    return model;
  };
  OnnxModel open = dense("N");
  CHECK(has(import_model(open, {}, true).model->program, "(x: f32[3]) -> (y: f32[2])"));
  CHECK(has(import_model(open).messages, "--set N=1"));

  OnnxModel unfit = dense("1");
  unfit.graph().mutable_initializer(0)->set_dims(1, 4);
  for (int i = 0; i < 2; ++i) unfit.graph().mutable_initializer(0)->add_float_data(1);
  CHECK(has(import_model(unfit, {}, true).messages, "an axis"));

  OnnxModel results = dense("1");
  results.graph().mutable_node(0)->add_output("more");
  CHECK(has(import_model(results, {}, true).messages, "only the first 1 of its 2 outputs"));

  OnnxModel foreign = dense("1");
  foreign.graph().mutable_node(0)->set_op_type("Shape");
  foreign.graph().mutable_node(0)->set_domain("mine");
  CHECK(has(import_model(foreign, {}, true).messages, "this operator is not supported"));

  for (const std::int64_t version : {std::int64_t{0}, std::int64_t{1000}, INT64_MIN}) {
    OnnxModel unknown = dense("1");
    unknown.proto.mutable_opset_import(0)->set_version(version);
    CHECK(has(import_model(unknown, {}, true).messages, "those of the standard are 1 to"));
  }
  OnnxModel silent = dense("1");
  silent.proto.clear_opset_import();
  CHECK(has(import_model(silent, {}, true).messages, "does not say which operator set it uses"));
  OnnxModel old = dense("1");
  old.proto.mutable_opset_import(0)->set_version(6);
  CHECK(has(import_model(old, {}, true).messages, "broadcast"));
}

}  // namespace nnc
