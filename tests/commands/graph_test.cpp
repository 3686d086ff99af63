// nnc graph: what it prints, and that its pictures can be read.
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/nnc_folder.h"

namespace nnc {
namespace {

constexpr const char* kProgram = R"(layer residual(x: f32[C, H, W]) {
  let y = x |> conv(C, kernel: 3, pad: same) |> relu
  relu(x + y)
}
cell count(x: f32[N]) -> f32[N] {
  state n: f32[N] = 0
  next n = n + x
  next n
}
model Net(image: f32[2, 4, 4], kind: class[3][2]) -> (scores: f32[5], seen: f32[8]) {
  layer body = residual
  let known = kind |> embedding(4) |> flatten
  scores = concat(image |> body |> global_avg_pool, known * known) |> dense(5)
  seen = known |> count
}
)";

struct Box {
  double x, y, width, height;
};

std::vector<Box> boxes_of(const std::string& svg) {
  static const std::regex kBox(R"re(<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)")re");
  std::vector<Box> boxes;
  for (std::sregex_iterator it(svg.begin(), svg.end(), kBox), end; it != end; ++it) {
    boxes.push_back({std::stod((*it)[1]), std::stod((*it)[2]), std::stod((*it)[3]), std::stod((*it)[4])});
  }
  return boxes;
}

bool overlap(const Box& a, const Box& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

// All boxes lie in the picture, and none on another.
void check_layout(const std::string& svg) {
  static const std::regex kSize(R"re(viewBox="0 0 (\d+) (\d+)")re");
  std::smatch size;
  REQUIRE(std::regex_search(svg, size, kSize));
  const double width = std::stod(size[1]), height = std::stod(size[2]);
  const std::vector<Box> boxes = boxes_of(svg);
  REQUIRE(boxes.size() > 1);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    CAPTURE(i);
    CHECK((boxes[i].x >= 0 && boxes[i].x + boxes[i].width <= width));
    CHECK((boxes[i].y >= 0 && boxes[i].y + boxes[i].height <= height));
    for (std::size_t k = 0; k < i; ++k) CHECK(!overlap(boxes[i], boxes[k]));
  }
  CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("graph: a table of the calls, with shapes, parameters and where each value comes from") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  CHECK(folder.nnc("graph net.nn").output ==
        "Net: 105 parameters, 420 B\n"
        "value            from                      shape         parameters\n"
        "image                                      f32[2, 4, 4]\n"
        "kind                                       class[3][2]\n"
        "embedding        kind                      f32[2, 4]             12  embedding(4)\n"
        "flatten          embedding                 f32[8]\n"
        "body.conv        image                     f32[2, 4, 4]          38  conv(C, kernel: 3, pad: same)\n"
        "body.relu        body.conv                 f32[2, 4, 4]\n"
        "+                image, body.relu          f32[2, 4, 4]\n"
        "body.relu_2      +                         f32[2, 4, 4]              relu(x + y)\n"
        "global_avg_pool  body.relu_2               f32[2]\n"
        "concat           flatten, global_avg_pool  f32[10]                   "
        "concat(image |> body |> global_avg_pool, kno…\n"
        "dense            concat                    f32[5]                55  dense(5)\n"
        "count            flatten                   f32[8]                    state\n"
        "scores           dense                     f32[5]\n"
        "seen             count                     f32[8]\n");
}

TEST_CASE("graph: a picture, the same bytes each time, its boxes beside one another") {
  const Folder folder;
  folder.write("net.nn", kProgram);
  REQUIRE(folder.nnc("graph net.nn -o net.svg").output == "");
  const std::string svg = folder.read("net.svg");
  CHECK(svg.starts_with("<svg xmlns="));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find(">f32[2, 4, 4] · 38 parameters<") != std::string::npos);
  CHECK(svg.find(">concat(image |&gt; body |&gt; global_avg_pool, kno…<") != std::string::npos);
  CHECK(svg.find(">f32[8] · state<") != std::string::npos);
  check_layout(svg);
  CHECK(boxes_of(svg).size() == 14);
  REQUIRE(folder.nnc("graph net.nn -o again.svg").status == 0);
  CHECK(folder.read("again.svg") == svg);
}

TEST_CASE("graph: every example, without a box upon another") {
  const Folder folder;
  int drawn = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NNC_SOURCE_DIR "/examples")) {
    const std::string program = entry.path().string() + "/model.nn";
    if (!std::filesystem::exists(program)) continue;
    CAPTURE(program);
    const Outcome outcome = folder.nnc("graph " + program + " -o model.svg");
    if (has(outcome, "--model")) continue;  // several models
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    check_layout(folder.read("model.svg"));
    ++drawn;
  }
  CHECK(drawn > 10);
}

TEST_CASE("graph: what cannot be drawn") {
  const Folder folder;
  folder.write("two.nn", "model A(x: f32) -> (y: f32) { y = x }\nmodel B(x: f32) -> (y: f32) { y = -x }\n");
  CHECK(folder.nnc("graph two.nn").status == 1);
  CHECK(has(folder.nnc("graph two.nn"), "--model"));
  CHECK(has(folder.nnc("graph two.nn --model B"), "B: no parameters\n"));
  CHECK(folder.nnc("graph two.nn --model A -o a.png").status == 2);
  CHECK(has(folder.nnc("graph two.nn --model A -o a.png"), "'a.png' should end in .svg"));
  CHECK(has(folder.nnc("graph two.nn --model A -o no/a.svg"), "there is no folder 'no'"));
  folder.write("bad.nn", "model A(x: f32) -> (y: f32) { y = z }\n");
  CHECK(folder.nnc("graph bad.nn -o bad.svg").status == 1);
  CHECK(!std::filesystem::exists(folder.file("bad.svg")));
}

}  // namespace
}  // namespace nnc
