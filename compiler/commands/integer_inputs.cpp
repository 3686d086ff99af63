// From which range an integer input is drawn.
//
// Its uses are followed through movement, casts and into the bodies of scans, until they are compared with what counts
// (an iota, a constant that is not the same everywhere, a sequence of the scan), or choose a row or a start.
#include "compiler/commands/integer_inputs.h"

#include <algorithm>
#include <optional>

#include "compiler/ops/op.h"

namespace nnc {
namespace {

bool keeps_values(const Op& op) { return op.def->has(Movement) || op.def->name == "cast"; }

class Uses {
 public:
  // All uses of the value; `steps`: of the scan whose body the graph is, 0 outside.
  void follow(const Graph& graph, const Value* value, std::int64_t steps);
  const std::optional<IntegerRange>& range() const { return range_; }

 private:
  void follow(const Graph& graph, const Op& op, std::size_t operand, std::int64_t steps);
  void narrow(std::int64_t low, std::int64_t high) {
    if (high >= low && (!range_ || high < range_->high)) range_ = {low, high};
  }

  std::optional<IntegerRange> range_;
};

// How many different values a counter has; 0: it does not count.
std::int64_t count_of(const Value* value, std::int64_t steps) {
  while (keeps_values(*value->producer) && value->producer->inputs.size() == 1) value = value->producer->inputs[0];
  const Op& op = *value->producer;
  if (op.def->name == "input") return steps;
  if (op.def->name == "iota") return value->type.shape[static_cast<std::size_t>(op.attributes.integer("axis"))];
  if (op.def->name != "constant") return 0;
  const Tensor& constant = op.attributes.get<Tensor>("value");
  if (constant.data.index() == 0 || constant.is_splat() || constant.integers().empty()) return 0;
  return *std::max_element(constant.integers().begin(), constant.integers().end()) + 1;
}

void Uses::follow(const Graph& graph, const Value* value, std::int64_t steps) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (std::size_t i = 0; i < op->inputs.size(); ++i) {
      if (op->inputs[i] == value) follow(graph, *op, i, steps);
    }
  }
}

void Uses::follow(const Graph& graph, const Op& op, std::size_t operand, std::int64_t steps) {
  const std::string& name = op.def->name;
  if (keeps_values(op)) {
    follow(graph, op.result(), steps);
  } else if (name == "scan") {
    const Graph& body = *op.graphs[0];
    follow(body, body.inputs[operand], op.attributes.integer("length"));
  } else if (name == "less" || name == "less_equal") {
    narrow(1, count_of(op.inputs[1 - operand], steps));
  } else if (name == "gather" && operand == 1) {
    narrow(0, op.inputs[0]->type.shape[0] - 1);
  } else if (name == "dynamic_slice" && operand > 0) {
    narrow(0, op.inputs[0]->type.shape[operand - 1] - op.result()->type.shape[operand - 1]);
  }
}

}  // namespace

IntegerRange integer_range(const Graph& graph, const Value& input) {
  const std::int64_t classes = input.producer->attributes.integer("classes");
  if (classes > 0) return {0, classes - 1};
  if (!is_integer(input.type.element)) return {};
  Uses uses;
  uses.follow(graph, &input, 0);
  return uses.range().value_or(IntegerRange{});
}

}  // namespace nnc
