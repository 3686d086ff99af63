// nnc export and nnc import on the command line: what is written, and what comes back.
#include <string>

#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

constexpr const char* kProgram = R"(# Two layers, and how they are trained.
layer block(x: f32[I], units: int) { x |> dense(units) |> tanh }
model Net(x: f32[3]) -> (y: f32[2]) { y = x |> block(5) |> dense(2) }

train Net {
  input target: f32[2]
  minimize mse(y, target)
  with adam(rate: 1e-2)
}
)";

}  // namespace

TEST_CASE("a program and its weights come back from an ONNX file as they were") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  folder.write("data.csv", "1,2,3,0,1\n3,1,2,1,0\n");
  const std::string train = "train net.nn --data data.csv:x=0:3,target=3:5 --batch 1 --epochs 2 --quiet";
  REQUIRE(folder.nnc(train + " -o net.safetensors").status == 0);
  const Outcome exported = folder.nnc("export net.nn --weights net.safetensors -o net.onnx");
  CHECK(exported.output == "");
  REQUIRE(exported.status == 0);
  REQUIRE(folder.nnc("import net.onnx -o back.nn").status == 0);
  CHECK(folder.read("back.nn") == kProgram);
  // The file is a model wherever a program is.
  const std::string input = " --input data.csv:x=0:3 --output y=";
  REQUIRE(folder.nnc("run net.nn --weights net.safetensors" + input + "a.npy").status == 0);
  REQUIRE(folder.nnc("run net.onnx" + input + "b.npy").status == 0);
  REQUIRE(folder.nnc("run back.nn --weights back.safetensors" + input + "c.npy").status == 0);
  CHECK(folder.read("a.npy") == folder.read("b.npy"));
  CHECK(folder.read("a.npy") == folder.read("c.npy"));
}

TEST_CASE("the same program gives the same bytes, another seed others") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  for (const char* to : {"--seed 1 -o a.onnx", "--seed 1 -o b.onnx", "--seed 2 -o c.onnx", ""}) {
    REQUIRE(folder.nnc(std::string("export net.nn ") + to).status == 0);
  }
  CHECK(folder.read("a.onnx") == folder.read("b.onnx"));
  CHECK(folder.read("a.onnx") != folder.read("c.onnx"));
  CHECK(folder.has("net.onnx"));
}

TEST_CASE("a file with a batch runs many examples at once, and comes back as the program of one") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  folder.write("x.csv", "1,2,3\n3,1,2\n");
  REQUIRE(folder.nnc("export net.nn --batch open --seed 4 -o net.onnx").status == 0);
  REQUIRE(folder.nnc("run net.nn --seed 4 --input x.csv:x=0:3 --output y=a.npy").status == 0);
  REQUIRE(folder.nnc("run net.onnx --set batch=2 --input x.csv:x=0:3 --output y=b.npy").status == 0);
  CHECK(folder.read("a.npy") == folder.read("b.npy"));
  REQUIRE(folder.nnc("import net.onnx -o back.nn").status == 0);
  CHECK(folder.read("back.nn") == kProgram);
}

TEST_CASE("what export cannot do it says, and writes nothing") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  const Outcome named = folder.nnc("export net.nn -o net.pb");
  CHECK(named.status == 1);
  CHECK(has(named, "it must end in .onnx"));
  folder.write("two.nn", "model A(x: f32) -> (y: f32) { y = x }\nmodel B(x: f32) -> (y: f32) { y = x }\n");
  CHECK(has(folder.nnc("export two.nn"), "choose one with --model: A, B"));
  CHECK(folder.nnc("export two.nn --model B -o b.onnx").status == 0);
  folder.write("noisy.nn", "model N(x: f32[2]) -> (y: f32[2]) { y = x + uniform([2]) }\n");
  const Outcome noisy = folder.nnc("export noisy.nn");
  CHECK(noisy.status == 1);
  CHECK(has(noisy, "noisy.nn:1:45: unsupported: `uniform` cannot be said in ONNX"));
  CHECK(!folder.has("noisy.onnx"));
  CHECK(folder.nnc("export").status == 2);
  for (const char* batch : {"0", "many", "-1", "3x", ""}) {
    const Outcome outcome = folder.nnc(std::string("export net.nn --batch '") + batch + "'");
    CHECK(outcome.status == 2);
    CHECK(has(outcome, "is neither a number of examples nor open"));
  }
}

TEST_CASE("the state of a cell is an input and an output, and a note says so") {
  const Folder folder;
  folder.write("sum.nn",
               "cell count(x: f32[2]) -> f32[2] {\n  state n: f32[2] = 0\n  next n = n + x\n  next n\n}\n"
               "model Sum(x: f32[2]) -> (y: f32[2]) { y = x |> count }\n");
  const Outcome exported = folder.nnc("export sum.nn");
  CHECK(exported.status == 0);
  CHECK(has(exported, "note: the state 'count.n' is an input of the file, and 'count.n.next' an output"));
  REQUIRE(folder.nnc("import sum.onnx -o back.nn").status == 0);
  CHECK(folder.read("back.nn") == folder.read("sum.nn"));
}

}  // namespace nnc
