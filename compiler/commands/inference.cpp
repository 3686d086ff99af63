#include "compiler/commands/inference.h"

#include <fmt/format.h>

namespace nnc {

Result<std::size_t> choose_model(const ElaboratedProgram& program, const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < program.models.size(); ++i) {
    if (program.models[i].name == name || (name.empty() && program.models.size() == 1)) return i;
    names += (i == 0 ? "" : ", ") + program.models[i].name;
  }
  if (program.models.empty()) return Failure{"the file has no model"};
  if (name.empty()) return Failure{fmt::format("the file has several models; choose one with --model: {}", names)};
  return Failure{fmt::format("there is no model '{}'; the file has {}", name, names)};
}

}  // namespace nnc
