// Whether emitted code computes what the program means, by two comparisons:
//
//   steps    what each step of the plan computes, with what its operations mean for the operands that it was given
//            (step_check.h): kernels, plan, memory and emission
//   passes   the graph that was planned with that of the program, both by the evaluator in double, so that nothing but
//            a pass can make a difference; if there is one, the passes are evaluated one after the other to name it
//
// Beside them it is told how far the outputs are from the program in double. That is no test: errors of rounding grow
// through a network, and where one decides a jump (argmax) nothing is left of closeness.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/commands/console.h"
#include "compiler/commands/draws.h"
#include "compiler/commands/step_check.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

enum class Verified {
  Forward,   // of a model: `prepare`, `reset`, `forward`
  Backward,  // of a model: `reset`, `backward`; steps only
  Step,      // of a `train` block: `init`, `reset`, `step`; steps only
};

struct OutputReport {
  std::string name;
  Type type;
  Errors errors;                 // from the program in double
  std::vector<std::byte> found;  // of all calls, one after the other
};

class Verification {
 public:
  using Tensors = std::map<std::string, Tensor>;

  // `index`: of the model, or of the `train` block. All outlive this.
  Verification(const ElaboratedProgram& program, const SourceManager& sources, Verified what, std::size_t index,
               const CompileOptions& options);

  // False on error; the errors are in `diagnostics`.
  bool compile(Diagnostics& diagnostics);
  // After `compile`: the unit, and the function that is called.
  const Unit& unit() const { return session_ == nullptr ? *unit_ : session_->unit(); }
  const UnitFunction& function() const;
  // Before `run`: what is about to be emitted, for tests that plant a fault.
  Unit& planned() { return *unit_; }

  // Calls the function on each of `inputs`, states going on. Parameters come from the file, else they are the initial
  // ones, moved a little if they were not learned: a bias of 0 would not be seen. `factor`: of the bounds.
  Status run(const std::vector<Tensors>& inputs, const WeightsOption& weights, std::uint64_t seed, double factor,
             Draws& draws, Progress& progress);

  const std::vector<StepReport>& steps() const { return steps_; }
  // The first that left its tolerance; null: none.
  const StepReport* first_wrong() const;
  const std::vector<OutputReport>& outputs() const { return outputs_; }
  // How much the passes change the outputs, relative to the largest element; of a model forwards.
  double change_by_passes() const { return change_; }
  // The first pass that changes them by more than rounding constants to f32 does; empty: none.
  const std::string& wrong_pass() const { return wrong_pass_; }

 private:
  void read_parameters(Tensors& states) const;
  void move_parameters(Draws& draws);
  void call_once(const std::string& name, std::uint64_t seed, double factor, Draws& draws);
  void call_all(const std::vector<Tensors>& inputs, double factor, Progress& progress);
  void add_outputs(const Tensors& found, const Tensors& wanted);
  std::string find_pass(const std::vector<Tensors>& inputs);

  const ElaboratedProgram& program_;
  const SourceManager& sources_;
  Verified what_;
  std::size_t index_;
  CompileOptions options_;
  std::unique_ptr<Unit> unit_;  // until it is a session
  std::unique_ptr<Session> session_;
  Tensors states_;                // of the planned graphs, by the evaluator
  std::vector<Tensors> meaning_;  // outputs of the program, by the evaluator, in each call
  std::vector<StepReport> steps_;
  std::vector<OutputReport> outputs_;
  double change_ = 0;
  std::string wrong_pass_;
};

}  // namespace nnc
