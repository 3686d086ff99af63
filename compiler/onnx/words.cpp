#include "compiler/onnx/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "dsl/lexer.h"

namespace nnc::translation {
namespace {

constexpr std::size_t kNameMax = 48;

}  // namespace

std::string Names::plain(const std::string& wanted) {
  std::string path = wanted;
  const std::string first_output = "_output_0";
  if (path.starts_with('/')) {
    if (path.ends_with(first_output)) path.erase(path.size() - first_output.size());
    // "/layer1/layer1.0": the second says both.
    for (std::size_t at = 0, next; (next = path.find('/', at + 1)) != std::string::npos;) {
      const std::string part = path.substr(at + 1, next - at - 1);
      const bool is_said = !part.empty() && path.compare(next + 1, part.size() + 1, part + ".") == 0;
      if (is_said) path.erase(at, next - at);
      if (!is_said) at = next;
    }
  }
  std::string name;
  for (const char c : path) {
    const bool is_kept = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_kept) name += c;
    if (!is_kept && !name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  // Of a path, the end says most: "/encoder/layers.0/fc1/MatMul_output_0".
  if (name.size() > kNameMax) {
    name = name.substr(name.size() - kNameMax);
    // Whole words, and no number of a place in a list first.
    const std::size_t word = name.find('_');
    if (word < kNameMax / 2) name.erase(0, word + 1);
    const std::size_t letter = name.find_first_not_of("0123456789_");
    if (letter != std::string::npos) name.erase(0, letter);
  }
  return name;
}

std::string Names::give(const std::string& wanted, const std::string& otherwise) {
  std::string name = plain(wanted);
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) != 0) name = otherwise + "_" + name;
  if (name.empty()) name = otherwise;
  const std::string base = name;
  int& number = last_number_[base];
  if (number > 1) name = fmt::format("{}_{}", base, ++number);
  while (!is_identifier(name) || is_taken_(name) || given_.count(name) != 0) {
    number = std::max(number, 1) + 1;
    name = fmt::format("{}_{}", base, number);
  }
  given_.insert(name);
  return name;
}

bool is_standard(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string literal(ElementType type, double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "infinity" : "-infinity";
  std::string text = type == ElementType::F64 ? fmt::format("{}", value) : fmt::format("{}", static_cast<float>(value));
  const std::size_t exponent = text.find("e+");
  if (exponent != std::string::npos) text.erase(exponent + 1, 1);
  const std::size_t negative = text.find("e-0");
  if (negative != std::string::npos) text.erase(negative + 2, 1);
  return text;
}

std::string literal(std::int64_t value) {
  // The least has no literal: its digits are read as a number above the greatest.
  return value == INT64_MIN ? fmt::format("({} - 1)", value + 1) : fmt::format("{}", value);
}

std::string list_literal(const Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) {
    if (i > 0) text += ", ";
    text += is_float(tensor.type.element) ? literal(tensor.type.element, tensor.at(i))
                                          : literal(tensor.integers()[static_cast<std::size_t>(i)]);
  }
  return text + "]";
}

std::string text_literal(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n' || c == '\t') {
      quoted += c == '\n' ? "\\n" : "\\t";
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace nnc::translation
