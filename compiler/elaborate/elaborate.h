// AST -> graphs. Everything static in the language happens here: names, settings, sizes, instances, paths, lives.
//
// Establishes: every value has a static type; every error that a user can make in the language has been reported at
// the narrowest place in the user's file. The graphs made are listed in compiler/ops/README.md ("Graphs that
// elaborate makes"): one example each, the batch not yet an axis, `gradient` not yet expanded.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"
#include "dsl/ast.h"

namespace nnc {

struct ElaborateOptions {
  std::map<std::string, std::string> settings;  // --set hidden=64, as text
  std::optional<std::int64_t> batch;            // --batch, over the program's `batch`
  std::optional<std::int64_t> shards;           // --shards
  std::optional<std::int64_t> epochs;           // --epochs
};

// An application in the user's text of a layer, function or primitive that gives a tensor, in the order of evaluation.
// An application whose result is that of an earlier one is not among them.
struct ModelCall {
  std::string name;           // path of the layer, or of the function in its layer: "conv1", "block1.relu"; unique
  std::string function;       // "conv", "relu"
  Value* argument = nullptr;  // the only tensor that it was applied to; null: none or several
  Value* result = nullptr;    // this and `argument` are values of `forward`, or of the body of a loop in it
};

// A model: its inference graph, and how its states begin.
struct ElaboratedModel {
  std::string name;
  Graph forward;
  Graph init;
  std::vector<ModelCall> calls;  // of `forward`
};

// A train block. `model` is an index in ElaboratedProgram::models.
struct ElaboratedStage {
  std::string name;
  std::size_t model = 0;
  std::int64_t batch = 32;
  std::int64_t shards = 1;
  std::int64_t epochs = 1;
  Graph init;      // initial values of all states of `step`, the model's included
  Graph step;      // loss, gradients, next states
  Graph evaluate;  // metrics, one output each
};

struct ElaboratedProgram {
  std::vector<ElaboratedModel> models;
  std::vector<ElaboratedStage> stages;
  bool is_trained = false;  // imported with its weights: what `init` gives are not values to start training from
  std::vector<std::string> shared;  // instances outside models: their paths mean the same parameters in every model
};

// Nothing on error; the errors are in `diagnostics`. `file` is the user's; imports are loaded relative to it.
std::optional<ElaboratedProgram> elaborate(const ast::File& file, SourceManager& sources, Diagnostics& diagnostics,
                                           const ElaborateOptions& options = {});

}  // namespace nnc
