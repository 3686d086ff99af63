#include "compiler/commands/checkpoint.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace nnc {
namespace {

constexpr const char* kParameters = "parameters/";
constexpr const char* kState = "state/";
constexpr const char* kBest = "best/";
constexpr const char* kLearned = "learned/";

void append(std::vector<Array>& arrays, const StructLayout& layout, std::span<const std::byte> bytes,
            const std::string& prefix) {
  for (Array& array : weights_as_arrays(weight_slots(layout), bytes)) {
    array.name = prefix + array.name;
    arrays.push_back(std::move(array));
  }
}

bool parse_count(const std::string& text, std::int64_t& count) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  count = std::stoll(text);
  return true;
}

// A double as text that gives it back to the bit.
std::string exact(double value) { return fmt::format("{:a}", value); }
double from_exact(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

}  // namespace

Status write_checkpoint(const std::string& path, Session& session, const std::vector<Identity>& identity,
                        const Position& position, const Best& best, const LearnedValues& learned) {
  std::vector<Array> arrays;
  append(arrays, session.unit().parameters, session.parameters(), kParameters);
  append(arrays, session.unit().state, session.state(), kState);
  if (best.epoch >= 0) append(arrays, session.unit().parameters, best.parameters, kBest);
  for (const auto& [name, value] : learned) {
    arrays.push_back({kLearned + name, value.type.element, value.type.shape, value.bytes, nullptr, name, false});
  }
  std::map<std::string, std::string> metadata = {{"stage", position.stage},
                                                 {"epoch", std::to_string(position.place.epoch)},
                                                 {"step", std::to_string(position.place.step)},
                                                 {"loss_sum", exact(position.place.loss_sum)}};
  if (best.epoch >= 0) {
    metadata["best_epoch"] = std::to_string(best.epoch);
    metadata["best_value"] = exact(best.value);
  }
  for (const Identity& one : identity) metadata[one.key] = one.value;
  return write_safetensors(path, std::move(arrays), metadata);
}

Result<Checkpoint> Checkpoint::read(const std::string& path) {
  Result<Safetensors> file = read_safetensors(path);
  if (!file) return file.failure();
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  checkpoint.file_ = std::move(*file);
  Position& position = checkpoint.position_;
  position.stage = checkpoint.metadata("stage");
  if (position.stage.empty() || !parse_count(checkpoint.metadata("epoch"), position.place.epoch) ||
      !parse_count(checkpoint.metadata("step"), position.place.step)) {
    return Failure{fmt::format("{}: its metadata names no stage, epoch and step: it is no checkpoint of nnc", path)};
  }
  position.place.loss_sum = from_exact(checkpoint.metadata("loss_sum"));
  return checkpoint;
}

std::string Checkpoint::metadata(const std::string& key) const {
  const std::map<std::string, std::string>::const_iterator found = file_.metadata.find(key);
  return found == file_.metadata.end() ? std::string() : found->second;
}

LearnedValues Checkpoint::learned() const {
  LearnedValues values;
  const std::string prefix = kLearned;
  for (const Array& array : file_.tensors) {
    if (array.name.rfind(prefix, 0) != 0) continue;
    values[array.name.substr(prefix.size())] = {{array.element, array.shape}, {array.bytes.begin(), array.bytes.end()}};
  }
  return values;
}

Status Checkpoint::check(const std::vector<Identity>& identity) const {
  for (const Identity& one : identity) {
    const std::string then = metadata(one.key);
    if (then.empty()) {
      return Failure{fmt::format("{}: its metadata names no {}: it is no checkpoint of nnc", path_, one.key)};
    }
    if (then != one.value) {
      return Failure{fmt::format("{}: a checkpoint of {} {}, not {}; {}", path_, one.key, then, one.value, one.advice)};
    }
  }
  return Done{};
}

Status Checkpoint::load(const StructLayout& layout, const std::string& prefix, std::span<std::byte> target) const {
  std::vector<WeightSlot> slots = weight_slots(layout);
  for (WeightSlot& slot : slots) slot.name = prefix + slot.name;
  return load_weights(file_.tensors, slots, target, path_);
}

Status Checkpoint::restore(Session& session, Best& best) const {
  Status status = load(session.unit().parameters, kParameters, session.parameters());
  if (status) status = load(session.unit().state, kState, session.state());
  if (!status || !parse_count(metadata("best_epoch"), best.epoch)) return status;
  best.value = from_exact(metadata("best_value"));
  best.parameters.resize(session.parameters().size());
  return load(session.unit().parameters, kBest, best.parameters);
}

}  // namespace nnc
