// What the library of ONNX operators is written with: static lists, stretching, rows written by index, places by size.
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;

// The outputs of a model for `x`, and for `i` if it has that input.
std::map<std::string, Tensor> run(const std::string& text, const Numbers& x, const std::vector<std::int64_t>& i = {}) {
  auto program = elaborate_text(text);
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  std::map<std::string, Tensor> inputs;
  for (const Value* input : graph.inputs) {
    const std::string name = input->producer->attributes.text("name");
    Tensor tensor = Tensor::zeros(input->type);
    if (name == "x") tensor.floats() = x;
    if (name == "i") tensor.integers() = i;
    inputs.emplace(name, std::move(tensor));
  }
  return evaluate(graph, inputs, {}).outputs;
}

TEST_CASE("lists: filter, sums, numbers of a constant, items by place") {
  const auto outputs =
      run("fn odd(items: ints) { filter(items, { i -> i % 2 == 1 }) }\n"
          "model M(x: f32[4]) -> (y: f32[3], z: f32[4], w: f32[2]) {\n"
          "  let places = odd(range(0, 6))\n"
          "  y = cast(places, f32) * sum(places)\n"
          "  let known: i64[2] = [5, 7]\n"
          "  z = x * numbers(known)[1]\n"
          "  w = x[:len(filter([x, x], { _t -> true }))]\n"
          "}\n",
          {1, 2, 3, 4});
  CHECK(outputs.at("y").floats() == Numbers{9, 27, 45});
  CHECK(outputs.at("z").floats() == Numbers{7, 14, 21, 28});
  CHECK(outputs.at("w").floats() == Numbers{1, 2});
}

TEST_CASE("numbers are those of constants only") {
  auto program = elaborate_text("model M(x: f32[4]) -> (y: f32[4]) { y = x * numbers(x)[0] }\n");
  CHECK(program->errors().find("expected numbers known at compile time, found f32[4]") != std::string::npos);
}

TEST_CASE("broadcast stretches sizes of 1") {
  const auto outputs = run("model M(x: f32[2, 1]) -> (y: f32[2, 3]) { y = broadcast(x, to: [2, 3]) }\n", {1, 2});
  CHECK(outputs.at("y").floats() == Numbers{1, 1, 1, 2, 2, 2});
  // Not where an axis is given: then the sizes are those of the axes.
  auto program = elaborate_text("model M(x: f32[1]) -> (y: f32[3, 2]) { y = broadcast(x, to: [3, 2], axis: 0) }\n");
  CHECK(program->diagnostics.has_errors());
}

TEST_CASE("padding with a value known at run time") {
  const auto outputs = run("model M(x: f32[3]) -> (y: f32[5]) { y = pad_with(x, [1], value: x[1]) }\n", {4, 5, 6});
  CHECK(outputs.at("y").floats() == Numbers{5, 4, 5, 6, 5});
}

TEST_CASE("scatter_into writes rows by index, or combines them with what is there") {
  const auto outputs =
      run("model M(x: f32[4], i: i32[3]) -> (set: f32[4], added: f32[4], least: f32[4]) {\n"
          "  set = scatter_into(x, i, x[:3])\n"
          "  added = scatter_into(x, i, x[:3], by: \"add\")\n"
          "  least = scatter_into(x, i, x[:3], by: \"minimum\")\n"
          "}\n",
          {1, 2, 3, 4}, {3, 0, 3});
  CHECK(outputs.at("set").floats() == Numbers{2, 2, 3, 3});
  CHECK(outputs.at("added").floats() == Numbers{3, 2, 3, 8});
  CHECK(outputs.at("least").floats() == Numbers{1, 2, 3, 1});
}

TEST_CASE("top_places names the largest, or the smallest, in order") {
  const auto outputs =
      run("model M(x: f32[2, 3]) -> (rows: i32[2, 2], columns: i32[1, 3]) {\n"
          "  rows = top_places(x, 2, axis: 1)\n"
          "  columns = top_places(x, 1, largest: false)\n"
          "}\n",
          {5, 9, 9, 6, 2, 7});
  CHECK(outputs.at("rows").integers() == std::vector<std::int64_t>{1, 2, 2, 0});
  CHECK(outputs.at("columns").integers() == std::vector<std::int64_t>{0, 1, 1});
}

}  // namespace
}  // namespace nnc
