// The samples of every primitive, through plan, emission and the in-process compiler, against what the primitive means.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "compiler/graph/evaluate.h"
#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "tests/emit/run_unit.h"

namespace nnc {
namespace {

Tensor sample_value(const SampleOperand& operand, std::mt19937_64& random) {
  Tensor tensor = Tensor::zeros(operand.type);
  std::uniform_real_distribution<double> draw(operand.low, operand.high);
  const std::size_t count = static_cast<std::size_t>(element_count(operand.type.shape));
  for (std::size_t i = 0; i < count; ++i) {
    const double value = i < operand.values.size() ? operand.values[i] : draw(random);
    if (is_float(operand.type.element)) {
      tensor.floats()[i] = round_to(operand.type.element, value);
    } else {
      tensor.integers()[i] = Tensor::scalar(operand.type.element, std::floor(value)).integers()[0];
    }
  }
  return tensor;
}

bool has_emitted_type(const Type& type) {
  return type.element != ElementType::F16 && type.element != ElementType::BF16 && type.element != ElementType::F64;
}

bool takes_integers(const Sample& sample) {
  return std::any_of(sample.operands.begin(), sample.operands.end(),
                     [](const SampleOperand& operand) { return is_integer(operand.type.element); });
}

// All samples of one primitive that emitted code can hold, or those with integer operands, as one graph.
struct SampleGraph {
  Graph graph;
  std::map<std::string, Tensor> inputs;
};
SampleGraph sample_graph(const OpDef& def, bool only_integers) {
  SampleGraph made;
  made.graph.name = def.name;
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < def.samples.size(); ++i) {
    const Sample& sample = def.samples[i];
    bool is_emitted = !only_integers || takes_integers(sample);
    for (const SampleOperand& operand : sample.operands) is_emitted &= has_emitted_type(operand.type);
    if (!is_emitted) continue;
    std::vector<Value*> operands;
    for (std::size_t j = 0; j < sample.operands.size(); ++j) {
      const std::string name = "s" + std::to_string(i) + "_" + std::to_string(j);
      operands.push_back(made.graph.input(name, sample.operands[j].type));
      made.inputs[name] = sample_value(sample.operands[j], random);
    }
    const Inferred inferred = infer(def, operands, sample.attributes);
    if (!inferred.error.empty() || !std::all_of(inferred.types.begin(), inferred.types.end(), has_emitted_type)) {
      continue;
    }
    const Op* op = made.graph.add(def, operands, sample.attributes);
    for (std::size_t k = 0; k < op->results.size(); ++k) {
      made.graph.outputs.push_back(
          {sample.what + " " + std::to_string(i) + "_" + std::to_string(k), op->results[k].get()});
    }
  }
  return made;
}

// How many primitives had samples; each is compared with what it means.
int run_samples(bool only_integers, const JitOptions& options) {
  const Target& target = *find_target("native");
  int ran = 0;
  for (const OpDef& def : op_table()) {
    if (def.lower.family == Family::None) continue;
    CAPTURE(def.name);
    SampleGraph sample = sample_graph(def, only_integers);
    if (sample.graph.outputs.empty()) continue;
    const Evaluation wanted = evaluate(sample.graph, sample.inputs, {}, {.round_to_type = true});
    try {
      lower_layout(sample.graph, {target.lanes, target.vector_registers});
      const std::unique_ptr<Unit> unit = test::unit_of(std::move(sample.graph), "forward", target);
      const test::RunResult found = test::CompiledUnit(*unit, {}, options).run("forward", sample.inputs, {});
      for (const auto& [name, tensor] : wanted.outputs) {
        if (element_count(tensor.type.shape) == 0) continue;  // no memory, no output
        CAPTURE(name);
        // Integers are exact.
        const double relative = is_float(tensor.type.element) ? std::max(def.tolerance.relative, 0x1p-23) : 0;
        CHECK(test::difference(found.outputs.at(name), tensor, relative, def.tolerance.absolute) == "");
      }
      ++ran;
    } catch (const InternalError& error) {
      FAIL_CHECK(error.message.substr(0, 600));
    }
  }
  return ran;
}

TEST_CASE("every primitive computes what it means") { CHECK(run_samples(false, {}) > 30); }

// At the extremes, where integers wrap: in vectors, and in the scalar code of tails. What is undefined ends the
// process.
TEST_CASE("integers: no undefined behaviour") {
  CHECK(run_samples(true, {.optimization = 1, .traps_on_undefined = true}) > 10);
}

}  // namespace
}  // namespace nnc
