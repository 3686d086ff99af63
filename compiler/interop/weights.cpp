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

// All that is missing in one message: a file for another model lacks most.
Failure missing(const std::vector<std::string>& names, const std::vector<Array>& arrays,
                const std::vector<WeightSlot>& slots, const std::string& place) {
  std::set<std::string> wanted;
  for (const WeightSlot& slot : slots) wanted.insert(slot.name);
  std::vector<std::string> unused;
  for (const Array& array : arrays) {
    if (wanted.count(array.name) == 0) unused.push_back(array.name);
  }
  const auto list = [](const std::vector<std::string>& all) {
    const std::vector<std::string> shown(all.begin(),
                                         all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kShown)));
    return fmt::format("{}{}", fmt::join(shown, ", "),
                       all.size() > kShown ? fmt::format(" and {} more", all.size() - kShown) : "");
  };
  const std::string near = nearest(names.front(), unused);
  return {fmt::format("{}: lacks the weights {}{}{}", place, list(names),
                      near.empty() ? "" : fmt::format("; is '{}' meant by '{}'?", near, names.front()),
                      unused.empty() ? "" : "; it holds besides what the model takes: " + list(unused))};
}

}  // namespace

Status load_weights(const std::vector<Array>& arrays, const std::vector<WeightSlot>& slots, std::span<std::byte> target,
                    const std::string& place) {
  std::map<std::string_view, const Array*> by_name;
  for (const Array& array : arrays) by_name[array.name] = &array;
  std::vector<std::string> absent;
  for (const WeightSlot& slot : slots) {
    if (by_name.count(slot.name) == 0) absent.push_back(slot.name);
  }
  if (!absent.empty()) return missing(absent, arrays, slots, place);
  for (const WeightSlot& slot : slots) {
    const Array& array = *by_name.at(slot.name);
    if (array.shape != slot.type.shape || !widens(array.element, slot.type.element)) {
      return Failure{fmt::format("{}: is {}, but the model takes {}", array.place,
                                 to_string(Type{array.element, array.shape}), to_string(slot.type))};
    }
    const Result<Array> wide = convert_array(array, slot.type.element);
    if (!wide) return wide.failure();
    std::ranges::copy(wide->bytes, target.subspan(static_cast<std::size_t>(slot.offset)).begin());
  }
  return Done{};
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
