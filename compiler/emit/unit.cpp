// Unit -> model.hpp and model.cpp, in the order that compiler/emit/README.md describes.
#include "compiler/emit/unit.h"

#include <fmt/format.h>

#include "compiler/embedded.h"
#include "compiler/emit/check.h"
#include "compiler/emit/cpp_text.h"
#include "compiler/emit/format_cpp.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

// From here to the closing pragmas the code is for the target, whatever flags the file is compiled with, and nobody
// contracts a product and a sum on his own account.
std::string opening_pragmas(const Target& target) {
  std::string text =
      "#if defined(__clang__)\n"
      "#pragma clang fp contract(off)\n";
  if (!target.clang_attributes.empty()) {
    text += fmt::format("#pragma clang attribute push(__attribute__(({})), apply_to = function)\n",
                        target.clang_attributes);
  }
  text +=
      "#elif defined(__GNUC__)\n"
      "#pragma GCC push_options\n"
      "#pragma GCC optimize(\"fp-contract=off\")\n";
  if (!target.gcc_target.empty()) text += fmt::format("#pragma GCC target(\"{}\")\n", target.gcc_target);
  return text + "#endif\n\n";
}

std::string closing_pragmas(const Target& target) {
  std::string text = "\n#if defined(__clang__)\n";
  if (!target.clang_attributes.empty()) text += "#pragma clang attribute pop\n";
  return text + "#elif defined(__GNUC__)\n#pragma GCC pop_options\n#endif\n";
}

// A header's declarations are kept by name, so that a few may be left that nothing calls; and kernels do not read all
// of their constants.
constexpr const char* kHush =
    "#if defined(__clang__)\n"
    "#pragma clang diagnostic push\n"
    "#pragma clang diagnostic ignored \"-Wunused-function\"\n"
    "#pragma clang diagnostic ignored \"-Wunused-const-variable\"\n"
    "#pragma clang diagnostic ignored \"-Wunused-member-function\"\n"
    "#pragma clang diagnostic ignored \"-Wunused-template\"\n"
    "#pragma clang diagnostic ignored \"-Wunused-macros\"\n"
    "#pragma clang diagnostic ignored \"-Wunneeded-internal-declaration\"\n"
    "#endif\n\n";
constexpr const char* kHushEnd = "#if defined(__clang__)\n#pragma clang diagnostic pop\n#endif\n";

// Large tables come last and are not formatted: nobody reads them.
std::string data_text(const Unit& unit, const UnitSections& sections) {
  if (sections.data.empty()) return "";
  return fmt::format(
      "\n// ---- Data ----\n\nnamespace {} {{\nnamespace {{\n{}\n}}  // namespace\n}}  // namespace {}\n",
      namespace_name(unit), sections.data, namespace_name(unit));
}

// The embedded headers are formatted as they are; what is written here is formatted on its own, since formatting is
// slow.
std::string section(const std::string& title, const std::string& text) {
  if (text.empty()) return "";
  return fmt::format("// ---- {} ----\n\n{}\n", title, format_cpp(text.substr(0, text.find_last_not_of('\n') + 2)));
}

std::string source_text(const Unit& unit, const UnitWriter& writer, const RuntimeText& runtime,
                        const std::string& base_name) {
  const UnitSections& sections = writer.sections();
  const std::string configs = section("Constants of kernels", sections.configs);
  std::string inner = section("Operations", sections.operations);
  inner += section("Fused operations", writer.functors_text());
  inner += section("Tables", sections.constants);
  inner += section("Steps", sections.steps);
  const std::string model = section("The model", load_definition(unit) + sections.api);
  std::set<std::string> words = words_of(inner);
  words.merge(words_of(configs));
  words.merge(words_of(model));
  RuntimeText::Slice kernels = runtime.slice(words);
  kernels.standard.insert({"cstddef", "cstdint"});

  std::string text = banner(unit) + fmt::format("#include \"{}.hpp\"\n\n", base_name);
  for (const std::string& header : kernels.standard) text += fmt::format("#include <{}>\n", header);
  if (unit.is_traced) {
    text +=
        "\nextern \"C\" {\n"
        "void (*nnc_trace)(void* context, int node, std::ptrdiff_t turn) = nullptr;\n"
        "void* nnc_trace_context = nullptr;\n"
        "}\n";
  }
  text += "\n" + opening_pragmas(unit.target) + kHush;
  const std::pair<const char*, int> facts[] = {{"NNC_LANES", unit.target.lanes},
                                               {"NNC_REGISTERS", unit.target.vector_registers},
                                               {"NNC_FMA", unit.target.has_fma ? 1 : 0}};
  for (const auto& [macro, value] : facts) {
    if (kernels.words.count(macro) == 0 && !unit.includes_runtime) continue;
    text += fmt::format("#define {} {}\n", macro, value);
    kernels.macros.insert(macro);
  }
  text += fmt::format("\nnamespace {} {{\nnamespace {{\n\n{}\nusing namespace nnc;\n\n{}{}\n", namespace_name(unit),
                      unit.includes_runtime ? kernels.includes : kernels.text, configs, kHushEnd);
  text += fmt::format("{}}}  // namespace\n\n{}}}  // namespace {}\n", inner, model, namespace_name(unit));
  text += data_text(unit, sections) + closing_pragmas(unit.target) + "\n";
  for (const std::string& macro : kernels.macros) text += "#undef " + macro + "\n";
  return text;
}

}  // namespace

std::string banner(const Unit& unit) {
  std::string text =
      fmt::format("// Generated by nnc {} from {}. Do not edit.\n", NNC_VERSION, comment_text(unit.source_name, 80));
  if (!unit.source_hash.empty()) text += fmt::format("// Source: sha256 {}\n", comment_text(unit.source_hash, 64));
  text += "//\n";
  text += fmt::format("// Model {}, for {}: {} lanes, {}.\n", comment_text(unit.model_name, 80),
                      comment_text(unit.target.name, 40), unit.target.lanes,
                      unit.target.has_fma ? "every product and sum of a chain one fused multiply-add"
                                          : "products and sums rounded one by one");
  text += fmt::format("// Math: {}.{}\n", unit.math,
                      unit.math == "fast" ? " No algorithm used here reorders sums: the bits are those of exact." : "");
  text +=
      "// Compile with any C++17 compiler, no flags needed but -O2: the file states its own target and rounding.\n"
      "// This file may be used, changed and passed on, for any purpose, without any condition.\n\n";
  return text;
}

UnitWriter::UnitWriter(const Unit& unit, const SourceManager& sources, const RuntimeText& runtime)
    : unit_(unit), sources_(sources), functions_(api_functions(unit)) {
  for (const std::string& name : runtime.names()) names_.reserve(name);
  for (Memory memory : kStructMemories) {
    names_.reserve(struct_name(memory));
    names_.reserve(struct_parameter(memory));
  }
  for (const char* name : {"nnc", "Arena", "arena", "kArenaBytes", "prepared_data", "load"}) names_.reserve(name);
  for (const ApiFunction& api : functions_) {
    names_.reserve(api.name);
    for (const ApiParameter& parameter : api.parameters) parameters_.reserve(parameter.name);
  }
}

void UnitWriter::write() {
  write_prepared_data();
  // Tables are named first: a parameter of a step may not hide one.
  for (const ApiFunction& api : functions_) {
    for (const Buffer& buffer : api.function->plan.buffers) {
      if (buffer.memory == Memory::Constants) buffer_place(api, buffer);
    }
  }
  for (const ApiFunction& api : functions_) write_function(api);
  for (const auto& [name, text] : operations_) sections_.operations += text + "\n";
}

void state_checked(Emitted& emitted, const CheckReport& report) {
  const std::string text = fmt::format(
      "//\n"
      "// Shown by Clang on this file's syntax tree before it was written: no allocation, no exceptions, no I/O, no\n"
      "// recursion, no object with static storage that can be written, no call of anything outside but memcpy,\n"
      "// memmove and memset. Named locals take at most {} bytes of the stack.\n",
      grouped(static_cast<std::int64_t>(report.stack_bytes_bound)));
  // The opening comment ends with the first empty line.
  emitted.source.text.insert(emitted.source.text.find("\n\n") + 1, text);
}

Emitted emit(const Unit& unit, const std::string& base_name, const SourceManager& sources) {
  const RuntimeText runtime(runtime_files());
  UnitWriter writer(unit, sources, runtime);
  writer.write();
  Emitted emitted;
  emitted.header = {base_name + ".hpp", format_cpp(header_text(unit, writer.functions()))};
  emitted.source = {base_name + ".cpp", source_text(unit, writer, runtime, base_name)};
  emitted.entry_points = writer.sections().entry_points;
  return emitted;
}

}  // namespace nnc
