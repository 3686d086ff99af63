// nnc --self-test: the program beside the code agrees with it under two compilers, and does not with other code.
#include <array>

#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

constexpr const char* kNetwork = R"(layer memory = gru(3)

model Picture(x: f32[2, 8, 8]) -> (y: f32[3], map: f32[5, 8, 8], best: i32) {
  layer first = conv(5, kernel: 3, pad: same)
  layer top = dense(3)
  map = first(x) |> batch_norm |> tanh
  y = map |> max_pool(2) |> flatten |> top
  best = argmax(y)
}

model Sequence(words: class[10][6]) -> (y: f32[6, 3]) {
  layer table = embedding(4)
  y = table(words) |> scan(memory)
}

train Picture {
  input label: class[3]
  minimize cross_entropy(y, label)
  metric accuracy(y, label)
  with adam(rate: 1e-3)
}
)";

constexpr std::array<const char*, 2> kCompilers = {"g++", "clang++-19"};
constexpr const char* kFlags = " -O2 -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror ";

Outcome build_and_run(const Folder& folder, const std::string& compiler, const std::string& flags = "") {
  return folder.run(compiler + kFlags + flags + " net.cpp net_test.cpp -o test && ./test");
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("the test agrees with the code, under both compilers") {
  const Folder folder;
  folder.write("net.nn", kNetwork);
  for (const char* arguments : {"", "--target generic", "--train --batch 2"}) {
    CAPTURE(arguments);
    REQUIRE(folder.nnc(std::string("net.nn -o net.cpp --self-test ") + arguments).output == "");
    for (const char* compiler : kCompilers) {
      CAPTURE(compiler);
      const Outcome outcome = build_and_run(folder, compiler);
      CHECK(outcome.status == 0);
      CHECK(has(outcome, "ok    picture::forward: y: largest error "));
      CHECK(has(outcome, "ok    picture::forward: map: "));
      CHECK(has(outcome, "ok    picture::forward: best: largest error 0, allowed 0"));
      CHECK(has(outcome, "FAIL") == false);
      CHECK(has(outcome, std::string(arguments).find("train") == std::string::npos ? "sequence::forward: y"
                                                                                   : "picture::step: loss"));
    }
  }
  // The same bytes each time, and nothing of a library without printf.
  const std::string text = folder.read("net_test.cpp");
  REQUIRE(folder.nnc("net.nn -o net.cpp --self-test --train --batch 2").status == 0);
  CHECK(folder.read("net_test.cpp") == text);
  const Outcome silent = build_and_run(folder, "g++", "-DNNC_NO_STDIO -ffreestanding");
  CHECK(silent.status == 0);
  CHECK(silent.output == "");
}

TEST_CASE("code that computes something else fails the test") {
  const Folder folder;
  folder.write("net.nn", kNetwork);
  REQUIRE(folder.nnc("net.nn --model Picture -o net.cpp --self-test").status == 0);
  const std::string code = folder.read("net.cpp");
  folder.write("net.cpp", replaced(code, "= tanh(t0);", "= t0;"));
  const Outcome wrong = build_and_run(folder, "g++");
  CHECK(wrong.status == 1);
  CHECK(has(wrong, "FAIL  picture::forward: y: "));
  CHECK(has(wrong, "FAIL  picture::forward: map: "));
  // One element of a large output.
  folder.write("net.cpp", replaced(code, "\nvoid forward(", "\nvoid forward_(") +
                              "\nnamespace picture {\n"
                              "void forward(const Prepared& prepared, const float (&x)[2][8][8], float (&y)[3],\n"
                              "             float (&map)[5][8][8], std::int32_t& best, Arena& arena) {\n"
                              "  forward_(prepared, x, y, map, best, arena);\n"
                              "  map[2][3][4] += 1e-3f;\n}\n}\n");
  const Outcome element = build_and_run(folder, "g++");
  CHECK(element.status == 1);
  CHECK(has(element, "FAIL  picture::forward: map: "));
  CHECK(has(element, "ok    picture::forward: y: "));
}

TEST_CASE("weights that are embedded, and weights in a file") {
  const Folder folder;
  folder.write("net.nn", R"(model Net(x: f32[2], hidden: int = 8) -> (y: f32[2]) {
  y = x |> dense(hidden) |> relu |> dense(hidden) |> dense(2)
}
train Net {
  input label: class[2]
  minimize cross_entropy(y, label)
  with sgd(rate: 0.1)
}
)");
  folder.write("x.csv", "0,1,0\n1,0,1\n1,1,0\n0,0,1\n");
  for (const char* hidden : {"8", "600"}) {
    CAPTURE(hidden);
    const std::string set = std::string(" --set hidden=") + hidden;
    REQUIRE(folder.nnc("train net.nn --data x.csv:x=0:2,label=2 --batch 2 --epochs 1 -o w.safetensors --quiet" + set)
                .status == 0);
    REQUIRE(folder.nnc("net.nn --weights w.safetensors -o net.cpp --self-test" + set).output == "");
    const bool is_embedded = std::string(hidden) == "8";
    CHECK(folder.has("net.weights") != is_embedded);
    CHECK((folder.read("net_test.cpp").find("The weights of net.weights are no part of it") == std::string::npos) ==
          is_embedded);
    CHECK(build_and_run(folder, "g++").status == 0);
  }
}

TEST_CASE("a stream is tested step by step") {
  const Folder folder;
  folder.write("net.nn", R"(model Net(x: f32[8, 2]) -> (y: f32[8, 3]) {
  layer memory = lstm(3)
  y = x |> scan(memory)
}
)");
  REQUIRE(folder.nnc("net.nn --stream x -o net.cpp --self-test").output == "");
  const Outcome outcome = build_and_run(folder, "g++");
  CHECK(outcome.status == 0);
  CHECK(has(outcome, "ok    net::forward: y: "));
}

TEST_CASE("the command line") {
  const Folder folder;
  folder.write("net.nn", "model Net(x: f32[2]) -> (y: f32[2]) {\n  y = 2 * x\n}\n");
  const Outcome plan = folder.nnc("net.nn --emit=plan --self-test");
  CHECK(plan.status == 2);
  CHECK(has(plan, "--self-test goes with C++, not with --emit=plan"));
  REQUIRE(folder.nnc("net.nn -o net.cc --self-test").status == 0);
  CHECK(folder.has("net_test.cc"));
  // What would replace a file that is read is refused.
  folder.write("net_test.cpp", "model Net(x: f32[2]) -> (y: f32[2]) {\n  y = 2 * x\n}\n");
  CHECK(has(folder.nnc("net_test.cpp -o net.cpp --self-test"), "would be replaced by the output"));
}

}  // namespace
}  // namespace nnc
