// Emitted code compiled and run in process.
#include "compiler/emit/jit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <vector>

namespace nnc {
namespace {

const Target& host() { return *find_target("native"); }

std::unique_ptr<Jit> compile(const std::string& text, std::string& error) {
  return Jit::compile({{"model.cpp", text}}, host(), {}, error);
}

// No file can be opened while this lives: there is no descriptor left. Under the sanitizers it leaves descriptors: they
// look at memory through a pipe.
class NoFiles {
 public:
  NoFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
#if !defined(__SANITIZE_ADDRESS__)
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
#endif
  }
  ~NoFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("code is compiled with its headers in memory and run") {
  std::string error;
  const std::unique_ptr<Jit> jit = Jit::compile(
      {{"model.cpp", "#include \"nnc/twice.h\"\nextern \"C\" int run(int x) { return nnc::twice(x) + 1; }"},
       {"nnc/twice.h", "#pragma once\n#include \"inner.h\"\n"},
       {"nnc/inner.h", "namespace nnc { inline int twice(int x) { return 2 * x; } }"}},
      host(), {}, error);
  REQUIRE_MESSAGE(jit != nullptr, error);
  const auto run = reinterpret_cast<int (*)(int)>(jit->symbol("run"));
  REQUIRE((run != nullptr));
  CHECK(run(20) == 41);
  CHECK(jit->symbol("stop") == nullptr);
  CHECK(jit->code_bytes() > 0);
  CHECK(jit->code_bytes() < 64);
}

TEST_CASE("the three headers of the standard library that code may include are there, and no file is opened") {
  const NoFiles no_files;
  std::string error;
  const std::unique_ptr<Jit> jit = compile(R"(
#include <cstddef>
#include <cstdint>
#include <cstring>
extern "C" std::uint64_t run(unsigned char* to, const unsigned char* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  std::memmove(to + 1, to, bytes - 1);
  std::memset(to, 7, 1);
  return static_cast<std::uint64_t>(to[0]) + to[1] + to[2];
})",
                                           error);
  REQUIRE_MESSAGE(jit != nullptr, error);
  using Run = std::uint64_t (*)(unsigned char*, const unsigned char*, std::size_t);
  unsigned char to[3] = {};
  const unsigned char from[3] = {10, 20, 30};
  CHECK(reinterpret_cast<Run>(jit->symbol("run"))(to, from, 3) == 7 + 10 + 20);
}

TEST_CASE("a header of the system is not found") {
  std::string error;
  CHECK(compile("#include <cstdio>\n", error) == nullptr);
  CHECK(error.find("model.cpp:1:10: fatal error: 'cstdio' file not found") != std::string::npos);
}

TEST_CASE("an error carries its place") {
  std::string error;
  CHECK(compile("int f() {\n  return x;\n}\n", error) == nullptr);
  CHECK(error.find("model.cpp:2:10: error: use of undeclared identifier 'x'") != std::string::npos);
}

TEST_CASE("a call to a library is refused when compiling") {
  std::string error;
  CHECK(compile("extern \"C\" double exp(double);\nextern \"C\" double run(double x) { return exp(x); }", error) ==
        nullptr);
  CHECK_MESSAGE(error.find("exp") != std::string::npos, error);
}

TEST_CASE("multiplication and addition are not contracted") {
  std::string error;
  const std::unique_ptr<Jit> jit =
      compile("extern \"C\" float run(float a, float b, float c) { return a * b + c; }", error);
  REQUIRE_MESSAGE(jit != nullptr, error);
  const float x = 1.0f + 0x1p-12f;
  // The square rounds to 1 + 2^-11: with one rounding the difference would be 2^-24.
  CHECK(reinterpret_cast<float (*)(float, float, float)>(jit->symbol("run"))(x, x, -(1.0f + 0x1p-11f)) == 0.0f);
}

TEST_CASE("vectors of the target are used") {
  std::string error;
  const std::string lanes = std::to_string(host().lanes);
  const std::unique_ptr<Jit> jit =
      compile("typedef float V __attribute__((vector_size(4 * " + lanes + "), aligned(4), may_alias));\n" +
                  "extern \"C\" void run(float* to, const float* a) { *reinterpret_cast<V*>(to) = " +
                  "*reinterpret_cast<const V*>(a) * *reinterpret_cast<const V*>(a); }",
              error);
  REQUIRE_MESSAGE(jit != nullptr, error);
  std::vector<float> to(host().lanes), a(host().lanes, 3.0f);
  reinterpret_cast<void (*)(float*, const float*)>(jit->symbol("run"))(to.data(), a.data());
  CHECK(to == std::vector<float>(host().lanes, 9.0f));
}

TEST_CASE("code for another machine is refused") {
  std::string error;
  CHECK(Jit::compile({{"model.cpp", ""}}, *find_target("cortex-m4"), {}, error) == nullptr);
  CHECK(error == "this machine (" + host_target() + ") does not run code for cortex-m4");
}

TEST_CASE("portable scalar code runs everywhere") {
  std::string error;
  const std::unique_ptr<Jit> jit =
      Jit::compile({{"model.cpp", "extern \"C\" int run() { return 5; }"}}, *find_target("generic"), {}, error);
  REQUIRE_MESSAGE(jit != nullptr, error);
  CHECK(reinterpret_cast<int (*)()>(jit->symbol("run"))() == 5);
}

TEST_CASE("targets are found by name") {
  CHECK(find_target("x86-64-v5") == nullptr);
  CHECK(find_target("native")->name == host_target());
  CHECK(find_target(kDefaultTarget)->lanes == 8);
  for (const Target& target : targets()) CHECK(find_target(target.name) == &target);
}

}  // namespace
}  // namespace nnc
