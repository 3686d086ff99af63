#include "compiler/commands/results.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/interop/array.h"
#include "compiler/interop/csv.h"
#include "compiler/interop/npy.h"

namespace nnc {
namespace {

// More are for a file.
constexpr std::size_t kRowsMax = 20;

// Six digits tell enough to the eye.
std::string short_text(ElementType element, const std::byte* source) {
  return is_float(element) ? fmt::format("{:.6g}", read_element(element, source)) : element_text(element, source);
}

}  // namespace

Array array_of(const ComputedArray& computed) {
  Array array;
  array.name = computed.name;
  array.element = computed.type.element;
  array.shape = computed.type.shape;
  if (computed.has_axis) array.shape.insert(array.shape.begin(), computed.examples);
  array.bytes = computed.bytes;
  return array;
}

Status write_result(const std::string& path, const Array& array) {
  return path.ends_with(".csv") ? write_csv(path, array) : write_npy(path, array);
}

std::string result_text(const ComputedArray& array) {
  const bool is_number = array.type.shape.empty();
  std::string text =
      fmt::format("{}: {}", array.name, is_number ? std::string(name(array.type.element)) : to_string(array.type));
  if (array.has_axis) text += fmt::format(", {} example{}", array.examples, array.examples == 1 ? "" : "s");
  text += "\n";
  const Shape& shape = array.type.shape;
  const std::size_t element = static_cast<std::size_t>(size_bytes(array.type.element));
  const std::size_t columns = shape.empty() ? 1 : static_cast<std::size_t>(shape.back());
  const std::size_t rows = columns == 0 ? 0 : array.bytes.size() / element / columns;
  const std::size_t shown = std::min(rows, kRowsMax);
  // An example of several rows stands apart from the next.
  const std::size_t block =
      shape.size() < 2 ? 0 : rows / static_cast<std::size_t>(std::max<std::int64_t>(array.examples, 1));
  std::vector<std::string> numbers;
  std::size_t width = 0;
  for (std::size_t i = 0; i < shown * columns; ++i) {
    numbers.push_back(short_text(array.type.element, array.bytes.data() + i * element));
    width = std::max(width, numbers.back().size());
  }
  for (std::size_t row = 0; row < shown; ++row) {
    if (block > 0 && row > 0 && row % block == 0) text += "\n";
    for (std::size_t column = 0; column < columns; ++column) {
      text += fmt::format("  {:>{}}", numbers[row * columns + column], width);
    }
    text += "\n";
  }
  if (shown < rows) text += fmt::format("  … {} more rows; --output {}=FILE keeps all\n", rows - shown, array.name);
  return text;
}

}  // namespace nnc
