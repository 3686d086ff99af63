// The rules by which nodes read in a program of one example: what they ask of a node, and the tables of them.
//
// A rule gives the form of its node, or nothing where the node does not keep examples apart, or reads no better so.
// Axes and shapes of a rule's form are those of one example; those in the node's attributes count the batch.
#pragma once

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/onnx/readable.h"

namespace nnc::translation {

using Integers = std::vector<std::int64_t>;

// What a rule asks of its node.
class FormView {
 public:
  explicit FormView(const NodeView& view) : view_(view) {}

  const NodeView& node() const { return view_; }
  bool has(std::size_t i) const { return i < view_.inputs.size() && view_.inputs[i] != nullptr; }
  Imported* input(std::size_t i) const { return has(i) ? view_.inputs[i] : nullptr; }
  const Tensor* constant(std::size_t i) const { return has(i) ? view_.inputs[i]->constant.get() : nullptr; }
  bool has_integers(std::size_t i) const { return constant(i) != nullptr && is_integer(constant(i)->type.element); }
  bool is_batched(std::size_t i) const { return has(i) && view_.inputs[i]->is_batched; }
  const Shape& shape(std::size_t i) const { return view_.inputs[i]->type.shape; }
  // With the batch.
  std::int64_t rank(std::size_t i) const {
    return static_cast<std::int64_t>(shape(i).size()) + (is_batched(i) ? 1 : 0);
  }
  // Only the first input is batched; all others that are there are constants.
  bool is_layer_like() const {
    if (!is_batched(0)) return false;
    for (std::size_t i = 1; i < view_.inputs.size(); ++i) {
      if (has(i) && constant(i) == nullptr) return false;
    }
    return true;
  }

  bool has_attribute(const std::string& name) const { return view_.attributes.count(name) != 0; }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->i();
  }
  float real(const std::string& name, float otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->f();
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = view_.attributes.find(name);
    return found == view_.attributes.end() ? otherwise : found->second->s();
  }
  Integers integers(const std::string& name, const Integers& otherwise) const {
    const auto found = view_.attributes.find(name);
    if (found == view_.attributes.end()) return otherwise;
    return {found->second->ints().begin(), found->second->ints().end()};
  }
  // An axis of the example from one of the batch; nothing if it is the batch itself.
  std::optional<std::int64_t> axis(std::int64_t value) const {
    if (value < 0) value += rank(0);
    return value >= 1 && value < rank(0) ? std::optional(value - 1) : std::nullopt;
  }
  // Axes given as an attribute or as input `i`.
  std::optional<Integers> axes(std::size_t i) const {
    Integers given = integers("axes", {});
    if (constant(i) != nullptr) given = constant(i)->integers();
    Integers result;
    for (const std::int64_t one : given) {
      const std::optional<std::int64_t> of_example = axis(one);
      if (!of_example) return std::nullopt;
      result.push_back(*of_example);
    }
    return result;
  }

  Form pipe(std::string text) const {
    Form form;
    form.pipe = std::move(text);
    form.arguments = {input(0)};
    return form;
  }
  Form layer(std::string text, std::map<std::string, Tensor> weights) const {
    Form form;
    form.layer = std::move(text);
    form.weights = std::move(weights);
    form.arguments = {input(0)};
    return form;
  }

 private:
  const NodeView& view_;
};

using FormRule = std::optional<Form> (*)(const FormView&);
using FormRules = std::map<std::string, FormRule>;  // by operator

// Operators with weights, and windows: form_layers.cpp.
const FormRules& layer_rules();
// Operators that move elements: form_movement.cpp.
const FormRules& movement_rules();

inline std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

inline Tensor with_shape(const Tensor& tensor, const Shape& shape) {
  Tensor result = tensor;
  result.type.shape = shape;
  return result;
}

}  // namespace nnc::translation
