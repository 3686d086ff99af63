// note [unevaluated calls]: the walk also meets calls inside decltype. Clang marks what is called for certain as used,
// so that a declaration without a definition is a finding only if it is used.
#include "compiler/emit/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "clang/AST/ASTConsumer.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/Basic/Builtins.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendAction.h"
#include "clang/Lex/PPCallbacks.h"
#include "clang/Lex/Preprocessor.h"
#include "compiler/emit/clang_unit.h"

namespace nnc {
namespace {

// What -Weverything says of sound C++17.
const std::vector<std::string> kExclusions = {
    "-Wno-c++98-compat",                // the output is C++17
    "-Wno-c++98-compat-pedantic",       // the same
    "-Wno-pre-c++17-compat",            // the same
    "-Wno-padded",                      // says where a struct has padding; nothing depends on it
    "-Wno-unsafe-buffer-usage",         // every subscript of a pointer; extents are constants of the plan
    "-Wno-undefined-reinterpret-cast",  // does not see may_alias; the walk reports every other reinterpret_cast
    "-Wno-float-equal",                 // comparisons for equality are in the language
};

// Builtins named after library functions that are constants, instructions or one of the three functions that may be
// called.
const std::set<llvm::StringRef> kPermitted = {
    "__builtin_memcpy", "__builtin_memmove", "__builtin_memset", "__builtin_fma", "__builtin_fmaf", "__builtin_fabs",
    "__builtin_fabsf", "__builtin_sqrt", "__builtin_sqrtf", "__builtin_floor", "__builtin_floorf", "__builtin_ceil",
    "__builtin_ceilf", "__builtin_trunc", "__builtin_truncf", "__builtin_rint", "__builtin_rintf",
    "__builtin_nearbyint", "__builtin_nearbyintf", "__builtin_copysign", "__builtin_copysignf",
    // constants
    "__builtin_nan", "__builtin_nanf", "__builtin_inf", "__builtin_inff", "__builtin_huge_val", "__builtin_huge_valf"};
const std::set<llvm::StringRef> kCallable = {"memcpy", "memmove", "memset"};

// The findings so far, each once, in order.
class Findings {
 public:
  explicit Findings(std::vector<std::string>& list) : list_(list) {}
  void add(const clang::SourceManager* sources, clang::SourceLocation location, const std::string& text) {
    std::string finding = text;
    if (sources != nullptr && location.isValid()) {
      const clang::PresumedLoc place = sources->getPresumedLoc(sources->getExpansionLoc(location));
      llvm::StringRef file = place.getFilename();
      file.consume_front(kSourceFolder);
      file.consume_front("./");
      finding =
          file.str() + ":" + std::to_string(place.getLine()) + ":" + std::to_string(place.getColumn()) + ": " + text;
    }
    if (seen_.insert(finding).second) list_.push_back(finding);
  }

 private:
  std::vector<std::string>& list_;
  std::set<std::string> seen_;
};

class Collector : public clang::DiagnosticConsumer {
 public:
  explicit Collector(Findings& findings) : findings_(findings) {}
  void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic) override {
    clang::DiagnosticConsumer::HandleDiagnostic(level, diagnostic);
    if (level < clang::DiagnosticsEngine::Warning) return;
    llvm::SmallString<128> message;
    diagnostic.FormatDiagnostic(message);
    const llvm::StringRef option = clang::DiagnosticIDs::getWarningOptionForDiag(diagnostic.getID());
    std::string text = message.str().str();
    if (!option.empty()) text += " [-W" + option.str() + "]";
    findings_.add(diagnostic.hasSourceManager() ? &diagnostic.getSourceManager() : nullptr, diagnostic.getLocation(),
                  text);
  }

 private:
  Findings& findings_;
};

// Includes: only those of the policy and the files given.
class Includes : public clang::PPCallbacks {
 public:
  Includes(const clang::SourceManager& sources, const CheckPolicy& policy, Findings& findings)
      : sources_(sources), policy_(policy), findings_(findings) {}
  void InclusionDirective(clang::SourceLocation location, const clang::Token&, llvm::StringRef name, bool is_angled,
                          clang::CharSourceRange, clang::OptionalFileEntryRef, llvm::StringRef, llvm::StringRef,
                          const clang::Module*, bool, clang::SrcMgr::CharacteristicKind) override {
    if (!is_angled || sources_.isInSystemHeader(location)) return;
    const std::vector<std::string>& allowed = policy_.includes;
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return;
    findings_.add(&sources_, location, "includes <" + name.str() + ">");
  }

 private:
  const clang::SourceManager& sources_;
  const CheckPolicy& policy_;
  Findings& findings_;
};

// Walks all declarations, instantiations of templates included.
class Walker : public clang::RecursiveASTVisitor<Walker> {
 public:
  Walker(clang::ASTContext& context, const CheckPolicy& policy, Findings& findings)
      : context_(context), policy_(policy), findings_(findings) {}

  bool shouldVisitTemplateInstantiations() const { return true; }
  bool shouldVisitImplicitCode() const { return true; }

  bool TraverseDecl(clang::Decl* declaration) {
    const auto* function = llvm::dyn_cast_or_null<clang::FunctionDecl>(declaration);
    if (function == nullptr || !function->doesThisDeclarationHaveABody()) {
      return RecursiveASTVisitor::TraverseDecl(declaration);
    }
    const bool is_entry = function->isExternallyVisible() && !function->isDependentContext() &&
                          !function->isTemplateInstantiation() && !function->isInlined() &&
                          !context_.getSourceManager().isInSystemHeader(function->getLocation());
    if (is_entry) entries_.push_back(function->getCanonicalDecl());
    return inside(function->getCanonicalDecl(), [&] { return RecursiveASTVisitor::TraverseDecl(declaration); });
  }

  // What the compiler evaluates calls nothing at run time.
  bool TraverseVarDecl(clang::VarDecl* variable) {
    return variable->isConstexpr() ? inside(nullptr, [&] { return RecursiveASTVisitor::TraverseVarDecl(variable); })
                                   : RecursiveASTVisitor::TraverseVarDecl(variable);
  }
  bool TraverseStaticAssertDecl(clang::StaticAssertDecl* assertion) {
    return inside(nullptr, [&] { return RecursiveASTVisitor::TraverseStaticAssertDecl(assertion); });
  }
  bool TraverseConstantExpr(clang::ConstantExpr* e) {
    return inside(nullptr, [&] { return RecursiveASTVisitor::TraverseConstantExpr(e); });
  }

  bool VisitCXXNewExpr(clang::CXXNewExpr* e) { return finding(e, "allocates with new"); }
  bool VisitCXXDeleteExpr(clang::CXXDeleteExpr* e) { return finding(e, "frees with delete"); }
  bool VisitCXXThrowExpr(clang::CXXThrowExpr* e) { return finding(e, "throws"); }
  bool VisitCXXTryStmt(clang::CXXTryStmt* s) { return finding(s, "catches exceptions"); }
  bool VisitCXXDynamicCastExpr(clang::CXXDynamicCastExpr* e) { return finding(e, "asks for a type at run time"); }
  bool VisitCXXTypeidExpr(clang::CXXTypeidExpr* e) { return finding(e, "asks for a type at run time"); }
  bool VisitCXXConstCastExpr(clang::CXXConstCastExpr* e) { return finding(e, "casts const away"); }
  bool VisitGCCAsmStmt(clang::GCCAsmStmt* s) { return finding(s, "contains assembly"); }
  bool VisitFileScopeAsmDecl(clang::FileScopeAsmDecl* d) { return finding(d, "contains assembly"); }
  bool VisitCXXDestructorDecl(clang::CXXDestructorDecl* d) {
    return d->isUserProvided() ? finding(d, "defines a destructor") : true;
  }
  bool VisitCXXMethodDecl(clang::CXXMethodDecl* d) { return d->isVirtual() ? finding(d, "is virtual") : true; }

  bool VisitCXXReinterpretCastExpr(clang::CXXReinterpretCastExpr* e) {
    const std::string name = function_ != nullptr ? function_->getNameAsString() : "";
    const std::vector<std::string>& allowed = policy_.casting_functions;
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return true;
    return finding(e, "reinterprets memory outside load and store");
  }

  bool VisitVarDecl(clang::VarDecl* variable) {
    const clang::QualType type = variable->getType();
    if (variable->hasGlobalStorage()) {
      if (variable->isConstexpr() || context_.getBaseElementType(type).isConstQualified()) return true;
      return finding(variable, "'" + variable->getNameAsString() + "' has static storage and can be written");
    }
    if (function_ != nullptr && !function_->isDependentContext() && !type->isDependentType() &&
        counted_.insert(variable).second) {
      locals_[function_] += static_cast<std::size_t>(context_.getTypeSizeInChars(type).getQuantity());
    }
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    if (function_ == nullptr || function_->isDependentContext()) return true;
    const clang::FunctionDecl* callee = call->getDirectCallee();
    if (callee != nullptr) return add_call(callee, call->getExprLoc());
    if (llvm::isa<clang::CXXPseudoDestructorExpr>(call->getCallee()->IgnoreParens())) return true;
    return finding(call, "calls through a pointer");
  }
  bool VisitCXXConstructExpr(clang::CXXConstructExpr* e) {
    if (function_ == nullptr || function_->isDependentContext()) return true;
    return add_call(e->getConstructor(), e->getExprLoc());
  }

  // After the walk: the deepest path from every entry; recursion on the way is a finding.
  void report_functions(CheckReport& report) {
    for (const clang::FunctionDecl* function : entries_) {
      const std::size_t bytes = deepest(function);
      report.functions.push_back({function->getQualifiedNameAsString(), bytes});
      report.stack_bytes_bound = std::max(report.stack_bytes_bound, bytes);
    }
  }

 private:
  // Walks with calls and locals counted to `function`; null: to none.
  template <class Walk>
  bool inside(const clang::FunctionDecl* function, Walk walk) {
    const clang::FunctionDecl* outer = std::exchange(function_, function);
    const bool result = walk();
    function_ = outer;
    return result;
  }

  template <class Node>
  bool finding(const Node* node, const std::string& text) {
    findings_.add(&context_.getSourceManager(), node->getBeginLoc(), text);
    return true;
  }

  bool add_call(const clang::FunctionDecl* callee, clang::SourceLocation location) {
    const unsigned builtin = callee->getBuiltinID();
    const llvm::StringRef name = callee->getIdentifier() != nullptr ? callee->getName() : "";
    const bool is_instruction = builtin != 0 && name.starts_with("__") &&
                                (!context_.BuiltinInfo.isLibFunction(builtin) || kPermitted.count(name) != 0);
    if (is_instruction || kCallable.count(name) != 0) return true;
    calls_[function_].push_back({callee->getCanonicalDecl(), location});
    if (callee->isDefined() || callee->isDefaulted() || !callee->isUsed(false))
      return true;  // note [unevaluated calls]
    findings_.add(&context_.getSourceManager(), location,
                  "calls '" + callee->getQualifiedNameAsString() + "', which is not defined here");
    return true;
  }

  std::size_t deepest(const clang::FunctionDecl* function) {
    const auto known = deepest_.find(function);
    if (known != deepest_.end()) return known->second;
    path_.insert(function);
    std::size_t below = 0;
    for (const auto& [callee, location] : calls_[function]) {
      if (path_.count(callee) != 0) {
        findings_.add(&context_.getSourceManager(), location,
                      "'" + callee->getQualifiedNameAsString() + "' is recursive");
      } else {
        below = std::max(below, deepest(callee));
      }
    }
    path_.erase(function);
    return deepest_[function] = locals_[function] + below;
  }

  clang::ASTContext& context_;
  const CheckPolicy& policy_;
  Findings& findings_;
  const clang::FunctionDecl* function_ = nullptr;    // canonical; the one that is being walked
  std::vector<const clang::FunctionDecl*> entries_;  // those that another unit can call
  std::map<const clang::FunctionDecl*, std::vector<std::pair<const clang::FunctionDecl*, clang::SourceLocation>>>
      calls_;
  std::map<const clang::FunctionDecl*, std::size_t> locals_;
  std::set<const clang::VarDecl*> counted_;  // the walk meets the body of a lambda twice
  std::map<const clang::FunctionDecl*, std::size_t> deepest_;
  std::set<const clang::FunctionDecl*> path_;
};

class CheckConsumer : public clang::ASTConsumer {
 public:
  CheckConsumer(const CheckPolicy& policy, Findings& findings, CheckReport& report)
      : policy_(policy), findings_(findings), report_(report) {}
  void HandleTranslationUnit(clang::ASTContext& context) override {
    // A tree with errors has holes; the errors are findings already.
    if (context.getDiagnostics().hasErrorOccurred()) return;
    Walker walker(context, policy_, findings_);
    walker.TraverseDecl(context.getTranslationUnitDecl());
    walker.report_functions(report_);
  }

 private:
  const CheckPolicy& policy_;
  Findings& findings_;
  CheckReport& report_;
};

class CheckAction : public clang::ASTFrontendAction {
 public:
  CheckAction(const CheckPolicy& policy, Findings& findings, CheckReport& report)
      : policy_(policy), findings_(findings), report_(report) {}
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler, llvm::StringRef) override {
    compiler.getPreprocessor().addPPCallbacks(
        std::make_unique<Includes>(compiler.getSourceManager(), policy_, findings_));
    return std::make_unique<CheckConsumer>(policy_, findings_, report_);
  }

 private:
  const CheckPolicy& policy_;
  Findings& findings_;
  CheckReport& report_;
};

}  // namespace

CheckReport check_emitted(const std::vector<SourceText>& files, const Target& target, const CheckPolicy& policy) {
  CheckReport report;
  Findings findings(report.findings);
  Collector collector(findings);
  std::vector<std::string> flags = {"-Weverything"};
  flags.insert(flags.end(), kExclusions.begin(), kExclusions.end());
  std::string error;
  std::unique_ptr<clang::CompilerInstance> compiler = make_clang_unit(files, target, flags, collector, error);
  if (!compiler) {
    findings.add(nullptr, {}, error);
    return report;
  }
  CheckAction action(policy, findings, report);
  compiler->ExecuteAction(action);
  return report;
}

}  // namespace nnc
