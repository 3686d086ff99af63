// model.hpp: the structs and functions of the API.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

std::string struct_comment(Memory memory) {
  switch (memory) {
    case Memory::Parameters:
      return "The values that training finds, contiguous, in the order of the model.";
    case Memory::Gradients:
      return "Gradients of the loss, laid out like the parameters that are trained.";
    case Memory::Prepared:
      return "What `prepare` computes from the parameters once: packed and folded weights.";
    default:
      return "What a call hands on to the next.";
  }
}

std::string struct_text(const StructLayout& layout, Memory memory) {
  const std::string name = struct_name(memory);
  std::string text =
      fmt::format("// {} {} bytes.\nstruct alignas(64) {} {{\n", struct_comment(memory), grouped(layout.bytes), name);
  for (const Slot& slot : layout.slots) {
    text += fmt::format("  {} {}{};  // {}\n", cpp_type(slot.type.element), field_name(slot),
                        array_extents(slot.type.shape), comment_text(slot.name, 80));
  }
  const Slot& last = layout.slots.back();
  text += fmt::format("}};\nstatic_assert(offsetof({0}, {1}) == {2} && sizeof({0}) == {3}, \"contiguous\");\n\n", name,
                      field_name(last), last.offset, (layout.bytes + 63) / 64 * 64);
  return text;
}

std::string purpose(const std::string& name, const Unit& unit) {
  if (name == "prepare") return "Computes what `forward` needs of the parameters; once, before the first call.";
  if (name == "forward" && unit.stream.empty()) return "The model.";
  if (name == "forward" && unit.state.slots.empty()) return "One step of the model.";
  if (name == "forward") {
    const std::string most = unit.stream_steps == 0 ? "" : fmt::format(" and has {} steps at most", unit.stream_steps);
    return "One step of the model, of a sequence that begins with `reset`" + most + ".";
  }
  if (name == "init") return "Initial values, from a seed.";
  if (name == "step") return "One training step: the loss, its gradients, and new values of all that is trained.";
  if (name == "reset") return "Recurrent states as they are before the first call; all else stays.";
  if (name == "backward") return "Gradients of the outputs, each weighted by its cotangent.";
  if (name == "evaluate") return "The metrics of training, without training.";
  return "";
}

std::string function_comment(const ApiFunction& api, const Unit& unit) {
  std::string text;
  const std::string what = purpose(api.function->name, unit);
  if (!what.empty()) text += "// " + what + "\n";
  double flops = 0;
  for_each_step(api.function->plan.nodes, [&](const Step& step) { flops += step.flops; });
  for (const ApiParameter& parameter : api.parameters) {
    if (parameter.kind != ApiParameter::Kind::Input && parameter.kind != ApiParameter::Kind::Output) continue;
    const bool is_input = parameter.kind == ApiParameter::Kind::Input;
    text += fmt::format("//   {} {}: {}{}{}\n", is_input ? "in " : "out", parameter.name, to_string(parameter.type),
                        parameter.type.element == ElementType::Bool ? ", each 0 or 1"
                        : is_half(parameter.type.element)           ? ", each as its 16 bits"
                                                                    : "",
                        parameter.is_used ? "" : ", not used");
  }
  if (api.arena()) {
    text += fmt::format("//   uses {} bytes of the arena; what lies there before and after has no meaning\n",
                        grouped(api.function->plan.arena_bytes));
  }
  return text;
}

}  // namespace

std::string load_signature() { return "bool load(const unsigned char* bytes, std::size_t size, Prepared& prepared)"; }

std::string load_definition(const Unit& unit) {
  if (unit.weights_file.name.empty()) return "";
  return fmt::format(
      "{} {{\n"
      "  if (size != {}) return false;\n"
      "  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a\n"
      "  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;\n"
      "  if (hash != 0x{:016x}u) return false;\n"
      "  unsigned char* const to = static_cast<unsigned char*>(static_cast<void*>(&prepared));\n"
      "  for (std::size_t i = 0; i < size; ++i) to[i] = bytes[i];\n"
      "  return true;\n}}\n\n",
      load_signature(), unit.weights_file.bytes, unit.weights_file.hash);
}

std::uint64_t fnv1a(const void* bytes, std::size_t size) {
  const unsigned char* const from = static_cast<const unsigned char*>(bytes);
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ from[i]) * 0x100000001b3u;
  return hash;
}

std::string header_text(const Unit& unit, const std::vector<ApiFunction>& functions) {
  std::string text = banner(unit) + "#pragma once\n\n#include <cstddef>\n#include <cstdint>\n\n";
  text += fmt::format("namespace {} {{\n\n", namespace_name(unit));
  for (Memory memory : kStructMemories) {
    const bool is_used = std::any_of(functions.begin(), functions.end(),
                                     [&](const ApiFunction& api) { return api.find(memory) != nullptr; });
    if (is_used) text += struct_text(struct_layout(unit, memory), memory);
  }
  if (!unit.weights_file.name.empty()) {
    text += fmt::format(
        "// Takes the weights from the content of {}, {} bytes. False, and nothing changed, if it is not\n"
        "// the file that was written with this header.\n{};\n\n",
        comment_text(unit.weights_file.name, 80), grouped(unit.weights_file.bytes), load_signature());
  }
  std::int64_t arena_bytes = 0;
  for (const ApiFunction& api : functions) {
    if (api.arena()) arena_bytes = std::max(arena_bytes, api.function->plan.arena_bytes);
  }
  if (arena_bytes > 0) {
    text += fmt::format(
        "// Working memory, the caller's: any function may use it, one at a time.\n"
        "constexpr std::size_t kArenaBytes = {};\n"
        "struct alignas(64) Arena {{\n  unsigned char bytes[kArenaBytes];\n}};\n\n",
        arena_bytes);
  }
  for (const ApiFunction& api : functions) {
    text += fmt::format("{}{};\n\n", function_comment(api, unit), api.signature(false));
  }
  return text + fmt::format("}}  // namespace {}\n", namespace_name(unit));
}

}  // namespace nnc
