// `nnc model.nn -o model.cpp`: from a program to C++, or to what comes before it.
#pragma once

#include <string>

#include "compiler/commands/pass_reports.h"
#include "compiler/commands/weights_option.h"
#include "compiler/compile.h"

namespace nnc {

struct CompileCommand {
  std::string path;
  CompileOptions compile;
  PassReports reports;
  std::string emit_as = "cpp";    // --emit: tokens, ast, graph, plan, cpp
  std::string output;             // -o model.cpp; the header lies beside it
  WeightsOption weights;          // --weights model.safetensors: embedded
  std::string name_space;         // --namespace, over the model's name
  std::string runtime = "embed";  // --runtime: "embed" or "include"
  bool training = false;          // --train: the code that trains
  bool self_test = false;         // --self-test: model_test.cpp too
  bool json = false;              // --diagnostics=json
};

int compile(const CompileCommand& command);

}  // namespace nnc
