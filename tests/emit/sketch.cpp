#include "tests/emit/sketch.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/embedded.h"
#include "compiler/emit/check.h"
#include "compiler/emit/runtime_text.h"

namespace nnc::test {

Sketch::Sketch(const std::string& function, const std::string& target) {
  unit.name_space = "sketch";
  unit.model_name = "Sketch";
  unit.source_name = "sketch.nn";
  unit.source_hash = std::string(64, '0');
  unit.target = *find_target(target);
  unit.functions.emplace_back();
  unit.functions.back().name = function;
  unit.functions.back().plan.name = function;
}

OpDef& Sketch::definition(const std::string& name) {
  for (OpDef& known : definitions_) {
    if (known.name == name) return known;
  }
  definitions_.emplace_back().name = name;
  return definitions_.back();
}

const Op* Sketch::op(const std::string& name, const std::string& body, std::vector<Value*> inputs, const Type& type) {
  OpDef& def = definition(name);
  def.lower = elementwise_body(body);
  Op& made = ops_.emplace_back();
  made.def = &def;
  made.inputs = std::move(inputs);
  made.results.push_back(std::make_unique<Value>());
  made.results[0]->type = type;
  made.results[0]->producer = &made;
  return &made;
}

Value* Sketch::value(const Type& type) { return op("value", "", {}, type)->result(); }

Value* Sketch::input(const std::string& name, const Type& type) {
  Value* made = value(type);
  ops_.back().attributes.set("name", name);
  function().graph.inputs.push_back(made);
  return made;
}

void Sketch::output(const std::string& name, const Type& type) {
  function().graph.outputs.push_back({name, value(type)});
}

int Sketch::buffer(const std::string& name, ElementType element, std::int64_t count, Memory memory,
                   const std::string& slot) {
  Buffer made;
  made.name = name;
  made.element = element;
  made.count = count;
  made.memory = memory;
  made.slot = slot;
  plan().buffers.push_back(made);
  return static_cast<int>(plan().buffers.size()) - 1;
}

int Sketch::scratch(const std::string& name, std::int64_t count) {
  const int index = buffer(name, ElementType::F32, count, Memory::Scratch);
  Buffer& made = plan().buffers.back();
  made.offset = plan().arena_bytes;
  made.first = made.last = 0;
  plan().arena_bytes += (count * 4 + 63) / 64 * 64;
  return index;
}

StepArgument Sketch::argument(const std::string& name, int buffer, bool is_written, std::int64_t offset,
                              std::vector<LoopTerm> terms) {
  StepArgument made;
  made.name = name;
  made.view.buffer = buffer;
  made.view.offset = offset;
  made.view.terms = std::move(terms);
  made.element = plan().buffers.at(static_cast<std::size_t>(buffer)).element;
  made.is_written = is_written;
  return made;
}

Step& Sketch::add(std::vector<Node>& nodes, Step step) {
  nodes.emplace_back().step = std::make_unique<Step>(std::move(step));
  return *nodes.back().step;
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nnc_emit_XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}
Folder::~Folder() { std::filesystem::remove_all(path_); }

void Folder::write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

std::string Folder::read(const std::string& name) const {
  std::ostringstream text;
  text << std::ifstream(path(name)).rdbuf();
  return text.str();
}

std::string Folder::run(const std::string& command) const {
  const int status = std::system(("cd '" + path_ + "' && (" + command + ") > output.txt 2>&1").c_str());
  return read("output.txt") + (status == 0 ? "" : "(exit status " + std::to_string(status) + ")");
}

std::string strict(const std::string& compiler) {
  return compiler + " -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-exceptions -fno-rtti ";
}

Emitted emit_text(const Unit& unit, const std::string& base_name) {
  SourceManager sources;
  return emit(unit, base_name, sources);
}

std::string compile_and_run(const Unit& unit, const std::string& main_text, bool with_entry_points) {
  const Folder folder;
  const Emitted emitted = emit_text(unit);
  folder.write(emitted.header.name, emitted.header.text);
  folder.write(emitted.source.name, emitted.source.text + (with_entry_points ? emitted.entry_points : ""));
  std::vector<SourceText> files = {{emitted.source.name, emitted.source.text},
                                   {emitted.header.name, emitted.header.text}};
  std::string folders;
  if (unit.includes_runtime) {
    for (const EmbeddedFile& file : runtime_files()) files.push_back({include_name(file.name), std::string(file.text)});
    folders = "-I " NNC_SOURCE_DIR " -I " NNC_SOURCE_DIR "/runtime ";
  }
  std::string output;
  for (const std::string& finding : check_emitted(files, unit.target).findings) output += finding + "\n";
  folder.write("main.cpp", "#include <cstdio>\n#include \"model.hpp\"\n" + main_text);
  for (const char* compiler : {"g++ -std=c++17", "clang++-19 -std=c++20"}) {
    output += folder.run(strict(compiler) + folders + "model.cpp main.cpp -o program && ./program");
  }
  return output;
}

}  // namespace nnc::test
