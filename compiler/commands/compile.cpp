// Several models of a program go into one pair of files, one after the other: an emitted unit lies in a namespace of
// its own from its first line to its last.
#include "compiler/commands/compile.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <set>

#include "compiler/commands/console.h"
#include "compiler/commands/self_test.h"
#include "compiler/commands/session.h"
#include "compiler/embedded.h"
#include "compiler/emit/check.h"
#include "compiler/emit/runtime_text.h"
#include "compiler/emit/sha256.h"
#include "compiler/graph/print.h"
#include "compiler/interop/file.h"
#include "dsl/lexer.h"
#include "dsl/parser.h"
#include "dsl/print.h"

namespace nnc {
namespace {

// Larger weights go to a file: compilers are slow on large tables (14 MB take g++ 8 s).
constexpr std::size_t kEmbeddedMax = 1 << 20;

// model.cpp -> model_test.cpp
std::string test_path(const std::filesystem::path& output) {
  const std::string name = output.stem().string() + "_test" + output.extension().string();
  return (output.parent_path() / name).string();
}

class Compilation {
 public:
  explicit Compilation(const CompileCommand& command) : command_(command), options_(command.compile) {
    options_.after_pass = command.reports.callback(sources_);
  }
  int run();

 private:
  int emit_syntax();
  // Positions in the program of the models, or with --train of the stages, that the command line chooses.
  std::vector<std::size_t> choose() const;
  std::string nothing_chosen() const;
  int emit_graphs() const;
  int emit_plans();
  int emit_cpp();
  std::unique_ptr<Unit> make_unit(std::size_t index);
  Status embed_weights(Unit& unit, std::size_t index);
  std::string weights_path(const Unit& unit) const;
  Result<SelfTest> self_test(const Unit& unit, std::size_t index) const;
  // Examines what was emitted, and says in it what was shown.
  void check(Emitted& emitted, const Target& target) const;
  int finish(const std::string& text) const;

  const CompileCommand& command_;
  CompileOptions options_;
  SourceManager sources_;
  Diagnostics diagnostics_;
  std::optional<ElaboratedProgram> program_;
  std::vector<std::pair<std::string, std::string>> weights_;  // files beside the source: path, content
};

// Text for standard output, or for the file of -o.
int Compilation::finish(const std::string& text) const {
  if (command_.output.empty()) {
    fmt::print("{}", text);
    return kSuccess;
  }
  const Status possible = check_outputs({command_.output}, {command_.path});
  if (!possible) return fail(possible.error());
  const Status written = write_file(command_.output, text);
  return written ? kSuccess : fail(written.error());
}

int Compilation::emit_syntax() {
  std::string error;
  const std::optional<std::int32_t> file = sources_.load(command_.path, error);
  if (!file) return fail(error);
  std::string text;
  if (command_.emit_as == "tokens") {
    text = print_tokens(sources_, lex(sources_, *file, diagnostics_));
  } else {
    text = ast::print(ast::parse(sources_, *file, diagnostics_));
  }
  const int status = show(diagnostics_, sources_, command_.json);
  return status == kSuccess ? finish(text) : status;
}

std::vector<std::size_t> Compilation::choose() const {
  std::vector<std::size_t> chosen;
  const std::string& model = options_.model;
  if (!command_.training) {
    for (std::size_t i = 0; i < program_->models.size(); ++i) {
      if (model.empty() || program_->models[i].name == model) chosen.push_back(i);
    }
    return chosen;
  }
  for (std::size_t i = 0; i < program_->stages.size(); ++i) {
    const ElaboratedStage& stage = program_->stages[i];
    const bool is_of_model = model.empty() || program_->models[stage.model].name == model;
    if (is_of_model && (options_.stage.empty() || stage.name == options_.stage)) chosen.push_back(i);
  }
  return chosen;
}

// What the command line asked for and the file does not have.
std::string Compilation::nothing_chosen() const {
  std::vector<std::string> names;
  if (command_.training) {
    for (const ElaboratedStage& stage : program_->stages) names.push_back(stage.name);
  } else {
    for (const ElaboratedModel& model : program_->models) names.push_back(model.name);
  }
  const std::string what = command_.training ? "`train` block" : "model";
  if (names.empty()) return fmt::format("'{}' has no {}", command_.path, what);
  const std::string& wanted = options_.stage.empty() ? options_.model : options_.stage;
  return fmt::format("'{}' has no {} for '{}'; it has {}", command_.path, what, wanted, fmt::join(names, ", "));
}

int Compilation::emit_graphs() const {
  std::string text;
  for (const std::size_t index : choose()) {
    if (command_.training) {
      const ElaboratedStage& stage = program_->stages[index];
      for (const Graph* graph : {&stage.init, &stage.step, &stage.evaluate}) text += print(*graph, &sources_) + "\n";
    } else {
      const ElaboratedModel& model = program_->models[index];
      text += print(model.forward, &sources_) + "\n";
      if (!model.init.outputs.empty()) text += print(model.init, &sources_) + "\n";
    }
  }
  return finish(text);
}

std::unique_ptr<Unit> Compilation::make_unit(std::size_t index) {
  std::unique_ptr<Unit> unit = command_.training ? compile_stage(*program_, index, options_, diagnostics_)
                                                 : compile_model(*program_, index, options_, diagnostics_);
  if (unit == nullptr) return nullptr;
  unit->source_name = std::filesystem::path(command_.path).filename().string();
  unit->source_hash = sha256(sources_.text(0));
  if (!command_.name_space.empty()) unit->name_space = command_.name_space;
  return unit;
}

int Compilation::emit_plans() {
  std::string text;
  for (const std::size_t index : choose()) {
    const std::unique_ptr<Unit> unit = make_unit(index);
    if (unit == nullptr) return show(diagnostics_, sources_, command_.json);
    for (const UnitFunction& function : unit->functions) text += print(function.plan) + "\n";
  }
  return finish(text);
}

// Beside the source; one file a model.
std::string Compilation::weights_path(const Unit& unit) const {
  std::filesystem::path output = command_.output;
  if (output.empty()) output = std::filesystem::path(command_.path).filename();
  const std::string model = choose().size() > 1 ? "." + unit.name_space : "";
  return output.replace_extension("").string() + model + ".weights";
}

// Runs `prepare` here, on the weights of the file, and keeps what it gives.
Status Compilation::embed_weights(Unit& unit, std::size_t index) {
  std::unique_ptr<Unit> here = make_unit(index);
  if (!runs_on_host(unit.target)) {
    // Another machine's plan, and so its layout, with the instructions of this one.
    here->target = *find_target("native");
    here->target.lanes = unit.target.lanes;
    here->target.vector_registers = unit.target.vector_registers;
  }
  std::string error;
  const std::unique_ptr<Session> session = Session::start(std::move(here), sources_, error);
  if (session == nullptr) throw InternalError("the emitted code does not compile: " + error);
  const Status filled = fill_parameters(*session, *program_, index, command_.weights, 0);
  if (!filled) return filled;
  session->prepare();
  const std::span<const std::byte> bytes = session->prepared();
  if (bytes.size() > kEmbeddedMax) {
    weights_.emplace_back(weights_path(unit), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    unit.weights_file = {std::filesystem::path(weights_.back().first).filename().string(),
                         static_cast<std::int64_t>(bytes.size()), fnv1a(bytes.data(), bytes.size())};
    return Done{};
  }
  unit.prepared_data.resize((bytes.size() + 7) / 8);
  std::memcpy(unit.prepared_data.data(), bytes.data(), bytes.size());
  return Done{};
}

Result<SelfTest> Compilation::self_test(const Unit& unit, std::size_t index) const {
  if (command_.training) {
    const ElaboratedStage& stage = program_->stages[index];
    return make_self_test(unit, nullptr, stage.init, {});
  }
  std::map<std::string, Tensor> embedded;
  if (!unit.prepared_data.empty()) {
    Result<std::map<std::string, Tensor>> parameters = parameter_tensors(*program_, index, command_.weights, 0);
    if (!parameters) return parameters.failure();
    embedded = std::move(*parameters);
  }
  const ElaboratedModel& model = program_->models[index];
  return make_self_test(unit, options_.stream.empty() ? &model.forward : nullptr, model.init, embedded);
}

void Compilation::check(Emitted& emitted, const Target& target) const {
  std::vector<SourceText> files = {{emitted.source.name, emitted.source.text},
                                   {emitted.header.name, emitted.header.text}};
  if (command_.runtime == "include") {
    for (const EmbeddedFile& file : runtime_files()) files.push_back({include_name(file.name), std::string(file.text)});
  }
  const CheckReport report = check_emitted(files, target);
  if (report.findings.empty()) return state_checked(emitted, report);
  std::string text = "the emitted code does not keep what nnc promises:";
  for (const std::string& finding : report.findings) text += "\n  " + finding;
  throw InternalError(text);
}

int Compilation::emit_cpp() {
  std::filesystem::path output = command_.output;
  if (output.empty()) output = std::filesystem::path(command_.path).filename().replace_extension(".cpp");
  const std::string extension = output.extension().string();
  if (extension != ".cpp" && extension != ".cc" && extension != ".cxx") {
    return fail(fmt::format("'{}' is no name for C++ source: it must end in .cpp, .cc or .cxx", output.string()));
  }
  std::vector<std::string> written_files = {output.string(), std::filesystem::path(output).replace_extension(".hpp")};
  if (command_.self_test) written_files.push_back(test_path(output));
  const Status possible = check_outputs(written_files, {command_.path, command_.weights.path});
  if (!possible) return fail(possible.error());
  const std::string base = output.stem().string();
  const std::vector<std::size_t> chosen = choose();
  if (!command_.name_space.empty() && chosen.size() > 1) {
    return fail("--namespace is for one model; choose it with --model or --stage");
  }
  if (!command_.weights.path.empty()) {
    const Status served = check_one_file_serves(*program_, chosen);
    if (!served) return fail(served.error());
  }
  if (command_.runtime == "include" && chosen.size() > 1) {
    return fail("--runtime=include is for one model a file; choose it with --model or --stage");
  }
  std::string source;
  std::string header;
  std::set<std::string> name_spaces;
  std::vector<std::unique_ptr<Unit>> units;
  std::vector<TestedUnit> tested;
  for (const std::size_t index : chosen) {
    std::unique_ptr<Unit> unit = make_unit(index);
    if (unit == nullptr) return show(diagnostics_, sources_, command_.json);
    if (!command_.weights.path.empty() || program_->is_trained) {
      const Status embedded = embed_weights(*unit, index);
      if (!embedded) return fail(embedded.error());
    }
    if (!name_spaces.insert(unit->name_space).second) {
      return fail(fmt::format("two of the models become the namespace '{}': choose one with --model or --stage",
                              unit->name_space));
    }
    unit->includes_runtime = command_.runtime == "include";
    Emitted emitted = emit(*unit, base, sources_);
    check(emitted, unit->target);
    source += (source.empty() ? "" : "\n") + emitted.source.text;
    header += (header.empty() ? "" : "\n") + emitted.header.text;
    if (!command_.self_test) continue;
    const Result<SelfTest> test = self_test(*unit, index);
    if (!test) return fail(test.error());
    tested.push_back({unit.get(), *test});
    units.push_back(std::move(unit));
  }
  Status written = write_file(output.string(), source);
  for (const std::pair<std::string, std::string>& file : weights_) {
    if (written) written = write_file(file.first, file.second);
  }
  if (written && command_.self_test) {
    written = write_file(test_path(output), self_test_text(tested, base).text);
  }
  if (written) written = write_file(output.replace_extension(".hpp").string(), header);
  if (!written) return fail(written.error());
  return show(diagnostics_, sources_, command_.json);
}

int Compilation::run() {
  const bool shows_program = command_.emit_as != "plan" && command_.emit_as != "cpp";
  if (shows_program && !options_.stream.empty()) {
    return fail(fmt::format("--emit={} shows the program as it is written; --print-after=make_stream shows its stream",
                            command_.emit_as));
  }
  if (command_.emit_as == "tokens" || command_.emit_as == "ast") return emit_syntax();
  program_ = load_program(command_.path, sources_, diagnostics_, options_.elaborate);
  if (!program_) return show(diagnostics_, sources_, command_.json);
  if (choose().empty()) {
    return fail(nothing_chosen());
  }
  if (command_.emit_as == "graph") {
    const int status = show(diagnostics_, sources_, command_.json);
    return status == kSuccess ? emit_graphs() : status;
  }
  return command_.emit_as == "plan" ? emit_plans() : emit_cpp();
}

}  // namespace

int compile(const CompileCommand& command) { return Compilation(command).run(); }

}  // namespace nnc
