// What the values that a model computes are like over data: `nnc report --activations`, `nnc train --monitor`.
//
// A row is a call in the user's text (compiler/probes.h), in its inference life:
//   mean, std   of all elements of all examples; the std is that of the elements themselves (divided by their number)
//   saturated   of an activation, y = f(x) element by element: the share of the elements where |dy/dx| < 0.1
//   dead        the share of its units (the elements of one example) with |dy/dx| < 1e-6 in every example
//   histogram   of equal parts of the range that the values of all calls of the same function span
// Numbers that are not finite are counted apart and enter none of these.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/session.h"
#include "compiler/compile.h"
#include "compiler/interop/dataset.h"

namespace nnc {

class Progress;

struct Activation {
  std::string call;                       // "block1.relu"
  std::string function;                   // "relu"
  Shape shape;                            // of one example
  std::uint64_t count = 0;                // finite numbers, over all examples
  std::uint64_t not_finite = 0;           // the others
  double mean = 0, std = 0;               // of the finite numbers
  double minimum = 0, maximum = 0;        // the same
  std::optional<double> saturated, dead;  // in [0, 1]; of an activation
  double low = 0, high = 0;               // range of the histogram
  std::vector<std::uint64_t> histogram;
};

class ActivationProbe {
 public:
  // Compiles the model. Fails if its text has no call to show.
  static Result<std::unique_ptr<ActivationProbe>> start(const ElaboratedProgram& program, std::size_t model,
                                                        const CompileOptions& options, const SourceManager& sources);
  // Its parameters are filled before measure().
  Session& session() { return *session_; }
  // `data`: bound to wanted_inputs() of the model's forward graph. `seed`: of what the model draws. Fails if the data
  // hold a number that is not finite.
  Result<std::vector<Activation>> measure(const DataSet& data, const Examples& examples, std::uint64_t seed,
                                          Progress& progress);

 private:
  // The values of one call, for the examples of a batch.
  struct Probed {
    Probe probe;
    std::vector<float> values, slopes;
    std::vector<float> steepest;  // of each unit, over the examples so far
    double sum = 0, squares = 0;
    std::uint64_t flat = 0;  // slopes below kSaturatedSlope
  };
  struct Input {
    std::string name;
    Type type;  // of a batch
    std::vector<std::byte> bytes;
  };

  ActivationProbe() = default;
  // Calls the model for all examples, a batch at a time, then visit(count): so many examples of the batch count.
  template <class Visit>
  Status for_each_batch(const DataSet& data, const Examples& examples, std::uint64_t seed, Progress& progress,
                        const Visit& visit);
  Status check_finite(const Examples& examples, std::uint64_t first, std::uint64_t count) const;
  void add_sums(Probed& probed, Activation& activation, std::uint64_t count);
  static void share_ranges(std::vector<Activation>& activations);

  std::unique_ptr<Session> session_;
  std::uint64_t batch_ = 1;
  std::vector<Probed> probed_;
  std::vector<Input> inputs_;
};

// The rows as text, a header line first if wanted; each ends with a line feed.
std::string activations_text(const std::vector<Activation>& activations, bool has_header);
nlohmann::ordered_json activations_json(const std::vector<Activation>& activations);

}  // namespace nnc
