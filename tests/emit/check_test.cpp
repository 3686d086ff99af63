// Each rule of the check on a small program that breaks it, and one program that keeps them all.
#include "compiler/emit/check.h"

#include <doctest/doctest.h>

namespace nnc {
namespace {

CheckReport check(const std::string& text) {
  return check_emitted({{"model.cpp", text + "\n"}}, *find_target("x86-64-v3"));
}

// The only finding, or all of them on a line each.
std::string finding(const std::string& text) {
  std::string all;
  for (const std::string& one : check(text).findings) all += (all.empty() ? "" : "\n") + one;
  return all;
}

TEST_CASE("what is promised holds: no finding") {
  const CheckReport report = check_emitted({{"model.cpp", R"(#include "model.hpp"

#include <cstring>

namespace {
constexpr float k_table[2] = {1.0f, 2.0f};

struct Scale {
  float factor;
  template <class V>
  V operator()(V value) const {
    return value * factor;
  }
};

template <class Epilogue>
void apply(float* to, const float* from, Epilogue epilogue) {
  float sums[8] = {};
  for (int i = 0; i < 8; ++i) sums[i] = __builtin_fmaf(from[i], k_table[i % 2], sums[i]);
  for (int i = 0; i < 8; ++i) to[i] = epilogue(sums[i]);
}
}  // namespace

namespace model {
void forward(const float* x, float* y) {
  apply(y, x, Scale{2.0f});
  std::memcpy(y + 8, x, 8 * sizeof(float));
}
}  // namespace model
)"},
                                            {"model.hpp",
                                             "#pragma once\n\n#include <cstddef>\nnamespace model {\n"
                                             "void forward(const float* x, float* y);\n}\n"}},
                                           *find_target("x86-64-v3"));
  CHECK(report.findings == std::vector<std::string>{});
  REQUIRE(report.functions.size() == 1);
  CHECK(report.functions[0].name == "model::forward");
  // forward: x, y (16). apply: to, from, epilogue, sums, two counters (8 + 8 + 4 + 32 + 8). Scale: value (4).
  CHECK(report.stack_bytes_bound == 16 + 60 + 4);
  CHECK(report.functions[0].stack_bytes == report.stack_bytes_bound);
}

TEST_CASE("warnings are findings with their place and option") {
  CHECK(finding("namespace {\nint f(long x) { return x; }\n}\nint g(long);\nint g(long x) { return f(x); }\n") ==
        "model.cpp:2:24: implicit conversion loses integer precision: 'long' to 'int' [-Wshorten-64-to-32]");
}

TEST_CASE("errors are findings") {
  CHECK(finding("static int x = y;") == "model.cpp:1:16: use of undeclared identifier 'y'");
}

TEST_CASE("allocation") {
  CHECK(finding("float* f();\nfloat* f() { return new float; }").find("model.cpp:2:21: allocates with new") == 0);
  CHECK(finding("void f(float*);\nvoid f(float* x) { delete x; }").find("model.cpp:2:20: frees with delete") == 0);
  CHECK(finding("void* f();\nvoid* f() { return __builtin_malloc(4); }") ==
        "model.cpp:2:20: calls '__builtin_malloc', which is not defined here");
}

TEST_CASE("calls to a library, also when declared by hand") {
  CHECK(finding("extern \"C\" double exp(double);\ndouble f(double);\ndouble f(double x) { return exp(x); }") ==
        "model.cpp:3:29: calls 'exp', which is not defined here");
}

TEST_CASE("a declaration that is only asked for its type is no call") {
  CHECK(finding("int only_a_type();\nint f();\nint f() {\n  decltype(only_a_type()) x = 1;\n  return x;\n}") == "");
}

TEST_CASE("includes") {
  CHECK(finding("#include <cmath>") == "model.cpp:1:10: 'cmath' file not found\nmodel.cpp:1:1: includes <cmath>");
}

TEST_CASE("includes that the policy does not name") {
  const CheckPolicy policy = {.includes = {"cstddef"}};
  CHECK(check_emitted({{"model.cpp", "#include <cstddef>\n#include <cstdint>\n"}}, *find_target("generic"), policy)
            .findings == std::vector<std::string>{"model.cpp:2:1: includes <cstdint>"});
}

TEST_CASE("objects that can be written and outlive a call") {
  CHECK(finding("namespace {\nint counter = 0;\n}\nint f();\nint f() { return ++counter; }") ==
        "model.cpp:2:1: 'counter' has static storage and can be written");
  CHECK(finding("int f();\nint f() {\n  static int calls = 0;\n  return ++calls;\n}") ==
        "model.cpp:3:3: 'calls' has static storage and can be written");
  CHECK(finding("int f(int);\nint f(int i) {\n  static const int k_table[2] = {1, 2};\n  return k_table[i];\n}") == "");
}

TEST_CASE("recursion, direct and through templates") {
  CHECK(finding("int f(int);\nint f(int n) { return n > 0 ? f(n - 1) : 0; }") == "model.cpp:2:31: 'f' is recursive");
  CHECK(finding("namespace {\ntemplate <int N>\nint g(int n);\ntemplate <int N>\nint f(int n) {\n  return g<N>(n);\n}\n"
                "template <int N>\nint g(int n) {\n  return n > 0 ? f<N>(n - 1) : 0;\n}\n}\nint h(int);\n"
                "int h(int n) { return f<3>(n); }") == "model.cpp:10:18: '(anonymous namespace)::f' is recursive");
  CHECK(finding("namespace {\ntemplate <int N>\nint f(int n) {\n  if constexpr (N == 0) {\n    return n;\n  } else {\n"
                "    return f<N - 1>(n);\n  }\n}\n}\nint h(int);\nint h(int n) { return f<3>(n); }") == "");
}

TEST_CASE("recursion while compiling is none") {
  CHECK(
      finding(
          "namespace {\nconstexpr int f(int n) { return n > 0 ? n + f(n - 1) : 0; }\n}\nint g(int);\n"
          "int g(int n) {\n  constexpr int k_six = f(3);\n  static_assert(f(2) == 3, \"\");\n  return n + k_six;\n}") ==
      "");
}

TEST_CASE("what the compiler cannot see through") {
  CHECK(finding("int f(int (*)());\nint f(int (*g)()) { return g(); }") == "model.cpp:2:28: calls through a pointer");
  CHECK(finding("void f();\nvoid f() { __asm__ volatile(\"nop\"); }") == "model.cpp:2:12: contains assembly");
}

TEST_CASE("casts") {
  CHECK(finding("const unsigned char* f(const float*);\nconst unsigned char* f(const float* x) { return "
                "reinterpret_cast<const unsigned char*>(x); }") ==
        "model.cpp:2:49: reinterprets memory outside load and store");
  CHECK(finding("unsigned char load(const float*);\nunsigned char load(const float* x) { return "
                "*reinterpret_cast<const unsigned char*>(x); }") == "");
  CHECK(finding("float* f(const float*);\nfloat* f(const float* x) { return const_cast<float*>(x); }") ==
        "model.cpp:2:35: casts const away");
}

TEST_CASE("every target can be checked, also those that do not run here") {
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    const CheckReport report = check_emitted(
        {{"model.cpp",
          "#include <cstddef>\nstd::size_t f(std::size_t);\nstd::size_t f(std::size_t x) { return x + 1; }\n"}},
        target);
    CHECK(report.findings == std::vector<std::string>{});
    CHECK(report.stack_bytes_bound == static_cast<std::size_t>(target.pointer_bytes));
  }
}

}  // namespace
}  // namespace nnc
