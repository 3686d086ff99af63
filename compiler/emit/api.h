// The functions that a unit offers, as C++ sees them: one place for the header, the definitions and the entry points.
#pragma once

#include <string>
#include <vector>

#include "compiler/emit/names.h"
#include "compiler/emit/unit.h"

namespace nnc {

struct ApiParameter {
  enum class Kind { Struct, Input, Output, Arena };
  Kind kind = Kind::Struct;
  Memory memory = Memory::Parameters;  // Struct: which
  std::string slot;                    // Input, Output: its name in the source
  Type type;                           // Input, Output
  std::string name;                    // of the parameter
  std::string cpp_type;                // "Parameters", "float"
  bool is_const = false;
  bool is_used = true;  // an input that nothing reads keeps its place in the signature

  bool is_by_value() const { return kind == Kind::Input && type.shape.empty(); }
  // "const float (&image)[1][28][28]"; `name` may be empty.
  std::string declaration(const std::string& name) const;
};

struct ApiFunction {
  const UnitFunction* function = nullptr;
  std::string name;
  std::vector<ApiParameter> parameters;

  const ApiParameter* find(ApiParameter::Kind kind, const std::string& slot) const;
  const ApiParameter* find(Memory memory) const;
  const ApiParameter* arena() const;
  // "void forward(const Prepared& prepared, …)"; is_definition: unused parameters have no names. Nothing can throw,
  // but `noexcept` is not written: compilers would then refer to the C++ library's routines for exceptions.
  std::string signature(bool is_definition) const;
};

// The functions that are emitted: all but `prepare` where its result is embedded, and those that would do nothing.
std::vector<ApiFunction> api_functions(const Unit& unit);

// The struct of slots of a class of memory; its C++ name and that of the parameter.
const StructLayout& struct_layout(const Unit& unit, Memory memory);
std::string struct_name(Memory memory);
std::string struct_parameter(Memory memory);
inline constexpr Memory kStructMemories[] = {Memory::Parameters, Memory::Gradients, Memory::Prepared, Memory::State};

// Where a buffer lies for the callers of a function: outputs of `prepare` and `init` are fields of the structs.
Memory api_memory(const Unit& unit, const UnitFunction& function, const Buffer& buffer);
std::string field_name(const Slot& slot);
std::string namespace_name(const Unit& unit);
const Slot& slot_of(const Unit& unit, Memory memory, const std::string& name);

// Calls visit(step) for all steps in the order of execution.
template <class Visit>
void for_each_step(const std::vector<Node>& nodes, const Visit& visit) {
  for (const Node& node : nodes) {
    if (node.step) visit(*node.step);
    if (node.loop) for_each_step(node.loop->body, visit);
  }
}

}  // namespace nnc
