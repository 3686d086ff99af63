// Plans made by hand, and what compilers say of the files emitted from them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "compiler/emit/unit.h"
#include "compiler/ops/op.h"

namespace nnc::test {

// A unit with one function, put together step by step. Values live in no graph but in the sketch.
class Sketch {
 public:
  explicit Sketch(const std::string& function = "forward", const std::string& target = "x86-64-v3");

  Unit unit;
  UnitFunction& function() { return unit.functions.back(); }
  Plan& plan() { return function().plan; }

  Value* input(const std::string& name, const Type& type);
  void output(const std::string& name, const Type& type);
  Value* value(const Type& type);
  // An elementwise operation; the body is its lowering.
  const Op* op(const std::string& name, const std::string& body, std::vector<Value*> inputs, const Type& type);

  int buffer(const std::string& name, ElementType element, std::int64_t count, Memory memory,
             const std::string& slot = "");
  int scratch(const std::string& name, std::int64_t count);  // f32, after the others
  StepArgument argument(const std::string& name, int buffer, bool is_written, std::int64_t offset = 0,
                        std::vector<LoopTerm> terms = {});
  Step& add(std::vector<Node>& nodes, Step step);

 private:
  OpDef& definition(const std::string& name);
  std::deque<OpDef> definitions_;
  std::deque<Op> ops_;
};

inline Field field(const std::string& name, std::int64_t value) { return {name, {value}}; }
inline Field flag(const std::string& name, bool value) { return {name, {value ? 1 : 0}, false, true}; }

// A folder that is removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  // Runs a shell command in the folder; its output, and "(exit status n)" if it failed.
  std::string run(const std::string& command) const;

 private:
  std::string path_;
};

// What g++ and clang++ are told everywhere: no flag for the target, every warning an error.
std::string strict(const std::string& compiler);
Emitted emit_text(const Unit& unit, const std::string& base_name = "model");
// Writes the emitted pair and `main_text`, compiles them with each compiler, runs each program: their outputs, joined.
std::string compile_and_run(const Unit& unit, const std::string& main_text, bool with_entry_points = false);

}  // namespace nnc::test
