// nnc verify --against onnxruntime. Another program stands in for the Python that has ONNX Runtime: it keeps what it is
// asked, and answers what the test has laid ready. Where the real one is installed it is asked too.
#include "compiler/interop/arrays.h"
#include "compiler/interop/npy.h"
#include "tests/onnx/model.h"

namespace nnc {
namespace {

// y = Relu(x + b) * 3, with b = [1, -1, 0.5].
std::string model() {
  OnnxModel model;
  model.input("x", {"batch", "3"}).floats("b", {3}, {1, -1, 0.5f}).floats("three", {}, {3});
  model.node("Add", {"x", "b"}, {"sum"});
  model.node("Relu", {"sum"}, {"positive"});
  model.node("Mul", {"positive", "three"}, {"y"});
  return model.output("y").proto.SerializeAsString();
}

class Stand {
 public:
  Stand() {
    folder.write("model.onnx", model());
    folder.write("x.csv", "x0,x1,x2\n1,2,-3\n");
    // The first run asks for the output, the second for all values.
    folder.write("python",
                 "#!/bin/sh\nrm -rf \"$(dirname \"$0\")/asked\"\ncp -r \"$3\" \"$(dirname \"$0\")/asked\"\n"
                 "grep -q '\"outputs\":\\[\"y\"\\]' \"$3/job.json\" && answer=output || answer=values\n"
                 "cp \"$(dirname \"$0\")/$answer\"/*.npy \"$3\"\necho 9.8.7\n");
    std::filesystem::permissions(folder.file("python"), std::filesystem::perms::owner_all);
    std::filesystem::create_directory(folder.file("output"));
    std::filesystem::create_directory(folder.file("values"));
  }
  void answer(const std::string& name, const std::vector<float>& values) const {
    Array array;
    array.shape = {1, static_cast<std::int64_t>(values.size())};
    array.bytes = std::as_bytes(std::span(values));
    REQUIRE(write_npy(folder.file(name), array));
  }
  Outcome verify(const std::string& more = "") const { return folder.nnc(kInput + more); }

  static inline const std::string kInput =
      "verify model.onnx --set batch=1 --input x.csv:x=0:3 --against onnxruntime --python ./python ";
  const Folder folder;
};

TEST_CASE("outputs that agree with ONNX Runtime, which is given the same inputs") {
  const Stand stand;
  stand.answer("output/y0_0.npy", {6, 3, 0});
  const Outcome same = stand.verify("--json figures.json");
  CAPTURE(same.output);
  CHECK(same.status == 0);
  CHECK(has(same, "outputs, beside ONNX Runtime 9.8.7\n  y f32[1, 3]: as expected; largest difference 0"));
  CHECK(stand.folder.read("figures.json").find("\"version\": \"9.8.7\",\n    \"ok\": true") != std::string::npos);
  const Result<std::vector<Array>> asked = load_file(stand.folder.file("asked/x0_0.npy"));
  REQUIRE(asked);
  const Tensor given = tensor_from_array(asked->front());
  CHECK(given.type == Type{ElementType::F32, {1, 3}});
  CHECK(given.floats() == std::vector<double>{1, 2, -3});
}

TEST_CASE("the first value that differs is named, with its node") {
  const Stand stand;
  stand.answer("output/y0_0.npy", {6, 3.1f, 0});
  stand.answer("values/y0_0.npy", {2, 1, -2.5f});
  stand.answer("values/y0_1.npy", {2, 1.0333f, 0});
  stand.answer("values/y0_2.npy", {6, 3.1f, 0});
  const Outcome other = stand.verify("--json figures.json");
  CAPTURE(other.output);
  CHECK(other.status == 1);
  CHECK(has(other, "y f32[1, 3]: 1 of 3 elements differ, the first [0, 1]: 3, expected 3.0"));
  CHECK(has(other, "nnc: error: ONNX Runtime gives other outputs; the first value that differs is 'positive', of "));
  CHECK(has(other, "Relu_positive"));
  CHECK(has(other, "[0, 1] is 1, by ONNX Runtime 1.0333"));
  CHECK(stand.folder.read("figures.json").find("\"ok\": false") != std::string::npos);
  // The file that it was given then has these outputs alone.
  ::onnx::ModelProto asked;
  REQUIRE(asked.ParseFromString(stand.folder.read("asked/model.onnx")));
  REQUIRE(asked.graph().output_size() == 3);
  CHECK(asked.graph().output(1).name() == "positive");
  CHECK(stand.verify("--rtol 0.05").status == 0);
}

TEST_CASE("what stands in the way is told") {
  const Stand stand;
  const auto refused = [&](const std::string& message) {
    const Outcome outcome = stand.verify();
    CAPTURE(outcome.output);
    CHECK(outcome.status == 1);
    CHECK(has(outcome, message));
  };
  stand.folder.write("python", "#!/bin/sh\necho \"No module named 'onnxruntime'\"\nexit 3\n");
  refused(
      "'./python' does not have ONNX Runtime (No module named 'onnxruntime'); 'pip install onnxruntime', or choose");
  stand.folder.write("python", "#!/bin/sh\necho 'Fail: no such operator'\nexit 1\n");
  refused("ONNX Runtime does not run the model: Fail: no such operator");
  std::filesystem::remove(stand.folder.file("python"));
  refused("there is no Python './python'; choose another Python with --python or NNC_PYTHON");
  CHECK(has(stand.folder.nnc("verify model.onnx --against another"), "onnxruntime"));
  stand.folder.write("net.nn", "model Double(x: f32[3]) -> (y: f32[3]) {\n  y = 2 * x\n}\n");
  CHECK(
      has(stand.folder.nnc("verify net.nn --against onnxruntime"), "ONNX Runtime runs .onnx models; 'net.nn' is none"));
  CHECK(stand.folder.nnc("verify net.nn --python x").status == 2);
}

bool is_installed() {
  return std::system("\"${NNC_PYTHON:-python3}\" -c 'import numpy, onnxruntime' >/dev/null 2>&1") == 0;
}

TEST_CASE("ONNX Runtime itself agrees" * doctest::skip(!is_installed())) {
  const Folder folder;
  folder.write("model.onnx", model());
  const Outcome same = folder.nnc("verify model.onnx --set batch=2 --calls 3 --against onnxruntime");
  CAPTURE(same.output);
  CHECK(same.status == 0);
  CHECK(has(same, "y f32[3, 2, 3]: as expected"));
}

}  // namespace
}  // namespace nnc
