// Training by the in-process compiled step: data in, weights out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/training_run.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

struct TrainOptions {
  std::string model_path;
  CompileOptions compile;
  std::vector<std::string> data;   // --data
  std::vector<std::string> test;   // --test
  std::optional<double> hold_out;  // --hold-out: fraction of the data kept for metrics
  std::string held_out;            // --held-out FILE: the indices of the examples held out, a line each
  std::uint64_t seed = 0;
  std::string output;      // -o model.safetensors
  WeightsOption weights;   // --weights: to start from
  std::string checkpoint;  // --checkpoint: written after each epoch and when interrupted; --resume reads it
  bool resume = false;
  std::string json;  // --json log.jsonl
  bool quiet = false;
  bool monitor = false;              // --monitor: after each epoch, what the model's calls give
  Order order = Order::Independent;  // --carry: Order::Carried
  // The metric of the held-out examples whose best epoch gives the weights; empty: the last epoch does.
  std::string maximum, minimum;          // --maximum, --minimum: at most one of them
  std::optional<std::int64_t> patience;  // --patience: ends a stage after so many epochs without a better one
};

// Runs all stages (or the one that --stage names) in order. The exit status.
int train(const TrainOptions& options);

}  // namespace nnc
