#include "compiler/commands/weights_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compiler/commands/unit_meaning.h"
#include "compiler/interop/file.h"
#include "compiler/interop/names.h"
#include "compiler/interop/safetensors.h"

namespace nnc {
namespace {

std::map<std::string, Tensor> initial_tensors(const ElaboratedModel& model, std::uint64_t seed) {
  const Evaluation initial = evaluate(model.init, {{kSeedName, seed_tensor(seed)}}, {});
  std::map<std::string, Tensor> result;
  for (const Slot& slot : parameter_layout(model.forward).slots) {
    Tensor value = initial.outputs.at(slot.name);
    if (value.data.index() == 0) {
      for (double& number : value.floats()) number = round_to(slot.type.element, number);
    }
    result[slot.name] = std::move(value);
  }
  return result;
}

void write_initial(const ElaboratedModel& model, std::uint64_t seed, const StructLayout& layout,
                   std::span<std::byte> target) {
  const std::map<std::string, Tensor> tensors = initial_tensors(model, seed);
  for (const Slot& slot : layout.slots) write_elements(tensors.at(slot.name), target.data() + slot.offset);
}

Result<std::vector<Array>> read_arrays(const WeightsOption& file) {
  Result<Safetensors> read = read_safetensors(file.path);
  if (!read) return read.failure();
  if (file.names.empty()) return std::move(read->tensors);
  const Result<FileBytes> map = map_file(file.names);
  if (!map) return map.failure();
  const std::string_view text(reinterpret_cast<const char*>(map->bytes.data()), map->bytes.size());
  return rename_arrays(std::move(read->tensors), text, file.names);
}

}  // namespace

Status read_weights(const WeightsOption& file, const ElaboratedProgram& program, const std::vector<WeightSlot>& slots,
                    std::span<std::byte> target) {
  const Result<std::vector<Array>> arrays = read_arrays(file);
  if (!arrays) return arrays.failure();
  if (file.is_partial) {
    const Result<std::vector<std::string>> left = load_matching_weights(*arrays, slots, target, file.path);
    if (!left) return left.failure();
    if (!left->empty()) {
      fmt::print(stderr, "nnc: note: {} of {} parameters come from '{}'; these keep their initial values: {}\n",
                 slots.size() - left->size(), slots.size(), file.path, fmt::join(*left, ", "));
    }
    return Done{};
  }
  const Status loaded = load_weights(*arrays, slots, target, file.path);
  if (!loaded) return loaded;
  std::vector<std::string> known;
  for (const ElaboratedModel& model : program.models) {
    for (const Output& output : model.init.outputs) known.push_back(output.name);
  }
  return check_weight_names(*arrays, known, file.path);
}

Status fill_parameters(Session& session, const ElaboratedProgram& program, std::size_t model, const WeightsOption& file,
                       std::uint64_t seed) {
  const StructLayout& layout = session.unit().parameters;
  if (file.path.empty() || file.is_partial) {
    write_initial(program.models[model], seed, layout, session.parameters());
  }
  if (file.path.empty()) return Done{};
  return read_weights(file, program, weight_slots(layout), session.parameters());
}

Result<std::map<std::string, Tensor>> parameter_tensors(const ElaboratedProgram& program, std::size_t model,
                                                        const WeightsOption& file, std::uint64_t seed) {
  const ElaboratedModel& of = program.models[model];
  if (file.path.empty()) return initial_tensors(of, seed);
  const StructLayout layout = parameter_layout(of.forward);
  std::vector<std::byte> bytes(static_cast<std::size_t>(layout.bytes));
  if (file.is_partial) write_initial(of, seed, layout, bytes);
  const Status loaded = read_weights(file, program, weight_slots(layout), bytes);
  if (!loaded) return loaded.failure();
  std::map<std::string, Tensor> result;
  for (const Array& array : weights_as_arrays(weight_slots(layout), bytes)) {
    result[array.name] = tensor_from_array(array);
  }
  return result;
}

bool is_shared(const ElaboratedProgram& program, const std::string& path) {
  const std::string owner = path.substr(0, path.find('.'));
  return std::find(program.shared.begin(), program.shared.end(), owner) != program.shared.end();
}

Status check_one_file_serves(const ElaboratedProgram& program, const std::vector<std::size_t>& models) {
  std::map<std::string, std::size_t> owner;
  for (const std::size_t index : models) {
    for (const Slot& slot : parameter_layout(program.models[index].forward).slots) {
      if (is_shared(program, slot.name)) continue;
      const auto [place, is_new] = owner.emplace(slot.name, index);
      if (is_new || place->second == index) continue;
      return Failure{
          fmt::format("the models {} and {} each have a parameter '{}' of their own, and one weights file cannot hold "
                      "both: choose one with --model, name the layers differently, or share one by `layer` outside the "
                      "models",
                      program.models[place->second].name, program.models[index].name, slot.name)};
    }
  }
  return Done{};
}

}  // namespace nnc
