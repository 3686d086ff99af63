#include "compiler/emit/self_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/emit/api.h"
#include "compiler/emit/cpp_text.h"
#include "compiler/emit/format_cpp.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

constexpr const char* kOpening = R"(
#include <cstddef>
#include <cstdint>
#ifndef NNC_NO_STDIO
#include <cstdio>
#endif

namespace {

// The same numbers on every machine: splitmix64, and one rounding.
struct Draws {
  std::uint64_t state;

  std::uint64_t bits() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [center - scale, center + scale); `scale` is a power of two, so that the product is exact.
  template <class T>
  void reals(T* to, std::ptrdiff_t count, T center, T scale) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const std::int32_t k = static_cast<std::int32_t>(bits() >> 40) - (1 << 23);
      to[i] = center + static_cast<T>(k) * (scale / 8388608);
    }
  }
  // In [low, low + range).
  template <class T>
  void integers(T* to, std::ptrdiff_t count, std::int64_t low, std::uint64_t range) {
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = static_cast<T>(low + static_cast<std::int64_t>(bits() % range));
  }
};

// The elements of an array or a number, one after the other.
template <class T, class A>
T* elements(A& array) {
  return static_cast<T*>(static_cast<void*>(&array));
}

// Whether the weighted sums of blocks of elements are those expected; prints a line.
template <class T>
bool agrees(const char* name, const T* found, std::ptrdiff_t count, std::ptrdiff_t block, const double* expected,
            double tolerance) {
  bool good = true;
  double worst = 0;
  for (std::ptrdiff_t first = 0; first < count; first += block) {
    double sum = 0, weights = 0;
    for (std::ptrdiff_t i = first; i < first + block && i < count; ++i) {
      const double weight = block == 1 ? 1 : static_cast<double>(1 + i % 8);
      sum += weight * static_cast<double>(found[i]);
      weights += weight;
    }
    const double wanted = *expected++;
    if (!(sum < wanted) && !(sum > wanted) && (sum == sum) == (wanted == wanted)) continue;
    const double error = (sum < wanted ? wanted - sum : sum - wanted) / weights;
    if (!(error <= tolerance)) good = false;
    if (!(error <= worst)) worst = error;
  }
#ifdef NNC_NO_STDIO
  static_cast<void>(name);
#else
  std::printf("%s  %s: largest error %.3g, allowed %.3g\n", good ? "ok  " : "FAIL", name, worst, tolerance);
#endif
  return good;
}
)";

std::string draw(const Drawn& drawn, const Type& type, const std::string& what) {
  const std::string element = cpp_type(type.element);
  const std::int64_t count = element_count(type.shape);
  if (is_float(type.element)) {
    return fmt::format("draws.reals(elements<{}>({}), {}, {}, {});\n", element, what, count,
                       cpp_literal(type.element, drawn.center), cpp_literal(type.element, drawn.scale));
  }
  return fmt::format("draws.integers(elements<{}>({}), {}, {}, {});\n", element, what, count, drawn.low, drawn.range);
}

// Nine digits: what is beyond is far below any tolerance.
std::string number(double value) {
  if (!std::isfinite(value)) return cpp_literal(ElementType::F64, value);
  const std::string text = fmt::format("{:.9g}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

// "static float image[1][8][8];"
std::string variable(const ApiParameter& parameter) {
  return fmt::format("  static {} {}{};\n", parameter.cpp_type, parameter.name, array_extents(parameter.type.shape));
}

std::string table(const std::string& name, const SelfTestOutput& output, int calls) {
  const std::size_t sums = output.sums.size() / static_cast<std::size_t>(calls);
  std::string text = fmt::format("  static const double {}[{}][{}] = {{", name, calls, sums);
  for (std::size_t i = 0; i < output.sums.size(); ++i) {
    if (i % sums == 0) text += i == 0 ? "{" : "}, {";
    text += (i % sums == 0 ? "" : ", ") + number(output.sums[i]);
  }
  return text + "}};\n";
}

// What one of the unit's functions needs to be called and compared.
std::string function_text(const ApiFunction& api, const SelfTestFunction& test, const std::string& space) {
  NameScope names;
  for (const char* name : {"draws", "call", "good", "elements", "agrees"}) names.reserve(name);
  std::string variables, draws, call, comparisons;
  std::size_t next_input = 0;
  std::vector<ApiParameter> parameters = api.parameters;
  for (ApiParameter& parameter : parameters) {
    if (parameter.kind == ApiParameter::Kind::Input || parameter.kind == ApiParameter::Kind::Output) {
      parameter.name = names.add(parameter.name);
      if (element_count(parameter.type.shape) == 0) throw InternalError("a self-test of a tensor without elements");
      variables += variable(parameter);
    }
    call += (call.empty() ? "" : ", ") + parameter.name;
    if (parameter.kind == ApiParameter::Kind::Input) {
      const Drawn& drawn = test.inputs.at(next_input++);
      const bool is_drawn = is_float(parameter.type.element) ? drawn.scale != 0 : drawn.range > 1 || drawn.low != 0;
      if (is_drawn) draws += "  " + draw(drawn, parameter.type, parameter.name);
    }
    if (parameter.kind != ApiParameter::Kind::Output) continue;
    for (const SelfTestOutput& output : test.outputs) {
      if (output.name != parameter.slot) continue;
      if (!output.is_compared) {
        comparisons += fmt::format("  // {} is not compared: rounding decides on it.\n", parameter.name);
        continue;
      }
      const std::string expected = names.add(parameter.name + "_expected");
      variables += table(expected, output, test.calls);
      comparisons += fmt::format("  good &= agrees(\"{}::{}: {}\", elements<{}>({}), {}, {}, {}[call], {:.2g});\n",
                                 space, api.name, parameter.name, parameter.cpp_type, parameter.name,
                                 element_count(parameter.type.shape), output.block, expected, output.tolerance);
    }
  }
  const std::string body = fmt::format("{}{}  ::{}::{}({});\n", variables, draws, space, api.name, call);
  const std::string used_draws = draws.empty() ? "" : " draws";
  if (test.outputs.empty()) return fmt::format("void run_{}(Draws&{}) {{\n{}}}\n\n", api.name, used_draws, body);
  const bool uses_call = comparisons.find("[call]") != std::string::npos;
  return fmt::format("bool run_{}(Draws&{}, int{}) {{\n{}  bool good = true;\n{}  return good;\n}}\n\n", api.name,
                     used_draws, uses_call ? " call" : "", body, comparisons);
}

std::string unit_text(const TestedUnit& tested) {
  const Unit& unit = *tested.unit;
  const std::string space = namespace_name(unit);
  const std::vector<ApiFunction> functions = api_functions(unit);
  std::string structs, runs, calls;
  for (const Memory memory : kStructMemories) {
    const bool is_used = std::any_of(functions.begin(), functions.end(),
                                     [&](const ApiFunction& api) { return api.find(memory) != nullptr; });
    if (is_used) structs += fmt::format("::{}::{} {};\n", space, struct_name(memory), struct_parameter(memory));
  }
  const bool has_arena =
      std::any_of(functions.begin(), functions.end(), [](const ApiFunction& api) { return api.arena() != nullptr; });
  if (has_arena) structs += fmt::format("::{}::Arena arena;\n", space);
  for (std::size_t i = 0; i < tested.test.parameters.size(); ++i) {
    const Slot& slot = unit.parameters.slots[i];
    calls += "  " + draw(tested.test.parameters[i], slot.type, "parameters." + field_name(slot));
  }
  for (const SelfTestFunction& test : tested.test.functions) {
    const std::vector<ApiFunction>::const_iterator api = std::find_if(
        functions.begin(), functions.end(), [&](const ApiFunction& one) { return one.function->name == test.name; });
    if (api == functions.end()) continue;  // there is nothing to do
    runs += function_text(*api, test, space);
    if (test.outputs.empty()) {
      calls += fmt::format("  run_{}(draws);\n", api->name);
    } else if (test.calls == 1) {
      calls += fmt::format("  good &= run_{}(draws, 0);\n", api->name);
    } else {
      calls +=
          fmt::format("  for (int call = 0; call < {}; ++call) good &= run_{}(draws, call);\n", test.calls, api->name);
    }
  }
  return fmt::format(
      "// ---- {0} ----\n\nnamespace {0}_test {{\n\n{1}\n{2}bool test() {{\n  Draws draws{{{3}u}};\n  bool good = "
      "true;\n{4}  return good;\n}}\n\n}}  // namespace {0}_test\n\n",
      space, structs, runs, tested.test.seed, calls);
}

}  // namespace

EmittedFile self_test_text(const std::vector<TestedUnit>& units, const std::string& base_name) {
  const Unit& first = *units.front().unit;
  std::string text = fmt::format(
      "// Generated by nnc {} from {}. Do not edit.\n"
      "//\n"
      "// The self-test of {}.cpp: runs it on inputs drawn here and compares its outputs with those that nnc computed\n"
      "// from the program, in double. Returns 0 if all are within their tolerance, else 1.\n"
      "//   c++ -O2 {}.cpp {}_test.cpp && ./a.out\n"
      "// No file and no heap is needed; printf, or with -DNNC_NO_STDIO nothing at all.\n"
      "// This file may be used, changed and passed on, for any purpose, without any condition.\n\n"
      "#include \"{}.hpp\"\n",
      NNC_VERSION, comment_text(first.source_name, 80), comment_text(base_name, 80), comment_text(base_name, 80),
      comment_text(base_name, 80), base_name);
  for (const TestedUnit& unit : units) {
    const std::string& weights = unit.unit->weights_file.name;
    if (weights.empty()) continue;
    text.insert(text.find("// No file"), fmt::format("// The weights of {} are no part of it: parameters are drawn.\n",
                                                     comment_text(weights, 80)));
  }
  text += kOpening;
  text += "\n";
  for (const TestedUnit& unit : units) text += unit_text(unit);
  text += "bool test_all() {\n  bool good = true;\n";
  for (const TestedUnit& unit : units) text += fmt::format("  good &= {}_test::test();\n", namespace_name(*unit.unit));
  text += "  return good;\n}\n\n}  // namespace\n\nint main() { return test_all() ? 0 : 1; }\n";
  return {base_name + "_test.cpp", format_cpp(text)};
}

}  // namespace nnc
