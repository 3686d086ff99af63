// What run, bench and check share: one model of a file, compiled in process, its weights loaded and prepared.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/expected.h"
#include "compiler/commands/session.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

// The model that `name` (--model) chooses, or the only one; else an error that lists them.
Result<std::size_t> choose_model(const ElaboratedProgram& program, const std::string& name);

struct ChosenModel {
  ElaboratedProgram program;
  std::size_t index;  // of program.models
};
// The program at a path and the model of it that --model chooses; none if either is wrong, which is then on the
// console.
std::optional<ChosenModel> load_model(const std::string& path, const CompileOptions& options, SourceManager& sources,
                                      Diagnostics& diagnostics);

// The `train` blocks that --model and --stage choose, in their order; an error if there is no such model or block. None
// if nothing is asked for by name and there is none.
Result<std::vector<std::size_t>> choose_stages(const ElaboratedProgram& program, const std::string& model,
                                               const std::string& stage);

// Whether the model has a gradient: a float output, and a float input or parameter; else an error that says what is
// missing.
Status check_differentiable(const ElaboratedModel& model);

struct RunOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  std::vector<std::string> inputs;      // --input image=x.npy
  std::vector<std::string> outputs;     // --output scores=y.npy
  std::string output_dir;               // --output-dir: every output as NAME.npy
  ExpectOptions expect;                 // --expect scores=y.npy
  std::vector<std::string> cotangents;  // --cotangent scores=g.npy
  std::vector<std::string> gradients;   // --gradient image=dx.npy
  std::uint64_t seed = 0;               // of the parameters if there are no weights
};
int run(const RunOptions& options);

struct BenchOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  double seconds = 1;  // measured
  std::string json;
};
int bench(const BenchOptions& options);

struct GradientCheckOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  std::uint64_t seed = 0;
};
int check_gradients(const GradientCheckOptions& options);

}  // namespace nnc
