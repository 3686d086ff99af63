#include "tests/emit/run_unit.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>

#include "compiler/emit/api.h"
#include "compiler/emit/names.h"
#include "compiler/emit/unit_writer.h"

namespace nnc::test {
namespace {

using Words = std::vector<std::uint64_t>;

Tensor tensor_at(const Type& type, const void* memory) {
  Tensor tensor = Tensor::zeros(type);
  const unsigned char* bytes = static_cast<const unsigned char*>(memory);
  const std::size_t size = static_cast<std::size_t>(size_bytes(type.element));
  const auto read = [&](auto sample, std::size_t at) {
    std::memcpy(&sample, bytes + at * size, size);
    return sample;
  };
  for (std::size_t i = 0; i < static_cast<std::size_t>(element_count(type.shape)); ++i) {
    switch (type.element) {
      case ElementType::F32:
      case ElementType::F64:
      case ElementType::F16:
      case ElementType::BF16:
        tensor.floats()[i] = float_of_bits(type.element, read(std::uint64_t{}, i));
        break;
      case ElementType::I8:
        tensor.integers()[i] = read(std::int8_t{}, i);
        break;
      case ElementType::U8:
      case ElementType::Bool:
        tensor.integers()[i] = read(std::uint8_t{}, i);
        break;
      case ElementType::I16:
        tensor.integers()[i] = read(std::int16_t{}, i);
        break;
      case ElementType::U16:
        tensor.integers()[i] = read(std::uint16_t{}, i);
        break;
      case ElementType::I32:
        tensor.integers()[i] = read(std::int32_t{}, i);
        break;
      case ElementType::U32:
        tensor.integers()[i] = read(std::uint32_t{}, i);
        break;
      case ElementType::I64:
      case ElementType::U64:
        tensor.integers()[i] = read(std::int64_t{}, i);
        break;
    }
  }
  return tensor;
}

// Memory of at least `bytes`, aligned to 64.
void* aligned(std::deque<Words>& pool, std::int64_t bytes) {
  Words& words = pool.emplace_back(static_cast<std::size_t>(bytes) / 8 + 16);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(words.data());
  return reinterpret_cast<void*>((address + 63) / 64 * 64);
}

void add_slot(StructLayout& layout, const std::string& name, const Type& type, StateKind kind) {
  NameScope fields;
  for (const Slot& slot : layout.slots) fields.reserve(slot.field);
  const std::int64_t size = size_bytes(type.element);
  layout.bytes = (layout.bytes + size - 1) / size * size;
  layout.slots.push_back({name, fields.add(name), type, kind, layout.bytes});
  layout.bytes += element_count(type.shape) * size;
}

}  // namespace

std::unique_ptr<Unit> unit_of(Graph graph, const std::string& function, const Target& target) {
  std::unique_ptr<Unit> unit = std::make_unique<Unit>();
  unit->name_space = "under_test";
  unit->model_name = "UnderTest";
  unit->source_name = "test.nn";
  unit->target = target;
  for (const State& state : graph.states) {
    const bool is_parameter = state.kind == StateKind::Parameter || state.kind == StateKind::Statistic;
    add_slot(is_parameter ? unit->parameters : unit->state, state.name, state.value->type, state.kind);
  }
  for (const Output& output : graph.outputs) {
    if (output.name.rfind("gradient:", 0) == 0) {
      add_slot(unit->gradients, output.name.substr(9), output.value->type, StateKind::Parameter);
    }
  }
  unit->functions.emplace_back();
  unit->functions[0].name = function;
  unit->functions[0].graph = std::move(graph);
  unit->functions[0].plan = make_plan(unit->functions[0].graph, function, {target.lanes, target.vector_registers});
  return unit;
}

CompiledUnit::CompiledUnit(const Unit& unit, const SourceManager& sources, const JitOptions& options) : unit_(unit) {
  const Emitted emitted = emit(unit, "model", sources);
  std::string error;
  jit_ = Jit::compile(
      {{emitted.source.name, emitted.source.text + emitted.entry_points}, {emitted.header.name, emitted.header.text}},
      unit.target, options, error);
  if (!jit_) throw InternalError(error);
}

RunResult CompiledUnit::run(const std::string& function, const std::map<std::string, Tensor>& inputs,
                            const std::map<std::string, Tensor>& states) const {
  std::deque<Words> pool;
  std::vector<void*> arguments;
  for (Memory memory : kStructMemories) {
    const StructLayout& layout = struct_layout(unit_, memory);
    arguments.push_back(aligned(pool, layout.bytes));
    for (const Slot& slot : layout.slots) {
      const std::map<std::string, Tensor>::const_iterator value = states.find(slot.name);
      if (value == states.end() || memory == Memory::Gradients) continue;
      const Words words = tensor_words(value->second);
      std::memcpy(static_cast<char*>(arguments.back()) + slot.offset, words.data(),
                  static_cast<std::size_t>(element_count(slot.type.shape) * size_bytes(slot.type.element)));
    }
  }
  const std::vector<ApiFunction> functions = api_functions(unit_);
  const std::vector<ApiFunction>::const_iterator api = std::find_if(
      functions.begin(), functions.end(), [&](const ApiFunction& one) { return one.function->name == function; });
  if (api == functions.end()) throw InternalError("the unit has no function " + function);
  arguments.push_back(aligned(pool, api->function->plan.arena_bytes));
  std::vector<std::pair<const ApiParameter*, void*>> outputs;
  for (const ApiParameter& parameter : api->parameters) {
    const bool is_input = parameter.kind == ApiParameter::Kind::Input;
    if (!is_input && parameter.kind != ApiParameter::Kind::Output) continue;
    arguments.push_back(aligned(pool, element_count(parameter.type.shape) * size_bytes(parameter.type.element)));
    if (is_input) {
      const Words words = tensor_words(inputs.at(parameter.slot));
      if (!words.empty()) std::memcpy(arguments.back(), words.data(), words.size() * 8);
    } else {
      outputs.push_back({&parameter, arguments.back()});
    }
  }
  using Entry = void(void* const*);
  Entry* entry = reinterpret_cast<Entry*>(jit_->symbol("nnc_" + function));
  if (entry == nullptr) throw InternalError("no entry point nnc_" + function);
  entry(arguments.data());
  RunResult result;
  for (const auto& [parameter, memory] : outputs) {
    result.outputs[parameter->slot] = tensor_at(parameter->type, memory);
  }
  for (std::size_t i = 0; i < std::size(kStructMemories); ++i) {
    for (const Slot& slot : struct_layout(unit_, kStructMemories[i]).slots) {
      const Tensor value = tensor_at(slot.type, static_cast<const char*>(arguments[i]) + slot.offset);
      const Memory memory = kStructMemories[i];
      if (memory == Memory::Gradients) {
        result.outputs["gradient:" + slot.name] = value;
      } else {
        (memory == Memory::Prepared ? result.prepared : result.states)[slot.name] = value;
      }
    }
  }
  return result;
}

std::string difference(const Tensor& found, const Tensor& wanted, double relative, double absolute) {
  if (!is_float(wanted.type.element)) {
    for (std::size_t i = 0; i < wanted.integers().size(); ++i) {
      const std::int64_t a = found.integers()[i], b = wanted.integers()[i];
      if (a != b) {
        return "[" + std::to_string(i) + "]: " + integer_text(wanted.type.element, a) + ", not " +
               integer_text(wanted.type.element, b);
      }
    }
    return "";
  }
  double largest = 1e-3;
  const std::int64_t count = element_count(wanted.type.shape);
  for (std::int64_t i = 0; i < count; ++i) {
    if (std::isfinite(wanted.at(i))) largest = std::max(largest, std::abs(wanted.at(i)));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = found.at(i), b = wanted.at(i);
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= absolute + relative * largest;
    if (!same) return "[" + std::to_string(i) + "]: " + std::to_string(a) + ", not " + std::to_string(b);
  }
  return "";
}

}  // namespace nnc::test
