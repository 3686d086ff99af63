#include "compiler/emit/api.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/functor.h"

namespace nnc {
namespace {

struct Usage {
  bool is_read = false;
  bool is_written = false;
};

// How the steps of a plan touch each buffer.
std::vector<Usage> buffer_usage(const Plan& plan) {
  std::vector<Usage> usage(plan.buffers.size());
  for_each_step(plan.nodes, [&usage](const Step& step) {
    for (int index : used_arguments(step)) {
      const StepArgument& argument = step.arguments.at(static_cast<std::size_t>(index));
      Usage& buffer = usage.at(static_cast<std::size_t>(argument.view.buffer));
      (argument.is_written ? buffer.is_written : buffer.is_read) = true;
    }
  });
  return usage;
}

bool has_slot(const StructLayout& layout, const std::string& name) {
  return std::any_of(layout.slots.begin(), layout.slots.end(), [&](const Slot& slot) { return slot.name == name; });
}

}  // namespace

const StructLayout& struct_layout(const Unit& unit, Memory memory) {
  switch (memory) {
    case Memory::Parameters:
      return unit.parameters;
    case Memory::Gradients:
      return unit.gradients;
    case Memory::Prepared:
      return unit.prepared;
    case Memory::State:
      return unit.state;
    default:
      throw InternalError("no struct for this class of memory");
  }
}

std::string struct_name(Memory memory) {
  switch (memory) {
    case Memory::Parameters:
      return "Parameters";
    case Memory::Gradients:
      return "Gradients";
    case Memory::Prepared:
      return "Prepared";
    case Memory::State:
      return "State";
    default:
      throw InternalError("no struct for this class of memory");
  }
}

std::string struct_parameter(Memory memory) {
  std::string name = struct_name(memory);
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

Memory api_memory(const Unit& unit, const UnitFunction& function, const Buffer& buffer) {
  if (buffer.memory != Memory::Output) return buffer.memory;
  if (function.name == "prepare" && has_slot(unit.prepared, buffer.slot)) return Memory::Prepared;
  if (function.name == "init" && has_slot(unit.parameters, buffer.slot)) return Memory::Parameters;
  if (function.name == "init" && has_slot(unit.state, buffer.slot)) return Memory::State;
  return Memory::Output;
}

// Whoever built the unit chose identifiers; nothing else gets through even so.
std::string field_name(const Slot& slot) { return cpp_identifier(slot.field); }
std::string namespace_name(const Unit& unit) { return cpp_identifier(unit.name_space); }

const Slot& slot_of(const Unit& unit, Memory memory, const std::string& name) {
  for (const Slot& slot : struct_layout(unit, memory).slots) {
    if (slot.name == name) return slot;
  }
  throw InternalError(fmt::format("{} has no field for {}", struct_name(memory), name));
}

std::string ApiParameter::declaration(const std::string& shown) const {
  const std::string qualifier = is_const ? "const " : "";
  const std::string space = shown.empty() ? "" : " " + shown;
  if (is_by_value()) return cpp_type + space;
  const bool is_array = (kind == Kind::Input || kind == Kind::Output) && !type.shape.empty();
  if (is_array) return fmt::format("{}{} (&{}){}", qualifier, cpp_type, shown, array_extents(type.shape));
  return fmt::format("{}{}&{}", qualifier, cpp_type, space);
}

const ApiParameter* ApiFunction::find(ApiParameter::Kind kind, const std::string& slot) const {
  for (const ApiParameter& parameter : parameters) {
    if (parameter.kind == kind && parameter.slot == slot) return &parameter;
  }
  return nullptr;
}

const ApiParameter* ApiFunction::find(Memory memory) const {
  for (const ApiParameter& parameter : parameters) {
    if (parameter.kind == ApiParameter::Kind::Struct && parameter.memory == memory) return &parameter;
  }
  return nullptr;
}

const ApiParameter* ApiFunction::arena() const { return find(ApiParameter::Kind::Arena, ""); }

std::string ApiFunction::signature(bool is_definition) const {
  std::string text = fmt::format("void {}(", name);
  bool is_first = true;
  for (const ApiParameter& parameter : parameters) {
    if (!is_first) text += ", ";
    is_first = false;
    text += parameter.declaration(is_definition && !parameter.is_used ? "" : parameter.name);
  }
  return text + ")";
}

namespace {

ApiFunction api_function(const Unit& unit, const UnitFunction& function, NameScope& functions) {
  ApiFunction api;
  api.function = &function;
  api.name = functions.add(function.name);
  NameScope names;
  for (const char* type : {"Parameters", "Gradients", "Prepared", "State", "Arena", "parameters", "gradients",
                           "prepared", "state", "arena", "kArenaBytes", "elements", "prepared_data"}) {
    names.reserve(type);
  }
  const std::vector<Usage> usage = buffer_usage(function.plan);
  const std::vector<Buffer>& buffers = function.plan.buffers;
  for (Memory memory : kStructMemories) {
    if (memory == Memory::Prepared && !unit.prepared_data.empty()) continue;
    Usage all;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (api_memory(unit, function, buffers[i]) != memory) continue;
      all.is_read |= usage[i].is_read;
      all.is_written |= usage[i].is_written;
    }
    if (!all.is_read && !all.is_written) continue;
    ApiParameter parameter;
    parameter.memory = memory;
    parameter.cpp_type = struct_name(memory);
    parameter.name = struct_parameter(memory);
    parameter.is_const = !all.is_written;
    api.parameters.push_back(std::move(parameter));
  }
  const auto usage_of = [&](Memory memory, const std::string& slot) {
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (api_memory(unit, function, buffers[i]) == memory && buffers[i].slot == slot) return usage[i];
    }
    return Usage{};
  };
  const auto add_value = [&](ApiParameter::Kind kind, const std::string& slot, const Type& type, bool is_used) {
    ApiParameter parameter;
    parameter.kind = kind;
    parameter.slot = slot;
    parameter.type = type;
    parameter.name = names.add(slot);
    parameter.cpp_type = cpp_type(type.element);
    parameter.is_const = kind == ApiParameter::Kind::Input;
    parameter.is_used = is_used;
    api.parameters.push_back(std::move(parameter));
  };
  for (const Value* input : function.graph.inputs) {
    const std::string& slot = input->producer->attributes.text("name");
    add_value(ApiParameter::Kind::Input, slot, input->type, usage_of(Memory::Input, slot).is_read);
  }
  for (const Output& output : function.graph.outputs) {
    if (!usage_of(Memory::Output, output.name).is_written) continue;  // a field of a struct
    add_value(ApiParameter::Kind::Output, output.name, output.value->type, true);
  }
  bool uses_arena = false;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    uses_arena |= buffers[i].memory == Memory::Scratch && (usage[i].is_read || usage[i].is_written);
  }
  if (uses_arena) {
    ApiParameter parameter;
    parameter.kind = ApiParameter::Kind::Arena;
    parameter.cpp_type = "Arena";
    parameter.name = "arena";
    api.parameters.push_back(std::move(parameter));
  }
  return api;
}

}  // namespace

std::vector<ApiFunction> api_functions(const Unit& unit) {
  NameScope names;
  for (Memory memory : kStructMemories) names.reserve(struct_name(memory));
  names.reserve("Arena");
  std::vector<ApiFunction> functions;
  for (const UnitFunction& function : unit.functions) {
    if (function.name == "prepare" && !unit.prepared_data.empty()) continue;
    ApiFunction api = api_function(unit, function, names);
    // There may be nothing to prepare; a model is there even if nothing in it has elements.
    if (!api.parameters.empty() || function.name == "forward") functions.push_back(std::move(api));
  }
  return functions;
}

}  // namespace nnc
