// What each pass makes of a small graph, in IR text: one example a pass, as its header comment tells it.
#include <doctest/doctest.h>

#include "compiler/graph/print.h"
#include "compiler/graph/verify.h"
#include "compiler/passes/passes.h"

using namespace nnc;

namespace {

// `text` is the inside of a graph.
std::unique_ptr<Graph> parsed(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  std::unique_ptr<Graph> graph = parse_graph(sources, sources.add("test", "graph g {\n" + text + "}\n"), diagnostics);
  CHECK(diagnostics.render(sources, false) == "");
  REQUIRE(graph);
  CHECK(verify(*graph) == "");
  return graph;
}

void check_rewrite(const std::function<void(Graph&)>& pass, const std::string& before, const std::string& after) {
  const std::unique_ptr<Graph> graph = parsed(before), expected = parsed(after);
  pass(*graph);
  remove_dead(*graph);
  CHECK(verify(*graph) == "");
  CHECK_MESSAGE(same_graph(*graph, *expected), print(*graph));
}

// Inputs f32[2, 3].
std::string input(const std::string& name) {
  return "  %" + name + " = input() {classes=0, element=f32, name=\"" + name +
         "\", per_example=true, shape=[2, 3]} : f32[2, 3]\n";
}

}  // namespace

TEST_CASE("rewrites: remove_dead") {
  check_rewrite(remove_dead, input("x") + R"(
  %a = exp(%x) : f32[2, 3]
  %b = tanh(%x) : f32[2, 3]
  output y = %b
)",
                input("x") + R"(
  %b = tanh(%x) : f32[2, 3]
  output y = %b
)");
}

TEST_CASE("rewrites: merge_common") {
  check_rewrite(merge_common, input("x") + R"(
  %a = exp(%x) : f32[2, 3]
  %b = exp(%x) : f32[2, 3]
  %c = add(%a, %b) : f32[2, 3]
  output y = %c
)",
                input("x") + R"(
  %a = exp(%x) : f32[2, 3]
  %c = add(%a, %a) : f32[2, 3]
  output y = %c
)");
}

TEST_CASE("rewrites: simplify") {
  check_rewrite(simplify, input("x") + input("y") + R"(
  %a = transpose(%x) {permutation=[1, 0]} : f32[3, 2]
  %b = transpose(%a) {permutation=[1, 0]} : f32[2, 3]
  %c = multiply(%b, %y) : f32[2, 3]
  output z = %c
)",
                input("x") + input("y") + R"(
  %c = multiply(%x, %y) : f32[2, 3]
  output z = %c
)");
}

TEST_CASE("rewrites: differentiate") {
  auto differentiated = [](Graph& graph) {
    Diagnostics diagnostics;
    differentiate(graph, diagnostics);
  };
  check_rewrite(differentiated, input("x") + input("one") + R"(
  %y = sin(%x) : f32[2, 3]
  %d = gradient(%y, %one, %x) : f32[2, 3]
  output d = %d
)",
                input("x") + input("one") + R"(
  %0 = cos(%x) : f32[2, 3]
  %d_x = multiply(%one, %0) : f32[2, 3]
  output d = %d_x
)");
}

TEST_CASE("rewrites: lower_layout") {
  auto state = [](const std::string& shape) {
    return "  %w = state() {element=f32, kind=\"parameter\", name=\"w\", shape=" + shape + "} : f32" + shape + "\n";
  };
  check_rewrite([](Graph& graph) { lower_layout(graph, {}); }, input("x") + state("[4, 3]") + R"(
  %y = contraction(%x, %w) {spec="bi,oi->bo"} : f32[2, 4]
  output y = %y
)",
                input("x") + state("[4, 3]") + R"(
  %0 = transpose(%w) {permutation=[1, 0]} : f32[3, 4]
  %y = contraction(%x, %0) {spec="bi,io->bo"} : f32[2, 4]
  output y = %y
)");
}

TEST_CASE("rewrites: drop_empty") {
  check_rewrite(drop_empty, input("x") + R"(
  %e = input() {classes=0, element=f32, name="e", per_example=true, shape=[0, 3]} : f32[0, 3]
  %a = slice(%x) {start=[0, 0], stop=[2, 0], step=[1, 1]} : f32[2, 0]
  %b = exp(%e) : f32[0, 3]
  %c = concat(%b, %x) {axis=0} : f32[2, 3]
  output y = %c
  output nothing = %b
)",
                input("x") + R"(
  output y = %x
)");
}
