// `nnc verify model.onnx --against onnxruntime`: what the imported model computes beside what ONNX Runtime does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/commands/expected.h"
#include "compiler/commands/onnxruntime.h"
#include "compiler/onnx/import.h"

namespace nnc {

// Where numbers cancel, two programs that round may be apart by so much of the largest element, and by so many times
// what rounding has done to nnc's own numbers.
inline constexpr double kAgainstOfLargest = 1e-5;
inline constexpr double kAgainstRounding = 8;

class Against {
 public:
  using Tensors = std::map<std::string, Tensor>;

  // `inputs`: of each call, by their names in the program; also those that have no elements. All outlive this.
  Against(const std::string& path, const std::map<std::string, std::string>& settings, const ImportedModel& model,
          const std::vector<Tensors>& inputs, const std::string& python);

  // The outputs of all calls, by their names in the program; with `has_axis` they have an axis for the calls.
  Result<std::vector<Array>> outputs(bool has_axis);
  // After `outputs`.
  const std::string& version() const { return version_; }

  // The first value, in the order of computation, that ONNX Runtime computes otherwise than the imported program means,
  // in double; with its node. Says so if there is none.
  Result<std::string> first_apart(const ExpectOptions& closeness);

 private:
  std::vector<Tensors> named(const ImportedModel& model) const;

  const std::string& path_;
  const std::map<std::string, std::string>& settings_;
  const ImportedModel& model_;
  const std::vector<Tensors>& inputs_;
  std::string python_;
  std::string version_;
};

}  // namespace nnc
