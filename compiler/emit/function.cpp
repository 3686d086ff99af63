// Functions of the API, and loops: each step is one call, in order of execution.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

std::string indent(int depth) { return std::string(static_cast<std::size_t>(depth) * 2, ' '); }

// Buffers that the nodes touch, in order of first use, and whether each is written.
void collect_buffers(const std::vector<Node>& nodes, std::vector<int>& order, std::set<int>& written) {
  for_each_step(nodes, [&](const Step& step) {
    for (int index : used_arguments(step)) {
      const StepArgument& argument = step.arguments.at(static_cast<std::size_t>(index));
      if (std::find(order.begin(), order.end(), argument.view.buffer) == order.end()) {
        order.push_back(argument.view.buffer);
      }
      if (argument.is_written) written.insert(argument.view.buffer);
    }
  });
}

// Loops outside `nodes` whose index the views inside use.
void collect_indices(const std::vector<Node>& nodes, std::set<int>& loops) {
  for_each_step(nodes, [&](const Step& step) {
    for (int index : used_arguments(step)) {
      for (const LoopTerm& term : step.arguments.at(static_cast<std::size_t>(index)).view.terms) {
        if (term.stride != 0) loops.insert(term.loop);
      }
    }
  });
}

std::string typed(const std::string& type, bool is_const) { return (is_const ? "const " : "") + type; }

}  // namespace

std::string UnitWriter::pointer(const StepArgument& argument, const Places& places) const {
  const Places::Pointer& place = places.buffers.at(argument.view.buffer);
  std::string text = place.expression;
  if (place.element != argument.element) {
    text = fmt::format("elements<{}>(*{})", typed(cpp_type(argument.element), place.is_const || !argument.is_written),
                       text);
  }
  if (argument.view.offset != 0) {
    text += fmt::format(" {} {}", argument.view.offset < 0 ? "-" : "+", std::abs(argument.view.offset));
  }
  for (const LoopTerm& term : argument.view.terms) {
    if (term.stride == 0) continue;
    text += fmt::format(" + {}", places.indices.at(term.loop));
    if (term.stride != 1) text += fmt::format(" * {}", term.stride);
  }
  return text;
}

std::string UnitWriter::call_step(const Step& step, const Places& places) {
  std::string arguments;
  for (int index : used_arguments(step)) {
    arguments += (arguments.empty() ? "" : ", ") + pointer(step.arguments.at(static_cast<std::size_t>(index)), places);
  }
  return fmt::format("{}({});\n", write_step(step), arguments);
}

std::string UnitWriter::write_nodes(const std::vector<Node>& nodes, const Places& places, const Plan& plan, int depth) {
  std::string text;
  for (const Node& node : nodes) {
    const int id = nodes_written_++;
    text += indent(depth) + (node.step ? call_step(*node.step, places) : write_loop(*node.loop, places, plan));
    text += trace(id, "-1", depth);
  }
  return text;
}

// A call of the hook (unit.h), if the unit is traced.
std::string UnitWriter::trace(int node, const std::string& turn, int depth) const {
  return unit_.is_traced ? fmt::format("{}::nnc_trace(::nnc_trace_context, {}, {});\n", indent(depth), node, turn) : "";
}

// Writes the loop's function and returns a call of it. The function takes the buffers and outer indices that it uses.
std::string UnitWriter::write_loop(const Loop& loop, const Places& places, const Plan& plan) {
  std::vector<int> buffers;
  std::set<int> written, outer;
  collect_buffers(loop.body, buffers, written);
  collect_indices(loop.body, outer);
  outer.erase(loop.id);
  Places inner;
  for (int buffer : buffers) inner.buffers[buffer] = {"", plan.buffers.at(static_cast<std::size_t>(buffer)).element};
  NameScope local(&names_);
  std::string parameters, arguments;
  const auto add = [&](const std::string& parameter, const std::string& argument) {
    parameters += (parameters.empty() ? "" : ", ") + parameter;
    arguments += (arguments.empty() ? "" : ", ") + argument;
  };
  for (int id : outer) {
    const std::map<int, std::string>::const_iterator index = places.indices.find(id);
    if (index == places.indices.end()) continue;  // of a loop inside this one
    inner.indices[id] = local.add(index->second);
    add("std::ptrdiff_t " + inner.indices[id], index->second);
  }
  for (int id : buffers) {
    const Places::Pointer& from = places.buffers.at(id);
    Places::Pointer& place = inner.buffers[id];
    place.is_const = written.count(id) == 0;
    place.expression = local.add(plan.buffers.at(static_cast<std::size_t>(id)).name, "_out");
    add(fmt::format("{}* {}", typed(cpp_type(place.element), place.is_const), place.expression), from.expression);
  }
  const std::string index = local.add("t");
  inner.indices[loop.id] = index;
  const std::string turn = trace(nodes_written_ - 1, index, 2);
  const std::string body = turn + write_nodes(loop.body, inner, plan, 2);
  const std::string& name = loop_names_.at(&loop);
  const std::string head = loop.reverse
                               ? fmt::format("std::ptrdiff_t {0} = {1}; {0} >= 0; --{0}", index, loop.count - 1)
                               : fmt::format("std::ptrdiff_t {0} = 0; {0} < {1}; ++{0}", index, loop.count);
  const std::string comment = loop.is_over_shards()
                                  ? fmt::format("the {} shards of the batch, one after the other", loop.count)
                                  : fmt::format("{}: {} turns{}", place_comment(loop.origin), loop.count,
                                                loop.reverse ? ", the last first" : "");
  sections_.steps +=
      fmt::format("// {}\nvoid {}({}) {{\n  for ({}) {{\n{}  }}\n}}\n\n", comment, name, parameters, head, body);
  return fmt::format("{}({});\n", name, arguments);
}

Places::Pointer UnitWriter::buffer_place(const ApiFunction& api, const Buffer& buffer) {
  const Memory memory = api_memory(unit_, *api.function, buffer);
  const std::string type = cpp_type(buffer.element);
  switch (memory) {
    case Memory::Scratch:
      return {fmt::format("elements<{}>(arena.bytes[{}])", type, buffer.offset), buffer.element, false};
    case Memory::Input:
    case Memory::Output: {
      const bool is_input = memory == Memory::Input;
      const ApiParameter* parameter =
          api.find(is_input ? ApiParameter::Kind::Input : ApiParameter::Kind::Output, buffer.slot);
      if (!parameter) throw InternalError("buffer " + buffer.name + " is no input or output");
      return {fmt::format("elements<{}>({})", typed(type, is_input), parameter->name), buffer.element, is_input};
    }
    case Memory::Constants:
      return {fmt::format("elements<{}>({}[0])", typed(type, true),
                          constant_table(api.function->plan.constants.at(static_cast<std::size_t>(buffer.constant)))),
              buffer.element, true};
    default:
      break;
  }
  const Slot& slot = slot_of(unit_, memory, buffer.slot);
  if (memory == Memory::Prepared && !unit_.prepared_data.empty()) {
    const std::string offset = slot.offset % 8 == 0
                                   ? fmt::format("elements<{}>(prepared_data[{}])", typed(type, true), slot.offset / 8)
                                   : fmt::format("elements<{}>(prepared_data[0]) + {}", typed(type, true),
                                                 slot.offset / size_bytes(buffer.element));
    return {offset, buffer.element, true};
  }
  const ApiParameter* parameter = api.find(memory);
  if (!parameter) return {};
  return {fmt::format("elements<{}>({}.{})", typed(type, parameter->is_const), parameter->name, field_name(slot)),
          buffer.element, parameter->is_const};
}

// A comment table: what lies where in the arena, and from which step to which.
std::string UnitWriter::memory_map(const ApiFunction& api) const {
  const Plan& plan = api.function->plan;
  std::vector<const Buffer*> buffers;
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.memory == Memory::Scratch && buffer.first >= 0) buffers.push_back(&buffer);
  }
  if (buffers.empty()) return "";
  std::stable_sort(buffers.begin(), buffers.end(), [](const Buffer* a, const Buffer* b) {
    return std::make_pair(a->offset, a->first) < std::make_pair(b->offset, b->first);
  });
  std::vector<std::string> steps;
  for_each_step(plan.nodes, [&](const Step& step) { steps.push_back(comment_text(step.name, 40)); });
  const auto step_name = [&](int step) {
    return step >= 0 && step < static_cast<int>(steps.size()) ? steps[static_cast<std::size_t>(step)] : "";
  };
  std::string text = fmt::format("// Memory of {}: {} bytes\n//   {:>10} {:>10}  {:<32} {}\n", api.name,
                                 grouped(plan.arena_bytes), "offset", "bytes", "buffer", "live from - to");
  for (const Buffer* buffer : buffers) {
    text +=
        fmt::format("//   {:>10} {:>10}  {:<32} {} - {}\n", buffer->offset, buffer->count * size_bytes(buffer->element),
                    comment_text(buffer->name, 32), step_name(buffer->first), step_name(buffer->last));
  }
  return text;
}

// Functions of steps and loops are named before anything else, so that no variable hides one of them.
void UnitWriter::name_nodes(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    if (node.step) {
      write_step(*node.step);
    } else {
      loop_names_[node.loop.get()] = names_.add(node.loop->name, "_" + function_, &parameters_);
      name_nodes(node.loop->body);
    }
  }
}

void UnitWriter::write_function(const ApiFunction& api) {
  const Plan& plan = api.function->plan;
  std::vector<int> order;
  std::set<int> written;
  collect_buffers(plan.nodes, order, written);
  function_ = api.name;
  nodes_written_ = 0;
  name_nodes(plan.nodes);
  // Local pointers to the buffers of the arena; all else is named by its parameter.
  Places places;
  for (int id : order) places.buffers[id] = buffer_place(api, plan.buffers.at(static_cast<std::size_t>(id)));
  NameScope local(&names_);
  for (const ApiParameter& parameter : api.parameters) local.reserve(parameter.name);
  std::string locals;
  for (int id : order) {
    const Buffer& buffer = plan.buffers.at(static_cast<std::size_t>(id));
    if (buffer.memory != Memory::Scratch) continue;
    std::string& place = places.buffers[id].expression;
    const std::string name = local.add(buffer.name, "_out");
    locals += fmt::format("  {}* const {} = {};\n", cpp_type(buffer.element), name, place);
    place = name;
  }
  const std::string body = write_nodes(plan.nodes, places, plan, 1);
  sections_.api += fmt::format("{}{} {{\n{}{}{}}}\n\n", memory_map(api), api.signature(true), locals,
                               locals.empty() ? "" : "\n", body);
  sections_.entry_points += entry_point(api);
}

std::string UnitWriter::entry_point(const ApiFunction& api) const {
  const std::string name = "nnc_" + api.function->name;
  const std::string space = "::" + namespace_name(unit_) + "::";
  std::string arguments;
  int next = 5;
  for (const ApiParameter& parameter : api.parameters) {
    std::string cast;
    if (parameter.kind == ApiParameter::Kind::Struct) {
      const int index =
          static_cast<int>(std::find(std::begin(kStructMemories), std::end(kStructMemories), parameter.memory) -
                           std::begin(kStructMemories));
      cast = fmt::format("*static_cast<{}{}*>(a[{}])", space, parameter.cpp_type, index);
    } else if (parameter.kind == ApiParameter::Kind::Arena) {
      cast = fmt::format("*static_cast<{}Arena*>(a[4])", space);
    } else {
      const std::string extents = parameter.type.shape.empty() ? "" : "(*)" + array_extents(parameter.type.shape);
      cast = extents.empty()
                 ? fmt::format("*static_cast<{}{}*>(a[{}])", typed("", parameter.is_const), parameter.cpp_type, next)
                 : fmt::format("*static_cast<{}{} {}>(a[{}])", typed("", parameter.is_const), parameter.cpp_type,
                               extents, next);
      ++next;
    }
    arguments += (arguments.empty() ? "" : ", ") + cast;
  }
  const std::string argument = api.parameters.empty() ? "" : " a";
  return fmt::format(
      "extern \"C\" void {0}(void* const* a);\nextern \"C\" void {0}(void* const*{1}) {{ {2}{3}({4}); }}\n", name,
      argument, space, api.name, arguments);
}

}  // namespace nnc
