#include "compiler/interop/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "compiler/diagnostics/diagnostics.h"

namespace nnc {
namespace {

constexpr std::size_t kShown = 8;  // names in a message

bool widens(ElementType from, ElementType to) {
  if (from == to) return true;
  const bool from_half = from == ElementType::F16 || from == ElementType::BF16;
  return (to == ElementType::F32 && from_half) || (to == ElementType::F64 && (from_half || from == ElementType::F32));
}

std::string list(const std::vector<std::string>& names) {
  const std::vector<std::string> shown(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kShown)));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "");
}

bool fits(const Array& array, const WeightSlot& slot) {
  return array.shape == slot.type.shape && widens(array.element, slot.type.element);
}

Status copy_weights(const Array& array, const WeightSlot& slot, std::span<std::byte> target) {
  const Result<Array> wide = convert_array(array, slot.type.element);
  if (!wide) return wide.failure();
  std::ranges::copy(wide->bytes, target.subspan(static_cast<std::size_t>(slot.offset)).begin());
  return Done{};
}

std::map<std::string_view, const Array*> index_by_name(const std::vector<Array>& arrays) {
  std::map<std::string_view, const Array*> by_name;
  for (const Array& array : arrays) by_name[array.name] = &array;
  return by_name;
}

// All that is missing in one message: a file for another model lacks most.
Failure missing(const std::vector<std::string>& names, const std::vector<Array>& arrays,
                const std::vector<WeightSlot>& slots, const std::string& place) {
  std::set<std::string> wanted;
  for (const WeightSlot& slot : slots) wanted.insert(slot.name);
  std::vector<std::string> unused;
  for (const Array& array : arrays) {
    if (wanted.count(array.name) == 0) unused.push_back(array.name);
  }
  const std::string near = nearest(names.front(), unused);
  return {fmt::format("{}: lacks the weights {}{}{}", place, list(names),
                      near.empty() ? "" : fmt::format("; is '{}' meant by '{}'?", near, names.front()),
                      unused.empty() ? "" : "; it holds besides what the model takes: " + list(unused) +
                                            "; --names says which array is which parameter")};
}

}  // namespace

Status load_weights(const std::vector<Array>& arrays, const std::vector<WeightSlot>& slots, std::span<std::byte> target,
                    const std::string& place) {
  const std::map<std::string_view, const Array*> by_name = index_by_name(arrays);
  std::vector<std::string> absent;
  for (const WeightSlot& slot : slots) {
    if (by_name.count(slot.name) == 0) absent.push_back(slot.name);
  }
  if (!absent.empty()) return missing(absent, arrays, slots, place);
  for (const WeightSlot& slot : slots) {
    const Array& array = *by_name.at(slot.name);
    if (!fits(array, slot)) {
      return Failure{fmt::format("{}: is {}, but the model takes {}", array.place,
                                 to_string(Type{array.element, array.shape}), to_string(slot.type))};
    }
    const Status copied = copy_weights(array, slot, target);
    if (!copied) return copied;
  }
  return Done{};
}

Result<std::vector<std::string>> load_matching_weights(const std::vector<Array>& arrays,
                                                       const std::vector<WeightSlot>& slots,
                                                       std::span<std::byte> target, const std::string& place) {
  const std::map<std::string_view, const Array*> by_name = index_by_name(arrays);
  std::vector<std::string> left;
  for (const WeightSlot& slot : slots) {
    const std::map<std::string_view, const Array*>::const_iterator found = by_name.find(slot.name);
    if (found == by_name.end()) {
      left.push_back(slot.name);
    } else if (!fits(*found->second, slot)) {
      left.push_back(fmt::format("{} ({}, in the file {})", slot.name, to_string(slot.type),
                                 to_string(Type{found->second->element, found->second->shape})));
    } else {
      const Status copied = copy_weights(*found->second, slot, target);
      if (!copied) return copied.failure();
    }
  }
  if (left.size() == slots.size() && !slots.empty()) {
    return Failure{fmt::format("{}: nothing in it matches the model, which has {}", place, list(left))};
  }
  return left;
}

Status check_weight_names(const std::vector<Array>& arrays, const std::vector<std::string>& known,
                          const std::string& place) {
  const std::set<std::string_view> names(known.begin(), known.end());
  std::vector<std::string> unknown;
  for (const Array& array : arrays) {
    if (names.count(array.name) == 0) unknown.push_back(array.name);
  }
  if (unknown.empty()) return Done{};
  return Failure{
      fmt::format("{}: holds {}, which the program does not have; --partial takes what matches", place, list(unknown))};
}

std::vector<Array> weights_as_arrays(const std::vector<WeightSlot>& slots, std::span<const std::byte> source) {
  std::vector<Array> arrays;
  for (const WeightSlot& slot : slots) {
    const std::size_t size = static_cast<std::size_t>(element_count(slot.type.shape) * size_bytes(slot.type.element));
    arrays.push_back({slot.name, slot.type.element, slot.type.shape,
                      source.subspan(static_cast<std::size_t>(slot.offset), size), nullptr,
                      fmt::format("array '{}'", slot.name), false});
  }
  return arrays;
}

}  // namespace nnc
