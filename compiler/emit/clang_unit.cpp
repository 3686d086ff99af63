// The invocation goes through Clang's driver, so that a unit compiled in process means what `clang++` makes of it.
#include "compiler/emit/clang_unit.h"

#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/CompilerInvocation.h"
#include "clang/Frontend/Utils.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "llvm/TargetParser/Host.h"

namespace nnc {
namespace {

constexpr const char* kSystemFolder = "/system/";

constexpr const char* kCstddef = R"(#pragma once
namespace std {
using size_t = __SIZE_TYPE__;
using ptrdiff_t = __PTRDIFF_TYPE__;
using nullptr_t = decltype(nullptr);
enum class byte : unsigned char {};
}
using std::size_t;
using std::ptrdiff_t;
#define offsetof(type, member) __builtin_offsetof(type, member)
)";

constexpr const char* kCstdint = R"(#pragma once
namespace std {
using int8_t = __INT8_TYPE__;
using int16_t = __INT16_TYPE__;
using int32_t = __INT32_TYPE__;
using int64_t = __INT64_TYPE__;
using uint8_t = __UINT8_TYPE__;
using uint16_t = __UINT16_TYPE__;
using uint32_t = __UINT32_TYPE__;
using uint64_t = __UINT64_TYPE__;
using intptr_t = __INTPTR_TYPE__;
using uintptr_t = __UINTPTR_TYPE__;
}
using std::int8_t;
using std::int16_t;
using std::int32_t;
using std::int64_t;
using std::uint8_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::intptr_t;
using std::uintptr_t;
)";

constexpr const char* kCstring = R"(#pragma once
#include <cstddef>
namespace std {
inline void* memcpy(void* to, const void* from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
inline void* memmove(void* to, const void* from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
inline void* memset(void* to, int value, size_t bytes) { return __builtin_memset(to, value, bytes); }
}
)";

using FileSystem = llvm::vfs::InMemoryFileSystem;

void add_file(FileSystem& file_system, const std::string& path, llvm::StringRef text) {
  file_system.addFile(path, 0, llvm::MemoryBuffer::getMemBuffer(text, path));
}

}  // namespace

std::unique_ptr<clang::CompilerInstance> make_clang_unit(const std::vector<SourceText>& files, const Target& target,
                                                         const std::vector<std::string>& flags,
                                                         clang::DiagnosticConsumer& consumer, std::string& error) {
  llvm::IntrusiveRefCntPtr<FileSystem> file_system(new FileSystem);
  file_system->setCurrentWorkingDirectory(kSourceFolder);
  for (const SourceText& file : files) add_file(*file_system, kSourceFolder + file.name, file.text);
  add_file(*file_system, std::string(kSystemFolder) + "cstddef", kCstddef);
  add_file(*file_system, std::string(kSystemFolder) + "cstdint", kCstdint);
  add_file(*file_system, std::string(kSystemFolder) + "cstring", kCstring);

  const std::string triple = target.triple.empty() ? llvm::sys::getDefaultTargetTriple() : target.triple;
  std::vector<std::string> words = {"clang++",
                                    "--target=" + triple,
                                    "-x",
                                    "c++",
                                    "-std=c++17",
                                    "-nostdinc",
                                    "-ffreestanding",
                                    "-fno-exceptions",
                                    "-fno-rtti",
                                    "-ffp-contract=off",
                                    std::string("-I") + kSourceFolder,
                                    "-isystem",
                                    kSystemFolder};
  words.insert(words.end(), target.driver_flags.begin(), target.driver_flags.end());
  words.insert(words.end(), flags.begin(), flags.end());
  words.insert(words.end(), {"-c", files.at(0).name});
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());

  clang::CreateInvocationOptions options;
  options.Diags = clang::CompilerInstance::createDiagnostics(new clang::DiagnosticOptions, &consumer, false);
  options.VFS = file_system;
  std::shared_ptr<clang::CompilerInvocation> invocation = clang::createInvocation(arguments, options);
  if (!invocation) {
    error = "the in-process compiler refuses its flags for " + target.name;
    return nullptr;
  }
  invocation->getFrontendOpts().DisableFree = false;
  invocation->getCodeGenOpts().DisableFree = false;

  auto compiler = std::make_unique<clang::CompilerInstance>();
  compiler->setInvocation(std::move(invocation));
  compiler->createDiagnostics(&consumer, false);
  compiler->setVerboseOutputStream(std::make_unique<llvm::raw_null_ostream>());  // "1 error generated."
  compiler->createFileManager(file_system);
  return compiler;
}

}  // namespace nnc
