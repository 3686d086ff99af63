// Files and their scopes: see program.h.
#include "compiler/elaborate/program.h"

#include <filesystem>

#include "compiler/embedded.h"
#include "dsl/parser.h"

namespace nnc::semantics {
namespace {

// `import "onnx"`: the operators of ONNX as functions, which come with nnc.
constexpr std::string_view kOnnxLibrary = "onnx";

// By which a file is known, whatever the way to it.
std::string identity(const std::filesystem::path& path) {
  std::error_code code;
  const std::filesystem::path found = std::filesystem::weakly_canonical(path, code);
  return code ? path.lexically_normal().string() : found.string();
}

}  // namespace

Program::Program(const ast::File& file, SourceManager& sources, Diagnostics& diagnostics,
                 const ElaborateOptions& options)
    : user_(file), sources_(sources), options_(options), reporter_(sources, diagnostics) {}

void Program::declare(const ScopePtr& scope, const std::string& name, Binding binding, Span span) {
  binding.span = span;
  auto [place, is_new] = scope->names.emplace(name, std::move(binding));
  if (!is_new) reporter_.report(Kind::repeated_name, span, name).note(place->second.span, "first here");
}

ScopePtr Program::scope_of(const ast::File& file, ScopePtr parent) {
  auto scope = std::make_shared<Scope>(std::move(parent));
  scope->is_file = true;
  auto make = [](Binding::Kind kind) {
    Binding binding;
    binding.kind = kind;
    return binding;
  };
  for (const ast::Const& item : file.consts) {
    Binding binding = make(Binding::Kind::Constant);
    binding.constant = &item;
    declare(scope, item.name.text, std::move(binding), item.name.span);
  }
  for (const ast::Definition& item : file.definitions) {
    Binding binding = make(Binding::Kind::Definition);
    binding.definition = &item;
    declare(scope, item.name.text, std::move(binding), item.name.span);
  }
  for (const ast::Instance& item : file.instances) {
    Binding binding = make(Binding::Kind::Instance);
    binding.instance = &item;
    declare(scope, item.name.text, std::move(binding), item.name.span);
  }
  for (const ast::Model& item : file.models) {
    Binding binding = make(Binding::Kind::Model);
    binding.model = &item;
    declare(scope, item.name.text, std::move(binding), item.name.span);
  }
  for (const ast::Extern& item : file.externs) {
    Binding binding = make(Binding::Kind::Extern);
    binding.external = &item;
    declare(scope, item.name.text, std::move(binding), item.name.span);
  }
  for (const ast::Name& name : file.faulty) scope->names.emplace(name.text, make(Binding::Kind::Broken));
  scopes_.push_back({&file, scope});
  return scope;
}

// All files of a library are one: they see each other.
ScopePtr Program::embedded_scope(std::span<const EmbeddedFile> library, ScopePtr parent) {
  auto whole = std::make_unique<ast::File>();
  for (const EmbeddedFile& embedded : library) {
    std::int32_t number = sources_.add(std::string(embedded.name), std::string(embedded.text), true);
    ast::File file = ast::parse(sources_, number, reporter_.diagnostics());
    for (ast::Const& item : file.consts) whole->consts.push_back(std::move(item));
    for (ast::Definition& item : file.definitions) whole->definitions.push_back(std::move(item));
  }
  files_.push_back(std::move(whole));
  return scope_of(*files_.back(), std::move(parent));
}

ScopePtr Program::import_file(const ast::Import& import, std::set<std::string>& active) {
  if (import.path == kOnnxLibrary) {
    imports_onnx_ = true;
    return embedded_scope(onnx_files(), prelude_scope_);
  }
  std::filesystem::path base = std::filesystem::path(sources_.name(import.path_span.file)).parent_path();
  std::string path = (base / import.path).lexically_normal().string();
  const std::string file_identity = identity(path);
  if (!active.insert(file_identity).second) {
    reporter_.report(Kind::circular_import, import.path_span, import.path);
    return nullptr;
  }
  ScopePtr& known = imported_[file_identity];
  if (known == nullptr) known = load_import(import, path, active);
  active.erase(file_identity);
  return known;
}

ScopePtr Program::load_import(const ast::Import& import, const std::string& path, std::set<std::string>& active) {
  std::string error;
  std::optional<std::int32_t> loaded = sources_.load(path, error);
  if (!loaded) {
    reporter_.report(Kind::cannot_import, import.path_span, import.path, error);
    return nullptr;
  }
  const std::size_t before = reporter_.diagnostics().all().size();
  files_.push_back(std::make_unique<ast::File>(ast::parse(sources_, *loaded, reporter_.diagnostics())));
  if (reporter_.diagnostics().all().size() != before) return nullptr;
  const ast::File& file = *files_.back();
  auto imports = std::make_shared<Scope>(prelude_scope_);
  imports->is_file = true;
  for (const ast::Import& inner : file.imports) {
    if (ScopePtr scope = import_file(inner, active)) add_imported(*imports, scope, inner.span);
  }
  return scope_of(file, imports);
}

void Program::add_imported(Scope& imports, const ScopePtr& from, Span span) {
  for (const auto& [name, binding] : from->names) {
    Binding imported = binding;
    imported.home = from;
    auto [place, is_new] = imports.names.emplace(name, imported);
    // The same file may be imported in several ways.
    if (is_new || place->second.home == from) continue;
    reporter_.report(Kind::repeated_name, span, name).note(place->second.span, "first here");
  }
}

bool Program::load() {
  prelude_scope_ = embedded_scope(prelude_files(), nullptr);
  auto imports = std::make_shared<Scope>(prelude_scope_);
  imports->is_file = true;
  std::set<std::string> active = {identity(sources_.name(user_.file))};
  const std::size_t before = reporter_.diagnostics().all().size();
  for (const ast::Import& import : user_.imports) {
    if (ScopePtr scope = import_file(import, active)) add_imported(*imports, scope, import.span);
  }
  // Without what an import would have given, names would be missing that are not.
  if (reporter_.diagnostics().all().size() != before) return false;
  user_scope_ = scope_of(user_, imports);
  bool may_go_on = true;
  std::map<std::string, Span> stages;
  for (const ast::Train& train : user_.trains) {
    auto [place, is_new] = stages.emplace(train.name.text, train.name.span);
    if (is_new) continue;
    reporter_.report(Kind::repeated_name, train.name.span, train.name.text).note(place->second, "first here");
    may_go_on = false;
  }
  for (const auto& [file, scope] : scopes_) {
    may_go_on = check_names(*file, scope, reporter_, anonymous_names) && may_go_on;
  }
  return may_go_on;
}

}  // namespace nnc::semantics
