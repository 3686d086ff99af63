// Read-only tables: constants of a plan, and prepared weights. Short ones are readable, long ones hexadecimal words.
#include <fmt/format.h>

#include <cstring>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/unit_writer.h"

namespace nnc {
namespace {

constexpr std::int64_t kReadableMax = 64;  // elements
constexpr std::size_t kWordsPerLine = 6;

std::string word_lines(const std::vector<std::uint64_t>& words) {
  std::string text;
  text.reserve(words.size() * 20);
  for (std::size_t i = 0; i < words.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}0x{:016x},", i % kWordsPerLine == 0 ? "\n    " : " ", words[i]);
  }
  return text + "\n";
}

}  // namespace

std::vector<std::uint64_t> tensor_words(const Tensor& tensor) {
  const std::int64_t bytes = element_count(tensor.type.shape) * size_bytes(tensor.type.element);
  std::vector<std::uint64_t> words(static_cast<std::size_t>(bytes + 7) / 8);
  write_elements(tensor, reinterpret_cast<std::byte*>(words.data()));
  return words;
}

std::string UnitWriter::constant_table(const Tensor& tensor) {
  const ElementType type = tensor.type.element;
  const std::int64_t count = element_count(tensor.type.shape);
  const bool is_readable = count <= kReadableMax;
  std::string body;
  if (is_readable) {
    body = fmt::format("{}[{}] = {{", cpp_type(type), std::max<std::int64_t>(1, count));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::size_t at = static_cast<std::size_t>(i);
      body += (i == 0 ? "" : ", ") + (is_float(type) ? cpp_literal(type, tensor.floats().at(at))
                                                     : cpp_literal(type, tensor.integers().at(at)));
    }
    body += "}";
  } else {
    const std::vector<std::uint64_t> words = tensor_words(tensor);
    body = fmt::format("std::uint64_t[{}] = {{{}}}", words.size(), word_lines(words));
  }
  std::string& name = tables_[body];
  if (name.empty()) {
    name = names_.add("constant", "_2", &parameters_);
    const std::size_t extent = body.find('[');
    const std::string comment = fmt::format("// {}\n", to_string(tensor.type));
    const std::string head = fmt::format("alignas(64) extern const {} {}{};\n", body.substr(0, extent), name,
                                         body.substr(extent, body.find(']') - extent + 1));
    const std::string definition =
        fmt::format("alignas(64) const {} {}{};\n", body.substr(0, extent), name, body.substr(extent));
    if (is_readable) {
      sections_.constants += comment + definition;
    } else {
      sections_.constants += comment + head;
      sections_.data += "\n" + definition;
    }
  }
  return name;
}

void UnitWriter::write_prepared_data() {
  if (unit_.prepared_data.empty()) return;
  const std::size_t words = unit_.prepared_data.size();
  sections_.constants +=
      fmt::format("// The prepared weights.\nalignas(64) extern const std::uint64_t prepared_data[{}];\n", words);
  sections_.data += fmt::format("\nalignas(64) const std::uint64_t prepared_data[{}] = {{{}}};\n", words,
                                word_lines(unit_.prepared_data));
}

}  // namespace nnc
