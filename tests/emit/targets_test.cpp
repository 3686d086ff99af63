// LeNet-5 for every target: checked with the target's own front end and compiled to an object file by its back end.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "compiler/compile.h"
#include "compiler/emit/check.h"
#include "compiler/emit/jit.h"

namespace nnc {
namespace {

// What an object may need: the three functions of decision "symbols", also as ARM's EABI names them, and the stack
// pointer that a WebAssembly module is given.
bool is_allowed(const std::string& symbol) {
  static const std::set<std::string> names = {"memcpy", "memmove", "memset", "__stack_pointer", "__linear_memory"};
  return names.count(symbol) != 0 || symbol.rfind("__aeabi_mem", 0) == 0;
}

void check_target(const Unit& unit, const SourceManager& sources) {
  const Emitted emitted = emit(unit, "lenet5", sources);
  const std::vector<SourceText> files = {{emitted.source.name, emitted.source.text},
                                         {emitted.header.name, emitted.header.text}};
  const CheckReport report = check_emitted(files, unit.target);
  for (const std::string& finding : report.findings) CHECK(finding == "");
  CHECK(report.stack_bytes_bound > 0);
  std::string error;
  const std::optional<ObjectFacts> object = compile_for_target(files, unit.target, {}, error);
  CHECK(error == "");
  REQUIRE(object.has_value());
  CHECK(object->code_bytes > 1000);
  for (const std::string& symbol : object->undefined) {
    CAPTURE(symbol);
    CHECK(is_allowed(symbol));
  }
}

TEST_CASE("LeNet-5 compiles for every target, and needs nothing of any library") {
  SourceManager sources;
  Diagnostics diagnostics;
  const std::optional<ElaboratedProgram> program =
      load_program(NNC_SOURCE_DIR "/tests/programs/05_lenet5.nn", sources, diagnostics, {});
  REQUIRE(program.has_value());
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    CompileOptions options;
    options.target = target;
    const std::unique_ptr<Unit> inference = compile_model(*program, 0, options, diagnostics);
    REQUIRE(inference != nullptr);
    check_target(*inference, sources);
    if (target.name != "cortex-m4" && target.name != "wasm") continue;  // one of each kind: training takes longer
    const std::unique_ptr<Unit> training = compile_stage(*program, 0, options, diagnostics);
    REQUIRE(training != nullptr);
    check_target(*training, sources);
  }
}

}  // namespace
}  // namespace nnc
