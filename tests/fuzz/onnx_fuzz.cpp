// ONNX models: imported in both styles, the readable program read again, and what is accepted compiled to C++.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <fstream>

#include "compiler/embedded.h"
#include "compiler/onnx/import.h"
#include "dsl/format.h"
#include "dsl/parser.h"
#include "tests/fuzz/compiled.h"
#include "tests/fuzz/fuzz.h"
#include "tests/onnx/model.h"

namespace nnc::fuzz {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// ---- seeds

::onnx::GraphProto& branch(::onnx::NodeProto& node, const std::string& name, const std::string& output) {
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::GRAPH);
  OnnxModel::describe(*attribute.mutable_g()->add_output(), output, ::onnx::TensorProto::FLOAT);
  return *attribute.mutable_g();
}

OnnxModel convolution() {
  OnnxModel model;
  model.input("image", {"1", "1", "4", "4"}).output("scores");
  model.floats("w", {2, 1, 3, 3}, std::vector<float>(18, 0.5F)).floats("b", {2}, {1, 2}).integers("shape", {1, -1});
  attribute(model.node("Conv", {"image", "w", "b"}, {"c"}), "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c"}, {"r"});
  attribute(model.node("MaxPool", {"r"}, {"p"}), "kernel_shape", std::vector<std::int64_t>{2, 2});
  model.node("Reshape", {"p", "shape"}, {"scores"});
  return model;
}

// The shapes that exporters compute: Shape, Gather, Concat, Reshape.
OnnxModel shapes() {
  OnnxModel model;
  model.input("x", {"2", "3", "4"}).output("y").integers("zero", {0}).integers("rest", {-1});
  model.floats("w", {12, 5}, std::vector<float>(60, 0.25F)).floats("b", {5}, {1, 2, 3, 4, 5});
  model.node("Shape", {"x"}, {"s"});
  model.node("Gather", {"s", "zero"}, {"n"});
  attribute(model.node("Concat", {"n", "rest"}, {"to"}), "axis", std::int64_t{0});
  model.node("Reshape", {"x", "to"}, {"flat"});
  model.node("Gemm", {"flat", "w", "b"}, {"g"});
  model.node("Softmax", {"g"}, {"y"});
  return model;
}

OnnxModel loop() {
  OnnxModel model;
  model.input("x", {"2"}).output("final").integers("three", {3});
  ::onnx::NodeProto& node = model.node("Loop", {"three", "", "x"}, {"final"});
  ::onnx::GraphProto& body = branch(node, "body", "goes_on");
  for (const char* name : {"i", "goes_on", "s"})
    OnnxModel::describe(*body.add_input(), name, ::onnx::TensorProto::FLOAT);
  OnnxModel::describe(*body.add_output(), "t", ::onnx::TensorProto::FLOAT);
  OnnxModel::fill(*body.add_node(), "Add", {"s", "s"}, {"t"});
  return model;
}

OnnxModel choice() {
  OnnxModel model;
  model.input("x", {"2"}).output("y");
  ::onnx::TensorProto& condition = *model.graph().add_initializer();
  condition.set_name("c");
  condition.set_data_type(::onnx::TensorProto::BOOL);
  condition.add_int32_data(1);
  ::onnx::NodeProto& node = model.node("If", {"c"}, {"y"});
  OnnxModel::fill(*branch(node, "then_branch", "a").add_node(), "Neg", {"x"}, {"a"});
  OnnxModel::fill(*branch(node, "else_branch", "b").add_node(), "Abs", {"x"}, {"b"});
  return model;
}

OnnxModel function() {
  OnnxModel model;
  model.proto.add_opset_import()->set_domain("mine");
  model.input("x", {"2", "batch"}).output("y");
  model.node("Twice", {"x"}, {"y"}).set_domain("mine");
  ::onnx::FunctionProto& twice = *model.proto.add_functions();
  twice.set_name("Twice");
  twice.set_domain("mine");
  twice.add_input("a");
  twice.add_output("b");
  twice.add_opset_import()->set_version(17);
  OnnxModel::fill(*twice.add_node(), "Add", {"a", "a"}, {"b"});
  return model;
}

OnnxModel recurrent() {
  OnnxModel model;
  model.input("x", {"3", "1", "2"}).output("y").floats("w", {1, 8, 2}, std::vector<float>(16, 0.5F));
  model.floats("r", {1, 8, 2}, std::vector<float>(16, 0.25F));
  attribute(model.node("LSTM", {"x", "w", "r"}, {"y", "h"}), "hidden_size", std::int64_t{2});
  return model;
}

OnnxModel quantised() {
  OnnxModel model;
  model.input("x", {"2", "3"}).output("y").floats("scale", {}, {0.5F});
  ::onnx::TensorProto& zero = *model.graph().add_initializer();
  zero.set_name("zero");
  zero.set_data_type(::onnx::TensorProto::INT8);
  zero.set_raw_data(std::string(1, '\3'));
  model.node("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale", "zero"}, {"y"});
  return model;
}

OnnxModel data_outside() {
  OnnxModel model;
  model.input("x", {"2"}).output("y").floats("w", {2}, {});
  ::onnx::TensorProto& tensor = *model.graph().mutable_initializer(0);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair{"location", "model.onnx"}, {"offset", "0"}, {"length", "8"}}) {
    ::onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  model.node("Mul", {"x", "w"}, {"y"});
  return model;
}

// ---- changes

// An empty model that can be looked into: the generated classes are made without reflection.
std::unique_ptr<Message> empty_model() {
  using namespace google::protobuf;
  static DescriptorPool pool;
  static DynamicMessageFactory factory;
  static const Message* prototype = [] {
    FileDescriptorSet schema;
    std::ifstream stream(NNC_ONNX_DESCRIPTION, std::ios::binary);
    demand(schema.ParseFromIstream(&stream) && schema.file_size() == 1, "the schema of ONNX is there");
    return factory.GetPrototype(pool.BuildFile(schema.file(0))->FindMessageTypeByName("ModelProto"));
  }();
  return std::unique_ptr<Message>(prototype->New());
}

void collect(Message& message, std::vector<Message*>& all) {
  all.push_back(&message);
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const Reflection& reflection = *message.GetReflection();
    if (!field->is_repeated()) collect(*reflection.MutableMessage(&message, field), all);
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(message, field); ++i) {
      collect(*reflection.MutableRepeatedMessage(&message, field, i), all);
    }
  }
}

// Names of the model's own values, of operators and attributes, and what no name should be.
std::string some_text(const std::vector<Message*>& all, Random& random) {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> result = {"",
                                       "int",
                                       "*/",
                                       "//\n#include <x>",
                                       "\"",
                                       "../../etc/passwd",
                                       "/dev/zero",
                                       "a\nb",
                                       "\xff\xfe",
                                       "?"
                                       "?/",
                                       "while",
                                       "999999999999999999",
                                       "-1",
                                       "model",
                                       "model.onnx",
                                       "NOTSET",
                                       "linear",
                                       "SAME_UPPER",
                                       "axes",
                                       "axis",
                                       "kernel_shape",
                                       "perm",
                                       "pads",
                                       "strides"};
    for (const EmbeddedFile& file : onnx_files()) {
      for (std::size_t at = file.text.find("\nfn "); at != std::string_view::npos;
           at = file.text.find("\nfn ", at + 1)) {
        const std::string_view header = file.text.substr(at + 4);
        result.emplace_back(header.substr(0, header.find('(')));
      }
    }
    return result;
  }();
  if (random() % 2 == 0) return any_of(words, random);
  if (random() % 64 == 0) return std::string(200'000, 'x');
  for (int attempt = 0; attempt < 8; ++attempt) {
    const Message& message = *any_of(all, random);
    const std::string& kind = message.GetDescriptor()->name();
    const FieldDescriptor* name = message.GetDescriptor()->FindFieldByName(kind == "NodeProto" ? "output" : "name");
    if ((kind != "NodeProto" && kind != "ValueInfoProto") || name == nullptr) continue;
    const Reflection& reflection = *message.GetReflection();
    if (!name->is_repeated()) return reflection.GetString(message, name);
    if (reflection.FieldSize(message, name) > 0) return reflection.GetRepeatedString(message, name, 0);
  }
  return "x";
}

std::int64_t some_integer(Random& random) {
  static const std::vector<std::int64_t> values = {
      -1, 0, 1, 2, 3, 4, 7, 8, 255, 65'536, -2, 1LL << 31, 1LL << 32, 3'037'000'500, INT64_MAX, INT64_MIN};
  return any_of(values, random);
}

void set(Message& message, const FieldDescriptor& field, const std::vector<Message*>& all, Random& random) {
  const Reflection& reflection = *message.GetReflection();
  const bool adds = field.is_repeated() && (reflection.FieldSize(message, &field) == 0 || random() % 3 == 0);
  const int at = adds || !field.is_repeated()
                     ? 0
                     : static_cast<int>(below(static_cast<std::size_t>(reflection.FieldSize(message, &field)), random));
#define NNC_SET(Type, value)                                   \
  if (adds) {                                                  \
    reflection.Add##Type(&message, &field, value);             \
  } else if (field.is_repeated()) {                            \
    reflection.SetRepeated##Type(&message, &field, at, value); \
  } else {                                                     \
    reflection.Set##Type(&message, &field, value);             \
  }                                                            \
  break
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      NNC_SET(Int32, static_cast<std::int32_t>(some_integer(random)));
    case FieldDescriptor::CPPTYPE_INT64:
      NNC_SET(Int64, some_integer(random));
    case FieldDescriptor::CPPTYPE_UINT32:
      NNC_SET(UInt32, static_cast<std::uint32_t>(some_integer(random)));
    case FieldDescriptor::CPPTYPE_UINT64:
      NNC_SET(UInt64, static_cast<std::uint64_t>(some_integer(random)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      NNC_SET(Double, static_cast<double>(some_integer(random)));
    case FieldDescriptor::CPPTYPE_FLOAT:
      NNC_SET(Float, static_cast<float>(some_integer(random)) / 4);
    case FieldDescriptor::CPPTYPE_BOOL:
      NNC_SET(Bool, random() % 2 == 0);
    case FieldDescriptor::CPPTYPE_ENUM:
      NNC_SET(EnumValue, static_cast<int>(below(24, random)));
    case FieldDescriptor::CPPTYPE_STRING:
      NNC_SET(String, some_text(all, random));
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      // Copied before the target is made: to set one member of a union ends the others.
      const Message& other = *any_of(all, random);
      const std::unique_ptr<Message> source(other.New());
      source->CopyFrom(other);
      Message& target = adds                  ? *reflection.AddMessage(&message, &field)
                        : field.is_repeated() ? *reflection.MutableRepeatedMessage(&message, &field, at)
                                              : *reflection.MutableMessage(&message, &field);
      if (source->GetDescriptor() == target.GetDescriptor()) target.CopyFrom(*source);
    }
  }
#undef NNC_SET
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> result;
  for (OnnxModel& model : std::vector<OnnxModel>{convolution(), shapes(), loop(), choice(), function(), recurrent(),
                                                 quantised(), data_outside()}) {
    result.push_back(model.proto.SerializeAsString());
  }
  return result;
}

std::string mutate(const std::string& input, Random& random) {
  const std::unique_ptr<Message> model = empty_model();
  if (random() % 16 == 0 || !model->ParseFromString(input)) return mutate_bytes(input, random);
  std::vector<Message*> all;
  collect(*model, all);
  Message& message = *any_of(all, random);
  const google::protobuf::Descriptor& kind = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> there;
  reflection.ListFields(message, &there);
  // Mostly what is there is changed; sometimes what is not is added.
  if (there.empty() || random() % 6 == 0) {
    if (kind.field_count() == 0) return input;
    set(message, *kind.field(static_cast<int>(below(static_cast<std::size_t>(kind.field_count()), random))), all,
        random);
    return model->SerializeAsString();
  }
  const FieldDescriptor& field = *any_of(there, random);
  const int size = field.is_repeated() ? reflection.FieldSize(message, &field) : 0;
  switch (below(8, random)) {
    case 0:
      reflection.ClearField(&message, &field);
      break;
    case 1:
      if (size > 0) reflection.RemoveLast(&message, &field);
      break;
    case 2:
      if (size > 1) {
        reflection.SwapElements(&message, &field, static_cast<int>(below(static_cast<std::size_t>(size), random)),
                                static_cast<int>(below(static_cast<std::size_t>(size), random)));
      }
      break;
    default:
      set(message, field, all, random);
  }
  return model->SerializeAsString();
}

void run(const std::string& input) {
  const std::string path = file_with("model.onnx", input);
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ImportedModel> readable = import_onnx_readable(path, {}, sources, diagnostics);
  demand(readable.has_value() != diagnostics.has_errors(), "there is a program, or an error");
  diagnostics.render(sources, false);
  if (readable) {
    for (const char c : readable->program) {
      demand(c == '\n' || static_cast<unsigned char>(c) >= ' ', "a program is text");
    }
  }
  // To read the library of operators is most of the time, so what needs it again is done for some inputs.
  if (std::hash<std::string>()(input) % 4 != 0) return;
  if (readable) {
    Diagnostics again;
    const std::int32_t file = sources.add("model.nn", readable->program);
    const ast::File tree = ast::parse(sources, file, again);
    demand(elaborate(tree, sources, again).has_value(), "what was imported is a program");
    format(sources, file);
  }
  SourceManager others;
  Diagnostics found;
  const std::optional<ElaboratedProgram> program = load_program(path, others, found, {});
  demand(program.has_value() == readable.has_value(), "what is imported compiles, and the reverse");
  if (program) compile_all(*program, others);
}

}  // namespace nnc::fuzz
