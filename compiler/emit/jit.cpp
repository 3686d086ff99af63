// Clang writes an object file into memory; ORC links it. The back end is thus driven by Clang itself, as in a shipped
// build, and not by flags repeated for the JIT.
#include "compiler/emit/jit.h"

#include <cstring>

#include "clang/Basic/DiagnosticOptions.h"
#include "clang/CodeGen/CodeGenAction.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/TextDiagnosticPrinter.h"
#include "compiler/emit/clang_unit.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

namespace nnc {
namespace {

void initialize_once() {
  [[maybe_unused]] static const bool done = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
}

// The object file, empty on failure.
llvm::SmallVector<char, 0> compile_object(const std::vector<SourceText>& files, const Target& target,
                                          const JitOptions& options, std::string& error) {
  llvm::SmallVector<char, 0> object;
  llvm::raw_string_ostream messages(error);
  llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> diagnostic_options(new clang::DiagnosticOptions);
  clang::TextDiagnosticPrinter printer(messages, diagnostic_options.get());
  // Warnings are the business of check_emitted.
  std::vector<std::string> flags = {"-O" + std::to_string(options.optimization), "-w"};
  if (options.traps_on_undefined) flags.insert(flags.end(), {"-fsanitize=undefined", "-fsanitize-trap=undefined"});
  std::unique_ptr<clang::CompilerInstance> compiler = make_clang_unit(files, target, flags, printer, error);
  if (!compiler) return object;
  compiler->setOutputStream(std::make_unique<llvm::raw_svector_ostream>(object));
  clang::EmitObjAction action;
  if (!compiler->ExecuteAction(action)) object.clear();
  return object;
}

llvm::Expected<ObjectFacts> read_object(llvm::MemoryBufferRef buffer) {
  llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> object = llvm::object::ObjectFile::createObjectFile(buffer);
  if (!object) return object.takeError();
  ObjectFacts facts;
  for (const llvm::object::SectionRef& section : (*object)->sections()) {
    if (section.isText()) facts.code_bytes += section.getSize();
  }
  for (const llvm::object::SymbolRef& symbol : (*object)->symbols()) {
    llvm::Expected<std::uint32_t> flags = symbol.getFlags();
    if (!flags) return flags.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Global)) continue;
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!name) return name.takeError();
    const bool is_undefined = *flags & llvm::object::SymbolRef::SF_Undefined;
    (is_undefined ? facts.undefined : facts.exported).push_back(name->str());
  }
  return facts;
}

template <class Function>
llvm::orc::ExecutorSymbolDef absolute(Function* function) {
  return {llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported};
}

}  // namespace

std::optional<ObjectFacts> compile_for_target(const std::vector<SourceText>& files, const Target& target,
                                              const JitOptions& options, std::string& error) {
  error.clear();
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmParsers();
  llvm::InitializeAllAsmPrinters();
  const llvm::SmallVector<char, 0> object = compile_object(files, target, options, error);
  if (object.empty()) return std::nullopt;
  llvm::Expected<ObjectFacts> facts =
      read_object(llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "model.o"));
  if (!facts) {
    error += llvm::toString(facts.takeError());
    return std::nullopt;
  }
  return std::move(*facts);
}

struct Jit::State {
  std::unique_ptr<llvm::orc::LLJIT> linker;
  std::size_t code_bytes = 0;

  llvm::Error link(llvm::SmallVector<char, 0> object, std::string& messages) {
    auto buffer = std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object), "model.o", false);
    llvm::Expected<ObjectFacts> facts = read_object(buffer->getMemBufferRef());
    if (!facts) return facts.takeError();
    code_bytes = facts->code_bytes;

    // No platform: there are no static constructors to run.
    llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> created = llvm::orc::LLJITBuilder()
                                                                    .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                                                                    .setLinkProcessSymbolsByDefault(false)
                                                                    .create();
    if (!created) return created.takeError();
    linker = std::move(*created);
    llvm::orc::JITDylib& library = linker->getMainJITDylib();
    llvm::orc::SymbolMap allowed = {{linker->mangleAndIntern("memcpy"), absolute(&std::memcpy)},
                                    {linker->mangleAndIntern("memmove"), absolute(&std::memmove)},
                                    {linker->mangleAndIntern("memset"), absolute(&std::memset)}};
    if (llvm::Error failure = library.define(llvm::orc::absoluteSymbols(std::move(allowed)))) return failure;
    if (llvm::Error failure = linker->addObjectFile(std::move(buffer))) return failure;

    // One look-up links the whole object, so that a call to something undefined fails here and not at first use.
    if (facts->exported.empty()) return llvm::Error::success();
    linker->getExecutionSession().setErrorReporter(
        [&messages](llvm::Error failure) { messages += llvm::toString(std::move(failure)) + "\n"; });
    llvm::Error failure = linker->lookup(facts->exported.front()).takeError();
    linker->getExecutionSession().setErrorReporter([](llvm::Error later) { llvm::consumeError(std::move(later)); });
    return failure;
  }
};

Jit::Jit(std::unique_ptr<State> state) : state_(std::move(state)) {}
Jit::~Jit() = default;

std::unique_ptr<Jit> Jit::compile(const std::vector<SourceText>& files, const Target& target, const JitOptions& options,
                                  std::string& error) {
  error.clear();
  if (!runs_on_host(target)) {
    error = "this machine (" + host_target() + ") does not run code for " + target.name;
    return nullptr;
  }
  initialize_once();
  llvm::SmallVector<char, 0> object = compile_object(files, target, options, error);
  if (object.empty()) {
    if (error.empty()) error = "the in-process compiler failed without a message";
    return nullptr;
  }
  auto state = std::make_unique<State>();
  if (llvm::Error failure = state->link(std::move(object), error)) {
    error += llvm::toString(std::move(failure));
    return nullptr;
  }
  return std::unique_ptr<Jit>(new Jit(std::move(state)));
}

void* Jit::symbol(std::string_view name) const {
  llvm::Expected<llvm::orc::ExecutorAddr> address = state_->linker->lookup(llvm::StringRef(name.data(), name.size()));
  if (!address) {
    llvm::consumeError(address.takeError());
    return nullptr;
  }
  return address->toPtr<void*>();
}

std::size_t Jit::code_bytes() const { return state_->code_bytes; }

}  // namespace nnc
