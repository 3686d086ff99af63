// Steps: each becomes one function that calls one kernel, with a struct of constants and a functor.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

// Fields of type int; all others but `site`, which has 32 bits on every target, are std::ptrdiff_t or bool.
bool is_int_field(const std::string& name) {
  return name == "lanes" || name == "rank" || name == "tile_m" || name == "tile_n";
}

std::string field_type(const Field& field) {
  return field.is_flag              ? "bool"
         : is_int_field(field.name) ? "int"
         : field.name == "site"     ? "std::uint32_t"
                                    : "std::ptrdiff_t";
}

std::string field_text(const Field& field) {
  if (field.is_array) {
    return fmt::format("{}[{}] = {{{}}}", field.name, field.values.size(), fmt::join(field.values, ", "));
  }
  const std::int64_t value = field.values.at(0);
  if (field.is_flag) return fmt::format("{} = {}", field.name, value != 0 ? "true" : "false");
  return fmt::format("{} = {}", field.name, value);
}

}  // namespace

std::string UnitWriter::config_struct(const Step& step) {
  std::string body;
  std::string line, type;  // fields of one type share a declaration
  const auto end_line = [&] {
    if (!line.empty()) body += fmt::format("  static constexpr {} {};\n", type, line);
    line.clear();
  };
  for (const Field& field : step.config) {
    const std::string text = field_text(field);
    if (type != field_type(field) || field.is_array || line.size() + text.size() > 80) end_line();
    type = field_type(field);
    line += (line.empty() ? "" : ", ") + text;
    if (field.is_array) end_line();
  }
  end_line();
  std::string& name = structs_[body];
  if (name.empty()) {
    name = names_.add(camel_case(step.name), "_2");
    sections_.configs += fmt::format("struct {} {{\n{}}};\n\n", name, body);
  }
  return name;
}

std::string UnitWriter::functor_value(const Functor& functor, const Step& step, FunctorRole role,
                                      const std::vector<std::string>& names) {
  if (role == FunctorRole::Epilogue && functor.is_trivial()) return "KeepSum{}";
  const FunctorText text = functor_text(functor, step, role, operations_);
  std::vector<FunctorStruct>::iterator known = std::find_if(
      functors_.begin(), functors_.end(), [&](const FunctorStruct& other) { return other.body == text.body; });
  if (known == functors_.end()) {
    functors_.push_back({text.body, names_.add(text.name, "_2"), text.operations, {}});
    known = functors_.end() - 1;
  }
  if (std::find(known->users.begin(), known->users.end(), step.name) == known->users.end()) {
    known->users.push_back(step.name);
  }
  std::string fields;
  for (int argument : text.arguments) {
    fields += (fields.empty() ? "" : ", ") + names.at(static_cast<std::size_t>(argument));
  }
  return fmt::format("{}{{{}}}", known->name, fields);
}

std::string UnitWriter::functors_text() const {
  constexpr std::size_t kUsersMax = 4;
  std::string text;
  for (const FunctorStruct& functor : functors_) {
    std::string users;
    for (std::size_t i = 0; i < std::min(functor.users.size(), kUsersMax); ++i) {
      users += (i == 0 ? "" : ", ") + functor.users[i];
    }
    if (functor.users.size() > kUsersMax) users += fmt::format(" and {} more", functor.users.size() - kUsersMax);
    text += fmt::format("// {}: {}\nstruct {} {{\n{}}};\n\n", comment_text(users, 400),
                        comment_text(functor.operations, 400), functor.name, functor.body);
  }
  return text;
}

std::string UnitWriter::kernel_call(const Step& step, const std::vector<std::string>& names) {
  if (step.kernel == "for_each") {
    std::string extents = std::to_string(functor_lanes(step.functor, unit_.target.lanes));
    for (std::int64_t extent : step.extents) extents += fmt::format(", {}", extent);
    if (step.extents.empty()) extents += ", 1";
    return fmt::format("for_each<{}>({});", extents, functor_value(step.functor, step, FunctorRole::Loop, names));
  }
  std::vector<std::string> arguments;
  for (int index : step.pointers) arguments.push_back(names.at(static_cast<std::size_t>(index)));
  const bool is_argmax = step.kernel == "argmax";
  if (step.kernel == "reduce" || is_argmax) {
    const StepArgument& x = step.arguments.at(static_cast<std::size_t>(step.pointers.at(0)));
    arguments.erase(arguments.begin(), arguments.end() - 1);
    arguments.insert(arguments.begin(), step.has_prologue
                                            ? functor_value(step.prologue, step, FunctorRole::Prologue, names)
                                            : fmt::format("LoadElement<{}>{{{}}}", cpp_type(x.element),
                                                          names.at(static_cast<std::size_t>(step.pointers.at(0)))));
  }
  if (!step.combine.empty()) arguments.push_back(step.combine + "{}");
  if (step.kernel == "fill") {
    const ElementType element = step.arguments.at(static_cast<std::size_t>(step.pointers.at(0))).element;
    arguments.push_back(fmt::format("{}{{{}}}", cpp_type(element), cpp_literal(element, step.fill_value)));
  }
  if (step.has_epilogue && !(is_argmax && step.functor.is_trivial())) {
    arguments.push_back(functor_value(step.functor, step, FunctorRole::Epilogue, names));
  }
  const std::string config = step.config.empty() ? "" : fmt::format("<{}>", config_struct(step));
  return fmt::format("{}{}({});", step.kernel, config, fmt::join(arguments, ", "));
}

std::string UnitWriter::place_comment(const Origin& origin) const {
  std::string text = comment_text(sources_.short_place(origin.span));
  if (!origin.layer.empty()) text += (text.empty() ? "" : "  ") + comment_text(origin.layer);
  return text;
}

std::string UnitWriter::step_banner(const Step& step) const {
  std::string text = comment_text(sources_.short_place(step.origin.span));
  if (!step.title.empty()) text += (text.empty() ? "" : "  ") + comment_text(step.title, 400);
  for (const std::string& comment : step.comments) {
    const bool is_first = &comment == &step.comments.front();
    text += (text.empty() ? "" : is_first ? " " : "; ") + comment_text(comment, 400);
  }
  if (step.flops > 0) text += fmt::format(". {} FLOP", grouped(static_cast<std::int64_t>(step.flops)));
  return "// " + text + "\n";
}

std::string UnitWriter::write_step(const Step& step) {
  const std::map<const Step*, std::string>::const_iterator known = step_names_.find(&step);
  if (known != step_names_.end()) return known->second;
  const std::set<int> used = used_arguments(step);
  std::vector<std::string> names(step.arguments.size());
  kernel_call(step, names);  // names the structs, so that no parameter hides one of them
  NameScope local(&names_);
  std::string parameters;
  for (int index : used) {
    const StepArgument& argument = step.arguments.at(static_cast<std::size_t>(index));
    std::string& name = names[static_cast<std::size_t>(index)];
    name = local.add(argument.name);
    parameters += fmt::format("{}{}{}* {}", parameters.empty() ? "" : ", ", argument.is_written ? "" : "const ",
                              cpp_type(argument.element), name);
  }
  const std::string text = fmt::format("({}) {{\n  {}\n}}\n", parameters, kernel_call(step, names));
  std::string& name = functions_of_steps_[step_banner(step) + step.name + text];
  if (name.empty()) {
    name = names_.add(step.name, "_" + function_, &parameters_);
    sections_.steps += fmt::format("{}void {}{}\n", step_banner(step), name, text);
  }
  return step_names_[&step] = name;
}

}  // namespace nnc
