// Emitted units, compiled in this process and run on tensors.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "compiler/emit/jit.h"
#include "compiler/emit/unit.h"

namespace nnc::test {

// A unit with one function for the graph (moved into it), planned for the target; the structs are laid out from the
// graph's states.
std::unique_ptr<Unit> unit_of(Graph graph, const std::string& function, const Target& target);

// Runs `function` in a fresh process image of the unit. Values of states go in by name, and come out in `states` if the
// function changes them. Throws InternalError if the emitted code does not compile.
struct RunResult {
  std::map<std::string, Tensor> outputs;
  std::map<std::string, Tensor> states;    // all, as they are afterwards
  std::map<std::string, Tensor> prepared;  // the same; names of parameters occur here, too
};
class CompiledUnit {
 public:
  explicit CompiledUnit(const Unit& unit, const SourceManager& sources = {}, const JitOptions& options = {});
  RunResult run(const std::string& function, const std::map<std::string, Tensor>& inputs,
                const std::map<std::string, Tensor>& states) const;

 private:
  const Unit& unit_;
  std::unique_ptr<Jit> jit_;
};

// "" if each element found is the one wanted, both are NaN, or they differ by at most `absolute` plus `relative` times
// the largest finite element wanted; else the first that does not.
std::string difference(const Tensor& found, const Tensor& wanted, double relative, double absolute = 0);

}  // namespace nnc::test
