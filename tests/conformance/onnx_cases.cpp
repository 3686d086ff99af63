// The official ONNX cases: each imported, computed by the evaluator and by the emitted code, and compared with what the
// standard expects.
//
//   onnx_cases [--gradients] [--evaluator-only] [--report FILE] FOLDER…
//
// All cases (onnx_case.h) below each FOLDER are run, each in a process of its own. A case passes, is refused with a
// reason, or is wrong; exit status 1 if one is wrong or crashed. With --gradients the gradient of each that has one is
// compared with central differences instead (gradient_case.cpp).
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "compiler/graph/evaluate.h"
#include "compiler/interop/arrays.h"
#include "tests/conformance/onnx_case.h"

namespace nnc {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::byte> bytes_of(const Tensor& tensor) {
  const Result<Array> array = array_from_tensor("", tensor);
  if (!array) throw std::runtime_error(array.error());
  return {array->bytes.begin(), array->bytes.end()};
}

std::string difference(const Tensor& got, const Tensor& wanted, double relative, double absolute) {
  if (!(got.type == wanted.type)) return fmt::format("{} instead of {}", to_string(got.type), to_string(wanted.type));
  // Of bf16 the standard's own runner allows two units in the last place; of all others what the case states.
  if (got.type.element == ElementType::BF16) relative = std::max(relative, 0x1p-6);
  for (std::int64_t i = 0; i < element_count(got.type.shape); ++i) {
    const double a = got.at(i), b = wanted.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::abs(a - b) <= absolute + relative * std::abs(b)) continue;
    return fmt::format("element {}: {} instead of {}", i, a, b);
  }
  return "";
}

namespace {

namespace fs = std::filesystem;

// Many evaluations make a slope.
constexpr unsigned kSecondsMax = 60, kSecondsMaxGradients = 1200;
constexpr std::array<const char*, 5> kVerdicts = {"pass", "refused", "not differentiable", "WRONG", "CRASH"};

struct Options {
  std::vector<std::string> folders;
  std::string report;
  bool gradients = false;
  bool evaluator_only = false;
};

std::vector<Tensor> read_tensors(const std::string& folder, const char* name) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const std::string path = fmt::format("{}/{}_{}.npy", folder, name, i);
    if (!fs::exists(path)) return tensors;
    const Result<std::vector<Array>> arrays = load_file(path);
    if (!arrays) throw std::runtime_error(arrays.error());
    tensors.push_back(tensor_from_array(arrays->front()));
  }
}

Outcome compare(const Graph& graph, const Case& test, const std::vector<Tensor>& got, const char* by) {
  for (std::size_t i = 0; i < graph.outputs.size() && i < test.outputs.size(); ++i) {
    const std::string why = difference(got[i], test.outputs[i], test.relative, test.absolute);
    if (!why.empty()) return {Verdict::Wrong, fmt::format("{}: output {}: {}", by, i, why)};
  }
  return {};
}

Outcome run_emitted(const Case& test) {
  Diagnostics diagnostics;
  CompileOptions options;
  options.target = *find_target("native");
  std::unique_ptr<Unit> unit = compile_model(*test.program, 0, options, diagnostics);
  if (unit == nullptr) return {Verdict::Refused, first_line(diagnostics.render(test.sources, false))};
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(unit), test.sources, error);
  if (session == nullptr) return {Verdict::Wrong, "emitted code does not compile: " + first_line(error)};
  const Status filled = fill_parameters(*session, *test.program, 0, {}, 0);
  if (!filled) return {Verdict::Wrong, filled.error()};
  session->prepare();
  std::vector<std::vector<std::byte>> inputs, outputs;
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  for (const Tensor& input : test.inputs) inputs.push_back(bytes_of(input));
  const Graph& forward = test.program->models[0].forward;
  for (const Output& output : forward.outputs) outputs.push_back(bytes_of(Tensor::zeros(output.value->type)));
  // What has no elements is no parameter of the function.
  for (const std::vector<std::byte>& input : inputs) {
    if (!input.empty()) input_pointers.push_back(input.data());
  }
  for (std::vector<std::byte>& output : outputs) {
    if (!output.empty()) output_pointers.push_back(output.data());
  }
  session->call("forward", input_pointers, output_pointers);
  std::vector<Tensor> got;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Array array;
    array.element = forward.outputs[i].value->type.element;
    array.shape = forward.outputs[i].value->type.shape;
    array.bytes = outputs[i];
    got.push_back(tensor_from_array(array));
  }
  return compare(forward, test, got, "emitted code");
}

Outcome load_case(const std::string& folder, Case& test) {
  try {
    test.inputs = read_tensors(folder, "input");
    test.outputs = read_tensors(folder, "output");
  } catch (const std::runtime_error& error) {
    return {Verdict::Refused, first_line(error.what())};
  }
  std::ifstream(folder + "/tol.txt") >> test.relative >> test.absolute;
  Diagnostics diagnostics;
  test.program = load_program(folder + "/model.onnx", test.sources, diagnostics, {});
  if (!test.program) return {Verdict::Refused, first_line(diagnostics.render(test.sources, false))};
  const Graph& graph = test.program->models[0].forward;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (i >= test.inputs.size() || !(test.inputs[i].type == graph.inputs[i]->type)) {
      return {Verdict::Wrong, fmt::format("input {} has the type {}", i, to_string(graph.inputs[i]->type))};
    }
    test.named[graph.inputs[i]->producer->attributes.text("name")] = test.inputs[i];
  }
  Result<std::map<std::string, Tensor>> parameters = parameter_tensors(*test.program, 0, {}, 0);
  if (!parameters) return {Verdict::Wrong, parameters.error()};
  test.parameters = std::move(*parameters);
  return {};
}

Outcome run_case(const std::string& folder, const Options& options) {
  Case test;
  Outcome outcome = load_case(folder, test);
  if (outcome.verdict != Verdict::Pass) return outcome;
  if (options.gradients) return check_gradient(test, options.evaluator_only);
  const Graph& graph = test.program->models[0].forward;
  const Evaluation evaluation = evaluate(graph, test.named, test.parameters, {.round_to_type = true});
  std::vector<Tensor> got;
  for (const Output& output : graph.outputs) got.push_back(evaluation.outputs.at(output.name));
  outcome = compare(graph, test, got, "evaluator");
  if (outcome.verdict != Verdict::Pass || options.evaluator_only) return outcome;
  return run_emitted(test);
}

// In a process of its own: a crash or a hang is an outcome.
Outcome run_apart(const std::string& folder, const Options& options) {
  int ends[2];
  if (::pipe(ends) != 0) return {Verdict::Crash, "no pipe"};
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(options.gradients ? kSecondsMaxGradients : kSecondsMax);
    Outcome outcome;
    try {
      outcome = run_case(folder, options);
    } catch (const std::exception& error) {
      outcome = {Verdict::Crash, first_line(error.what())};
    }
    const std::string text = fmt::format("{}{}", static_cast<int>(outcome.verdict), outcome.reason);
    const ssize_t written = ::write(ends[1], text.data(), std::min<std::size_t>(text.size(), 4000));
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return {Verdict::Crash, fmt::format("signal {}", WTERMSIG(status))};
  if (text.empty()) return {Verdict::Crash, "no outcome"};
  return {static_cast<Verdict>(text[0] - '0'), text.substr(1)};
}

int run_all(const Options& options) {
  std::vector<std::string> cases;
  for (const std::string& folder : options.folders) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().filename() == "model.onnx") cases.push_back(entry.path().parent_path().string());
    }
  }
  std::sort(cases.begin(), cases.end());
  std::ofstream file(options.report);
  std::map<std::string, std::array<int, kVerdicts.size()>> counts;  // by the folder above the cases
  int bad = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Outcome outcome = run_apart(cases[i], options);
    const std::size_t verdict = static_cast<std::size_t>(outcome.verdict);
    ++counts[fs::path(cases[i]).parent_path().string()][verdict];
    if (outcome.verdict >= Verdict::Wrong) {
      ++bad;
      fmt::print("{} {}: {}\n", kVerdicts[verdict], cases[i], outcome.reason);
    }
    if (file) file << fmt::format("{}\t{}\t{}\n", kVerdicts[verdict], cases[i], outcome.reason);
    if (::isatty(2) != 0) fmt::print(stderr, "\r{} of {}", i + 1, cases.size());
  }
  for (const auto& [suite, count] : counts) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < count.size(); ++i) {
      if (count[i] > 0) parts.push_back(fmt::format("{} {}", count[i], kVerdicts[i]));
    }
    fmt::print("{}: {}\n", suite, fmt::join(parts, ", "));
  }
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace nnc

int main(int argc, char** argv) {
  nnc::Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--evaluator-only") == 0) {
      options.evaluator_only = true;
    } else if (std::strcmp(argv[i], "--gradients") == 0) {
      options.gradients = true;
    } else if (std::strcmp(argv[i], "--report") == 0 && i + 1 < argc) {
      options.report = argv[++i];
    } else {
      options.folders.push_back(argv[i]);
    }
  }
  return nnc::run_all(options);
}
