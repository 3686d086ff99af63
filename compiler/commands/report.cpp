#include "compiler/commands/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/commands/activation_picture.h"
#include "compiler/commands/activations.h"
#include "compiler/commands/console.h"
#include "compiler/commands/inference.h"
#include "compiler/commands/training_run.h"
#include "compiler/interop/arrays.h"
#include "compiler/interop/file.h"

namespace nnc {
namespace {

Status report_activations(const ReportOptions& options, const ElaboratedProgram& program, std::size_t index,
                          const SourceManager& sources) {
  const ElaboratedModel& model = program.models[index];
  const Result<std::vector<Array>> arrays = load_arrays(options.data);
  if (!arrays) return arrays.failure();
  const Result<DataSet> data = DataSet::bind(*arrays, wanted_inputs(model.forward, 0));
  if (!data) return data.failure();
  if (data->size() == 0) return Failure{"the data hold no example"};
  Progress progress;
  progress.show("compiling");
  const Result<std::unique_ptr<ActivationProbe>> started =
      ActivationProbe::start(program, index, options.compile, sources);
  if (!started) return started.failure();
  const std::unique_ptr<ActivationProbe>& probe = *started;
  const Status filled = fill_parameters(probe->session(), program, index, options.weights, options.seed);
  if (!filled) return filled;
  const Result<std::vector<Activation>> activations =
      probe->measure(*data, Examples(data->size()), options.seed, progress);
  if (!activations) return activations.failure();
  progress.clear();
  const std::string title = fmt::format("{}: activations over {} examples", model.name, data->size());
  fmt::print("{}\n{}", title, activations_text(*activations, true));
  Status written = Done{};
  if (!options.output.empty()) {
    const bool is_svg = options.output.ends_with(".svg");
    written = write_file(options.output,
                         is_svg ? activations_svg(title, *activations) : activations_html(title, *activations));
  }
  if (!options.json.empty() && written) {
    const nlohmann::ordered_json file = {
        {"model", model.name}, {"examples", data->size()}, {"activations", activations_json(*activations)}};
    written = write_file(options.json, file.dump(2) + "\n");
  }
  return written;
}

}  // namespace

int report(const ReportOptions& options) {
  std::vector<std::string> read = options.data;
  read.push_back(options.model_path);
  read.push_back(options.weights.path);
  Status possible = check_runs_here(options.compile.target);
  if (possible) possible = check_outputs({options.output, options.json}, read);
  if (!possible) return fail(possible.error());
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ChosenModel> chosen = load_model(options.model_path, options.compile, sources, diagnostics);
  if (!chosen) return kBadInput;
  const Status status = report_activations(options, chosen->program, chosen->index, sources);
  return status ? kSuccess : fail(status.error());
}

}  // namespace nnc
