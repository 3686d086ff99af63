// Parameters of a model: from the file of --weights, or as its initialisers give them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/commands/session.h"
#include "compiler/compile.h"

namespace nnc {

// --weights FILE [--names MAP] [--partial]. The map says which array is which parameter (interop/names.h). A whole file
// holds exactly the parameters of the program's models, each with its shape. Of a partial one, what matches is taken,
// and a note says which parameters keep their initial values.
struct WeightsOption {
  std::string path;   // empty: initial values
  std::string names;  // the map's path; empty: arrays have the parameters' names
  bool is_partial = false;
};

// Copies the parameters of one model into `target`. What a partial file leaves out keeps what `target` holds.
Status read_weights(const WeightsOption& file, const ElaboratedProgram& program, const std::vector<WeightSlot>& slots,
                    std::span<std::byte> target);

// Fills the session's Parameters. Initial values are those of the model's init graph, evaluated here, with `seed`.
Status fill_parameters(Session& session, const ElaboratedProgram& program, std::size_t model, const WeightsOption& file,
                       std::uint64_t seed);

// Parameters as `fill_parameters` finds them, by path, for the evaluator.
Result<std::map<std::string, Tensor>> parameter_tensors(const ElaboratedProgram& program, std::size_t model,
                                                        const WeightsOption& file, std::uint64_t seed);

// An error if two of the models have a parameter of the same path that is not shared: one file cannot hold both.
Status check_one_file_serves(const ElaboratedProgram& program, const std::vector<std::size_t>& models);

// Whether the path belongs to an instance outside models, and so means one parameter in all of them.
bool is_shared(const ElaboratedProgram& program, const std::string& path);

}  // namespace nnc
