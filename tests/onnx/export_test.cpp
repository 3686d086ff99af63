// From programs to ONNX models and back: the program itself, or, where the file was changed, one of its nodes.
#include "compiler/onnx/export.h"

#include <cmath>
#include <filesystem>
#include <random>
#include <set>

#include "compiler/graph/print.h"
#include "compiler/onnx/carried.h"
#include "compiler/ops/op.h"
#include "tests/onnx/model.h"
#include "tests/support/samples.h"

namespace nnc {
namespace {

using test::difference;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

ElaboratedProgram loaded(const std::string& path, const std::map<std::string, std::string>& settings = {}) {
  SourceManager sources;
  Diagnostics diagnostics;
  ElaborateOptions options;
  options.settings = settings;
  std::optional<ElaboratedProgram> program = load_program(path, sources, diagnostics, options);
  REQUIRE_MESSAGE(program, diagnostics.render(sources, false));
  return std::move(*program);
}

Tensor drawn(const Type& type, std::int64_t classes, std::mt19937& random) {
  SampleOperand operand{type, -0.5, 0.5, {}};  // more, and a loop of a hundred steps is chaos
  if (!is_float(type.element)) operand = {type, 0, static_cast<double>(classes > 0 ? classes - 1 : 100), {}};
  return test::draw(operand, random);
}

std::map<std::string, Tensor> drawn_inputs(const Graph& graph, std::mt19937& random) {
  std::map<std::string, Tensor> inputs;
  for (const Value* input : graph.inputs) {
    const Attributes& attributes = input->producer->attributes;
    inputs[attributes.text("name")] = drawn(input->type, attributes.integer("classes"), random);
  }
  return inputs;
}

// Of all states; what is a variance stays above 0.
std::map<std::string, Tensor> drawn_states(const Graph& graph, std::mt19937& random) {
  std::map<std::string, Tensor> states;
  for (const State& state : graph.states) {
    Tensor tensor = drawn(state.value->type, 0, random);
    if (state.kind == StateKind::Statistic) {
      for (double& x : tensor.floats()) x = round_to(tensor.type.element, std::abs(x) + 0.1);
    }
    states[state.name] = std::move(tensor);
  }
  return states;
}

// Adds an example behind those that tensor `index` has, along its first axis.
void stack(std::vector<Tensor>& tensors, std::size_t index, const Tensor& example) {
  if (index == tensors.size()) {
    Shape shape = example.type.shape;
    shape.insert(shape.begin(), 0);
    tensors.push_back(Tensor::zeros({example.type.element, shape}));
  }
  Tensor& all = tensors[index];
  ++all.type.shape[0];
  if (is_float(all.type.element)) {
    all.floats().insert(all.floats().end(), example.floats().begin(), example.floats().end());
  } else {
    all.integers().insert(all.integers().end(), example.integers().begin(), example.integers().end());
  }
}

struct Exported {
  std::optional<ExportedModel> model;
  std::string messages;
};

Exported exported(const ElaboratedModel& model, const std::map<std::string, Tensor>& weights,
                  const std::string& program = "", SourceManager sources = {}, const ExportBatch& batch = {}) {
  Diagnostics diagnostics;
  Exported result;
  result.model = export_onnx(model, weights, program, batch, sources, diagnostics);
  result.messages = diagnostics.render(sources, false);
  return result;
}

::onnx::ModelProto read(const ExportedModel& model) {
  ::onnx::ModelProto proto;
  REQUIRE(proto.ParseFromString(model.bytes));
  return proto;
}

std::string standalone(const std::string& path, const std::string& model,
                       const std::map<std::string, std::string>& settings = {}) {
  SourceManager sources;
  const Result<std::string> text = translation::standalone_program(path, model, settings, sources);
  REQUIRE(text);
  return *text;
}

// Emitted code rounds after each operation. The evaluator does not round within a loop, which import writes out.
EvaluateOptions rounding(const Graph& graph) {
  const bool has_loop = std::any_of(graph.ops.begin(), graph.ops.end(),
                                    [](const std::unique_ptr<Op>& op) { return op->def->name == "scan"; });
  return {false, !has_loop, nullptr, {}};
}

// The outputs, in their order, of the program that the nodes of a file become, at these inputs.
std::vector<Tensor> outputs_of_nodes(const std::string& bytes, const std::vector<Tensor>& inputs,
                                     const EvaluateOptions& options,
                                     const std::map<std::string, std::string>& settings = {}) {
  ::onnx::ModelProto proto = read({bytes, {}});
  proto.clear_metadata_props();
  const Folder folder;
  folder.write("model.onnx", proto.SerializeAsString());
  const ElaboratedProgram program = loaded(folder.file("model.onnx"), settings);
  const Graph& forward = program.models[0].forward;
  const Tensor seed = Tensor::zeros({ElementType::U32, {2}});
  const Evaluation weights = evaluate(program.models[0].init, {{kSeedName, seed}}, {});
  REQUIRE(forward.inputs.size() == inputs.size());
  std::map<std::string, Tensor> given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& input = *forward.inputs[i];
    given[input.producer->attributes.text("name")] = inputs[i];
    CHECK(inputs[i].type == input.type);
  }
  const Evaluation evaluation = evaluate(forward, given, weights.outputs, options);
  std::vector<Tensor> results;
  for (const Output& output : forward.outputs) results.push_back(evaluation.outputs.at(output.name));
  return results;
}

// Programs of the repository that are not meant to fail.
std::vector<std::string> programs() {
  std::vector<std::string> paths;
  for (const char* folder : {NNC_SOURCE_DIR "/examples", NNC_SOURCE_DIR "/tests/programs"}) {
    for (const std::filesystem::directory_entry& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      // Neither has a graph: `extern` is not supported yet, and a library has no model.
      if (entry.path().extension() == ".nn" && name != "11_custom_op.nn" && name != "block.nn") {
        paths.push_back(entry.path().string());
      }
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

TEST_CASE("every program comes back from its ONNX model: the same text, graph and weights") {
  std::mt19937 random(7);
  for (const std::string& path : programs()) {
    const ElaboratedProgram program = loaded(path);
    for (const ElaboratedModel& model : program.models) {
      CAPTURE(path);
      CAPTURE(model.name);
      // Its layers are those of others, and its weights take a gigabyte.
      if (model.name == "AlexNet") continue;
      std::map<std::string, Tensor> weights;
      for (auto& [name, tensor] : drawn_states(model.forward, random)) {
        if (model.forward.find_state(name)->kind != StateKind::Recurrent) weights[name] = tensor;
      }
      const std::string text = standalone(path, model.name);
      const Exported file = exported(model, weights, text);
      REQUIRE_MESSAGE(file.model, file.messages);
      const Folder folder;
      for (const bool is_readable : {false, true}) {
        const Import back = import_bytes(folder, file.model->bytes, {}, is_readable);
        REQUIRE_MESSAGE(back.model, back.messages);
        CHECK(back.model->program == text);
        REQUIRE(back.model->weights.size() == weights.size());
        for (const auto& [name, tensor] : weights) CHECK(same_bits(back.model->weights.at(name), tensor));
      }
      const ElaboratedProgram again = loaded(folder.file("model.onnx"));
      CHECK(print(again.models[0].forward) == print(model.forward));
    }
  }
}

TEST_CASE("the nodes of every program compute what it computes, under its names") {
  std::mt19937 random(8);
  for (const std::string& path : programs()) {
    const ElaboratedProgram program = loaded(path);
    for (const ElaboratedModel& model : program.models) {
      // Two of a kind are enough: they take minutes in the evaluator.
      if (model.name == "AlexNet" || model.name == "MobileNetV2") continue;
      CAPTURE(path);
      CAPTURE(model.name);
      const std::map<std::string, Tensor> states = drawn_states(model.forward, random);
      const std::map<std::string, Tensor> inputs = drawn_inputs(model.forward, random);
      const Evaluation expected = evaluate(model.forward, inputs, states, rounding(model.forward));
      const Exported file = exported(model, states);
      REQUIRE_MESSAGE(file.model, file.messages);
      // The state of a cell goes in and comes out.
      std::vector<std::pair<std::string, Tensor>> in, out;
      for (const Value* input : model.forward.inputs) {
        const std::string& name = input->producer->attributes.text("name");
        in.emplace_back(name, inputs.at(name));
      }
      for (const Output& output : model.forward.outputs)
        out.emplace_back(output.name, expected.outputs.at(output.name));
      for (const State& state : model.forward.states) {
        if (state.kind != StateKind::Recurrent) continue;
        in.emplace_back(state.name, states.at(state.name));
        out.emplace_back(state.name + ".next", expected.next_states.at(state.name));
      }
      const ::onnx::ModelProto proto = read(*file.model);
      REQUIRE(proto.graph().input_size() == static_cast<int>(in.size()));
      REQUIRE(proto.graph().output_size() == static_cast<int>(out.size()));
      std::vector<Tensor> given;
      for (std::size_t i = 0; i < in.size(); ++i) {
        CHECK(proto.graph().input(static_cast<int>(i)).name() == in[i].first);
        given.push_back(in[i].second);
      }
      const std::vector<Tensor> actual = outputs_of_nodes(file.model->bytes, given, rounding(model.forward));
      for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(proto.graph().output(static_cast<int>(i)).name() == out[i].first);
        CHECK(difference(actual[i], out[i].second) == 0);
      }
    }
  }
}

TEST_CASE("with a batch the nodes compute each example as the program does") {
  constexpr std::int64_t kBatch = 3;
  std::mt19937 random(10);
  for (const std::string& path : programs()) {
    const ElaboratedProgram program = loaded(path);
    for (const ElaboratedModel& model : program.models) {
      if (model.name == "AlexNet" || model.name == "MobileNetV2") continue;
      CAPTURE(path);
      CAPTURE(model.name);
      const std::map<std::string, Tensor> weights = drawn_states(model.forward, random);
      std::vector<Tensor> in, out;
      for (std::int64_t i = 0; i < kBatch; ++i) {
        const std::map<std::string, Tensor> inputs = drawn_inputs(model.forward, random);
        std::map<std::string, Tensor> states = weights;
        for (const State& state : model.forward.states) {
          if (state.kind == StateKind::Recurrent) states[state.name] = drawn(state.value->type, 0, random);
        }
        const Evaluation expected = evaluate(model.forward, inputs, states, rounding(model.forward));
        std::size_t next_in = 0, next_out = 0;
        for (const Value* input : model.forward.inputs) {
          stack(in, next_in++, inputs.at(input->producer->attributes.text("name")));
        }
        for (const Output& output : model.forward.outputs) stack(out, next_out++, expected.outputs.at(output.name));
        for (const State& state : model.forward.states) {
          if (state.kind != StateKind::Recurrent) continue;
          stack(in, next_in++, states.at(state.name));
          stack(out, next_out++, expected.next_states.at(state.name));
        }
      }
      const ExportBatch open = {0, true};
      const Exported file = exported(model, weights, standalone(path, model.name), {}, open);
      REQUIRE_MESSAGE(file.model, file.messages);
      CHECK(file.model->notes.size() == (out.size() - model.forward.outputs.size()));  // one a state
      const EvaluateOptions options = rounding(model.forward);
      const std::vector<Tensor> actual =
          outputs_of_nodes(file.model->bytes, in, options, {{"batch", std::to_string(kBatch)}});
      REQUIRE(actual.size() == out.size());
      // Products of another shape are summed in another order, which rounding to f32 hides.
      const double tolerance = options.round_to_type ? 0 : 1e-10;
      for (std::size_t i = 0; i < out.size(); ++i) CHECK(difference(actual[i], out[i]) <= tolerance);
    }
  }
}

TEST_CASE("every primitive becomes nodes that mean the same, or is refused with the reason") {
  const std::map<std::string, std::string> never = {
      {"batch_mean", "examples of a batch"}, {"bit_cast", "the same bits"},    {"shard_mean", "examples of a batch"},
      {"uniform", "draws chance"},           {"window_gather", "no gradient"}, {"window_scatter", "no gradient"}};
  // What some of their samples ask for.
  const std::map<std::string, std::string> at_times = {{"convolution", "groups of a batch"},
                                                       {"power", "Pow of floats only"},
                                                       {"shift_left", "without sign only"},
                                                       {"shift_right", "without sign only"},
                                                       {"window_max", "floats and bytes only"}};
  std::mt19937 random(9);
  std::set<std::string> written;
  for (const OpDef& def : op_table()) {
    if (def.has(Leaf) || def.name == "gradient") continue;
    for (const Sample& sample : def.samples) {
      CAPTURE(def.name);
      CAPTURE(sample.what);
      ElaboratedModel model{"Sample", test::sample_graph(def, sample), {}, {}};
      const std::vector<Tensor> operands = test::draw(sample, random);
      const std::map<std::string, Tensor> inputs = test::named(operands, 'x');
      const Exported file = exported(model, {});
      if (!file.model) {
        REQUIRE(never.count(def.name) + at_times.count(def.name) == 1);
        CHECK(has(file.messages, (never.count(def.name) != 0 ? never : at_times).at(def.name)));
        continue;
      }
      CHECK(never.count(def.name) == 0);
      written.insert(def.name);
      const Evaluation expected = evaluate(model.forward, inputs, {}, rounding(model.forward));
      const std::vector<Tensor> actual = outputs_of_nodes(file.model->bytes, operands, rounding(model.forward));
      for (std::size_t i = 0; i < actual.size(); ++i) {
        CHECK(difference(actual[i], expected.outputs.at(model.forward.outputs[i].name)) == 0);
      }
    }
  }
  for (const OpDef& def : op_table()) {
    if (!def.has(Leaf) && def.name != "gradient" && def.samples.size() > 0) {
      CHECK(written.count(def.name) + never.count(def.name) == 1);
    }
  }
}

TEST_CASE("reductions of a scatter have the standard's names") {
  for (const auto& [by, reduction] : {std::pair("set", "none"), std::pair("add", "add"), std::pair("multiply", "mul"),
                                      std::pair("maximum", "max"), std::pair("minimum", "min")}) {
    Graph graph;
    GraphBuilder builder(graph);
    Value* const table = graph.input("x", {ElementType::F32, {4}});
    Value* const index = graph.input("i", {ElementType::I32, {2}});
    Attributes attributes;
    attributes.set("by", std::string(by));
    graph.outputs.push_back(
        {"y", builder.op("scatter_into", {table, index, graph.input("u", {ElementType::F32, {2}})}, attributes)});
    const ::onnx::ModelProto proto = read(*exported({"Scatter", std::move(graph), {}, {}}, {}).model);
    const ::onnx::NodeProto& node = proto.graph().node(proto.graph().node_size() - 1);
    CHECK(node.op_type() == "ScatterND");
    CHECK(node.attribute(0).s() == reduction);
  }
}

namespace {

// A program of its own, as a file.
struct Written {
  explicit Written(const std::string& text, const std::string& model = "M",
                   const std::map<std::string, std::string>& settings = {}) {
    folder.write("m.nn", text);
    SourceManager sources;
    Diagnostics diagnostics;
    ElaborateOptions options;
    options.settings = settings;
    const std::optional<ElaboratedProgram> program = load_program(folder.file("m.nn"), sources, diagnostics, options);
    REQUIRE_MESSAGE(program, diagnostics.render(sources, false));
    for (const ElaboratedModel& one : program->models) {
      if (one.name != model) continue;
      std::mt19937 random(1);
      carried = standalone(folder.file("m.nn"), model, settings);
      file = exported(one, drawn_states(one.forward, random), carried, sources);
    }
  }
  Folder folder;
  std::string carried;
  Exported file;
};

std::string come_back(const Written& written) {
  REQUIRE_MESSAGE(written.file.model, written.file.messages);
  const Import back = import_bytes(written.folder, written.file.model->bytes, {}, true);
  REQUIRE_MESSAGE(back.model, back.messages);
  return back.model->program;
}

const char* const kDense = "model M(x: f32[3]) -> (y: f32[2]) { y = x |> dense(2) |> relu }\n";

}  // namespace

TEST_CASE("a file carries the model that was chosen, and what it needs") {
  SUBCASE("other models and their training stay behind, with their comments") {
    const Written written(
        "# Two.\n\n# The first.\nmodel A(x: f32[1]) -> (y: f32[1]) { y = x |> dense(1) }\n\n# The second.\n" +
        std::string(kDense) + "\ntrain A {\n  minimize sum(y)\n  with sgd(rate: 1)\n}\n");
    CHECK(come_back(written) == "# Two.\n\n# The second.\n" + std::string(kDense) + "\n");
  }
  SUBCASE("settings of the command line are defaults") {
    const Written written(
        "model M(x: f32[3], n: int, k: ints = 1, t: text = \"a\") -> (y: f32[n]) {\n  require len(k) == 2\n"
        "  y = x |> dense(n)\n}\n",
        "M", {{"n", "4"}, {"k", "2,3"}, {"t", "b\"c"}});
    CHECK(has(come_back(written), "n: int = 4, k: ints = [2,3], t: text = \"b\\\"c\")"));
  }
}

TEST_CASE("a batch is an axis of the file, and none of the program that comes back") {
  const auto exported_with = [](const std::string& text, const ExportBatch& batch) {
    const Folder folder;
    folder.write("m.nn", text);
    const ElaboratedProgram program = loaded(folder.file("m.nn"));
    std::mt19937 random(1);
    return exported(program.models[0], drawn_states(program.models[0].forward, random), text, {}, batch);
  };
  const auto first_axis = [](const ::onnx::ValueInfoProto& info) { return info.type().tensor_type().shape().dim(0); };
  const Folder folder;
  for (const ExportBatch& batch : {ExportBatch{4, false}, ExportBatch{0, true}}) {
    const Exported file = exported_with(kDense, batch);
    REQUIRE_MESSAGE(file.model, file.messages);
    CHECK(file.model->notes.empty());
    const ::onnx::ModelProto proto = read(*file.model);
    for (const ::onnx::ValueInfoProto& info : {proto.graph().input(0), proto.graph().output(0)}) {
      CHECK(first_axis(info).dim_value() == batch.size);
      CHECK(first_axis(info).dim_param() == (batch.is_open ? "batch" : ""));
    }
    CHECK(import_bytes(folder, file.model->bytes, {}, true).model->program == kDense);
  }
  // A file that is compiled keeps the axis.
  const Exported file = exported_with(kDense, {4, false});
  CHECK(has(import_bytes(folder, file.model->bytes).model->program, "(x: f32[4, 3]) -> (y: f32[4, 2])"));
  // Here each example has a table of its own, and its rows lie behind those of the examples before.
  const Exported closed =
      exported_with("model M(x: f32[5], i: class[5]) -> (y: f32) { y = gather(x, i) }\n", {0, true});
  CHECK(!closed.model);
  CHECK(has(closed.messages, "the number of examples cannot be left open: '"));
  CHECK(has(closed.messages, "give it, as in --batch 16"));
}

TEST_CASE("a program that does not stand alone is not carried, and a note says so") {
  Written written(kDense);
  const std::string text = "import \"other.nn\"\n" + std::string(kDense);
  const ElaboratedProgram program = loaded(written.folder.file("m.nn"));
  std::mt19937 random(1);
  const Exported file = exported(program.models[0], drawn_states(program.models[0].forward, random), text);
  REQUIRE(file.model);
  REQUIRE(file.model->notes.size() == 1);
  CHECK(has(file.model->notes[0], "does not carry its program"));
  CHECK(read(*file.model).metadata_props_size() == 0);
}

TEST_CASE("a file that was changed is read by its nodes") {
  const Written written(kDense);
  ::onnx::ModelProto proto = read(*written.file.model);
  const auto imported = [&] {
    const Import back = import_bytes(written.folder, proto.SerializeAsString(), {}, true);
    REQUIRE_MESSAGE(back.model, back.messages);
    return back.model->program;
  };
  SUBCASE("another operator") {
    proto.mutable_graph()->mutable_node(proto.graph().node_size() - 1)->set_op_type("Min");
    CHECK(has(imported(), "# The program that it carries is not what its nodes say"));
    CHECK(has(imported(), "Min("));
  }
  SUBCASE("another program") {
    proto.mutable_metadata_props(0)->set_value("model M(x: f32[3]) -> (y: f32[2]) { y = x |> dense(2) |> tanh }\n");
    CHECK(has(imported(), "Max("));
  }
  SUBCASE("a program that would read a file") {
    written.folder.write("other.nn", kDense);
    proto.mutable_metadata_props(0)->set_value("import \"other.nn\"\n" + std::string(kDense));
    CHECK(has(imported(), "Max("));
  }
  SUBCASE("bytes that are no text") {
    proto.mutable_metadata_props(0)->set_value("# \xff\n" + std::string(kDense));
    CHECK(has(imported(), "Max("));
  }
  SUBCASE("no program at all") {
    proto.mutable_metadata_props(0)->set_value("model M(((");
    CHECK(has(imported(), "Max("));
  }
  SUBCASE("of its weights the numbers may change, and shapes may be noted") {
    std::string& bytes = *proto.mutable_graph()->mutable_initializer(0)->mutable_raw_data();
    bytes.assign(bytes.size(), '\0');
    OnnxModel::describe(*proto.mutable_graph()->add_value_info(), "y", ::onnx::TensorProto::FLOAT);
    CHECK(imported() == kDense);
  }
}

TEST_CASE("what ONNX cannot say is refused, all of it at once, with its place") {
  const Written written(
      "model M(x: f32[3]) -> (y: f32[3], z: i32[3]) {\n  y = x + normal([3])\n"
      "  z = cast(x, i32) ^ cast(x, i32)\n}\n");
  CHECK(!written.file.model);
  CHECK(has(written.file.messages, "it draws chance"));
  CHECK(has(written.file.messages, "m.nn:2:"));
  CHECK(has(written.file.messages, "ONNX has Pow of floats only"));
  CHECK(has(written.file.messages, "m.nn:3:"));
  const Written large("model M(x: f32) -> (y: i32[2000000000], z: f32) {\n  y = iota([2000000000])\n  z = x\n}\n");
  CHECK(!large.file.model);
  CHECK(has(large.file.messages, "it would take a constant of 2000000000 elements"));
}

TEST_CASE("nodes and values have the names of the program") {
  const Written written(
      "layer block(x: f32[4]) { x |> dense(4) |> tanh }\n"
      "model M(x: f32[4]) -> (y: f32[4]) {\n  layer first = block\n  let h = x |> first\n  y = h * 2 + x\n}\n");
  const ::onnx::ModelProto proto = read(*written.file.model);
  std::set<std::string> names;
  for (const ::onnx::NodeProto& node : proto.graph().node()) names.insert(node.name());
  CHECK(names.count("first.dense/MatMul") == 1);
  CHECK(names.count("first/Tanh") == 1);
  std::set<std::string> values;
  for (const ::onnx::NodeProto& node : proto.graph().node()) values.insert(node.output(0));
  CHECK(values.count("h") == 1);
  CHECK(values.count("y") == 1);
  REQUIRE(proto.graph().initializer_size() >= 2);
  CHECK(proto.graph().initializer(0).name() == "first.dense.weight");
  CHECK(proto.graph().initializer(1).name() == "first.dense.bias");
}

TEST_CASE("what is repeated is written where no operator repeats it by itself") {
  const Written written(
      "model M(x: f32[2, 3]) -> (y: f32[2, 3], z: f32[4, 2, 3]) {\n  y = x + 1\n"
      "  z = broadcast(x, to: [4, 2, 3])\n}\n");
  int expanded = 0;
  const ::onnx::ModelProto proto = read(*written.file.model);
  for (const ::onnx::NodeProto& node : proto.graph().node()) expanded += node.op_type() == "Expand";
  CHECK(expanded == 1);
}

}  // namespace nnc
