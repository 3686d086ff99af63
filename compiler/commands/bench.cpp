// nnc bench: how long one forward call takes on this machine, of a stream one step, and what it needs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/interop/file.h"

namespace nnc {

namespace {

double flops_of(const std::vector<Node>& nodes) {
  double flops = 0;
  for (const Node& node : nodes) {
    flops +=
        node.step != nullptr ? node.step->flops : static_cast<double>(node.loop->count) * flops_of(node.loop->body);
  }
  return flops;
}

struct Timing {
  double median_us = 0;
  double min_us = 0;
};

// Calls in groups long enough for the clock (2 µs at least), for `seconds` in all.
template <class Call>
Timing measure(const Call& call, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto timed = [&](std::int64_t count) {
    const Clock::time_point start = Clock::now();
    for (std::int64_t i = 0; i < count; ++i) call();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::int64_t group = 1;
  while (timed(group) < 20e-6 && group < (1 << 20)) group *= 2;
  std::vector<double> samples;
  const Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  do {
    samples.push_back(timed(group) / static_cast<double>(group));
  } while (Clock::now() < end || samples.size() < 5);
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2] * 1e6, samples.front() * 1e6};
}

}  // namespace

int bench(const BenchOptions& options) {
  Status possible = check_runs_here(options.compile.target);
  if (possible) possible = check_outputs({options.json}, {options.model_path, options.weights.path});
  if (!possible) return fail(possible.error());
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ChosenModel> chosen = load_model(options.model_path, options.compile, sources, diagnostics);
  if (!chosen) return kBadInput;
  std::unique_ptr<Unit> unit = compile_model(chosen->program, chosen->index, options.compile, diagnostics);
  if (show(diagnostics, sources) != kSuccess || unit == nullptr) return kBadInput;
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(unit), sources, error);
  if (session == nullptr) throw InternalError("the emitted code does not compile: " + error);
  const Status filled = fill_parameters(*session, chosen->program, chosen->index, options.weights, 0);
  if (!filled) return fail(filled.error());
  session->prepare();

  const UnitFunction& forward = *session->function("forward");
  std::vector<std::vector<std::byte>> memory;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  const auto reserve = [&](const Type& type) {
    memory.emplace_back(static_cast<std::size_t>(element_count(type.shape) * size_bytes(type.element)));
    return memory.back().data();
  };
  std::uint32_t noise = 1;
  for (const Value* input : forward.graph.inputs) {
    std::byte* at = reserve(input->type);
    if (is_float(input->type.element)) {
      const std::size_t size = static_cast<std::size_t>(size_bytes(input->type.element));
      for (std::int64_t i = 0; i < element_count(input->type.shape); ++i) {
        noise = noise * 1664525u + 1013904223u;
        const double value = static_cast<double>(noise >> 8) / (1 << 23) - 1;
        const std::uint64_t bits = float_bits(input->type.element, value);
        std::memcpy(at + static_cast<std::size_t>(i) * size, &bits, size);
      }
    }
    inputs.push_back(at);
  }
  for (const Output* output : caller_outputs(forward.graph)) outputs.push_back(reserve(output->value->type));
  const Timing timing = measure(session->bind("forward", inputs, outputs), options.seconds);
  const double flops = flops_of(forward.plan.nodes);
  const double gflops = flops / (timing.median_us * 1e3);
  const std::string& stream = options.compile.stream;
  fmt::print("{}{}: {:.3f} µs median, {:.3f} µs best, {:.2f} GFLOP/s ({})\n",
             chosen->program.models[chosen->index].name, stream.empty() ? "" : fmt::format(", a step of {}", stream),
             timing.median_us, timing.min_us, gflops, options.compile.target.name);
  fmt::print("arena {} bytes, weights {} bytes, code {} bytes\n", forward.plan.arena_bytes,
             session->unit().prepared.bytes, session->code_bytes());
  if (options.json.empty()) return kSuccess;
  nlohmann::ordered_json report = {{"model", chosen->program.models[chosen->index].name},
                                   {"target", options.compile.target.name},
                                   {"median_us", timing.median_us},
                                   {"min_us", timing.min_us},
                                   {"gflops", gflops},
                                   {"flop", flops},
                                   {"arena_bytes", forward.plan.arena_bytes},
                                   {"weights_bytes", session->unit().prepared.bytes},
                                   {"code_bytes", session->code_bytes()}};
  if (!stream.empty()) report["stream"] = stream;
  const Status written = write_file(options.json, report.dump(2) + "\n");
  return written ? kSuccess : fail(written.error());
}

}  // namespace nnc
