// Pieces that the tables of primitives share.
#pragma once

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {

std::vector<Builtin> elementwise_builtins();  // builtins_elementwise.cpp
std::vector<Builtin> shape_builtins();        // builtins_shape.cpp
std::vector<Builtin> static_builtins();       // builtins_static.cpp
std::vector<Builtin> network_builtins();      // builtins_network.cpp
std::vector<Builtin> contract_builtins();     // builtins_contract.cpp

// A parameter of a primitive.
inline SignatureParam input(const char* name) { return {name, true, "", false}; }
inline SignatureParam optional_input(const char* name) { return {name, true, "", true}; }
inline SignatureParam setting(const char* name, const char* kind) { return {name, false, kind, false}; }
inline SignatureParam optional(const char* name, const char* kind) { return {name, false, kind, true}; }

}  // namespace nnc::semantics
