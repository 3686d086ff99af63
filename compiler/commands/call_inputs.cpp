#include "compiler/commands/call_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"

namespace nnc {
namespace {

Result<CallInput> bind(const std::vector<Array>& arrays, const WantedInput& wanted, CallInputs& all) {
  const Array* found = nullptr;
  std::string names;
  for (const Array& array : arrays) {
    if (array.name == wanted.name) found = &array;
    names += (names.empty() ? "" : ", ") + array.name;
  }
  if (found == nullptr) {
    return Failure{fmt::format("no array for '{}' ({}); given: {}", wanted.name, to_string(wanted.type),
                               names.empty() ? "none" : names)};
  }
  Array array = *found;
  const bool is_single = array.shape == wanted.type.shape;
  if (is_single) array.shape.insert(array.shape.begin(), 1);
  Result<DataSet> set = DataSet::bind({array}, {wanted});
  if (!set) return set.failure();
  const std::int64_t count = static_cast<std::int64_t>(set->size());
  if (all.calls >= 0 && all.calls != count) {
    return Failure{fmt::format("{}: has {} examples, the others have {}", found->place, count, all.calls)};
  }
  all.calls = count;
  all.has_axis = all.has_axis || !is_single;
  CallInput input{wanted.name, wanted.type, {}, 0};
  input.step = static_cast<std::size_t>(element_count(wanted.type.shape) * size_bytes(wanted.type.element));
  input.bytes.resize(input.step * static_cast<std::size_t>(count));
  std::vector<std::uint64_t> examples(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < examples.size(); ++i) examples[i] = i;
  std::byte* destination[] = {input.bytes.data()};
  set->fill(examples, destination);
  return input;
}

}  // namespace

Result<std::pair<std::string, std::string>> name_and_file(const std::string& text, const char* option) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    return Failure{fmt::format("{} takes NAME=FILE, not '{}'", option, text)};
  }
  return std::pair<std::string, std::string>(text.substr(0, at), text.substr(at + 1));
}

Status check_known(const std::string& name, const std::vector<std::string>& known, const char* what) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return Done{};
  const std::string near = nearest(name, known);
  return Failure{fmt::format(
      "the model has no {} '{}'; {}", what, name,
      near.empty() ? fmt::format("it has {}", fmt::join(known, ", ")) : fmt::format("did you mean '{}'?", near))};
}

Status CallInputs::add(const std::vector<Array>& arrays, const std::vector<WantedInput>& wanted, const char* what) {
  std::vector<std::string> names;
  for (const WantedInput& one : wanted) names.push_back(one.name);
  for (const Array& array : arrays) {
    if (!array.is_named_by_user) continue;
    const Status known = check_known(array.name, names, what);
    if (!known) return known;
  }
  for (const WantedInput& one : wanted) {
    Result<CallInput> input = bind(arrays, one, *this);
    if (!input) return input.failure();
    inputs.push_back(std::move(*input));
  }
  return Done{};
}

}  // namespace nnc
