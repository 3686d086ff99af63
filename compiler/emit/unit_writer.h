// The parts of model.cpp, collected while the plans of a unit are walked and put in order once at the end (unit.cpp).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/emit/api.h"
#include "compiler/emit/functor.h"
#include "compiler/emit/names.h"
#include "compiler/emit/runtime_text.h"
#include "compiler/emit/unit.h"

namespace nnc {

struct UnitSections {
  std::string operations;  // function templates of single operations
  std::string configs;     // structs of a kernel's constants
  std::string constants;   // small read-only tables
  std::string data;        // large ones, in hexadecimal; not formatted
  std::string steps;       // one function a step or loop
  std::string api;         // the functions that the header declares
  std::string entry_points;
};

// What a step's or loop's function can name: buffers as pointers, loop indices as variables.
struct Places {
  struct Pointer {
    std::string expression;
    ElementType element = ElementType::F32;
    bool is_const = false;
  };
  std::map<int, Pointer> buffers;
  std::map<int, std::string> indices;  // Loop::id -> variable
};

class UnitWriter {
 public:
  UnitWriter(const Unit& unit, const SourceManager& sources, const RuntimeText& runtime);

  // Fills `sections` with all functions of the unit.
  void write();

  // Structs of fused operations, each with the steps that use it.
  std::string functors_text() const;
  const UnitSections& sections() const { return sections_; }
  const std::vector<ApiFunction>& functions() const { return functions_; }

 private:
  // step.cpp
  std::string write_step(const Step& step);  // its function; returns the name
  std::string kernel_call(const Step& step, const std::vector<std::string>& names);
  std::string config_struct(const Step& step);
  std::string functor_value(const Functor& functor, const Step& step, FunctorRole role,
                            const std::vector<std::string>& names);
  std::string step_banner(const Step& step) const;
  std::string place_comment(const Origin& origin) const;

  // function.cpp
  void write_function(const ApiFunction& api);
  void name_nodes(const std::vector<Node>& nodes);
  std::string write_nodes(const std::vector<Node>& nodes, const Places& places, const Plan& plan, int depth);
  std::string write_loop(const Loop& loop, const Places& places, const Plan& plan);
  std::string call_step(const Step& step, const Places& places);
  std::string trace(int node, const std::string& turn, int depth) const;
  std::string pointer(const StepArgument& argument, const Places& places) const;
  Places::Pointer buffer_place(const ApiFunction& api, const Buffer& buffer);
  std::string memory_map(const ApiFunction& api) const;
  std::string entry_point(const ApiFunction& api) const;

  // data.cpp
  std::string constant_table(const Tensor& tensor);
  void write_prepared_data();

  const Unit& unit_;
  const SourceManager& sources_;
  UnitSections sections_;
  std::vector<ApiFunction> functions_;
  NameScope names_;        // of namespace scope
  std::string function_;   // that is being written: added to names that an earlier one has
  int nodes_written_ = 0;  // of its plan
  NameScope parameters_;   // of the functions of the API: no step may be hidden by one
  OperationFunctions operations_;
  std::map<std::string, std::string> structs_;  // text of a config -> its name
  struct FunctorStruct {
    std::string body, name, operations;
    std::vector<std::string> users;  // steps
  };
  std::vector<FunctorStruct> functors_;                    // in the order of first use
  std::map<std::string, std::string> functions_of_steps_;  // text of a function after its name -> its name
  std::map<const Step*, std::string> step_names_;
  std::map<const Loop*, std::string> loop_names_;
  std::map<std::string, std::string> tables_;  // text of a table -> its name
};

// The bytes of a tensor as they lie in memory (little-endian), padded to 8.
std::vector<std::uint64_t> tensor_words(const Tensor& tensor);

// header.cpp: the text of model.hpp.
// `load`, which takes the weights from a file's content; empty if there is no such file.
std::string load_signature();
std::string load_definition(const Unit& unit);
std::string header_text(const Unit& unit, const std::vector<ApiFunction>& functions);
// unit.cpp: the comment that begins both files.
std::string banner(const Unit& unit);

}  // namespace nnc
