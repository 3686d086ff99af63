// A value, or the sentence that says why there is none.
//
// Files come from anywhere, so a bad one is an ordinary outcome here and never an exception. The message names the
// file, the place in it (byte offset, line:column or array) and, where there is one, the remedy.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace nnc {

struct Failure {
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Failure failure) : error_(std::move(failure.message)) {}

  explicit operator bool() const { return value_.has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  const std::string& error() const { return error_; }
  // To hand an error on: `if (!result) return result.failure();`
  Failure failure() const { return {error_}; }

 private:
  std::optional<T> value_;
  std::string error_;
};

// The outcome of what yields nothing but may fail: `return Done{};`
using Done = std::monostate;
using Status = Result<Done>;

}  // namespace nnc
