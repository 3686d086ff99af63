// Elaborates programs and evaluates their graphs: shared by the tests of this folder.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "compiler/elaborate/elaborate.h"
#include "compiler/graph/evaluate.h"
#include "compiler/graph/verify.h"
#include "dsl/parser.h"

namespace nnc {

struct Elaborated {
  SourceManager sources;
  Diagnostics diagnostics;
  std::optional<ElaboratedProgram> program;

  std::string errors() { return diagnostics.render(sources, false); }
  const ElaboratedModel& model(std::size_t i = 0) { return program->models.at(i); }
  const ElaboratedStage& stage(std::size_t i = 0) { return program->stages.at(i); }
};

inline void elaborate_file(Elaborated& result, std::int32_t file, const ElaborateOptions& options) {
  ast::File tree = ast::parse(result.sources, file, result.diagnostics);
  if (!result.diagnostics.has_errors()) {
    result.program = elaborate(tree, result.sources, result.diagnostics, options);
  }
}

inline std::unique_ptr<Elaborated> elaborate_text(const std::string& text, const ElaborateOptions& options = {}) {
  auto result = std::make_unique<Elaborated>();
  elaborate_file(*result, result->sources.add("test.nn", text), options);
  return result;
}

// One of tests/programs, by the beginning of its name.
inline std::unique_ptr<Elaborated> elaborate_program(const std::string& name, const ElaborateOptions& options = {}) {
  auto result = std::make_unique<Elaborated>();
  std::string error;
  std::optional<std::int32_t> file = result->sources.load(NNC_SOURCE_DIR "/tests/programs/" + name + ".nn", error);
  REQUIRE_MESSAGE(file.has_value(), error);
  elaborate_file(*result, *file, options);
  return result;
}

// Numbers in [-1, 1), the same in each run.
inline Tensor some_tensor(const Type& type, unsigned seed) {
  Tensor tensor = Tensor::zeros(type);
  unsigned state = seed * 2654435761u + 12345u;
  for (double& value : tensor.floats()) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<double>(state >> 8) / 8388608.0 - 1.0;
  }
  return tensor;
}

// Some value for each state of the graph.
inline std::map<std::string, Tensor> some_states(const Graph& graph, unsigned seed) {
  std::map<std::string, Tensor> states;
  for (const State& state : graph.states) {
    states[state.name] =
        is_float(state.value->type.element) ? some_tensor(state.value->type, ++seed) : Tensor::zeros(state.value->type);
  }
  return states;
}

inline std::map<std::string, Tensor> initial_states(const Graph& init, unsigned seed) {
  Tensor key = Tensor::zeros({ElementType::U32, {2}});
  key.integers() = {static_cast<std::int64_t>(seed), 7};
  return evaluate(init, {{kSeedName, key}}, {}).outputs;
}

inline Tensor vector_of(std::vector<double> values) {
  Tensor tensor = Tensor::zeros({ElementType::F32, {static_cast<std::int64_t>(values.size())}});
  tensor.floats() = std::move(values);
  return tensor;
}

inline void check_close(const std::vector<double>& actual, const std::vector<double>& expected,
                        double tolerance = 1e-9) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(tolerance));
  }
}

}  // namespace nnc
