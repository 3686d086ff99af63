// One official ONNX case: a folder with model.onnx, input_<k>.npy, output_<k>.npy and tol.txt (relative and absolute
// tolerance).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/inference.h"

namespace nnc {

// NotDifferentiable: nothing flows from a float input to a float output, so there is no gradient to check.
enum class Verdict { Pass, Refused, NotDifferentiable, Wrong, Crash };

struct Outcome {
  Verdict verdict = Verdict::Pass;
  std::string reason;
};

struct Case {
  std::vector<Tensor> inputs, outputs;
  double relative = 1e-3, absolute = 1e-7;
  SourceManager sources;
  std::optional<ElaboratedProgram> program;
  std::map<std::string, Tensor> named;       // the inputs, by their names in the program
  std::map<std::string, Tensor> parameters;  // by path
};

std::string first_line(const std::string& text);

std::vector<std::byte> bytes_of(const Tensor& tensor);

// NumPy's allclose: |a - b| <= absolute + relative |b|; infinities and NaN as they are. Empty: they are close.
std::string difference(const Tensor& got, const Tensor& wanted, double relative, double absolute);

// The gradient of the case at its inputs, beside slopes in double and, unless `evaluator_only`, computed by the emitted
// code too.
Outcome check_gradient(const Case& test, bool evaluator_only);

}  // namespace nnc
