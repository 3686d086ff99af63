// Names and user text in emitted C++.
//
// What comes from a source file reaches the output only through this file: names through cpp_identifier(), camel_case()
// and NameScope, text through comment_text(). Neither can end a comment, a line or a literal.
//
//   source                         emitted
//   model LeNet5 in lenet5.nn      namespace lenet5 (Unit::name_space)
//   input image, output scores     parameter image, scores
//   parameter conv1.weight         Parameters::conv1_weight (Slot::field)
//   step conv1                     function conv1; its constants: struct Conv1
//   fused operations               struct AddTanh; the operation alone: add_op
//   buffer conv1_out               pointer conv1_out
// Steps and buffers have their names from the plan: the table is in compiler/plan/names.cpp.
//
// A name that C++ or the emitted file has already gets a trailing `_`, then a number. Bytes that no identifier may
// hold become `_`; so do runs of `_`, since C++ keeps `__` for itself. Names are cut after 60 characters.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace nnc {

// A C++ identifier that is no keyword and no common macro.
std::string cpp_identifier(std::string_view name);
// "conv1_tanh" -> "Conv1Tanh".
std::string camel_case(std::string_view name);
// Text for the inside of a `//` comment: printable ASCII, on one line, at most `length_max` characters.
std::string comment_text(std::string_view text, std::size_t length_max = 100);

// Names visible at one place of the output; an inner scope sees those of the outer ones.
class NameScope {
 public:
  explicit NameScope(const NameScope* outer = nullptr) : outer_(outer) {}

  void reserve(const std::string& name) { names_.insert(name); }
  bool has(const std::string& name) const { return names_.count(name) != 0 || (outer_ && outer_->has(name)); }
  // cpp_identifier(wanted), or that with `suffix` or a number if it is taken; then reserved.
  // Names in `avoided` are taken, too.
  std::string add(std::string_view wanted, std::string_view suffix = "_", const NameScope* avoided = nullptr);

 private:
  const NameScope* outer_;
  std::set<std::string> names_;
};

}  // namespace nnc
