// nnc run: files in, files or text out, through the emitted code; with cotangents also through the emitted backward
// code. With --stream the rows of a sequence go in one by one, and the rows of outputs are written as a sequence.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "compiler/commands/call_inputs.h"
#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/commands/results.h"
#include "compiler/commands/training_run.h"
#include "compiler/interop/arrays.h"

namespace nnc {

namespace {

std::size_t bytes_of(const Type& type) {
  return static_cast<std::size_t>(element_count(type.shape) * size_bytes(type.element));
}

class Runner {
 public:
  explicit Runner(const RunOptions& options) : options_(options) {}

  int run() {
    Status possible = check_runs_here(options_.compile.target);
    if (!possible) return fail(possible.error());
    std::vector<std::string> read = options_.inputs, written;
    read.insert(read.end(), options_.cotangents.begin(), options_.cotangents.end());
    read.insert(read.end(), options_.expect.files.begin(), options_.expect.files.end());
    read.push_back(options_.model_path);
    read.push_back(options_.weights.path);
    for (const std::vector<std::string>* files : {&options_.outputs, &options_.gradients}) {
      for (const std::string& text : *files) {
        const Result<std::pair<std::string, std::string>> parts = name_and_file(text, "the option");
        if (!parts) return fail(parts.error());
        written.push_back(parts->second);
      }
    }
    possible = check_outputs(written, read);
    if (!possible) return fail(possible.error());
    const std::string& folder = options_.output_dir;
    if (std::filesystem::exists(folder) && !std::filesystem::is_directory(folder)) {
      return fail(fmt::format("'{}' is no folder; --output-dir names one, which is made if it is not there", folder));
    }
    Diagnostics diagnostics;
    std::optional<ChosenModel> chosen = load_model(options_.model_path, options_.compile, sources_, diagnostics);
    if (!chosen) return kBadInput;
    program_ = std::move(chosen->program);
    model_ = chosen->index;
    Status status = bind_all();
    if (status) status = forward();
    if (status && !options_.cotangents.empty()) status = backward();
    if (status) status = expected_.agreed();
    return status ? kSuccess : fail(status.error());
  }

 private:
  // All that is wrong with the data and with names is said before anything is compiled.
  Status bind_all() {
    const Result<std::vector<Array>> arrays = load_arrays(options_.inputs);
    if (!arrays) return arrays.failure();
    const Graph& graph = program_->models[model_].forward;
    Result<ExpectedOutputs> expected = ExpectedOutputs::load(options_.expect, graph.outputs);
    if (!expected) return expected.failure();
    expected_ = std::move(*expected);
    std::vector<WantedInput> wanted = wanted_inputs(graph, 0);
    std::vector<std::string> names;
    for (const WantedInput& input : wanted) names.push_back(input.name);
    const std::string& stream = options_.compile.stream;
    Status status = stream.empty() ? Done{} : check_known(stream, names, "input");
    if (status && !options_.cotangents.empty()) status = check_differentiable(program_->models[model_]);
    if (status) status = check_results(graph);
    if (status) status = count_steps(*arrays, wanted);
    if (status) status = forward_inputs_.add(*arrays, wanted, "input");
    if (!status || options_.cotangents.empty()) return status;
    const Result<std::vector<Array>> cotangents = load_arrays(options_.cotangents);
    if (!cotangents) return cotangents.failure();
    std::vector<WantedInput> outputs;
    for (const Output& output : graph.outputs) {
      if (is_float(output.value->type.element)) outputs.push_back({output.name, output.value->type, 0});
    }
    backward_inputs_ = forward_inputs_;
    return backward_inputs_.add(*cotangents, outputs, "float output");
  }

  // The sequence of a stream has as many steps as its array.
  Status count_steps(const std::vector<Array>& arrays, std::vector<WantedInput>& wanted) {
    for (WantedInput& input : wanted) {
      Shape& shape = input.type.shape;
      if (input.name != options_.compile.stream || shape.empty()) continue;
      for (const Array& array : arrays) {
        const std::size_t rank = array.shape.size();
        if (array.name != input.name || rank < shape.size() || rank > shape.size() + 1) continue;
        steps_ = shape[0] = array.shape[rank - shape.size()];
        sequence_place_ = array.place;
        if (steps_ == 0) return Failure{fmt::format("{}: has no steps", array.place)};
      }
    }
    return Done{};
  }

  // That what --output and --gradient name is there.
  Status check_results(const Graph& graph) const {
    std::vector<std::string> outputs, sources;
    for (const Output& output : graph.outputs) outputs.push_back(output.name);
    for (const Value* input : graph.inputs) {
      if (is_float(input->type.element)) sources.push_back(input->producer->attributes.text("name"));
    }
    for (const State& state : graph.states) {
      if (state.kind == StateKind::Parameter) sources.push_back(state.name);
    }
    const auto check = [](const std::vector<std::string>& named, const std::vector<std::string>& known,
                          const char* option, const char* what) -> Status {
      for (const std::string& text : named) {
        const Result<std::pair<std::string, std::string>> parts = name_and_file(text, option);
        if (!parts) return parts.failure();
        const Status found = check_known(parts->first, known, what);
        if (!found) return found;
      }
      return Done{};
    };
    const Status status = check(options_.outputs, outputs, "--output", "output");
    return status ? check(options_.gradients, sources, "--gradient", "float input or parameter") : status;
  }

  std::unique_ptr<Session> start(std::unique_ptr<Unit> unit) {
    unit->source_name = options_.model_path.substr(options_.model_path.find_last_of('/') + 1);
    std::string error;
    std::unique_ptr<Session> session = Session::start(std::move(unit), sources_, error);
    if (session == nullptr) throw InternalError("the emitted code does not compile: " + error);
    return session;
  }

  // Calls `name` for each example, of a stream for each of its steps, and keeps what it gives.
  std::map<std::string, std::vector<std::byte>> call_all(Session& session, const std::string& name,
                                                         const CallInputs& bound) {
    const Graph& graph = session.function(name)->graph;
    const std::uint32_t seed[] = {static_cast<std::uint32_t>(options_.seed),
                                  static_cast<std::uint32_t>(options_.seed >> 32)};
    const bool is_stream = !options_.compile.stream.empty();
    examples_ = std::max<std::int64_t>(bound.calls, 1);
    has_axis_ = bound.has_axis;
    const std::int64_t calls = examples_ * steps_;
    std::map<std::string, std::vector<std::byte>> results;
    const std::vector<const Output*> outputs = caller_outputs(graph);
    std::vector<std::size_t> sizes;
    std::vector<std::vector<std::byte>*> memory;
    for (const Output* output : outputs) {
      sizes.push_back(bytes_of(output->value->type));
      memory.push_back(&results[output->name]);
      memory.back()->resize(sizes.back() * static_cast<std::size_t>(calls));
    }
    for (std::int64_t i = 0; i < calls; ++i) {
      const std::int64_t example = i / steps_;
      const std::size_t step = static_cast<std::size_t>(i % steps_);
      if (is_stream && step == 0 && session.function("reset") != nullptr) session.call("reset", {}, {});
      std::vector<const void*> from;
      std::vector<void*> to;
      std::size_t next = 0;
      for (const Value* input : graph.inputs) {
        const std::string& input_name = input->producer->attributes.text("name");
        if (is_added_by_nnc(input_name)) {
          from.push_back(seed);
          continue;
        }
        const std::size_t row = input_name == options_.compile.stream ? step * bytes_of(input->type) : 0;
        from.push_back(bound.at(next++, example) + row);
      }
      for (std::size_t j = 0; j < outputs.size(); ++j) {
        to.push_back(memory[j]->data() + sizes[j] * static_cast<std::size_t>(i));
      }
      session.call(name, from, to);
      after_call(session);
    }
    return results;
  }

  // Gradients of parameters are summed over the examples.
  void after_call(Session& session) {
    for (const Slot& slot : session.unit().gradients.slots) {
      Tensor& sum = sums_.emplace(slot.name, Tensor::zeros(slot.type)).first->second;
      const std::byte* at = session.gradients().data() + slot.offset;
      for (double& number : sum.floats()) {
        number += read_element(slot.type.element, at);
        at += size_bytes(slot.type.element);
      }
    }
  }

  Status forward() {
    Diagnostics diagnostics;
    std::unique_ptr<Unit> unit = compile_model(*program_, model_, options_.compile, diagnostics);
    if (show(diagnostics, sources_) != kSuccess || unit == nullptr) return Failure{"the model was not compiled"};
    if (unit->stream_steps > 0 && steps_ > unit->stream_steps) {
      return Failure{fmt::format("{}: has {} steps, but the positions or the attention of `{}` are of {}",
                                 sequence_place_, steps_, unit->model_name, unit->stream_steps)};
    }
    const std::unique_ptr<Session> session = start(std::move(unit));
    Status status = fill_parameters(*session, *program_, model_, options_.weights, options_.seed);
    if (!status) return status;
    session->prepare();
    const std::map<std::string, std::vector<std::byte>> results = call_all(*session, "forward", forward_inputs_);
    std::map<std::string, std::string> files;
    for (const std::string& text : options_.outputs) {
      const Result<std::pair<std::string, std::string>> parts = name_and_file(text, "--output");
      if (!parts) return parts.failure();
      files[parts->first] = parts->second;
    }
    if (!options_.output_dir.empty()) {
      std::error_code error;
      std::filesystem::create_directories(options_.output_dir, error);
      if (error) return Failure{fmt::format("cannot make the folder '{}': {}", options_.output_dir, error.message())};
    }
    // Who names no file wants to see the numbers.
    const bool prints =
        options_.outputs.empty() && options_.output_dir.empty() && options_.gradients.empty() && expected_.empty();
    const Graph& given = session->function("forward")->graph;
    std::vector<Output> outputs = given.outputs;
    // The function does not give what has no elements.
    for (const Output& output : program_->models[model_].forward.outputs) {
      if (given.find_output(output.name) == nullptr) outputs.push_back(output);
    }
    for (const Output& output : outputs) {
      if (!options_.output_dir.empty() && files.count(output.name) == 0) {
        files[output.name] = (std::filesystem::path(options_.output_dir) / (output.name + ".npy")).string();
      }
      if (files.count(output.name) == 0 && !prints && expected_.empty()) continue;
      Type type = output.value->type;
      if (!options_.compile.stream.empty()) type.shape.insert(type.shape.begin(), steps_);
      const std::map<std::string, std::vector<std::byte>>::const_iterator bytes = results.find(output.name);
      const ComputedArray result = {output.name, type, examples_, has_axis_,
                                    bytes == results.end() ? std::vector<std::byte>{} : bytes->second};
      status = expected_.compare(output.name, array_of(result));
      if (status && prints) fmt::print("{}", result_text(result));
      if (status && files.count(output.name) != 0) status = write_result(files[output.name], array_of(result));
      if (!status) return status;
    }
    return Done{};
  }

  Status backward() {
    Diagnostics diagnostics;
    std::unique_ptr<Unit> unit = compile_backward(*program_, model_, options_.compile, diagnostics);
    if (show(diagnostics, sources_) != kSuccess || unit == nullptr) return Failure{"the gradient was not compiled"};
    const std::unique_ptr<Session> session = start(std::move(unit));
    Status status = fill_parameters(*session, *program_, model_, options_.weights, options_.seed);
    if (!status) return status;
    session->prepare();
    sums_.clear();
    const std::map<std::string, std::vector<std::byte>> results = call_all(*session, "backward", backward_inputs_);
    for (const std::string& text : options_.gradients) {
      const Result<std::pair<std::string, std::string>> parts = name_and_file(text, "--gradient");
      if (!parts) return parts.failure();
      status = write_gradient(*session, results, parts->first, parts->second);
      if (!status) return status;
    }
    return Done{};
  }

  Status write_gradient(Session& session, const std::map<std::string, std::vector<std::byte>>& results,
                        const std::string& name, const std::string& path) {
    const std::map<std::string, std::vector<std::byte>>::const_iterator of_input = results.find("d:" + name);
    if (of_input != results.end()) {
      for (const Output& output : session.function("backward")->graph.outputs) {
        if (output.name == of_input->first) {
          return write_result(path, array_of({name, output.value->type, examples_, has_axis_, of_input->second}));
        }
      }
    }
    const std::map<std::string, Tensor>::const_iterator of_parameter = sums_.find(name);
    if (of_parameter != sums_.end()) {
      const Result<Array> sum = array_from_tensor(name, of_parameter->second);
      return sum ? write_result(path, *sum) : Status(sum.failure());
    }
    return Failure{fmt::format("'{}' is neither a float input nor a parameter of the model", name)};
  }

  const RunOptions& options_;
  SourceManager sources_;
  std::optional<ElaboratedProgram> program_;
  std::size_t model_ = 0;
  ExpectedOutputs expected_;
  CallInputs forward_inputs_, backward_inputs_;
  std::int64_t steps_ = 1;  // of a stream
  std::string sequence_place_;
  std::int64_t examples_ = -1;
  bool has_axis_ = false;
  std::map<std::string, Tensor> sums_;  // of the gradients of parameters
};

}  // namespace

int run(const RunOptions& options) { return Runner(options).run(); }

}  // namespace nnc
