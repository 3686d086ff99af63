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

// How far a stage has come.
struct EpochPlace {
  std::int64_t epoch = 0;  // epochs that are complete
  std::int64_t step = 0;   // steps of the next one that are
  double loss_sum = 0;     // over these steps
};

// What the examples are, and so how they are visited and what becomes of recurrent states.
enum class Order {
  Independent,  // shuffled anew each epoch; every step begins from the initial states
  Carried,      // one sequence in pieces: row r of the batches takes the r-th stretch of the data, piece after piece,
                // and the states go on from step to step; an epoch begins from the initial ones
};

// Paths of the parameters and statistics that hold a number that is not finite.
std::vector<std::string> non_finite_parameters(Session& session);

class TrainingRun {
 public:
  // `session` holds a unit of UnitKind::Training whose step takes `batch` examples.
  TrainingRun(Session& session, std::int64_t batch, std::uint64_t seed, Order order);

  // Fills parameters and state by the emitted `init`.
  void initialise();
  // Steps of an epoch over `examples`; what is left over at its end makes no batch.
  std::int64_t steps(const Examples& examples) const { return static_cast<std::int64_t>(examples.size()) / batch_; }
  // Takes the steps of one epoch that are left, in the order that the seed gives it, and moves `place` on. `between`:
  // called after each step; false stops. A step whose loss is not finite is undone.
  void run_epoch(const DataSet& data, const Examples& examples, EpochPlace& place,
                 const std::function<bool(float loss)>& between);
  // Metrics over all examples, the last partial batch counted.
  std::map<std::string, double> evaluate(const DataSet& data, const Examples& examples);

  // Why the last step's loss was not finite: the first value of the graph, in its order, that was not.
  struct NonFinite {
    std::string text;
    bool is_data = false;  // the data hold it
  };
  NonFinite find_non_finite(const SourceManager& sources);

 private:
  // Memory for the inputs of a function, a batch each.
  struct Inputs {
    std::vector<std::vector<std::byte>> memory;
    std::vector<const void*> pointers;  // in the order of the graph's inputs
    std::vector<std::byte*> data;       // those that come from the data set
    std::byte* example = nullptr;
  };
  Inputs make_inputs(const Graph& graph);
  // The inputs of a step of the epoch, and the recurrent states that it begins from.
  void begin_step(const DataSet& data, const Examples& examples, const Permutation& order, std::int64_t step);

  Session& session_;
  std::int64_t batch_;
  std::uint32_t seed_[2];
  Order order_;
  float epoch_ = 0;
  Inputs step_;
  std::vector<std::uint64_t> chosen_;                    // examples of the step
  std::vector<std::byte> kept_parameters_, kept_state_;  // before an earlier step of the epoch
};

}  // namespace nnc
