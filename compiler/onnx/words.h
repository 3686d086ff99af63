// The words of the program that an ONNX model becomes: names and literals.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "compiler/graph/tensor.h"

namespace nnc::translation {

// Names of the program: identifiers of the language, each given out once. Names of ONNX are arbitrary texts.
class Names {
 public:
  // `is_taken`: names that mean something to the program already.
  explicit Names(std::function<bool(const std::string&)> is_taken) : is_taken_(std::move(is_taken)) {}
  // A new name that resembles `wanted`, or `otherwise` if nothing of that can be used.
  std::string give(const std::string& wanted, const std::string& otherwise);
  // What `give` begins with: "layer1_0_conv1" of "layer1.0.conv1". Of PyTorch's paths, in which modules are repeated,
  // it is the same: "/layer1/layer1.0/conv1".
  static std::string plain(const std::string& wanted);

 private:
  std::function<bool(const std::string&)> is_taken_;
  std::set<std::string> given_;
  std::map<std::string, int> last_number_;  // given to a name that was wanted before
};

// Is this the domain of the operators of the standard itself?
bool is_standard(const std::string& domain);

// A number as the language reads it back: the shortest text that means this value of the element type.
std::string literal(ElementType type, double value);
std::string literal(std::int64_t value);
// "[1, 2, 3]".
std::string list_literal(const Tensor& tensor);
// In quotes, escaped.
std::string text_literal(const std::string& text);

}  // namespace nnc::translation
