// Compares each step of an emitted function, as it runs, with what the step means.
//
// The function is traced (emit/unit.h): after each step its results are read where the plan says that they lie, and
// compared with the evaluator in double, given the operands that the emitted code itself has found. So an error is that
// of the step alone, its bound is small (graph/error_bound.h), and what follows a wrong step is not blamed for it.
#pragma once

#include <cstddef>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/commands/session.h"
#include "compiler/graph/error_bound.h"
#include "compiler/interop/array.h"

namespace nnc {

// Errors of the elements of a result, the largest of each kind.
struct Errors {
  std::int64_t elements = 0;
  std::int64_t unbounded = 0;  // of which nothing can be said (a step at which rounding decides on a jump to infinity)
  double absolute = 0;
  double relative = 0;
  double ulp = 0;    // in units in the last place of the expected number, as the type has it
  double share = 0;  // of the bound; above 1: the tolerance is left

  // `bound` of no element: exact. Gives the first element that is more than `factor` times its bound away.
  std::optional<std::int64_t> add(const Tensor& found, const Tensor& expected, const std::vector<double>& bound = {},
                                  double factor = 1);
};

struct StepReport {
  std::string function;   // "forward"
  std::string step;       // name in the emitted code; of a loop, that of its function
  std::string operation;  // "convolution"
  Origin origin;
  Type type;          // of the first result
  bool has = false;   // something was compared: a step that writes a part of a result is seen when that is complete
  Errors errors;      // over all calls and turns
  std::string wrong;  // the first element that left the tolerance: "call 1, turn 3, [0, 7]: 1.5, expected …"
};

class StepCheck {
 public:
  // `session` runs a traced unit; both outlive this. `factor`: of the bounds.
  StepCheck(Session& session, const std::string& function, double factor);

  // Calls the function once, on inputs by name; parameters and states are those that the session holds.
  void call(const std::map<std::string, Tensor>& inputs);
  // Of the last call.
  const std::map<std::string, Tensor>& outputs() const { return outputs_; }
  const std::vector<StepReport>& reports() const { return reports_; }

 private:
  // A graph whose values are being computed: the function's, or the body of a loop in one of its turns.
  struct Scope {
    const Graph* graph = nullptr;
    const Loop* loop = nullptr;
    std::map<const Value*, Bounded> known;
    std::vector<Bounded> results;  // of the loop so far
    std::ptrdiff_t turn = 0;
  };

  static void on_node(void* self, int node, std::ptrdiff_t turn);
  void list_nodes(const std::vector<Node>& nodes);
  void visit(std::size_t node, std::ptrdiff_t turn);
  void begin_turn(const Loop& loop, std::ptrdiff_t turn);
  void end_turn();
  const Bounded& known(const Value* value);
  void compare(std::size_t node);
  void check_end();
  void note(StepReport& report, const Tensor& found, const Bounded& expected);
  void find_buffers();
  Tensor read(const View& view, ElementType element) const;

  Session& session_;
  const UnitFunction& function_;
  double factor_;
  std::vector<std::byte*> buffers_;  // where each of the plan lies during a call
  std::vector<const Node*> nodes_;   // in the order of their numbers
  std::vector<StepReport> reports_;
  std::vector<Scope> scopes_;
  std::map<int, std::ptrdiff_t> turns_;  // Loop::id -> index
  std::map<std::string, Array> inputs_;
  std::map<std::string, std::vector<std::byte>> output_bytes_;
  std::map<std::string, Tensor> outputs_;
  int calls_ = 0;
  std::exception_ptr thrown_;
};

}  // namespace nnc
