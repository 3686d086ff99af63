// What an expression of the language means while graphs are made: a static value, a tensor, or an operator.
//
// Static values are computed here and never reach a graph until a tensor is needed. A tensor is a Value of the graph
// being built; what else is known of it (classes, level, region) is kept by the Session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "dsl/ast.h"

namespace nnc::semantics {

struct Scope;
using ScopePtr = std::shared_ptr<Scope>;
struct OperatorValue;
using OperatorPtr = std::shared_ptr<const OperatorValue>;
struct Builtin;

enum class DatumKind { Nothing, Absent, Integer, Real, Flag, Text, Element, List, Tensor, Tuple, Set, Operator };

// Where a size comes from: a number in the user's text, or an axis of a value. Kept for messages only; a number that
// the prelude alone says has none. What is computed from several sizes has them all.
struct SizeSource {
  Span span;                     // of the number
  std::int64_t size = 0;         // at its source
  const Value* value = nullptr;  // not null: the size of `axis` of this, and `span` says nothing
  std::int64_t axis = 0;         // kClassCount: the number of its classes
  bool operator==(const SizeSource&) const = default;
};
constexpr std::int64_t kClassCount = -1;
using SizeSources = std::vector<SizeSource>;
// Adds those that are not there yet; a message names few.
void add_sources(SizeSources& to, const SizeSources& from);

// An element type as the language knows it: `class[n]` is i32 with n classes.
struct Element {
  ElementType type = ElementType::F32;
  std::int64_t classes = 0;  // 0: not a class
  bool operator==(const Element&) const = default;
};
std::string to_string(const Element& element);

// A type of the language.
struct TensorType {
  Element element;
  Shape shape;
  // Of a type that was written: one an axis, and of the number of classes. Empty otherwise.
  std::vector<SizeSources> sources = {};
  SizeSources class_sources = {};
  bool operator==(const TensorType& other) const { return element == other.element && shape == other.shape; }
};
std::string to_string(const TensorType& type);

// A parameter or a gradient in a `set`.
struct SetItem {
  std::string path;
  Value* value = nullptr;
};

struct Datum {
  DatumKind kind = DatumKind::Nothing;
  std::int64_t integer = 0;
  double real = 0;
  bool flag = false;
  std::string text;
  Element element;
  std::vector<Datum> items;        // of a List or a Tuple; items of a List may be tensors
  std::vector<std::string> names;  // of a model's outputs: one an item; a single output keeps its name on the tensor
  Value* value = nullptr;
  std::vector<SetItem> set;
  OperatorPtr op;
  SizeSources sources;  // of a number; of a flag: those of the numbers compared

  static Datum of(std::int64_t value);
  static Datum of(double value);
  static Datum of(bool value);
  static Datum of(std::string value);
  static Datum of(Value* value);
  static Datum of(Element element);
  static Datum of(OperatorPtr op);
  static Datum of(std::int64_t value, SizeSources sources);
  static Datum list(std::vector<Datum> items);
  static Datum list(const std::vector<std::int64_t>& items);
  static Datum tuple(std::vector<Datum> items);
  static Datum absent();  // of an argument that may be left out and is

  bool is(DatumKind other) const { return kind == other; }
  bool is_number() const { return kind == DatumKind::Integer || kind == DatumKind::Real; }
  double number() const { return kind == DatumKind::Integer ? static_cast<double>(integer) : real; }
  bool is_static() const;  // holds no tensor
};
// Equality of static values; an integer equals a real of the same value.
bool same_static(const Datum& a, const Datum& b);

// An argument given where an operator was written.
struct BoundArgument {
  std::string name;  // empty: positional
  Datum value;
  Span span;
};

// Who owns the parameters made by a body: the instance being applied.
struct Owner {
  std::string path;  // "" for a model
  ast::DefKind kind = ast::DefKind::Layer;
  bool is_train_block = false;   // its own states are shared, and advance once a step
  std::int64_t application = 0;  // which application of the instance this is; of the block itself 0
};

struct OperatorValue {
  enum class Kind { Definition, Lambda, Builtin, Instance, Model, Array };
  Kind kind = Kind::Definition;
  const ast::Definition* definition = nullptr;  // of a Definition, and of an Instance unless it is of a model
  const ast::Model* model = nullptr;
  const ast::Expr* lambda = nullptr;
  const Builtin* builtin = nullptr;
  ScopePtr scope;          // where the body looks its free names up
  bool has_owner = false;  // a lambda or a local definition: `owner` is the one where it was written
  Owner owner;
  std::string path;                      // of an Instance or an Array
  bool is_placed = true;                 // an Instance that is none yet: each place that applies it makes its own
  std::vector<OperatorPtr> elements;     // of an Array
  std::vector<BoundArgument> arguments;  // positional ones follow those that the place supplies
  Span span;                             // where it was written
  std::string name;                      // for messages
};

}  // namespace nnc::semantics
