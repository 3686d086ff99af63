// The machines that nnc emits code for, as data: what the planner asks, what the emitted pragmas say, and what the
// driver of the in-process compiler is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct Target {
  std::string name;  // "x86-64-v3"
  int lanes = 1;     // floats in one vector; 1: code without vector types
  int vector_registers = 16;
  bool has_fma = false;               // multiply-add with one rounding is an instruction
  std::string gcc_target = {};        // for #pragma GCC target("…"); empty: the pragma is not needed
  std::string clang_attributes = {};  // for #pragma clang attribute push(__attribute__((…)), apply_to = function)
  std::string triple = {};            // empty: that of the host
  std::vector<std::string> driver_flags = {};  // "-march=x86-64-v3"
  int pointer_bytes = 8;
  int l1_bytes = 32 * 1024;   // data cache of one core; 0: none
  int l2_bytes = 512 * 1024;  // 0: none
};

inline constexpr std::string_view kDefaultTarget = "x86-64-v3";

// All targets, without "native".
const std::vector<Target>& targets();
// Null if there is none of that name. "native" gives what host_target() names.
const Target* find_target(std::string_view name);
// The best target whose instructions this machine has.
std::string host_target();
// Whether code for the target runs on this machine.
bool runs_on_host(const Target& target);

}  // namespace nnc
