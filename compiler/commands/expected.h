// Outputs as another program has computed them, from files: `--expect scores=y.npy`, with NumPy's rule for closeness.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/interop/array.h"

namespace nnc {

inline constexpr double kDefaultAtol = 1e-7;

struct ExpectOptions {
  std::vector<std::string> files;  // --expect scores=y.npy
  double rtol = 1e-3;              // the defaults are those of the backend tests of ONNX
  std::optional<double> atol;      // else kDefaultAtol
  double of_largest = 0;           // adds to atol so much of the largest element that is expected
};

// How far an output is from what is expected. An element is close if |found - expected| <= atol + rtol |expected|, both
// are NaN, or both the same infinity (numpy.allclose with equal_nan).
struct Closeness {
  std::int64_t elements = 0;
  std::int64_t far = 0;    // that are not close
  std::int64_t first = 0;  // the first of these, and the numbers there
  double found = 0, expected = 0;
  double absolute = 0, relative = 0;
};
// `more` adds to ATOL.
Closeness compare(const Array& found, const Array& expected, const ExpectOptions& options, double more = 0);

class ExpectedOutputs {
 public:
  // Reads the files; each must be of one of the outputs.
  static Result<ExpectedOutputs> load(const ExpectOptions& options, const std::vector<Output>& outputs);
  // As arrays that have the names of outputs.
  ExpectedOutputs(const ExpectOptions& options, std::vector<Array> arrays)
      : options_(options), arrays_(std::move(arrays)) {}
  ExpectedOutputs() = default;
  bool empty() const { return arrays_.empty(); }
  // Compares an output with its file if there is one, and prints a line. An error if the shapes differ.
  Status compare(const std::string& name, const Array& found, double more = 0);
  // Failure if something was not close.
  Status agreed() const;

 private:
  ExpectOptions options_;
  std::vector<Array> arrays_;
  std::vector<std::string> far_;  // outputs that are not close
};

}  // namespace nnc
