// A unit: all functions that one emitted pair model.cpp / model.hpp holds, and the structs that they share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/emit/target.h"
#include "compiler/graph/graph.h"
#include "compiler/plan/plan.h"
#include "dsl/source.h"

namespace nnc {

// A field of Parameters, Gradients, Prepared or State, in the order of the struct; all fields are contiguous and
// aligned to their element (structs to 64 bytes).
struct Slot {
  std::string name;   // path: "conv1.weight"
  std::string field;  // C++ identifier: conv1_weight
  Type type;
  StateKind kind = StateKind::Parameter;
  std::int64_t offset = 0;  // bytes
};
struct StructLayout {
  std::vector<Slot> slots;
  std::int64_t bytes = 0;
};

// Weights that lie in a file beside the code: the bytes of Prepared. `load` in the emitted code takes no other.
struct WeightsFile {
  std::string name;  // "resnet50.weights"; empty: there is none
  std::int64_t bytes = 0;
  std::uint64_t hash = 0;  // fnv1a of all bytes
};
std::uint64_t fnv1a(const void* bytes, std::size_t size);

struct CheckReport;

struct UnitFunction {
  std::string name;  // prepare, forward, init, reset, step, evaluate, backward
  Graph graph;       // after all passes; the plan points into it
  Plan plan;
};

struct Unit {
  std::string name_space;   // C++ namespace of the API, "lenet5"
  std::string model_name;   // LeNet5
  std::string source_name;  // "lenet5.nn", without directories
  std::string source_hash;  // sha256, hexadecimal
  Target target;
  std::string math = "fast";      // "exact" or "fast"
  std::string stream;             // --stream: `forward` is one step, an element of this input; empty: all of the model
  std::int64_t stream_steps = 0;  // so many steps from reset to reset; 0: any number
  bool includes_runtime = false;  // --runtime=include: #include "nnc/vector.h" and so on, instead of their text
  bool is_traced = false;         // nnc verify, never shipped: after each step the code calls a hook
  std::vector<UnitFunction> functions;
  StructLayout parameters;  // Parameter first, then Statistic
  StructLayout gradients;
  StructLayout prepared;
  StructLayout state;
  std::vector<std::uint64_t> prepared_data;  // --weights: the bytes of Prepared, embedded; else empty
  WeightsFile weights_file;                  // --weights that are too large to embed
};

struct EmittedFile {
  std::string name;  // "lenet5.hpp"
  std::string text;
};

// The two files, formatted. `base_name`: of the files, without extension.
struct Emitted {
  EmittedFile header;
  EmittedFile source;
  // Appended to the source for in-process use only: for each function F of the unit
  //   extern "C" void nnc_F(void* const* a);
  // with a[0] Parameters, a[1] Gradients, a[2] Prepared, a[3] State, a[4] arena (null where F has no use for it), then
  // the inputs in the graph's order, then the outputs (not those of the Gradients).
  std::string entry_points;
  // Of a unit that is traced, the source has objects with C linkage
  //   void (*nnc_trace)(void* context, int node, std::ptrdiff_t turn);
  //   void* nnc_trace_context;
  // and calls the first, with the second, after each step (turn -1), at the beginning of each turn of a loop, and after
  // a loop (turn -1). `node` counts the nodes of the function's plan, a loop before what it holds.
};
Emitted emit(const Unit& unit, const std::string& base_name, const SourceManager& sources);
// Says in the source's opening comment what check_emitted has shown of it: `report` is without findings.
void state_checked(Emitted& emitted, const CheckReport& report);

}  // namespace nnc
