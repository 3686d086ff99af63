// What went wrong inside nnc, as opposed to what a user wrote; main reports it with exit status 70.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace nnc {

struct InternalError : std::exception {
  std::string message;
  explicit InternalError(std::string text) : message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }
};

}  // namespace nnc
