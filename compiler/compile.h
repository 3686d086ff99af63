// THE PIPELINE: from a source file to a unit that is ready to be emitted. The file to read first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/emit/unit.h"
#include "compiler/onnx/import.h"
#include "compiler/probes.h"

namespace nnc {

struct CompileOptions {
  ElaborateOptions elaborate;
  std::string model;  // --model; empty: all
  std::string stage;  // --stage; empty: all
  Target target;
  std::string stream;         // --stream: the input that comes step by step; empty: none
  std::string math = "fast";  // --math: "exact" or "fast"
  // Passes: printed after, skipped, timed. Called with the function's name and the graph after each pass.
  std::set<std::string> skip;
  std::function<void(const std::string& function, const std::string& pass, const Graph& graph, double seconds,
                     bool changed)>
      after_pass;
};

// Parses and elaborates a .nn file, or reads what --emit=graph printed. Nothing on error (the errors are in
// `diagnostics`).
std::optional<ElaboratedProgram> load_program(const std::string& path, SourceManager& sources, Diagnostics& diagnostics,
                                              const ElaborateOptions& options);

// A model that import_onnx has given, as a program with its weights as the initial values; `path` is that of the model.
std::optional<ElaboratedProgram> elaborate_imported(const ImportedModel& model, const std::string& path,
                                                    SourceManager& sources, Diagnostics& diagnostics);

// What a unit is for: which functions it holds.
enum class UnitKind {
  Inference,  // prepare, forward (and reset if there is recurrent state)
  Training,   // init, reset, step, evaluate, prepare, forward: one stage of one model
};

// Passes, plan and struct layouts of one model (Inference) or of one stage and its model (Training). Null on error.
// The graphs of `program` are copied.
std::unique_ptr<Unit> compile_model(const ElaboratedProgram& program, std::size_t model, const CompileOptions& options,
                                    Diagnostics& diagnostics);
std::unique_ptr<Unit> compile_stage(const ElaboratedProgram& program, std::size_t stage, const CompileOptions& options,
                                    Diagnostics& diagnostics);
// One model with the values that its text computes as outputs (probes.h): `forward` takes a batch of examples, each of
// which begins from the initial states, and gives the values of each.
std::unique_ptr<Unit> compile_probes(const ElaboratedProgram& program, std::size_t model, const CompileOptions& options,
                                     Diagnostics& diagnostics, std::vector<Probe>& probes);
// Forward and backward of one model, for `run --cotangent`: function `backward` has the model's inputs and a
// "cotangent:<output>" for each output, and gives "gradient:<state>" for each parameter and "d:<input>" for each float
// input.
std::unique_ptr<Unit> compile_backward(const ElaboratedProgram& program, std::size_t model,
                                       const CompileOptions& options, Diagnostics& diagnostics);

// The parameters that a weights file holds, from the forward graph: kind Parameter, then Statistic, each in the order
// of the source.
StructLayout parameter_layout(const Graph& graph);

}  // namespace nnc
