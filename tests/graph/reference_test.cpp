// The reference in README.md is what the table says.
#include "compiler/ops/reference.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace nnc {
namespace {

TEST_CASE("the reference in compiler/ops/README.md is up to date") {
  const std::string path = NNC_SOURCE_DIR "/compiler/ops/README.md";
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t start = text.find("\n\n", text.find("do not edit below this line")) + 2;
  REQUIRE(start < text.size() + 1);
  if (std::getenv("NNC_UPDATE") != nullptr) {
    std::ofstream(path, std::ios::binary) << text.substr(0, start) << op_reference();
  } else {
    CHECK_MESSAGE(text.substr(start) == op_reference(), "run NNC_UPDATE=1 test_graph");
  }
}

TEST_CASE("a primitive is described in full") {
  const std::string text = describe(op_def("maximum"));
  CHECK(text.find("### `maximum(a, b)`\n") == 0);
  CHECK(text.find("return maximum(a, b);") != std::string::npos);
  CHECK(text.find("* traits: elementwise\n") != std::string::npos);
  CHECK(text.find("* gradient: yes\n") != std::string::npos);
  CHECK(describe(op_def("floor")).find("* gradient: zero\n") != std::string::npos);
  CHECK(describe(op_def("pad")).find("* `interior` (integers): ") != std::string::npos);
}

}  // namespace
}  // namespace nnc
