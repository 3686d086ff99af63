#include "compiler/interop/names.h"

#include <doctest/doctest.h>

namespace nnc {
namespace {

std::vector<Array> arrays_named(const std::vector<std::string>& names) {
  std::vector<Array> arrays;
  for (const std::string& name : names) {
    arrays.emplace_back();
    arrays.back().name = name;
  }
  return arrays;
}

// The names that come of it, with blanks between; or the message.
std::string renamed(const std::vector<std::string>& names, const std::string& map) {
  const Result<std::vector<Array>> arrays = rename_arrays(arrays_named(names), map, "names.txt");
  if (!arrays) return arrays.error();
  std::string text;
  for (const Array& array : *arrays) text += (text.empty() ? "" : " ") + array.name;
  return text;
}

}  // namespace

TEST_CASE("names: whole names, stars, what is left out, what no line names") {
  CHECK(renamed({"fc.weight", "fc.bias", "n"}, "fc.weight -> head.weight\n\n# a comment\nfc.bias->head.bias # too\n") ==
        "head.weight head.bias n");
  CHECK(renamed({"features.0.weight", "features.11.bias"}, "features.*.* -> block*.*") == "block0.weight block11.bias");
  CHECK(renamed({"a.b.c"}, "*.* -> */*") == "a/b.c");
  CHECK(renamed({"a.weight", "a.steps", "b.steps"}, "*.steps ->") == "a.weight");
  CHECK(renamed({"a.x", "b.x"}, "a.x -> first\n*.x -> *.y") == "first b.y");
  CHECK(renamed({"a*"}, "*a* -> *b") == "b");
  CHECK(renamed({"abab", "ab"}, "ab*ab -> *c") == "c ab");
}

TEST_CASE("names: what is wrong in a map has its line") {
  CHECK(renamed({"a"}, "a -> b\nc d\n") == "names.txt:2: 'c d' is not 'theirs -> ours'");
  CHECK(renamed({"a"}, " -> b") == "names.txt:1: '-> b' is not 'theirs -> ours'");
  CHECK(renamed({"a"}, "a -> b*") == "names.txt:1: 'b*' has more stars than 'a'");
  CHECK(renamed({"a"}, "a -> b\nq.* -> c.*") ==
        "names.txt:2: no array is named 'q.*', or lines before take all of them");
  CHECK(renamed({"a", "b"}, "a -> b") == "names.txt: 'a' and 'b' would both be 'b'");
}

}  // namespace nnc
