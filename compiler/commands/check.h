// `nnc check`: all errors of a program, nothing else.
#pragma once

#include <string>

#include "compiler/elaborate/elaborate.h"

namespace nnc {

struct CheckOptions {
  std::string path;
  ElaborateOptions elaborate;
  bool json = false;  // --diagnostics=json
};

int check(const CheckOptions& options);

}  // namespace nnc
