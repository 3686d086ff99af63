// A gradient beside slopes of the function, both by the evaluator in double.
//
// The slope along a direction d is (f(p + h d) - f(p - h d)) / 2h. Where the slopes on the two sides differ the
// function has a kink (relu at 0): any value between the two is right. A gradient that is 0 everywhere is said to be
// so: relu may be off, or nothing depends on the variable at this point.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/commands/console.h"
#include "compiler/commands/draws.h"
#include "compiler/graph/evaluate.h"

namespace nnc {

// A function, the sum of the float outputs of `values` times cotangents, those left out that are not finite; and where
// its gradient with respect to each input and state is found.
struct Differentiated {
  Graph values;                      // its outputs have the names of the cotangents
  const Graph* gradients = nullptr;  // gives "d:<input>" and "gradient:<state>"
  std::map<std::string, Tensor> inputs, states, cotangents;
};

struct SlopeReport {
  std::string variable;  // an input or a state
  Shape shape;
  int compared = 0, kinks = 0;
  double worst = 0;  // relative to the largest number of the gradient
  bool is_zero = false;
  int undefined = 0;               // not compared: the gradient is NaN there, and so is a value inside the function
  std::vector<std::string> wrong;  // "x[3]: gradient 1, slope 2"
};

class SlopeCheck {
 public:
  explicit SlopeCheck(Differentiated subject);

  // The inputs, then the states, that have a gradient.
  std::vector<std::string> variables() const;
  // Elements of outputs that are finite at the point, and those that are not.
  std::int64_t finite() const { return finite_; }
  std::int64_t left_out() const { return left_out_; }
  // What the graph of the gradients was given at the point, and what it gave.
  const std::map<std::string, Tensor>& given() const { return given_; }
  const std::map<std::string, Tensor>& gradients() const { return gradients_; }
  // All elements, or a choice of elements and directions, of one variable; without those that are infinite or NaN.
  SlopeReport check(const std::string& variable, Draws& draws, Progress& progress);

 private:
  double value(const Evaluation& evaluation) const;
  const Tensor* gradient(const std::string& variable) const;
  void compare(const std::string& what, Tensor& variable, const std::vector<double>& direction, double expected,
               double scale, SlopeReport& report);

  Differentiated subject_;
  Evaluation here_;  // of `values` at this point, all values kept
  std::int64_t finite_ = 0, left_out_ = 0;
  bool has_nan_inside_ = false;
  double magnitude_ = 0;  // of the terms of the function
  std::map<std::string, Tensor> given_, gradients_;
};

}  // namespace nnc
