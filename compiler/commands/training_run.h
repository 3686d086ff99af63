// One stage of a training run: epochs of steps, and metrics on held-out data.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/commands/session.h"
#include "compiler/interop/dataset.h"

namespace nnc {

// The data-set inputs of a function: all but what the driver supplies (seed, epoch, example).
std::vector<WantedInput> wanted_inputs(const Graph& graph, std::int64_t batch);

struct EpochResult {
  std::int64_t epoch = 0;  // from 0
  double loss = 0;         // mean over the epoch's steps
  std::map<std::string, double> metrics;
  double seconds = 0;
};

class TrainingRun {
 public:
  // `session` holds a unit of UnitKind::Training whose step takes `batch` examples.
  TrainingRun(Session& session, std::int64_t batch, std::uint64_t seed);

  // Fills parameters and state by the emitted `init`.
  void initialise();
  // One epoch over `examples` in the order that the seed gives it. `between`: called after each step with the number of
  // steps done and their total; false stops. Returns the mean loss. A step whose loss is not finite is undone.
  double run_epoch(const DataSet& data, const Examples& examples, std::int64_t epoch,
                   const std::function<bool(std::int64_t done, std::int64_t total, float loss)>& between);
  // Metrics over all examples, the last partial batch counted.
  std::map<std::string, double> evaluate(const DataSet& data, const Examples& examples);

  // Why the last step's loss was not finite: the first value of the graph, in its order, that was not.
  std::string find_non_finite(const SourceManager& sources);

 private:
  // Memory for the inputs of a function, a batch each.
  struct Inputs {
    std::vector<std::vector<std::byte>> memory;
    std::vector<const void*> pointers;  // in the order of the graph's inputs
    std::vector<std::byte*> data;       // those that come from the data set
    std::byte* example = nullptr;
  };
  Inputs make_inputs(const Graph& graph);
  // The inputs of a step of the epoch.
  void fill_step(const DataSet& data, const Examples& examples, const Permutation& order, std::int64_t step);

  Session& session_;
  std::int64_t batch_;
  std::uint32_t seed_[2];
  float epoch_ = 0;
  Inputs step_;
  std::vector<std::uint64_t> chosen_;                    // examples of the step
  std::vector<std::byte> kept_parameters_, kept_state_;  // before an earlier step of the epoch
};

}  // namespace nnc
