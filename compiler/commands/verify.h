// nnc verify: emitted code beside the evaluator, step by step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/expected.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

struct VerifyOptions {
  std::string model_path;
  CompileOptions compile;
  WeightsOption weights;
  std::vector<std::string> inputs;  // --input image=x.npy; none: drawn
  ExpectOptions expect;
  std::uint64_t seed = 0;             // of inputs, and of parameters without weights
  std::optional<std::int64_t> calls;  // --calls; else one, or three of a model with state
  double tolerance = 1;               // times the bounds
  bool gradients = false;             // the backward code instead
  std::string against;                // --against onnxruntime; empty: no other program
  std::string python;                 // that has it; empty: the environment's NNC_PYTHON, or python3
  std::string json;
};
int verify(const VerifyOptions& options);

}  // namespace nnc
