// What is compiled of a program that a fuzz target accepted.
#pragma once

#include "compiler/compile.h"
#include "tests/fuzz/fuzz.h"

namespace nnc::fuzz {

// C++ of all models and stages with few enough operations for it to be quick; demands that nothing but text is in it.
inline void compile_all(const ElaboratedProgram& program, const SourceManager& sources) {
  constexpr std::size_t kOperationsMax = 200;
  CompileOptions options;
  options.target = *find_target(kDefaultTarget);
  const auto write = [&](const std::unique_ptr<Unit>& unit, const Diagnostics& diagnostics) {
    demand((unit != nullptr) != diagnostics.has_errors(), "there is a unit, or an error");
    if (unit == nullptr) return;
    unit->includes_runtime = true;
    const Emitted emitted = emit(*unit, "model", sources);
    for (const std::string& text : {emitted.header.text, emitted.source.text}) {
      for (const char c : text) demand(c == '\n' || static_cast<unsigned char>(c) >= ' ', "emitted code is text");
      demand(text.find("?"
                       "?/") == std::string::npos,
             "emitted code has no trigraph");
    }
  };
  for (std::size_t i = 0; i < program.models.size(); ++i) {
    if (program.models[i].forward.ops.size() > kOperationsMax) continue;
    Diagnostics diagnostics;
    write(compile_model(program, i, options, diagnostics), diagnostics);
  }
  for (std::size_t i = 0; i < program.stages.size(); ++i) {
    if (program.stages[i].step.ops.size() > kOperationsMax) continue;
    Diagnostics diagnostics;
    write(compile_stage(program, i, options, diagnostics), diagnostics);
  }
}

}  // namespace nnc::fuzz
