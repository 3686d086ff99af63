// The lines of a body that is being written, and what makes them read well.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nnc::translation {

struct Line {
  enum class Kind { Value, Layer, Parameter };

  Kind kind = Kind::Value;
  std::vector<std::string> results;  // what it declares: values, a layer, or a parameter
  std::string head;                  // of a pipe: the value that it begins with, and `right` is what is applied to it
  std::string right;                 // an expression; the operator of a layer; type and start of a parameter
  std::vector<std::string> used;     // the values, parameters and layers in it
  std::int64_t copies = 0;           // of a layer: `layer blocks[3] = …`
  std::string module = {};           // of the program that was exported: "layer1.0.conv1"
};

// "x |> relu".
std::string expression(const Line& line);
// "let y = x |> relu".
std::string text(const Line& line);

// Removes what none of the outputs needs. In a tuple that stays, names that nothing uses begin with `_`.
void drop_unused(std::vector<Line>& lines, const std::vector<std::string>& outputs);
// `let a = x |> f`, `let b = a |> g`: one line, if nothing else uses a.
void join_pipes(std::vector<Line>& lines, const std::vector<std::string>& outputs);

}  // namespace nnc::translation
