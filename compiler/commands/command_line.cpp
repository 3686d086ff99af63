#include "compiler/commands/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "compiler/commands/check.h"
#include "compiler/commands/compile.h"
#include "compiler/commands/console.h"
#include "compiler/commands/export.h"
#include "compiler/commands/fmt.h"
#include "compiler/commands/graph.h"
#include "compiler/commands/import.h"
#include "compiler/commands/inference.h"
#include "compiler/commands/ops.h"
#include "compiler/commands/report.h"
#include "compiler/commands/train.h"
#include "compiler/commands/verify.h"
#include "compiler/passes/passes.h"

namespace nnc {
namespace {

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// A value that must be one of `names`; says which is nearest.
CLI::Validator one_of(const std::string& what, const std::vector<std::string>& names) {
  return CLI::Validator(
      [what, names](std::string& value) -> std::string {
        if (std::find(names.begin(), names.end(), value) != names.end()) return "";
        const std::string near = nearest(value, names);
        return fmt::format("there is no {} '{}'; {}", what, value,
                           near.empty() ? "there are " + quoted_list(names) : fmt::format("did you mean '{}'?", near));
      },
      "");
}

// A whole number of at least `least`, as decimal digits, that 64 bits hold.
CLI::Validator whole_number(std::uint64_t least, bool is_signed) {
  return CLI::Validator(
      [least, is_signed](std::string& value) -> std::string {
        if (value.empty() || value.find_first_not_of("0123456789") != std::string::npos) {
          return fmt::format("'{}' is not a whole number of at least {}", value, least);
        }
        errno = 0;
        const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
        const bool is_too_large = is_signed && number > static_cast<std::uint64_t>(INT64_MAX);
        if (errno == ERANGE || is_too_large) return fmt::format("{} does not fit in 64 bits", value);
        return number < least ? fmt::format("{} is below {}", value, least) : "";
      },
      "");
}

CLI::Validator number_from_zero(bool may_be_zero) {
  return CLI::Validator(
      [may_be_zero](std::string& value) -> std::string {
        char* end = nullptr;
        const double number = std::strtod(value.c_str(), &end);
        const bool is_number = !value.empty() && *end == 0 && std::isfinite(number);
        if (is_number && (number > 0 || (may_be_zero && number == 0))) return "";
        return fmt::format("'{}' is not a number {}", value, may_be_zero ? "of at least 0" : "above 0");
      },
      "");
}
CLI::Validator above_zero() { return number_from_zero(false); }

std::vector<std::string> target_names() {
  std::vector<std::string> names = {"native"};
  for (const Target& target : targets()) names.push_back(target.name);
  return names;
}

std::vector<std::string> pass_names(bool only_optional) {
  std::vector<std::string> names;
  for (const PassInfo& pass : pass_table()) {
    if (pass.is_optional || !only_optional) names.emplace_back(pass.name);
  }
  return names;
}

// The options that say which program, and how it is read.
void add_settings(CLI::App& app, std::map<std::string, std::string>& settings, const std::string& meaning) {
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&settings](const std::vector<std::string>& given) {
           for (const std::string& setting : given) {
             const std::size_t equals = setting.find('=');
             if (equals == std::string::npos || equals == 0) {
               throw CLI::ValidationError("--set", fmt::format("'{}' is not of the form NAME=VALUE", setting));
             }
             settings[setting.substr(0, equals)] = setting.substr(equals + 1);
           }
         },
         meaning)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void add_program(CLI::App& app, std::string& path, ElaborateOptions& options) {
  app.add_option("model", path, "The program, a .nn file, or an .onnx model")->type_name("FILE");
  add_settings(app, options.settings, "Value of a setting of the program, or an open size of the model");
}

CLI::Option* add_weights(CLI::App& app, WeightsOption& weights, const std::string& meaning) {
  CLI::Option* file = app.add_option("--weights", weights.path, meaning)->type_name("FILE.safetensors");
  app.add_option("--names", weights.names, "Lines `theirs -> ours`: which of its arrays is which parameter")
      ->type_name("FILE")
      ->needs(file);
  app.add_flag("--partial", weights.is_partial, "Take what matches from it; the rest keeps its initial values")
      ->needs(file);
  return file;
}

void add_diagnostics(CLI::App& app, bool& json) {
  app.add_option_function<std::string>(
         "--diagnostics", [&json](const std::string& form) { json = form == "json"; },
         "Errors as text, or as JSON on standard output")
      ->type_name("FORM")
      ->check(one_of("form", {"text", "json"}));
}

void add_target(CLI::App& app, Target& target, const std::string& without) {
  target = *find_target(without);
  app.add_option_function<std::string>(
         "--target", [&target](const std::string& name) { target = *find_target(name); },
         "The machine: " + quoted_list(target_names()))
      ->type_name("NAME")
      ->default_str(without)
      ->check(one_of("target", target_names()));
}

// `fast` allows algorithms that round in another order. There are none yet, and the header of what is emitted says so.
void add_math(CLI::App& app, CompileOptions& options) {
  app.add_option("--math", options.math, "exact: the same bits from every compiler and target with FMA; or fast")
      ->type_name("MODE")
      ->default_str(options.math)
      ->check(one_of("math mode", {"exact", "fast"}));
}

void add_choice(CLI::App& app, CompileOptions& options) {
  app.add_option("--model", options.model, "One model of the program")->type_name("NAME");
  app.add_option("--stage", options.stage, "One `train` block of the program")->type_name("NAME");
}

void add_skip(CLI::App& app, CompileOptions& options) {
  app.add_option("--skip", options.skip, "Leave out this optional pass")
      ->type_name("PASS")
      ->allow_extra_args(false)
      ->check(one_of("optional pass", pass_names(true)));
}

void add_passes(CLI::App& app, CompileOptions& options, PassReports& reports) {
  std::vector<std::string> printed = pass_names(false);
  printed.emplace_back("all");
  app.add_option("--print-after", reports.print_after, "Print the graphs after this pass")
      ->type_name("PASS")
      ->allow_extra_args(false)
      ->check(one_of("pass", printed));
  add_skip(app, options);
  app.add_flag("--time-passes", reports.time_passes, "Print how long each pass took");
}

CLI::Option* add_seed(CLI::App& app, std::uint64_t& seed, const std::string& meaning) {
  return app.add_option("--seed", seed, meaning)->check(whole_number(0, false));
}

void add_batch(CLI::App& app, ElaborateOptions& options) {
  app.add_option("--batch", options.batch, "Examples in a batch, over the program's")->check(CLI::Range(1, 1 << 20));
  app.add_option("--shards", options.shards, "Parts in which a batch is computed, one after the other")
      ->check(CLI::Range(1, 1 << 20));
}

CLI::Option* add_stream(CLI::App& app, CompileOptions& options, const std::string& meaning) {
  return app.add_option("--stream", options.stream, meaning)->type_name("INPUT");
}

void add_compile(CLI::App& app, CompileCommand& command) {
  add_program(app, command.path, command.compile.elaborate);
  app.add_option("-o,--output", command.output, "The C++ file; a header of that name goes beside it")
      ->type_name("FILE.cpp");
  add_weights(app, command.weights, "Embed these parameters");
  add_target(app, command.compile.target, std::string(kDefaultTarget));
  add_math(app, command.compile);
  CLI::Option* train = app.add_flag("--train", command.training, "Emit the code that trains: step, init, evaluate");
  add_stream(app, command.compile, "Emit a step function: one element of this input a call")->excludes(train);
  app.add_flag("--self-test", command.self_test,
               "Write FILE_test.cpp too, a program that runs the code and compares its outputs");
  app.add_option("--runtime", command.runtime,
                 "embed: the files need nothing else; or include: headers of nnc::runtime")
      ->type_name("HOW")
      ->default_str(command.runtime)
      ->check(one_of("way", {"embed", "include"}));
  app.add_option("--namespace", command.name_space, "Of the C++ interface, over the model's name")->type_name("NAME");
  add_choice(app, command.compile);
  add_batch(app, command.compile.elaborate);
  app.add_option("--emit", command.emit_as, "tokens, ast, graph, plan, or cpp (as without it)")
      ->type_name("FORM")
      ->check(one_of("form", {"tokens", "ast", "graph", "plan", "cpp"}));
  add_passes(app, command.compile, command.reports);
  add_diagnostics(app, command.json);
}

// `nnc check`, and with --gradients what it does besides.
struct CheckArguments {
  CheckOptions program;
  GradientCheckOptions gradients;
  bool with_gradients = false;
};

void add_check(CLI::App& app, CheckArguments& arguments) {
  GradientCheckOptions& gradients = arguments.gradients;
  add_program(app, gradients.model_path, gradients.compile.elaborate);
  app.get_option("model")->required();
  add_diagnostics(app, arguments.program.json);
  CLI::Option* flag = app.add_flag("--gradients", arguments.with_gradients, "Compare gradients with slopes");
  add_weights(app, gradients.weights, "Parameters at which they are compared")->needs(flag);
  app.add_option("--model", gradients.compile.model, "One model of the program")->type_name("NAME")->needs(flag);
  app.add_option("--stage", gradients.compile.stage, "One `train` block alone")->type_name("NAME")->needs(flag);
  add_seed(app, gradients.seed, "Of the point at which they are compared")->needs(flag);
  add_batch(app, gradients.compile.elaborate);
  add_target(app, gradients.compile.target, std::string(kDefaultTarget));
}

int run_check(CheckArguments& arguments) {
  if (arguments.with_gradients) return check_gradients(arguments.gradients);
  arguments.program.path = arguments.gradients.model_path;
  arguments.program.elaborate = arguments.gradients.compile.elaborate;
  return check(arguments.program);
}

void add_fmt(CLI::App& app, FmtOptions& options) {
  app.add_option("files", options.paths, "Programs; - is standard input")->type_name("FILE")->required();
  app.add_flag("--check", options.check, "Write nothing; fail if a file would change");
}

void add_ops(CLI::App& app, OpsOptions& options) {
  app.add_option("name", options.name, "A primitive or a definition of the prelude, in full")->type_name("NAME");
}

void add_train(CLI::App& app, TrainOptions& options) {
  add_program(app, options.model_path, options.compile.elaborate);
  app.get_option("model")->required();
  app.add_option("--data", options.data, "Training data: a file of named arrays, or NAME=FILE,…")
      ->type_name("DATA")
      ->allow_extra_args(false)
      ->required();
  app.add_option("--test", options.test, "Data for the metrics")->type_name("DATA")->allow_extra_args(false);
  app.add_option("--hold-out", options.hold_out, "Keep this part of the data for the metrics")
      ->type_name("FRACTION")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--held-out", options.held_out, "Write the numbers of the examples held out")->type_name("FILE");
  app.add_option("-o,--output", options.output, "Where the weights go")->type_name("FILE.safetensors");
  add_weights(app, options.weights, "Start from these");
  app.add_option("--epochs", options.compile.elaborate.epochs, "Over the program's")->check(whole_number(0, true));
  add_batch(app, options.compile.elaborate);
  add_seed(app, options.seed, "Of initial values, order and dropout");
  app.add_option("--checkpoint", options.checkpoint, "Written after each epoch, and when interrupted")
      ->type_name("FILE");
  app.add_flag("--resume", options.resume, "Go on from the checkpoint")->needs("--checkpoint");
  app.add_flag_callback(
         "--carry", [&options] { options.order = Order::Carried; },
         "The data are one sequence: recurrent states go on from step to step")
      ->excludes("--hold-out");
  CLI::Option* maximum =
      app.add_option("--maximum", options.maximum, "Keep the weights of the epoch in which this metric was largest");
  CLI::Option* minimum = app.add_option("--minimum", options.minimum, "The same for the smallest");
  maximum->type_name("METRIC")->excludes(minimum);
  minimum->type_name("METRIC");
  app.add_option("--patience", options.patience, "End after so many epochs without a better one")
      ->type_name("EPOCHS")
      ->check(whole_number(1, true));
  app.add_flag("--monitor", options.monitor, "After each epoch show what 'nnc report --activations' does");
  app.add_option("--json", options.json, "A line of JSON an epoch")->type_name("FILE.jsonl");
  app.add_flag("--quiet", options.quiet, "Print errors only");
  add_target(app, options.compile.target, "native");
  add_math(app, options.compile);
  add_choice(app, options.compile);
}

void add_inference(CLI::App& app, std::string& path, CompileOptions& options, WeightsOption& weights) {
  add_program(app, path, options.elaborate);
  app.get_option("model")->required();
  add_weights(app, weights, "Of the model");
  app.add_option("--model", options.model, "One model of the program")->type_name("NAME");
  add_target(app, options.target, "native");
  add_math(app, options);
}

void add_files(CLI::App& app, const std::string& name, std::vector<std::string>& files, const std::string& meaning) {
  app.add_option(name, files, meaning)->type_name("NAME=FILE")->allow_extra_args(false);
}

void add_expect(CLI::App& app, ExpectOptions& options) {
  add_files(app, "--expect", options.files, "Compare an output with this file; status 1 if it is not close");
  app.add_option("--rtol", options.rtol, "Close is |found - expected| <= ATOL + RTOL |expected|")
      ->type_name("RTOL")
      ->default_str(fmt::format("{:g}", options.rtol))
      ->check(number_from_zero(true));
  app.add_option("--atol", options.atol, "See --rtol")
      ->type_name("ATOL")
      ->default_str(fmt::format("{:g}", kDefaultAtol))
      ->check(number_from_zero(true));
}

void add_run(CLI::App& app, RunOptions& options) {
  add_inference(app, options.model_path, options.compile, options.weights);
  add_files(app, "--input", options.inputs, "An input; with a leading axis, one example after the other");
  add_files(app, "--output", options.outputs, "Write an output, as .npy or .csv; without it all are printed");
  app.add_option("--output-dir", options.output_dir, "Write every output there, as NAME.npy")->type_name("FOLDER");
  add_expect(app, options.expect);
  add_files(app, "--cotangent", options.cotangents, "Run backwards too, from this gradient of an output");
  add_files(app, "--gradient", options.gradients, "Write the gradient of an input or a parameter");
  app.get_option("--gradient")->needs("--cotangent");
  app.get_option("--cotangent")->needs("--gradient");
  add_stream(app, options.compile, "Run the step function: this input goes in row by row")->excludes("--cotangent");
  add_seed(app, options.seed, "Of the parameters, without --weights, and of what the model draws");
}

void add_against(CLI::App& app, VerifyOptions& options) {
  CLI::Option* against =
      app.add_option("--against", options.against, "Compare the outputs of an .onnx model with: onnxruntime")
          ->type_name("PROGRAM")
          ->check(one_of("program to compare with", {"onnxruntime"}));
  for (const char* other : {"--stage", "--gradients", "--weights"}) against->excludes(app.get_option(other));
  app.add_option("--python", options.python, "The Python that has it; else NNC_PYTHON, or python3")
      ->type_name("FILE")
      ->needs(against);
}

void add_verify(CLI::App& app, VerifyOptions& options) {
  add_inference(app, options.model_path, options.compile, options.weights);
  CLI::Option* stage =
      app.add_option("--stage", options.compile.stage, "The training step of this `train` block instead of the model");
  stage->type_name("NAME");
  add_batch(app, options.compile.elaborate);
  app.get_option("--batch")->needs(stage);
  app.add_flag("--gradients", options.gradients, "The backward code instead of the forward code")->excludes(stage);
  add_files(app, "--input", options.inputs, "An input; with a leading axis, one call after the other");
  add_seed(app, options.seed, "Of the inputs, without --input, and of the parameters, without --weights");
  app.add_option("--calls", options.calls, "How many calls, one after the other, with the states going on")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--tolerance", options.tolerance, "Accept errors of so many times the bound of rounding")
      ->type_name("FACTOR")
      ->default_str("1")
      ->check(above_zero());
  add_expect(app, options.expect);
  add_against(app, options);
  add_skip(app, options.compile);
  app.add_option("--json", options.json, "Write the figures there")->type_name("FILE.json");
}

void add_bench(CLI::App& app, BenchOptions& options) {
  add_inference(app, options.model_path, options.compile, options.weights);
  add_stream(app, options.compile, "Time a step: one element of this input a call");
  app.add_option("--seconds", options.seconds, "How long to measure")->check(above_zero());
  app.add_option("--json", options.json, "Write the figures there")->type_name("FILE.json");
}

// The file's name says what is written.
CLI::Validator picture_name(bool may_be_page) {
  return CLI::Validator(
      [may_be_page](std::string& path) -> std::string {
        const bool is_picture = path.ends_with(".svg") || (may_be_page && path.ends_with(".html"));
        return is_picture ? "" : fmt::format("'{}' should end in .svg{}", path, may_be_page ? " or .html" : "");
      },
      "");
}

void add_graph(CLI::App& app, GraphOptions& options) {
  add_program(app, options.model_path, options.compile.elaborate);
  app.get_option("model")->required();
  app.add_option("--model", options.compile.model, "One model of the program")->type_name("NAME");
  app.add_option("-o,--output", options.output, "A picture; without it a table is printed")
      ->type_name("FILE.svg")
      ->check(picture_name(false));
}

void add_report(CLI::App& app, ReportOptions& options) {
  add_inference(app, options.model_path, options.compile, options.weights);
  CLI::Option* data =
      app.add_option("--data", options.data, "Examples: a file of named arrays, or NAME=FILE,…")->type_name("DATA");
  data->allow_extra_args(false);
  app.add_flag("--activations", options.activations,
               "What each call in the program gives for the data: mean, std and histogram of its values; of an "
               "activation y = f(x) also the share that is saturated (|dy/dx| < 0.1) and the share of dead units "
               "(|dy/dx| < 1e-6 in every example)")
      ->needs(data);
  add_seed(app, options.seed, "Of the parameters, without --weights, and of what the model draws");
  app.add_option("-o,--output", options.output, "The same as a picture")
      ->type_name("FILE.svg|.html")
      ->check(picture_name(true));
  app.add_option("--json", options.json, "Write the figures there")->type_name("FILE.json");
}

void add_import(CLI::App& app, ImportOptions& options) {
  app.add_option("model", options.model_path, "The model")->type_name("MODEL.onnx")->required();
  app.add_option("-o,--output", options.output, "The program; its weights go beside it, to NAME.safetensors")
      ->type_name("NAME.nn");
  add_settings(app, options.settings, "An open size of the model");
}

void add_export(CLI::App& app, ExportOptions& options) {
  add_program(app, options.model_path, options.compile.elaborate);
  app.get_option("model")->required();
  add_weights(app, options.weights, "The parameters; without them initial ones are drawn");
  app.add_option("--model", options.compile.model, "One model of the program")->type_name("NAME");
  add_seed(app, options.seed, "Of the parameters, without --weights");
  app.add_option_function<std::string>(
         "--batch", [&options](const std::string& text) { options.batch = *parse_export_batch(text); },
         "Put an axis for so many examples in front; open: for any number. Without it the file computes one example")
      ->type_name("NUMBER|open")
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            return parse_export_batch(text) ? "" : fmt::format("'{}' is neither a number of examples nor open", text);
          },
          ""));
  app.add_option("-o,--output", options.output, "The model")->type_name("NAME.onnx");
}

// The options of a command by name, for "did you mean".
std::string near_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return nearest(word.substr(0, word.find('=')), names);
}

int usage_error(const std::string& message) {
  fmt::print(stderr, "nnc: error: {}\nnnc: 'nnc --help' shows how it is used\n", message);
  return kBadUsage;
}

int explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);  // --help, --version
  const std::vector<std::string> unknown = app.remaining(true);
  if (unknown.empty()) return usage_error(error.what());
  const std::vector<const CLI::App*> used = app.get_subcommands(nullptr);
  const CLI::App& active = used.empty() || app.get_subcommands().empty() ? app : *app.get_subcommands().front();
  const std::string near = near_option(active, unknown.front());
  return usage_error(fmt::format("'{}' is not understood{}", unknown.front(),
                                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Compiles neural networks to C++: nnc model.nn -o model.cpp", "nnc");
  app.set_version_flag("--version", "nnc " NNC_VERSION);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);

  CompileCommand compile_command;
  add_compile(app, compile_command);
  CheckArguments check_arguments;
  add_check(*app.add_subcommand("check", "Show all errors of a program"), check_arguments);
  FmtOptions fmt_options;
  add_fmt(*app.add_subcommand("fmt", "Lay programs out, in place"), fmt_options);
  TrainOptions train_options;
  add_train(*app.add_subcommand("train", "Train, with the code that nnc emits"), train_options);
  RunOptions run_options;
  add_run(*app.add_subcommand("run", "Run on files, forwards and backwards"), run_options);
  VerifyOptions verify_options;
  add_verify(*app.add_subcommand("verify", "Compare each step with what it means"), verify_options);
  BenchOptions bench_options;
  add_bench(*app.add_subcommand("bench", "Measure time and memory"), bench_options);
  ReportOptions report_options;
  add_report(*app.add_subcommand("report", "Show what a model does"), report_options);
  GraphOptions graph_options;
  add_graph(*app.add_subcommand("graph", "Draw a model"), graph_options);
  OpsOptions ops_options;
  add_ops(*app.add_subcommand("ops", "The reference of what programs may call"), ops_options);
  ImportOptions import_options;
  add_import(*app.add_subcommand("import", "Turn an ONNX model into a program and its weights"), import_options);
  ExportOptions export_options;
  add_export(*app.add_subcommand("export", "Write a model as an ONNX file"), export_options);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return explain(app, error);
  }
  for (const CLI::Option* option : app.get_options()) {
    if (app.get_subcommands().empty() || option->count() == 0) continue;
    return usage_error(fmt::format("'{}' stands before '{}': options come after the name of the command",
                                   option->get_name(), app.get_subcommands().front()->get_name()));
  }
  for (const CLI::App* command : app.get_subcommands()) {
    const auto given = [&](const char* name) {
      const CLI::Option* const option = command->get_option_no_throw(name);
      return option != nullptr && option->count() > 0;
    };
    if ((given("--rtol") || given("--atol")) && !given("--expect") && !given("--against")) {
      return usage_error("--rtol and --atol say how close --expect or --against finds outputs; neither is given");
    }
  }
  if (app.got_subcommand("check")) return run_check(check_arguments);
  if (app.got_subcommand("fmt")) return format_files(fmt_options);
  if (app.got_subcommand("train")) {
    if (train_options.patience && train_options.maximum.empty() && train_options.minimum.empty()) {
      return usage_error("--patience needs a metric to wait for: --maximum NAME or --minimum NAME");
    }
    return train(train_options);
  }
  if (app.got_subcommand("run")) return run(run_options);
  if (app.got_subcommand("verify")) return verify(verify_options);
  if (app.got_subcommand("bench")) return bench(bench_options);
  if (app.got_subcommand("report")) {
    return report_options.activations ? report(report_options)
                                      : usage_error("what is to be reported? --activations --data DATA");
  }
  if (app.got_subcommand("graph")) return graph(graph_options);
  if (app.got_subcommand("ops")) return list_ops(ops_options);
  if (app.got_subcommand("import")) return import_model(import_options);
  if (app.got_subcommand("export")) return export_model(export_options);

  if (compile_command.path.empty()) return usage_error("no program is given");
  if (compile_command.training && !compile_command.weights.path.empty()) {
    return usage_error("--weights embeds what was learned; it does not go with --train");
  }
  if (compile_command.self_test && compile_command.emit_as != "cpp") {
    return usage_error("--self-test goes with C++, not with --emit=" + compile_command.emit_as);
  }
  return compile(compile_command);
}

}  // namespace nnc
