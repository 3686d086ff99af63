// Names of emitted things: C++ words are avoided, and no two are alike.
#include "compiler/emit/names.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "compiler/emit/cpp_text.h"
#include "compiler/emit/runtime_text.h"

namespace nnc {
namespace {

TEST_CASE("identifiers hold only what C++ allows") {
  CHECK(cpp_identifier("conv1.weight") == "conv1_weight");
  CHECK(cpp_identifier("block.0.qkv") == "block_0_qkv");
  CHECK(cpp_identifier("0th") == "n0th");
  CHECK(cpp_identifier("a__b") == "a_b");
  CHECK(cpp_identifier("_Hidden") == "Hidden");
  CHECK(cpp_identifier("") == "unnamed");
  CHECK(cpp_identifier("\xce\xb1\xce\xb2") == "unnamed");
  CHECK(cpp_identifier("*/ int pwned; /*") == "int_pwned_");
  CHECK(cpp_identifier(std::string(200000, 'x')).size() == 60);
}

TEST_CASE("keywords and macros of common headers are kept clear of") {
  for (const char* taken : {"class", "float", "new", "std", "linux", "NULL", "errno", "requires", "and"}) {
    CHECK(cpp_identifier(taken) == std::string(taken) + "_");
  }
  CHECK(cpp_identifier("classes") == "classes");
}

TEST_CASE("a scope gives each name once, and sees the outer one") {
  NameScope outer;
  CHECK(outer.add("conv1") == "conv1");
  CHECK(outer.add("conv1") == "conv1_");
  CHECK(outer.add("conv1") == "conv1_2");
  NameScope inner(&outer);
  CHECK(inner.add("conv1", "_out") == "conv1_out");
  CHECK(inner.add("conv1", "_out") == "conv1_3");
  CHECK(inner.add("image") == "image");
  CHECK_FALSE(outer.has("image"));
  const std::string long_name(200, 'a');
  CHECK(outer.add(long_name) != outer.add(long_name));
}

TEST_CASE("text in a comment stays in it") {
  CHECK(comment_text("conv1 \"quoted\" */ ok") == "conv1 \"quoted\" */ ok");
  CHECK(comment_text("a\nint pwned;") == "a<0a>int pwned;");
  CHECK(comment_text("ends in \\") == "ends in <5c>");
  CHECK(comment_text("\xe2\x80\xae") == "<e2><80><ae>");
  CHECK(comment_text(std::string(200000, 'x')).size() == 103);
}

TEST_CASE("camel case") {
  CHECK(camel_case("conv1_tanh") == "Conv1Tanh");
  CHECK(camel_case("logical_and") == "LogicalAnd");
}

TEST_CASE("literals read back as the same value") {
  CHECK(cpp_literal(ElementType::F32, 0.5) == "0.5f");
  CHECK(cpp_literal(ElementType::F32, 1.0) == "1.0f");
  CHECK(cpp_literal(ElementType::F32, -0.0) == "-0.0f");
  CHECK(cpp_literal(ElementType::F32, 0.1) == "0.1f");
  CHECK(cpp_literal(ElementType::F64, 0.1) == "0.1");
  CHECK(cpp_literal(ElementType::F32, 1e-45) == "1e-45f");
  CHECK(cpp_literal(ElementType::F32, 1e300) == "__builtin_huge_valf()");
  CHECK(cpp_literal(ElementType::F32, -INFINITY) == "-__builtin_huge_valf()");
  CHECK(cpp_literal(ElementType::F32, NAN) == "__builtin_nanf(\"\")");
  CHECK(cpp_literal(ElementType::I32, std::int64_t{-2147483648}) == "-2147483647 - 1");
  CHECK(cpp_literal(ElementType::U32, std::int64_t{4294967295}) == "4294967295u");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-123) == "-123");
}

TEST_CASE("tokens make up the text, and directives are one each") {
  const std::string text = "#define A \\\n  1\nint f(const char* s = \"a\\\"b\") { return 'x' + 0x1p3; }  // end\n";
  std::string again;
  for (const CppToken& token : cpp_tokens(text)) again += token.text;
  CHECK(again == text);
  CHECK(cpp_tokens(text)[0].text == "#define A \\\n  1");
}

TEST_CASE("of the runtime only what is reached is embedded, in order of dependence") {
  const RuntimeText runtime(runtime_files());
  CHECK(runtime.names().count("convolution") == 1);
  CHECK(runtime.names().count("NNC_UNROLL") == 1);
  CHECK(runtime.names().count("Split") == 1);
  const RuntimeText::Slice slice = runtime.slice({"contraction"});
  for (const char* wanted : {"contraction_tile(", "struct Split {", "finish_tile(", "#define NNC_UNROLL"}) {
    CAPTURE(wanted);
    CHECK(slice.text.find(wanted) != std::string::npos);
  }
  CHECK(slice.text.find("V fma(") < slice.text.find("void tile_step("));
  for (const char* unwanted : {"#include", "#pragma once", "!defined(NNC_LANES)", "convolution", "philox", "V tanh("}) {
    CAPTURE(unwanted);
    CHECK(slice.text.find(unwanted) == std::string::npos);
  }
  CHECK(slice.standard == std::set<std::string>{"cstddef", "cstdint"});
  CHECK(slice.macros.count("NNC_INLINE") == 1);
  CHECK(slice.words.count("NNC_FMA") == 1);
  CHECK(runtime.slice({"no_such_name"}).macros.empty());
}

TEST_CASE("emitted text is ASCII") {
  const RuntimeText runtime(runtime_files());
  const std::string text = runtime.slice(runtime.names()).text;
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

}  // namespace
}  // namespace nnc
