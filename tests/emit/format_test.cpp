// Formatting of emitted code by libFormat.
#include <doctest/doctest.h>

#include "compiler/emit/format_cpp.h"

namespace nnc {
namespace {

TEST_CASE("text is laid out in the repository's style") {
  CHECK(
      format_cpp("#include <cstring>\n#include <cstddef>\nnamespace a{\nint f(int x){if(x>0)return 1;\n"
                 "    return   x;}\n}") ==
      "#include <cstddef>\n#include <cstring>\nnamespace a {\nint f(int x) {\n  if (x > 0) return 1;\n  return x;\n}\n"
      "}  // namespace a");
}

TEST_CASE("lines end before column 120") {
  std::string call = "void f() { g(";
  for (int i = 0; i < 40; ++i) call += (i ? ", argument" : "argument") + std::to_string(i);
  const std::string text = format_cpp(call + "); }\n");
  std::size_t longest = 0, at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    longest = std::max(longest, end - at);
  CHECK(longest <= 120);
  CHECK(longest > 100);
}

TEST_CASE("formatted text stays as it is") {
  const std::string once = format_cpp("struct S{float*p;int n;};\nconstexpr float k[]={1.0f,2.0f};\n");
  CHECK(format_cpp(once) == once);
}

}  // namespace
}  // namespace nnc
