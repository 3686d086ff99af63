// Names and what they are bound to. Inner shadows outer; file shadows imports shadow prelude.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/elaborate/datum.h"

namespace nnc::semantics {

struct Binding {
  enum class Kind {
    Value,       // value
    Broken,      // an error was reported in its definition; uses of it say nothing
    Lazy,        // statement of a model's body, elaborated when first used (seen from a train block)
    Busy,        // a Lazy one being elaborated
    Constant,    // constant
    Definition,  // definition
    Instance,    // instance: declared with `layer n = ...`
    Model,       // model
    Extern,      // external
    State,       // value: before; path
  };
  Kind kind = Kind::Value;
  Datum value;
  Span span;
  std::string path;                      // of a State
  TensorType type;                       // of a State
  ScopePtr home;                         // of an imported name: the scope of its file
  const ast::Stmt* statement = nullptr;  // of a Lazy
  const ast::Const* constant = nullptr;
  const ast::Definition* definition = nullptr;
  const ast::Instance* instance = nullptr;
  const ast::Model* model = nullptr;
  const ast::Extern* external = nullptr;
};

struct Scope : std::enable_shared_from_this<Scope> {
  ScopePtr parent;
  std::map<std::string, Binding> names;
  // What `float`, `any` and `other` stand for in this use of a definition.
  std::map<std::string, Element> elements;
  // Of the body of an instance: who owns what is declared here.
  bool is_body = false;
  bool is_file = false;
  Owner owner;
  // Of the body of an instance: parameters and states by their names, also those declared in inner blocks.
  std::map<std::string, Datum> declared;

  explicit Scope(ScopePtr outer = nullptr) : parent(std::move(outer)) {}
};

inline Binding* find(Scope* scope, const std::string& name, Scope** found_in = nullptr) {
  for (; scope != nullptr; scope = scope->parent.get()) {
    auto found = scope->names.find(name);
    if (found != scope->names.end()) {
      if (found_in != nullptr) *found_in = found->second.home != nullptr ? found->second.home.get() : scope;
      return &found->second;
    }
  }
  return nullptr;
}

}  // namespace nnc::semantics
