// A whole program: the user's file, what it imports, and the prelude, each with its scope; names checked.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/report.h"
#include "compiler/elaborate/scope.h"
#include "compiler/embedded.h"

namespace nnc::semantics {

class Program {
 public:
  Program(const ast::File& file, SourceManager& sources, Diagnostics& diagnostics, const ElaborateOptions& options);
  // Loads the prelude and the imports and checks all names. False if what follows would only repeat the errors: after
  // an unknown name the program is elaborated all the same, and what uses the name says nothing.
  bool load();

  const ast::File& user_file() const { return user_; }
  const ScopePtr& user_scope() const { return user_scope_; }
  const ElaborateOptions& options() const { return options_; }
  // The least size of an axis. Tensors without elements are mistakes, but models of ONNX compute with them.
  std::int64_t size_min() const { return imports_onnx_ ? 0 : 1; }
  Reporter& reporter() { return reporter_; }
  SourceManager& sources() { return sources_; }
  // The name of the instance made where a layer, cell or model is named as an operator: "dense", "dense_2".
  std::map<const ast::Expr*, std::string> anonymous_names;

 private:
  ScopePtr scope_of(const ast::File& file, ScopePtr parent);
  ScopePtr load_import(const ast::Import& import, const std::string& path, std::set<std::string>& active);
  ScopePtr embedded_scope(std::span<const EmbeddedFile> library, ScopePtr parent);
  ScopePtr import_file(const ast::Import& import, std::set<std::string>& active);
  void add_imported(Scope& imports, const ScopePtr& from, Span span);
  void declare(const ScopePtr& scope, const std::string& name, Binding binding, Span span);

  const ast::File& user_;
  SourceManager& sources_;
  const ElaborateOptions& options_;
  Reporter reporter_;
  ScopePtr prelude_scope_;
  ScopePtr user_scope_;
  bool imports_onnx_ = false;
  std::vector<std::unique_ptr<ast::File>> files_;
  std::vector<std::pair<const ast::File*, ScopePtr>> scopes_;
  std::map<std::string, ScopePtr> imported_;  // each file once, however often it is imported
};

// Checks the names of one file: unknown and repeated ones, unused lets, recursion; names anonymous instances. False if
// a definition mentions itself.
bool check_names(const ast::File& file, const ScopePtr& scope, Reporter& reporter,
                 std::map<const ast::Expr*, std::string>& anonymous_names);

}  // namespace nnc::semantics
