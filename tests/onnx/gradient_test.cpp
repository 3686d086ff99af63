// Gradients of imported models: checked beside slopes, and computed by the emitted code.
#include <limits>

#include "compiler/interop/arrays.h"
#include "tests/onnx/model.h"

namespace nnc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void save(const Folder& folder, OnnxModel& model) { folder.write("model.onnx", model.proto.SerializeAsString()); }

std::vector<double> numbers(const Folder& folder, const std::string& file) {
  const Result<std::vector<Array>> arrays = load_file(folder.file(file));
  REQUIRE(arrays);
  return tensor_from_array(arrays->front()).floats();
}

TEST_CASE("nnc check --gradients: inputs and weights of an imported model") {
  const Folder folder;
  OnnxModel model;
  model.input("x", {"batch", "1", "4", "4"}).floats("weight", {2, 1, 2, 2}, {0.5f, -1, 2, 0.25f, 1, 1, -2, 0.75f});
  model.floats("scale", {2}, {1, 2}).floats("shift", {2}, {0, 1}).floats("mean", {2}, {0.1f, 0});
  // A variance that moving it a little would make negative.
  model.floats("variance", {2}, {0.01f, 0.02f});
  model.node("Conv", {"x", "weight"}, {"c"});
  model.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"n"});
  model.node("Tanh", {"n"}, {"t"});
  model.node("GlobalAveragePool", {"t"}, {"y"});
  save(folder, model.output("y"));
  const Outcome outcome = folder.nnc("check --gradients model.onnx --set batch=2");
  CAPTURE(outcome.output);
  CHECK(outcome.status == 0);
  CHECK(has(outcome, "  x [2, 1, 4, 4] "));
  CHECK(has(outcome, "  weight [2, 1, 2, 2] "));
  CHECK(has(outcome, "  variance [2] "));
  CHECK(!has(outcome, "everywhere"));
}

TEST_CASE("nnc run --cotangent: gradients of an imported model by its emitted code") {
  const Folder folder;
  OnnxModel model;
  model.input("x", {"3"}).floats("b", {3}, {1, -1, 0.5f}).floats("w", {3}, {3, 2, 1});
  model.node("Add", {"x", "b"}, {"sum"});
  model.node("Relu", {"sum"}, {"positive"});
  model.node("Mul", {"positive", "w"}, {"y"});
  save(folder, model.output("y"));
  folder.write("x.csv", "1,2,-3\n0,0,0\n");
  folder.write("g.csv", "1,10,100\n2,20,200\n");
  const Outcome outcome = folder.nnc(
      "run model.onnx --input x.csv:x=0:3 --cotangent g.csv:y=0:3 "
      "--gradient x=dx.npy --gradient b=db.npy --gradient w=dw.npy");
  CAPTURE(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(numbers(folder, "dx.npy") == std::vector<double>{3, 20, 0, 6, 0, 200});
  CHECK(numbers(folder, "db.npy") == std::vector<double>{9, 20, 200});
  CHECK(numbers(folder, "dw.npy") == std::vector<double>{2 * 1 + 1 * 2, 1 * 10, 0.5 * 200});
}

TEST_CASE("gradients of parameters of 16 bits are written in their type") {
  const Folder folder;
  folder.write("half.nn", "model Half(x: f16[3]) -> (y: f16[3]) {\n  param w: f16[3] = 0.5\n  y = w * x\n}\n");
  folder.write("x.csv", "1,2,3\n1,1,1\n");
  folder.write("g.csv", "1,2,4\n1,1,1\n");
  const Outcome outcome =
      folder.nnc("run half.nn --input x.csv:x=0:3 --cotangent g.csv:y=0:3 --gradient w=dw.npy --gradient x=dx.npy");
  CAPTURE(outcome.output);
  REQUIRE(outcome.status == 0);
  CHECK(numbers(folder, "dw.npy") == std::vector<double>{2, 5, 13});
  CHECK(load_file(folder.file("dw.npy"))->front().element == ElementType::F16);
}

TEST_CASE("what is not finite is left out of the slopes") {
  const Folder folder;
  OnnxModel model;
  model.input("x", {"64"});
  model.node("Sqrt", {"x"}, {"y"});
  save(folder, model.output("y"));
  const Outcome outcome = folder.nnc("check --gradients model.onnx");
  CAPTURE(outcome.output);
  CHECK(outcome.status == 0);
  CHECK(has(outcome, " of 64 elements of outputs are not finite at this point, and left out"));
  CHECK(has(outcome, "more where a value inside is NaN"));
}

TEST_CASE("a model without a float input or output has no gradient") {
  const Folder folder;
  OnnxModel model;
  model.input("x", {"3"}, ::onnx::TensorProto::INT32);
  ::onnx::NodeProto& node = model.node("Cast", {"x"}, {"y"});
  attribute(node, "to", ::onnx::TensorProto::FLOAT);
  save(folder, model.output("y"));
  folder.write("x.csv", "1,2,3\n");
  const std::string message = "has no gradient: it has no float input and no parameter";
  CHECK(has(folder.nnc("check --gradients model.onnx"), message));
  const Outcome run = folder.nnc("run model.onnx --input x.csv:x=0:3 --cotangent x.csv:y=0:3 --gradient x=dx.npy");
  CHECK(run.status == 1);
  CHECK(has(run, message));
  const Outcome verify = folder.nnc("verify model.onnx --gradients");
  CHECK(verify.status == 1);
  CHECK(has(verify, message));
}

TEST_CASE("nothing flows back from a query that sees no key") {
  const Folder folder;
  OnnxModel model(23);
  for (const char* name : {"q", "k", "v"}) model.input(name, {"1", "1", "2", "3"});
  model.floats("mask", {2, 2}, {0, 0, -kInfinity, -kInfinity});
  model.node("Attention", {"q", "k", "v", "mask"}, {"y"});
  save(folder, model.output("y"));
  const Outcome outcome = folder.nnc("check --gradients model.onnx");
  CAPTURE(outcome.output);
  CHECK(outcome.status == 0);
  CHECK(!has(outcome, "NaN"));
  CHECK(has(outcome, "  k [1, 1, 2, 3] "));
}

TEST_CASE("the rate of Adam's first step has a gradient") {
  const Folder folder;
  OnnxModel model;
  model.proto.add_opset_import()->set_domain("ai.onnx.preview.training");
  model.proto.mutable_opset_import(1)->set_version(1);
  model.input("R", {}).input("T", {}, ::onnx::TensorProto::INT64);
  for (const char* name : {"X", "G", "V", "H"}) model.input(name, {"2"});
  model.node("Adam", {"R", "T", "X", "G", "V", "H"}, {"X2", "V2", "H2"}).set_domain("ai.onnx.preview.training");
  save(folder, model.output("X2"));
  folder.write("zero.csv", "0\n");
  // H is a mean of squares; T is 0 in the first step.
  folder.write("ones.csv", "1,1\n");
  const Outcome outcome = folder.nnc(
      "run model.onnx --input zero.csv:T=0 --input ones.csv:R=0 --input ones.csv:X=0:2 --input ones.csv:G=0:2 "
      "--input ones.csv:V=0:2 --input ones.csv:H=0:2 --cotangent ones.csv:X2=0:2 --gradient R=dr.npy");
  CAPTURE(outcome.output);
  REQUIRE(outcome.status == 0);
  // The new moments are 1, so each number loses R / (1 + 1e-6).
  const std::vector<double> rate = numbers(folder, "dr.npy");
  REQUIRE(rate.size() == 1);
  CHECK(rate[0] == doctest::Approx(-2 / (1 + 1e-6)));
}

}  // namespace
}  // namespace nnc
