// Clang's front end over files in memory: what jit.cpp and check.cpp share. Not for other folders.
//
// Requires: nothing of the system. Headers are those given and our own <cstddef>, <cstdint> and <cstring>; neither
// the system's nor Clang's resource folder is looked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/emit/source_text.h"
#include "compiler/emit/target.h"

namespace clang {
class CompilerInstance;
class DiagnosticConsumer;
}  // namespace clang

namespace nnc {

// Everything below this folder of the file system in memory is the user's; names in diagnostics are cut to what
// follows.
inline constexpr const char* kSourceFolder = "/source/";

// A compiler ready to run an action over files[0]; null, with `error`, if the flags are refused.
std::unique_ptr<clang::CompilerInstance> make_clang_unit(const std::vector<SourceText>& files, const Target& target,
                                                         const std::vector<std::string>& flags,
                                                         clang::DiagnosticConsumer& consumer, std::string& error);

}  // namespace nnc
