// Random graphs, jumps included, and their gradients: whatever rounding does, no step leaves its bound, and no pass
// changes what they mean.
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

void verify_random(std::uint32_t seed, Verified what, const test::RandomGraphOptions& of_graph) {
  CAPTURE(seed);
  const ElaboratedProgram program = program_of(test::random_graph(seed, of_graph), seed);
  const Graph& graph = program.models[0].forward;
  const std::string text = print(graph);
  CAPTURE(text);
  const SourceManager sources;
  CompileOptions options;
  options.target = *find_target("native");
  Verification verification(program, sources, what, 0, options);
  Diagnostics diagnostics;
  REQUIRE(verification.compile(diagnostics));
  Draws draws(seed);
  Progress progress(true);
  std::vector<Verification::Tensors> inputs;
  for (int call = 0; call < 2; ++call) inputs.push_back(random_inputs(draws, verification.function().graph));
  try {
    REQUIRE(verification.run(inputs, {}, 0, 1, draws, progress));
    const StepReport* const wrong = verification.first_wrong();
    if (wrong != nullptr) FAIL_CHECK(wrong->step << " " << wrong->operation << ": " << wrong->wrong);
    CHECK(verification.wrong_pass() == "");
  } catch (const InternalError& error) {
    FAIL_CHECK(error.message.substr(0, 600));
  }
}

// NNC_RANDOM_GRAPHS=1000: so many, to search for faults.
std::uint32_t last_seed(std::uint32_t usual) {
  const char* const wanted = std::getenv("NNC_RANDOM_GRAPHS");
  return wanted == nullptr ? usual : static_cast<std::uint32_t>(std::atoi(wanted));
}

TEST_CASE("random graphs: every step is what it means") {
  for (std::uint32_t seed = 1; seed <= last_seed(20); ++seed) {
    verify_random(seed, Verified::Forward, {.operations = 20});
  }
}

TEST_CASE("gradients of random graphs: every step is what it means") {
  for (std::uint32_t seed = 1; seed <= last_seed(10); ++seed) {
    verify_random(seed, Verified::Backward, {.operations = 12, .smooth = true});
  }
}

}  // namespace
}  // namespace nnc
