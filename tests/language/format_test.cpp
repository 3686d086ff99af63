// The formatter: its rules one by one, and over all programs: nothing changes, the tree stays, twice is once.
#include "dsl/format.h"

#include <doctest/doctest.h>

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/parser.h"
#include "dsl/print.h"
#include "tests/language/corpus.h"

namespace nnc {
namespace {

std::string formatted(const std::string& text) {
  SourceManager sources;
  return format(sources, sources.add("t.nn", text));
}

std::string tree(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const ast::File file = ast::parse(sources, sources.add("t.nn", text), diagnostics);
  REQUIRE(diagnostics.render(sources, false) == "");
  return ast::print(file);
}

// The statements of a `fn`, laid out.
std::string statements(const std::string& text) {
  const std::string all = formatted("fn f() {\n" + text + "\n}\n");
  return all.substr(9, all.size() - 11);
}

TEST_CASE("every program of the repository is laid out already") {
  const std::vector<Program> corpus = read_corpus();
  CHECK(corpus.size() > 20);
  for (const Program& program : corpus) {
    CAPTURE(program.name);
    CHECK(formatted(program.text) == program.text);
  }
}

TEST_CASE("without its blanks and with too many a program gets the same tree, and formatting is idempotent") {
  for (const Program& program : read_corpus()) {
    CAPTURE(program.name);
    std::string wide;
    for (const char c : program.text) {
      const bool is_symbol = std::string("()[]{},:@*").find(c) != std::string::npos;
      wide += is_symbol ? std::string("  ") + c + "  " : c == '\n' ? "\n\n\n   " : std::string(1, c);
    }
    const std::string once = formatted(wide);
    CHECK(once != wide);
    CHECK(formatted(once) == once);
    CHECK(once.find("\n\n\n") == std::string::npos);
    if (program.text.find('"') == std::string::npos) CHECK(tree(once) == tree(program.text));
  }
}

TEST_CASE("a block that is broken for its length opens those around it, at once") {
  const std::string line =
      "let y = if a { b } else { let inside = 1; total / pool_sum(inside, size: size, stride: stride, pad: " +
      std::string("pad, pad_end: pad_end) }; first + second + third + fourth + fifth + sixth");
  const std::string once = formatted("fn f() { if c { " + line + " } else { " + line + " } }\n");
  CHECK(formatted(once) == once);
  CHECK(once.find("} else {\n") != std::string::npos);
}

TEST_CASE("blanks between tokens") {
  CHECK(statements("let a=x|>f( 1 )|>g") == "  let a = x |> f(1) |> g\n");
  CHECK(statements("-x^2+-3*(a-b)^n") == "  -x^2 + -3 * (a - b) ^ n\n");
  CHECK(statements("x[1 : , : 2,a:b] . y") == "  x[1:, :2, a:b].y\n");
  CHECK(statements("g(k :1 ,z)(2) [3]") == "  g(k: 1, z)(2)[3]\n");
  CHECK(statements("let z={ p,q->p+q }") == "  let z = { p, q -> p + q }\n");
  CHECK(statements("if(a){let b=1;c}else if not(d){ e }else{f}") ==
        "  if (a) { let b = 1; c } else if not (d) { e } else { f }\n");
  CHECK(formatted("train M{minimize -x;minimize (a+b)}") == "train M { minimize -x; minimize (a + b) }\n");
  CHECK(formatted("layer b [i:6]=f( i )") == "layer b[i: 6] = f(i)\n");
  CHECK(formatted("model M(x:class[3] [S ... ])->(y:(f32,f32 [2])){}") ==
        "model M(x: class[3][S...]) -> (y: (f32, f32[2])) { }\n");
}

TEST_CASE("blocks and continued lines") {
  CHECK(formatted("fn f() { let a = 1\n  a }") == "fn f() {\n  let a = 1\n  a\n}\n");
  CHECK(statements("let y = x |> a\n|> b\ny") == "  let y = x |> a\n            |> b\n  y\n");
  CHECK(statements("let y = x\n|> a |> b\n|> c\ny") == "  let y = x\n    |> a |> b\n    |> c\n  y\n");
  CHECK(statements("let y = if a { b }\nelse { c }") == "  let y = if a { b }\n          else { c }\n");
  CHECK(statements("let y = if a { b }\nelse if c { d }\nelse if e { f }\nelse { g }") ==
        "  let y = if a { b }\n          else if c { d }\n          else if e { f }\n          else { g }\n");
  CHECK(statements("repeat(x, 3, { s ->\nlet u = s\nu })") == "  repeat(x, 3, { s ->\n    let u = s\n    u\n  })\n");
  CHECK(statements("g(\na,\nb\n)") == "  g(\n    a,\n    b\n  )\n");
  CHECK(statements("g(a,\nb)") == "  g(a,\n    b)\n");
  CHECK(statements("let a = 1;\nlet b = 2;") == "  let a = 1\n  let b = 2\n");
}

TEST_CASE("long lines are broken at their outermost place") {
  const std::string name(50, 'n');
  CHECK(formatted("fn f() { " + name + " + " + name + " }") == "fn f() {\n  " + name + " + " + name + "\n}\n");
  CHECK(statements(name + " + " + name + " + " + name) == "  " + name + " + " + name + " +\n    " + name + "\n");
  CHECK(statements("g(" + name + ", " + name + ", k: 1)") == "  g(" + name + ", " + name + ",\n    k: 1)\n");
  CHECK(statements(name + " |> " + name + " |> " + name) ==
        "  " + name + "\n    |> " + name + "\n    |> " + name + "\n");
}

TEST_CASE("columns that the author began are kept, others not made") {
  CHECK(statements("let a   = 1\nlet bcd=2") == "  let a = 1\n  let bcd = 2\n");
  CHECK(statements("let a   = 1\nlet bcd = 2") == "  let a   = 1\n  let bcd = 2\n");
  CHECK(statements("param a: f32[2]   = 1\nparam b: f32[2,3] ~ n") ==
        "  param a: f32[2]    = 1\n  param b: f32[2, 3] ~ n\n");
  CHECK(statements("fn a(x: f32)  -> f32 { x }\nfn bb(x: f32) -> f32 { x }") ==
        "  fn a(x: f32)  -> f32 { x }\n  fn bb(x: f32) -> f32 { x }\n");
}

TEST_CASE("comments and blank lines") {
  CHECK(formatted("\n\n# a\n\n\n#b\nconst c = 1 # d\n\n\n\nconst e = 2\n# end\n\n") ==
        "# a\n\n# b\nconst c = 1  # d\n\nconst e = 2\n# end\n");
  CHECK(statements("\n# first\nlet a = 1   # x\nlet bcd = 2   # y\n# last\n") ==
        "  # first\n  let a = 1     # x\n  let bcd = 2   # y\n  # last\n");
  CHECK(statements("g(\na, # why\n# alone\nb\n# end\n)") ==
        "  g(\n    a,  # why\n    # alone\n    b\n    # end\n  )\n");
  CHECK(formatted("# only a comment") == "# only a comment\n");
  CHECK(formatted("").empty());
  CHECK(formatted("fn f() { # why\n}") == "fn f() {  # why\n}\n");
}

TEST_CASE("a file with errors stays as it is") { CHECK(formatted("fn  f( {") == "fn  f( {"); }

}  // namespace
}  // namespace nnc
