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

// Which samples become a graph, and in which type.
enum class Choice { All, Integers, Retyped };

bool takes_integers(const Sample& sample) {
  return std::any_of(sample.operands.begin(), sample.operands.end(),
                     [](const SampleOperand& operand) { return is_integer(operand.type.element); });
}

// The sample with `element` in place of f32; integers are drawn from a range in which narrow ones wrap.
Sample retyped(Sample sample, ElementType element) {
  for (SampleOperand& operand : sample.operands) {
    if (operand.type.element != ElementType::F32) continue;
    operand.type.element = element;
    if (!is_integer(element)) continue;
    operand.low *= 40;
    operand.high *= 40;
  }
  return sample;
}

// Samples as one graph: an operation each, with inputs of its own, and which primitive an output is of.
struct SampleGraph {
  Graph graph;
  std::map<std::string, Tensor> inputs;
  std::map<std::string, const OpDef*> of;
};

// Adds the samples of a primitive that are chosen and that emitted code can hold.
void add_samples(SampleGraph& made, const OpDef& def, Choice choice, ElementType element) {
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < def.samples.size(); ++i) {
    if (choice == Choice::Integers && !takes_integers(def.samples[i])) continue;
    const Sample sample = choice == Choice::Retyped ? retyped(def.samples[i], element) : def.samples[i];
    Graph trial;  // is this operation one of this type?
    std::vector<Value*> operands;
    for (const SampleOperand& operand : sample.operands) operands.push_back(trial.input("x", operand.type));
    const Inferred inferred = infer(def, operands, sample.attributes);
    if (!inferred.error.empty()) continue;
    const std::string name = def.name + std::to_string(i);
    for (std::size_t j = 0; j < sample.operands.size(); ++j) {
      const std::string input = name + "_" + std::to_string(j);
      operands[j] = made.graph.input(input, sample.operands[j].type);
      made.inputs[input] = sample_value(sample.operands[j], random);
    }
    const Op* op = made.graph.add(def, operands, sample.attributes);
    for (std::size_t k = 0; k < op->results.size(); ++k) {
      const std::string output = name + " " + sample.what + " " + std::to_string(k);
      made.graph.outputs.push_back({output, op->results[k].get()});
      made.of[output] = &def;
    }
  }
}

double relative_tolerance(const OpDef& def, ElementType element) {
  if (!is_float(element)) return 0;                                             // integers are exact
  if (is_half(element)) return element == ElementType::F16 ? 0x1p-10 : 0x1p-7;  // rounded of f32, not of double
  const double single = std::max(def.tolerance.relative, 0x1p-23);
  return element == ElementType::F64 ? single * 0x1p-28 : single;
}

// Compares what the graph computes with what it means.
void run(SampleGraph sample, const JitOptions& options) {
  const Target& target = *find_target("native");
  const Evaluation wanted = evaluate(sample.graph, sample.inputs, {}, {.round_to_type = true});
  try {
    widen_halves(sample.graph);
    drop_empty(sample.graph);
    lower_layout(sample.graph, {target.lanes, target.vector_registers});
    const std::unique_ptr<Unit> unit = test::unit_of(std::move(sample.graph), "forward", target);
    const test::RunResult found = test::CompiledUnit(*unit, {}, options).run("forward", sample.inputs, {});
    for (const auto& [name, tensor] : wanted.outputs) {
      if (element_count(tensor.type.shape) == 0) continue;  // no memory, no output
      CAPTURE(name);
      const OpDef& def = *sample.of.at(name);
      CHECK(test::difference(found.outputs.at(name), tensor, relative_tolerance(def, tensor.type.element),
                             def.tolerance.absolute) == "");
    }
  } catch (const InternalError& error) {
    FAIL_CHECK(error.message.substr(0, 600));
  }
}

// A graph for each primitive. How many had samples.
int run_samples(Choice choice, const JitOptions& options) {
  int ran = 0;
  for (const OpDef& def : op_table()) {
    if (def.lower.family == Family::None) continue;
    CAPTURE(def.name);
    SampleGraph sample;
    add_samples(sample, def, choice, {});
    if (sample.graph.outputs.empty()) continue;
    run(std::move(sample), options);
    ++ran;
  }
  return ran;
}

TEST_CASE("every primitive computes what it means") { CHECK(run_samples(Choice::All, {}) > 30); }

// At the extremes, where integers wrap: in vectors, and in the scalar code of tails. What is undefined ends the
// process.
TEST_CASE("integers: no undefined behaviour") {
  CHECK(run_samples(Choice::Integers, {.optimization = 1, .traps_on_undefined = true}) > 10);
}

// What is written for f32 is run in every other type in which the primitive exists: in one unit for each type.
TEST_CASE("every primitive computes what it means in every element type") {
  for (const ElementType element :
       {ElementType::F64, ElementType::F16, ElementType::BF16, ElementType::I8, ElementType::U8, ElementType::I16,
        ElementType::U16, ElementType::I32, ElementType::U32, ElementType::I64, ElementType::U64}) {
    CAPTURE(std::string(name(element)));
    SampleGraph all;
    for (const OpDef& def : op_table()) {
      if (def.lower.family != Family::None) add_samples(all, def, Choice::Retyped, element);
    }
    CHECK(all.graph.outputs.size() > 50);
    run(std::move(all), {.optimization = 0, .traps_on_undefined = true});
  }
}

}  // namespace
}  // namespace nnc
