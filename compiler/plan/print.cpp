// The plan as text: its printed form, for --emit=plan and for tests.
#include <fmt/format.h>

#include "compiler/ops/op.h"
#include "compiler/plan/plan.h"

namespace nnc {

std::string_view name(Memory memory) {
  switch (memory) {
    case Memory::Scratch:
      return "scratch";
    case Memory::Input:
      return "input";
    case Memory::Output:
      return "output";
    case Memory::Parameters:
      return "parameters";
    case Memory::Gradients:
      return "gradients";
    case Memory::Prepared:
      return "prepared";
    case Memory::State:
      return "state";
    case Memory::Constants:
      return "constants";
  }
  return "";
}

namespace {

std::string view_text(const Plan& plan, const View& view) {
  std::string text = plan.buffers[static_cast<std::size_t>(view.buffer)].name;
  if (view.offset != 0) text += fmt::format("+{}", view.offset);
  for (const LoopTerm& term : view.terms) text += fmt::format("+{}*t{}", term.stride, term.loop);
  return text + fmt::format("{}/{}", to_string(view.shape), to_string(view.strides));
}

void print_functor(const std::string& margin, const char* what, const Functor& functor, std::string& text) {
  if (functor.is_trivial()) return;
  text += margin + what;
  for (const Op* op : functor.ops) text += " " + op->def->name;
  text += "\n";
}

void print_nodes(const Plan& plan, const std::vector<Node>& nodes, const std::string& margin, std::string& text) {
  for (const Node& node : nodes) {
    if (node.loop != nullptr) {
      const Loop& loop = *node.loop;
      text += fmt::format("{}loop t{} {} {}{} {{\n", margin, loop.id, loop.name, loop.count,
                          loop.reverse ? " reverse" : "");
      print_nodes(plan, loop.body, margin + "  ", text);
      text += margin + "}\n";
      continue;
    }
    const Step& step = *node.step;
    text += fmt::format("{}{}: {}", margin, step.name, step.kernel);
    for (const std::int64_t extent : step.extents) text += fmt::format(" {}", extent);
    text += "\n";
    for (const StepArgument& argument : step.arguments) {
      text += fmt::format("{}  {} {} {}\n", margin, argument.is_written ? "->" : "<-", argument.name,
                          view_text(plan, argument.view));
    }
    if (!step.config.empty()) {
      text += margin + "  {";
      for (const Field& field : step.config) {
        text += fmt::format(" {}={}", field.name,
                            field.is_array ? to_string(field.values) : std::to_string(field.values[0]));
      }
      text += " }\n";
    }
    print_functor(margin + "  ", "prologue", step.prologue, text);
    print_functor(margin + "  ", step.kernel == "for_each" ? "computes" : "epilogue", step.functor, text);
  }
}

}  // namespace

std::string print(const Plan& plan) {
  std::string text = fmt::format("plan {}: arena {} bytes (bound {})\n", plan.name, plan.arena_bytes, plan.arena_bound);
  for (const Buffer& buffer : plan.buffers) {
    text += fmt::format("  buffer {}: {}[{}] {}", buffer.name, name(buffer.element), buffer.count, name(buffer.memory));
    if (buffer.memory == Memory::Scratch)
      text += fmt::format(" at {}, steps {} to {}", buffer.offset, buffer.first, buffer.last);
    text += "\n";
  }
  print_nodes(plan, plan.nodes, "  ", text);
  return text;
}

}  // namespace nnc
