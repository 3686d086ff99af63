// What nnc promises about the code it emits, shown on the code itself before it is written.
//
// The unit is parsed by Clang under -Weverything and its syntax tree is walked. Every finding is a fault of nnc, never
// of its user.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/emit/source_text.h"
#include "compiler/emit/target.h"

namespace nnc {

struct CheckPolicy {
  // Headers that may be included besides those given.
  std::vector<std::string> includes = {"cstddef", "cstdint", "cstring"};
  // Functions, by their last name, in which a pointer may be reinterpreted.
  std::vector<std::string> casting_functions = {"load", "store", "elements"};
};

struct CheckedFunction {
  std::string name;             // qualified, "lenet5::forward"
  std::size_t stack_bytes = 0;  // named locals and parameters along its deepest path of calls
};

struct CheckReport {
  std::vector<std::string> findings;       // "model.cpp:12:3: …"; empty: all that is promised holds
  std::vector<CheckedFunction> functions;  // those that another unit can call, in the file's order
  std::size_t stack_bytes_bound = 0;       // the largest over `functions`
};

// Examines files[0] with the headers it includes. Promised: no warning (see kExclusions in check.cpp), no allocation,
// exceptions, run-time types, virtual calls, assembly, recursion or destructors, no object with static storage that
// can be written, no call to what is neither defined here nor memcpy, memmove, memset or an instruction.
CheckReport check_emitted(const std::vector<SourceText>& files, const Target& target, const CheckPolicy& policy = {});

}  // namespace nnc
