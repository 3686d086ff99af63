// note [features instead of arch=]: the pragmas list features because Clang 19 takes the tuning with "arch=x86-64-v4",
// which splits every 512-bit vector in two halves. min_vector_width says the same to users' own -march=skylake-avx512.
#include "compiler/emit/target.h"

namespace nnc {
namespace {

constexpr const char* kFeaturesV2 = "cx16,popcnt,sse3,sse4.1,sse4.2,ssse3";
constexpr const char* kFeaturesV3 = "avx,avx2,bmi,bmi2,cx16,f16c,fma,lzcnt,popcnt,sse3,sse4.1,sse4.2,ssse3";
constexpr const char* kFeaturesV4 =
    "avx,avx2,avx512bw,avx512cd,avx512dq,avx512f,avx512vl,bmi,bmi2,cx16,f16c,fma,lzcnt,popcnt,sse3,sse4.1,sse4.2,ssse3";
constexpr const char* kTripleX86 = "x86_64-unknown-linux-gnu";

std::string clang_target(const char* features) { return "target(\"" + std::string(features) + "\")"; }

std::vector<Target> make_targets() {
  return {
      {.name = "x86-64", .lanes = 4, .triple = kTripleX86, .driver_flags = {"-march=x86-64"}},
      {.name = "x86-64-v2",
       .lanes = 4,
       .gcc_target = kFeaturesV2,
       .clang_attributes = clang_target(kFeaturesV2),
       .triple = kTripleX86,
       .driver_flags = {"-march=x86-64-v2"}},
      {.name = "x86-64-v3",
       .lanes = 8,
       .has_fma = true,
       .gcc_target = kFeaturesV3,
       .clang_attributes = clang_target(kFeaturesV3),
       .triple = kTripleX86,
       .driver_flags = {"-march=x86-64-v3"}},
      {.name = "x86-64-v4",
       .lanes = 16,
       .vector_registers = 32,
       .has_fma = true,
       .gcc_target = kFeaturesV4,
       .clang_attributes = clang_target(kFeaturesV4) + ", min_vector_width(512)",
       .triple = kTripleX86,
       .driver_flags = {"-march=x86-64-v4", "-mprefer-vector-width=512"},
       .l2_bytes = 1024 * 1024},
      {.name = "generic"},
      {.name = "aarch64", .lanes = 4, .vector_registers = 32, .has_fma = true, .triple = "aarch64-unknown-linux-gnu"},
      // Scalar: no vector extension is taken for granted.
      {.name = "riscv64",
       .vector_registers = 32,
       .has_fma = true,
       .triple = "riscv64-unknown-linux-gnu",
       .driver_flags = {"-march=rv64gc", "-mabi=lp64d"}},
      {.name = "cortex-m4",
       .has_fma = true,
       .triple = "thumbv7em-none-eabihf",
       .driver_flags = {"-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"},
       .pointer_bytes = 4,
       .l1_bytes = 0,
       .l2_bytes = 0},
      {.name = "wasm",
       .lanes = 4,
       .triple = "wasm32-unknown-unknown",
       .driver_flags = {"-msimd128"},
       .pointer_bytes = 4},
  };
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> table = make_targets();
  return table;
}

const Target* find_target(std::string_view name) {
  const std::string wanted = name == "native" ? host_target() : std::string(name);
  for (const Target& target : targets()) {
    if (target.name == wanted) return &target;
  }
  return nullptr;
}

std::string host_target() {
#if defined(__x86_64__)
  const bool v2 = __builtin_cpu_supports("sse3") && __builtin_cpu_supports("ssse3") &&
                  __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2") &&
                  __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") &&
                  __builtin_cpu_supports("lzcnt");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? "x86-64-v4" : v3 ? "x86-64-v3" : v2 ? "x86-64-v2" : "x86-64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "generic";
#endif
}

bool runs_on_host(const Target& target) {
  if (target.name == "generic") return true;
  // The x86 targets stand in the table in order, each a superset of the one before.
  const Target* wanted = find_target(target.name);
  const Target* best = find_target(host_target());
  return wanted != nullptr && wanted->triple == best->triple && wanted <= best;
}

}  // namespace nnc
