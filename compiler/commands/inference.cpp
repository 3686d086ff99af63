#include "compiler/commands/inference.h"

#include <fmt/format.h>

#include <cstring>

#include "compiler/graph/evaluate.h"
#include "compiler/interop/safetensors.h"

namespace nnc {

Result<std::size_t> choose_model(const ElaboratedProgram& program, const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < program.models.size(); ++i) {
    if (program.models[i].name == name || (name.empty() && program.models.size() == 1)) return i;
    names += (i == 0 ? "" : ", ") + program.models[i].name;
  }
  if (program.models.empty()) return Failure{"the file has no model"};
  if (name.empty()) return Failure{fmt::format("the file has several models; choose one with --model: {}", names)};
  return Failure{fmt::format("there is no model '{}'; the file has {}", name, names)};
}

namespace {

// Raw bytes of a tensor as emitted code takes them.
void write_tensor(const Tensor& tensor, std::byte* to) {
  const ElementType element = tensor.type.element;
  const std::size_t size = static_cast<std::size_t>(size_bytes(element));
  for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) {
    std::byte* at = to + static_cast<std::size_t>(i) * size;
    if (element == ElementType::F32) {
      const float value = static_cast<float>(tensor.at(i));
      std::memcpy(at, &value, size);
    } else if (element == ElementType::F64) {
      const double value = tensor.at(i);
      std::memcpy(at, &value, size);
    } else if (is_float(element)) {
      throw InternalError("parameters of " + std::string(name(element)) + " are not written yet");
    } else {
      const std::int64_t value = tensor.integers()[static_cast<std::size_t>(i)];
      std::memcpy(at, &value, size);  // little-endian: the low bytes
    }
  }
}

}  // namespace

Result<std::map<std::string, Tensor>> parameter_tensors(const ElaboratedModel& model, const std::string& weights,
                                                        std::uint64_t seed) {
  std::map<std::string, Tensor> result;
  const StructLayout layout = parameter_layout(model.forward);
  if (weights.empty()) {
    Tensor key = Tensor::zeros({ElementType::U32, {2}});
    key.integers() = {static_cast<std::int64_t>(seed & 0xffffffffu), static_cast<std::int64_t>(seed >> 32)};
    const Evaluation initial = evaluate(model.init, {{"seed", key}}, {});
    for (const Slot& slot : layout.slots) {
      Tensor value = initial.outputs.at(slot.name);
      if (value.data.index() == 0) {
        for (double& number : value.floats()) number = round_to(slot.type.element, number);
      }
      result[slot.name] = std::move(value);
    }
    return result;
  }
  Result<Safetensors> file = read_safetensors(weights);
  if (!file) return file.failure();
  std::vector<std::byte> bytes(static_cast<std::size_t>(layout.bytes));
  const Status loaded = load_weights(file->tensors, weight_slots(layout), bytes, weights);
  if (!loaded) return loaded.failure();
  for (const Array& array : weights_as_arrays(weight_slots(layout), bytes))
    result[array.name] = tensor_from_array(array);
  return result;
}

Status fill_parameters(Session& session, const ElaboratedModel& model, const std::string& weights, std::uint64_t seed) {
  if (!weights.empty()) {
    Result<Safetensors> file = read_safetensors(weights);
    if (!file) return file.failure();
    return load_weights(file->tensors, weight_slots(session.unit().parameters), session.parameters(), weights);
  }
  const Result<std::map<std::string, Tensor>> tensors = parameter_tensors(model, "", seed);
  if (!tensors) return tensors.failure();
  for (const Slot& slot : session.unit().parameters.slots) {
    write_tensor(tensors->at(slot.name), session.parameters().data() + slot.offset);
  }
  return Done{};
}

}  // namespace nnc
