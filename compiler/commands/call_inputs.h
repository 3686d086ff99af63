// The inputs of a function from files: one value for one call, or with a leading axis, one for each of several calls.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/interop/array.h"
#include "compiler/interop/dataset.h"

namespace nnc {

// "scores=y.npy" split at the first '='; `option` begins the message.
Result<std::pair<std::string, std::string>> name_and_file(const std::string& text, const char* option);

// Whether `name` is one of `known`; else an error that says what is near. `what`: "input".
Status check_known(const std::string& name, const std::vector<std::string>& known, const char* what);

// One input, for all calls.
struct CallInput {
  std::string name;
  Type type;
  std::vector<std::byte> bytes;
  std::size_t step = 0;  // bytes from one call to the next
};

struct CallInputs {
  std::vector<CallInput> inputs;
  std::int64_t calls = -1;
  bool has_axis = false;  // a leading axis: else each input is one value

  // Adds one input of each that is wanted. Arrays that the user has named must be among them; `arrays` may hold more
  // than is wanted.
  Status add(const std::vector<Array>& arrays, const std::vector<WantedInput>& wanted, const char* what);
  // One input in one call.
  const std::byte* at(std::size_t input, std::int64_t call) const {
    return inputs[input].bytes.data() + inputs[input].step * static_cast<std::size_t>(call);
  }
};

}  // namespace nnc
