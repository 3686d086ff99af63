// print and parse: complete, and safe against any text.
#include "compiler/graph/print.h"

#include <doctest/doctest.h>

#include <random>

#include "compiler/graph/verify.h"
#include "compiler/ops/op.h"
#include "tests/support/random_graph.h"

namespace nnc {
namespace {

struct Parsed {
  std::unique_ptr<Graph> graph;
  std::string message;
};

Parsed parse(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  Parsed result{parse_graph(sources, sources.add("text.graph", text), diagnostics), ""};
  if (!result.graph) result.message = diagnostics.render(sources, false);
  return result;
}

TEST_CASE("random graphs are read back as they were, and their clones are the same") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    const Graph graph = test::random_graph(seed);
    REQUIRE(verify(graph) == "");
    const std::string text = print(graph);
    const Parsed again = parse(text);
    REQUIRE_MESSAGE(again.graph, again.message);
    CHECK(same_graph(*again.graph, graph));
    CHECK(print(*again.graph) == text);
    CHECK(same_graph(graph.clone(), graph));
  }
  CHECK(!same_graph(test::random_graph(1), test::random_graph(2)));
}

TEST_CASE("places, layers, names and special values") {
  SourceManager sources;
  const std::int32_t file = sources.add("dir/net.nn", "model Net {\n  h = x\n}\n");
  Graph graph;
  graph.name = "a b";
  Value* x = graph.input("x", {ElementType::F32, {2}}, true, {{file, 14, 15}, "conv1"});
  GraphBuilder builder(graph, {{}, "block.0"});
  builder.add(x, x)->name = "h";
  Value* h = builder.add(x, x);
  h->name = "h";
  Value* odd = builder.negate(h);
  odd->name = "two\nlines \"";
  Tensor special = Tensor::zeros({ElementType::F32, {5}});
  special.floats() = {-0.0, 1e300 * 1e300, -1e300 * 1e300, 0.0 / 0.0 * 1, 0.1};
  Value* constant = builder.constant(special);
  graph.outputs = {{"gradient:h", odd}, {"odd name", constant}};
  const std::string text = print(graph, &sources);
  CHECK(text ==
        "graph \"a b\" {\n"
        "  %x = input() {classes=0, element=f32, name=\"x\", per_example=true, shape=[2]} : f32[2]  ; net.nn:2 conv1\n"
        "  %h = add(%x, %x) : f32[2]  ; - block.0\n"
        "  %h#2 = add(%x, %x) : f32[2]  ; - block.0\n"
        "  %\"two\\x0alines \\\"\" = negate(%h#2) : f32[2]  ; - block.0\n"
        "  %0 = constant() {value=f32[5](-0.0, inf, -inf, nan, 0.1)} : f32[5]  ; - block.0\n"
        "  output gradient:h = %\"two\\x0alines \\\"\"\n"
        "  output \"odd name\" = %0\n"
        "}\n");
  const Parsed again = parse(text);
  REQUIRE_MESSAGE(again.graph, again.message);
  CHECK(same_graph(*again.graph, graph));
  CHECK(again.graph->ops[1]->origin.layer == "block.0");
}

TEST_CASE("faulty text is refused with its place") {
  const auto wrong = [](const std::string& body, const std::string& message) {
    const Parsed result = parse("graph g {\n" + body + "\n}\n");
    CHECK(!result.graph);
    CHECK_MESSAGE(result.message.find(message) != std::string::npos, result.message);
  };
  wrong("%0 = add(%1, %1) : f32[]", "text.graph:2:10: error: in a printed graph: this value is not defined");
  wrong("%0 = addd() : f32[]", "there is no primitive 'addd'");
  wrong("%0 = constant() : f32[]", "attribute 'value' is missing");
  wrong("%0 = constant() {value=f32[3](1.0)} : f32[3]", "another number of elements");
  wrong("%0 = constant() {value=f32[4000000000, 4000000000](splat 1.0)} : f32[1]", "too large");
  wrong("%0 = constant() {value=f32[](1.0)} : f32[1]", "does not have results of these types");
  wrong("%0 = iota() {axis=0, element=i32, shape=[-3]} : i32[3]", "negative extent");
  wrong("%0 = iota() {axis=0, element=i32, shape=[4000000000]} : i32[3]", "too large");
  wrong("%0 = iota() {axis=0, element=i32, shape=[2000000000, 2000000000, 2000000000]} : i32[3]", "too large");
  wrong("next s = %0", "value is not defined");
  wrong("output y", "expected '='");
  CHECK(parse("graph g { } more").graph == nullptr);
  CHECK(parse("").graph == nullptr);
}

TEST_CASE("damaged text never harms") {
  const std::string text = print(test::random_graph(3));
  std::mt19937 random(4);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = text;
    for (int k = 0; k < 3; ++k) {
      const std::size_t at = random() % damaged.size();
      const std::string pieces[] = {"", "%", "{", "\"", "999999999999", "[", "graph ", "nan"};
      damaged.replace(at, random() % 4, pieces[random() % 8]);
    }
    const Parsed result = parse(damaged);
    if (result.graph) CHECK(verify(*result.graph) == "");
    refused += result.graph ? 0 : 1;
  }
  CHECK(refused > 200);
}

}  // namespace
}  // namespace nnc
