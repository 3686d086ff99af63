// The gradient of a case: by the evaluator beside central differences, in double; then by the emitted code.
//
// The point is where the case's inputs are, moved a little, since the standard likes whole numbers, where many
// functions have a kink. Where the function is not finite there (acosh below 1), it is at the inputs themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "compiler/commands/slopes.h"
#include "compiler/interop/arrays.h"
#include "tests/conformance/onnx_case.h"

namespace nnc {
namespace {

using Tensors = std::map<std::string, Tensor>;

// Of f32: gradients of emitted code are rounded in each operation.
constexpr double kRelative = 1e-3, kOfLargest = 1e-5;
// Where a type of 16 bits is among them.
constexpr double kHalves = 0x1p-6;
constexpr double kMoved = 1e-2;

// The float inputs, each number changed.
Tensors changed(const Tensors& inputs, const std::function<double(double)>& change) {
  Tensors result = inputs;
  for (auto& [name, tensor] : result) {
    if (!is_float(tensor.type.element)) continue;
    for (double& number : tensor.floats()) number = round_to(tensor.type.element, change(number));
  }
  return result;
}

// At the point where the fewest elements of outputs are not finite.
std::unique_ptr<SlopeCheck> slopes_of(const Case& test, const Graph& gradients, Draws& draws) {
  const std::function<double(double)> changes[] = {
      [&](double x) { return x * (1 + draws.uniform(0, kMoved)) + draws.uniform(kMoved / 2, kMoved); },
      [](double x) { return x; }, [](double x) { return std::abs(x); }};
  const Graph& forward = test.program->models[0].forward;
  std::unique_ptr<SlopeCheck> best;
  for (const std::function<double(double)>& change : changes) {
    Differentiated subject;
    subject.values = forward.clone();
    subject.gradients = &gradients;
    subject.states = test.parameters;
    subject.inputs = changed(test.named, change);
    for (const Output& output : forward.outputs) {
      const Type& type = output.value->type;
      if (is_float(type.element)) subject.cotangents[output.name] = random_tensor(draws, type);
    }
    std::unique_ptr<SlopeCheck> slopes = std::make_unique<SlopeCheck>(std::move(subject));
    if (best == nullptr || slopes->left_out() < best->left_out()) best = std::move(slopes);
    if (best->left_out() == 0) break;
  }
  return best;
}

double largest(const Tensors& tensors) {
  double result = 0;
  for (const auto& [name, tensor] : tensors) {
    for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) {
      if (std::isfinite(tensor.at(i))) result = std::max(result, std::abs(tensor.at(i)));
    }
  }
  return result;
}

bool has_halves(const Tensors& tensors) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const auto& one) { return one.second.type.element != ElementType::F32; });
}

// A gradient that is 0 may be a sum of large ones: errors are relative to the largest of all.
std::string compare_emitted(const std::string& name, const Type& type, std::span<const std::byte> bytes,
                            const Tensors& wanted) {
  Array array;
  array.element = type.element;
  array.shape = type.shape;
  array.bytes = bytes;
  const bool is_half = has_halves(wanted);
  const double relative = is_half ? kHalves : kRelative;
  const double absolute = (is_half ? kHalves : kOfLargest) * largest(wanted);
  const std::string why = difference(tensor_from_array(array), wanted.at(name), relative, absolute);
  return why.empty() ? "" : fmt::format("emitted code: {}: {}", name, why);
}

// What is wrong with the emitted gradients; empty: nothing.
std::string run_backward(const Case& test, const SlopeCheck& slopes) {
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
  for (const Value* input : graph.inputs) {
    from.push_back(bytes_of(slopes.given().at(input->producer->attributes.text("name"))));
  }
  const std::vector<const Output*> outputs = caller_outputs(graph);
  for (const Output* output : outputs) to.push_back(bytes_of(Tensor::zeros(output->value->type)));
  std::vector<const void*> from_pointers;
  std::vector<void*> to_pointers;
  for (const std::vector<std::byte>& bytes : from) from_pointers.push_back(bytes.data());
  for (std::vector<std::byte>& bytes : to) to_pointers.push_back(bytes.data());
  session->call("backward", from_pointers, to_pointers);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string wrong = compare_emitted(outputs[i]->name, outputs[i]->value->type, to[i], slopes.gradients());
    if (!wrong.empty()) return wrong;
  }
  for (const Slot& slot : session->unit().gradients.slots) {
    const std::size_t size = static_cast<std::size_t>(element_count(slot.type.shape) * size_bytes(slot.type.element));
    const std::span<const std::byte> bytes = session->gradients().subspan(static_cast<std::size_t>(slot.offset), size);
    const std::string wrong = compare_emitted("gradient:" + slot.name, slot.type, bytes, slopes.gradients());
    if (!wrong.empty()) return wrong;
  }
  return "";
}

}  // namespace

Outcome check_gradient(const Case& test, bool evaluator_only) {
  Draws draws(1);
  Progress progress(true);
  const Status has_gradient = check_differentiable(test.program->models[0]);
  if (!has_gradient) return {Verdict::NotDifferentiable, has_gradient.error()};
  Diagnostics diagnostics;
  const std::unique_ptr<Unit> unit = compile_backward(*test.program, 0, {}, diagnostics);
  if (unit == nullptr) return {Verdict::Refused, first_line(diagnostics.render(test.sources, false))};
  const std::unique_ptr<SlopeCheck> slopes = slopes_of(test, unit->functions.front().graph, draws);
  if (slopes->finite() == 0) return {Verdict::Refused, "no output is finite at the inputs of the case"};
  int compared = 0, kinks = 0, zero = 0, undefined = 0;
  const std::vector<std::string> variables = slopes->variables();
  for (const std::string& variable : variables) {
    const SlopeReport report = slopes->check(variable, draws, progress);
    if (!report.wrong.empty()) return {Verdict::Wrong, report.wrong.front()};
    compared += report.compared;
    kinks += report.kinks;
    undefined += report.undefined;
    zero += report.is_zero ? 1 : 0;
  }
  if (undefined > 0) return {Verdict::Refused, "the gradient is NaN, as a value inside the function is"};
  if (compared == 0) return {Verdict::NotDifferentiable, "no float input has elements"};
  if (!evaluator_only) {
    const std::string wrong = run_backward(test, *slopes);
    if (!wrong.empty()) return {Verdict::Wrong, wrong};
  }
  return {Verdict::Pass, fmt::format("{} slopes, {} at a kink; the gradient of {} of {} variables is 0", compared,
                                     kinks, zero, variables.size())};
}

}  // namespace nnc
