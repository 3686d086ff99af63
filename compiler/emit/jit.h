// Emitted code, compiled in this process and run.
//
// Requires: no compiler, no headers and no linker on the machine; the target is one that this machine runs.
// Establishes: the object code is what Clang 19 makes of the same files, with plain -O2, on any machine. It may call
// memcpy, memmove and memset and nothing else, so that code which would need a library is refused here already.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/source_text.h"
#include "compiler/emit/target.h"

namespace nnc {

struct JitOptions {
  int optimization = 2;             // -O0 to -O3
  bool traps_on_undefined = false;  // undefined behaviour ends the process: for tests
};

// What an object file holds.
struct ObjectFacts {
  std::size_t code_bytes = 0;
  std::vector<std::string> exported;
  std::vector<std::string> undefined;  // what it needs of others
};
// Compiles files[0] for a target that need not be this machine; nothing is linked. Null on failure, with Clang's
// messages in `error`.
std::optional<ObjectFacts> compile_for_target(const std::vector<SourceText>& files, const Target& target,
                                              const JitOptions& options, std::string& error);

class Jit {
 public:
  // Compiles files[0]; the others are headers it includes. On failure null, and `error` holds Clang's messages.
  static std::unique_ptr<Jit> compile(const std::vector<SourceText>& files, const Target& target,
                                      const JitOptions& options, std::string& error);
  ~Jit();

  // The address of a function or object with C linkage; null if there is none. Valid as long as this lives.
  void* symbol(std::string_view name) const;
  // Size of the machine code.
  std::size_t code_bytes() const;

 private:
  struct State;
  explicit Jit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace nnc
