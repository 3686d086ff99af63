// The reference of the language: complete, and what dsl/reference.md holds.
#include "compiler/elaborate/reference.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "compiler/elaborate/evaluator.h"

namespace nnc {
namespace {

TEST_CASE("dsl/reference.md is up to date") {
  const std::string path = NNC_SOURCE_DIR "/dsl/reference.md";
  const std::string page = language_reference();
  if (std::getenv("NNC_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << page;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK_MESSAGE(text == page, "run NNC_UPDATE=1 test_elaborate");
}

TEST_CASE("every primitive of the language has a row that names its parameters in their order") {
  const std::vector<std::string> described = callable_names();
  for (const std::string& name : semantics::builtin_names()) {
    CAPTURE(name);
    REQUIRE_MESSAGE(std::count(described.begin(), described.end(), name) == 1,
                    "a row in compiler/elaborate/builtin_meanings.inc is missing");
    const std::string text = describe_callable(name).value();
    const std::string call = text.substr(1, text.find('`', 1) - 1);
    CHECK(call.starts_with(name + "("));
    std::size_t place = name.size() + 1;
    for (const semantics::SignatureParam& param : semantics::find_builtin(name)->signature.params) {
      CAPTURE(param.name);
      const auto is_param = [&](std::size_t at) {
        const std::size_t end = at + param.name.size();
        return (call[at - 1] == '(' || call[at - 1] == ' ') && std::string_view(":,)").find(call[end]) < 3;
      };
      std::size_t found = call.find(param.name, place);
      while (found != std::string::npos && !is_param(found)) found = call.find(param.name, found + 1);
      REQUIRE(found != std::string::npos);
      place = found + param.name.size();
    }
  }
}

TEST_CASE("a definition of the prelude is described by its comment, its requirements and its text") {
  const std::string text = describe_callable("attention").value();
  CHECK(text.find("layer attention(x: float[T, D], heads: int") != std::string::npos);
  CHECK(text.find("Multi-head self-attention (Vaswani et al., 2017).") != std::string::npos);
  CHECK(text.find("* requires: heads must divide the width (`D % heads == 0`)\n") != std::string::npos);
  CHECK(text.find("|> reshape([T, D]) |> out\n") != std::string::npos);
  CHECK(text.find("(dsl/prelude/attention.nn)") != std::string::npos);
  // One comment above two definitions is of both; a constant has its own behind it.
  CHECK(describe_callable("global_max_pool").value().find("or the largest, of each channel") != std::string::npos);
  CHECK(describe_callable("same").value().find("ceil(size / stride)") != std::string::npos);
  CHECK(!describe_callable("no_such").has_value());
}

TEST_CASE("every definition of the prelude says what it is") {
  for (const std::string& name : callable_names()) {
    CAPTURE(name);
    const std::string text = describe_callable(name).value();
    const std::size_t end = text.find("```\n\n");
    if (end == std::string::npos) continue;  // a primitive
    const std::string below = text.substr(end + 5);
    const bool is_constant = text.starts_with("```nn\nconst ");
    CHECK((is_constant || !below.starts_with("(dsl/prelude/")));
  }
}

}  // namespace
}  // namespace nnc
