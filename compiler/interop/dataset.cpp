#include "compiler/interop/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/graph/graph.h"
#include "compiler/interop/file.h"

namespace nnc {
namespace {

// Streams of the seed: the division of the data has the first, the epochs those that follow.
constexpr std::uint64_t kHoldOutStream = 0;

template <class From, class To>
void copy_elements(const std::byte* source, std::byte* target, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    From from;
    std::memcpy(&from, source + i * sizeof from, sizeof from);
    const To to = static_cast<To>(from);
    std::memcpy(target + i * sizeof to, &to, sizeof to);
  }
}

// From an integer type to another; the values are known to fit.
template <class To>
auto copy_integers(ElementType from) -> void (*)(const std::byte*, std::byte*, std::size_t) {
  switch (from) {
    case ElementType::I8:
      return copy_elements<std::int8_t, To>;
    case ElementType::U8:
      return copy_elements<std::uint8_t, To>;
    case ElementType::I16:
      return copy_elements<std::int16_t, To>;
    case ElementType::U16:
      return copy_elements<std::uint16_t, To>;
    case ElementType::I32:
      return copy_elements<std::int32_t, To>;
    case ElementType::U32:
      return copy_elements<std::uint32_t, To>;
    default:
      return copy_elements<std::int64_t, To>;
  }
}

std::string input_text(const WantedInput& input) {
  const std::string type = input.classes > 0 ? fmt::format("class[{}]{}", input.classes,
                                                           input.type.shape.empty() ? "" : to_string(input.type.shape))
                                             : to_string(input.type);
  return fmt::format("input '{}' takes {}", input.name, type);
}

// "1x28x28", as a spec writes a shape.
std::string shape_spec(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

Failure missing(const std::vector<Array>& arrays, const WantedInput& input) {
  std::vector<std::string> names;
  std::vector<std::string> held;
  for (const Array& array : arrays) {
    names.push_back(array.name);
    held.push_back(array.from_text ? array.name
                                   : fmt::format("{} ({})", array.name, to_string(Type{array.element, array.shape})));
  }
  const std::string near = nearest(input.name, names);
  const bool has_columns = !arrays.empty() && arrays.front().from_text && !input.type.shape.empty();
  return {
      fmt::format("{}, but the data has no array of this name{}; it has: {}{}", input_text(input),
                  near.empty() ? "" : fmt::format("; did you mean '{}'? ({}=… renames it)", near, input.name),
                  held.empty() ? "nothing" : fmt::format("{}", fmt::join(held, ", ")),
                  has_columns ? fmt::format(". FILE:{}=COLUMN+COLUMN makes one of several columns", input.name) : "")};
}

bool is_one_number(const Shape& shape) { return shape.empty() || shape == Shape{1}; }

Failure wrong_shape(const Array& array, const WantedInput& input, const Shape& example) {
  const bool as_many = element_count(example) == element_count(input.type.shape);
  return {fmt::format(
      "{}: its examples have shape {} (the whole {}), but {}{}", array.place, to_string(example),
      to_string(array.shape), input_text(input),
      as_many ? fmt::format("; to read them in that shape, say {}:{}=…", input.name, shape_spec(input.type.shape))
              : "")};
}

Failure wrong_type(const Array& array, const WantedInput& input) {
  const std::string_view wanted = input.classes > 0 ? "i32" : name(input.type.element);
  return {
      fmt::format("{}: holds {}, but {}; nnc does not convert this silently: convert the array, or say {}:{}=… to "
                  "convert it when it is read",
                  array.place, name(array.element), input_text(input), input.name, wanted)};
}

// Every label must be a class.
Status check_labels(const Array& array, std::int64_t classes) {
  constexpr std::size_t kPiece = 4096;
  std::vector<std::int64_t> values(kPiece);
  const auto widen = copy_integers<std::int64_t>(array.element);
  const std::size_t element_bytes = static_cast<std::size_t>(size_bytes(array.element));
  const std::size_t count = array.bytes.size() / element_bytes;
  for (std::size_t begin = 0; begin < count; begin += kPiece) {
    const std::size_t piece = std::min(kPiece, count - begin);
    widen(array.bytes.data() + begin * element_bytes, reinterpret_cast<std::byte*>(values.data()), piece);
    for (std::size_t i = 0; i < piece; ++i) {
      if (values[i] >= 0 && values[i] < classes) continue;
      return Failure{fmt::format("{}: the label at {} is {}, but the classes are 0 to {}", array.place,
                                 index_text(array.shape, begin + i), integer_text(array.element, values[i]),
                                 classes - 1)};
    }
  }
  return Done{};
}

}  // namespace

Result<DataSet::Source> DataSet::bind_input(const std::vector<Array>& arrays, const WantedInput& input) {
  const Array* found = nullptr;
  for (const Array& array : arrays) {
    if (array.name == input.name) found = &array;
  }
  if (found == nullptr) return missing(arrays, input);
  Array array = *found;
  if (array.shape.empty()) {
    return Failure{fmt::format("{}: is a single number; its first axis should count the examples", array.place)};
  }
  const Shape example(array.shape.begin() + 1, array.shape.end());
  // A column of text is one number an example, be it for f32 or for f32[1].
  const bool is_column = array.from_text && is_one_number(example) && is_one_number(input.type.shape);
  if (example != input.type.shape && !is_column) return wrong_shape(array, input, example);
  if (array.from_text) {
    Result<Array> typed = convert_array(array, input.type.element);
    if (!typed) return typed.failure();
    array = std::move(*typed);
  }

  Source source;
  source.elements = static_cast<std::size_t>(element_count(example));
  source.source_bytes = source.elements * static_cast<std::size_t>(size_bytes(array.element));
  source.target_bytes = source.elements * static_cast<std::size_t>(size_bytes(input.type.element));
  if (input.classes > 0) {
    if (!is_integer(array.element)) return wrong_type(array, input);
    const Status checked = check_labels(array, input.classes);
    if (!checked) return checked.failure();
    source.copy = copy_integers<std::int32_t>(array.element);
  } else if (array.element != input.type.element) {
    if (array.element != ElementType::U8 || input.type.element != ElementType::F32) return wrong_type(array, input);
    source.copy = copy_elements<std::uint8_t, float>;
  }
  source.array = std::move(array);
  return source;
}

Result<DataSet> DataSet::bind(const std::vector<Array>& arrays, const std::vector<WantedInput>& inputs) {
  DataSet data;
  for (const WantedInput& input : inputs) {
    if (input.classes > 0 && input.type.element != ElementType::I32) {
      throw InternalError(fmt::format("labels of input '{}' are not i32", input.name));
    }
    Result<Source> source = bind_input(arrays, input);
    if (!source) return source.failure();
    const std::uint64_t size = static_cast<std::uint64_t>(source->array.shape[0]);
    if (!data.sources_.empty() && size != data.size_) {
      const Array& first = data.sources_[0].array;
      return Failure{
          fmt::format("{}: has {} examples, but {} has {}", source->array.place, size, first.place, data.size_)};
    }
    data.size_ = size;
    data.sources_.push_back(std::move(*source));
  }
  if (data.size_ == 0)
    return Failure{inputs.empty() ? "no input takes data" : data.sources_[0].array.place + ": has no examples"};
  return data;
}

std::uint64_t DataSet::fingerprint() const {
  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  for (int shift = 0; shift < 64; shift += 8) add(size_ >> shift & 0xff);
  for (const Source& source : sources_) {
    for (const std::uint64_t example : {std::uint64_t{0}, size_ / 2, size_ - 1}) {
      for (const std::byte byte : source.array.bytes.subspan(example * source.source_bytes, source.source_bytes)) {
        add(static_cast<std::uint64_t>(byte));
      }
    }
  }
  return hash;
}

void DataSet::fill(std::span<const std::uint64_t> examples, std::span<std::byte* const> destinations) const {
  for (std::size_t input = 0; input < sources_.size(); ++input) {
    const Source& source = sources_[input];
    std::byte* target = destinations[input];
    for (const std::uint64_t example : examples) {
      const std::byte* const from = source.array.bytes.data() + example * source.source_bytes;
      if (source.copy == nullptr) {
        std::copy_n(from, source.target_bytes, target);
      } else {
        source.copy(from, target, source.elements);
      }
      target += source.target_bytes;
    }
  }
}

Result<Division> hold_out(std::uint64_t size, double fraction, std::uint64_t seed) {
  if (!(fraction > 0 && fraction < 1)) {
    return Failure{fmt::format("a fraction of {} cannot be held out; it lies between 0 and 1", fraction)};
  }
  const std::uint64_t held = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(size)));
  if (held == 0 || held >= size) {
    return Failure{fmt::format("holding out {} of {} examples leaves none on one side", fraction, size)};
  }
  const Permutation order(size, seed, kHoldOutStream);
  return Division{Examples(order, held, size - held), Examples(order, 0, held)};
}

Permutation epoch_order(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch) {
  return Permutation(size, seed, kHoldOutStream + 1 + epoch);
}

}  // namespace nnc
