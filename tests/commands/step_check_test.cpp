// Random graphs, jumps included: whatever rounding does, no step leaves its bound, and no pass changes what they mean.
#include <doctest/doctest.h>

#include <cstdlib>

#include "compiler/commands/verification.h"
#include "compiler/graph/print.h"
#include "tests/support/random_graph.h"

namespace nnc {
namespace {

// A model with the graph's states at random values.
ElaboratedProgram program_of(Graph graph, std::uint32_t seed) {
  ElaboratedProgram program;
  Graph init;
  for (const auto& [name, value] : test::random_states(graph, seed))
    init.outputs.push_back({name, init.constant(value)});
  program.models.push_back({"Random", std::move(graph), std::move(init), {}});
  return program;
}

TEST_CASE("random graphs: every step is what it means") {
  const char* const count = std::getenv("NNC_RANDOM_GRAPHS");
  for (std::uint32_t seed = 1; seed <= (count == nullptr ? 30u : static_cast<unsigned>(std::atoi(count))); ++seed) {
    CAPTURE(seed);
    const ElaboratedProgram program = program_of(test::random_graph(seed, {.operations = 20}), seed);
    const Graph& graph = program.models[0].forward;
    const std::string text = print(graph);
    CAPTURE(text);
    const SourceManager sources;
    CompileOptions options;
    options.target = *find_target("native");
    Verification verification(program, sources, Verified::Forward, 0, options);
    Diagnostics diagnostics;
    REQUIRE(verification.compile(diagnostics));
    Draws draws(seed);
    Progress progress(true);
    const std::vector<Verification::Tensors> inputs = {test::random_inputs(graph, seed),
                                                       test::random_inputs(graph, seed + 1)};
    try {
      REQUIRE(verification.run(inputs, {}, 0, 1, draws, progress));
      const StepReport* const wrong = verification.first_wrong();
      if (wrong != nullptr) FAIL_CHECK(wrong->step << " " << wrong->operation << ": " << wrong->wrong);
      CHECK(verification.wrong_pass() == "");
    } catch (const InternalError& error) {
      FAIL_CHECK(error.message.substr(0, 600));
    }
  }
}

}  // namespace
}  // namespace nnc
