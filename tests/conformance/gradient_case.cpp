// The gradient of a case: by the evaluator beside central differences, in double; then by the emitted code.
//
// The point is where the case's inputs are, moved a little, since the standard likes whole numbers, where many
// functions have a kink. Where the function is not finite there (acosh below 1), it is at the inputs themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/commands/slopes.h"
#include "compiler/interop/arrays.h"
#include "tests/conformance/onnx_case.h"

namespace nnc {
namespace {

using Tensors = std::map<std::string, Tensor>;

// Of f32: gradients of emitted code are rounded in each operation.
constexpr double kRelative = 1e-3, kOfLargest = 1e-4;
constexpr double kMoved = 1e-2;

bool is_variable(const Type& type) { return is_float(type.element) && element_count(type.shape) > 0; }

Tensors moved(const Tensors& inputs, Draws& draws) {
  Tensors result = inputs;
  for (auto& [name, tensor] : result) {
    if (!is_float(tensor.type.element)) continue;
    for (double& number : tensor.floats()) {
      number =
          round_to(tensor.type.element, number * (1 + draws.uniform(0, kMoved)) + draws.uniform(0, kMoved * kMoved));
    }
  }
  return result;
}

bool is_finite(const Graph& graph, const Differentiated& subject) {
  const Evaluation evaluation = evaluate(graph, subject.inputs, subject.states);
  for (const auto& [name, cotangent] : subject.cotangents) {
    const Tensor& output = evaluation.outputs.at(name);
    for (std::int64_t i = 0; i < element_count(output.type.shape); ++i) {
      if (!std::isfinite(output.at(i))) return false;
    }
  }
  return true;
}

double largest(const Tensor& tensor) {
  double result = 0;
  for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) result = std::max(result, std::abs(tensor.at(i)));
  return result;
}

std::string compare_emitted(const std::string& name, const Type& type, std::span<const std::byte> bytes,
                            const Tensors& wanted) {
  Array array;
  array.element = type.element;
  array.shape = type.shape;
  array.bytes = bytes;
  const Tensor& expected = wanted.at(name);
  const double relative = type.element == ElementType::F32 ? kRelative : 0x1p-6;
  const std::string why =
      difference(tensor_from_array(array), expected, relative, relative / kRelative * kOfLargest * largest(expected));
  return why.empty() ? "" : fmt::format("emitted code: {}: {}", name, why);
}

// What is wrong with the emitted gradients; empty: nothing.
std::string run_backward(const Case& test, const Tensors& inputs, const Tensors& wanted) {
  Diagnostics diagnostics;
  CompileOptions options;
  options.target = *find_target("native");
  std::unique_ptr<Unit> unit = compile_backward(*test.program, 0, options, diagnostics);
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(unit), test.sources, error);
  if (session == nullptr) return "emitted code does not compile: " + first_line(error);
  const Status filled = fill_parameters(*session, *test.program, 0, {}, 0);
  if (!filled) return filled.error();
  session->prepare();
  if (session->function("reset") != nullptr) session->call("reset", {}, {});
  const Graph& graph = session->function("backward")->graph;
  std::vector<std::vector<std::byte>> from, to;
  for (const Value* input : graph.inputs) from.push_back(bytes_of(inputs.at(input->producer->attributes.text("name"))));
  const std::vector<const Output*> outputs = caller_outputs(graph);
  for (const Output* output : outputs) to.push_back(bytes_of(Tensor::zeros(output->value->type)));
  std::vector<const void*> from_pointers;
  std::vector<void*> to_pointers;
  for (const std::vector<std::byte>& bytes : from) from_pointers.push_back(bytes.data());
  for (std::vector<std::byte>& bytes : to) to_pointers.push_back(bytes.data());
  session->call("backward", from_pointers, to_pointers);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string wrong = compare_emitted(outputs[i]->name, outputs[i]->value->type, to[i], wanted);
    if (!wrong.empty()) return wrong;
  }
  for (const Slot& slot : session->unit().gradients.slots) {
    const std::size_t size = static_cast<std::size_t>(element_count(slot.type.shape) * size_bytes(slot.type.element));
    const std::span<const std::byte> bytes = session->gradients().subspan(static_cast<std::size_t>(slot.offset), size);
    const std::string wrong = compare_emitted("gradient:" + slot.name, slot.type, bytes, wanted);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

Outcome check_gradient(const Case& test, bool evaluator_only) {
  const Graph& forward = test.program->models[0].forward;
  Draws draws(1);
  Progress progress(true);
  Differentiated subject;
  for (const Output& output : forward.outputs) {
    const Type& type = output.value->type;
    if (is_variable(type)) subject.cotangents[output.name] = random_tensor(draws, type);
  }
  if (subject.cotangents.empty()) return {Verdict::NotDifferentiable, "no output is a float"};
  Diagnostics diagnostics;
  const std::unique_ptr<Unit> unit = compile_backward(*test.program, 0, {}, diagnostics);
  if (unit == nullptr) return {Verdict::Refused, first_line(diagnostics.render(test.sources, false))};
  subject.values = forward.clone();
  subject.gradients = &unit->functions.front().graph;
  subject.states = test.parameters;
  subject.inputs = moved(test.named, draws);
  if (!is_finite(forward, subject)) subject.inputs = test.named;
  if (!is_finite(forward, subject)) return {Verdict::Refused, "the outputs are not finite at the inputs of the case"};
  Tensors inputs = subject.inputs;
  for (const auto& [name, cotangent] : subject.cotangents) inputs["cotangent:" + name] = cotangent;
  SlopeCheck slopes(std::move(subject));
  int compared = 0, kinks = 0, zero = 0;
  const std::vector<std::string> variables = slopes.variables();
  for (const std::string& variable : variables) {
    const SlopeReport report = slopes.check(variable, draws, progress);
    if (!report.wrong.empty()) return {Verdict::Wrong, report.wrong.front()};
    compared += report.compared;
    kinks += report.kinks;
    zero += report.is_zero ? 1 : 0;
  }
  if (compared == 0) return {Verdict::NotDifferentiable, "no input is a float"};
  if (!evaluator_only) {
    const std::string wrong = run_backward(test, inputs, slopes.gradients());
    if (!wrong.empty()) return {Verdict::Wrong, wrong};
  }
  return {Verdict::Pass, fmt::format("{} slopes, {} at a kink; the gradient of {} of {} variables is 0", compared,
                                     kinks, zero, variables.size())};
}

}  // namespace nnc
