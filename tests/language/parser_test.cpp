// The parser: trees of what is right, all errors of what is wrong, and no crash whatever the text.
#include "dsl/parser.h"

#include <doctest/doctest.h>

#include "dsl/print.h"

namespace nnc {
namespace {

std::string tree(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  const ast::File file = ast::parse(sources, sources.add("t.nn", text), diagnostics);
  const std::string errors = diagnostics.render(sources, false);
  return errors.empty() ? ast::print(file) : errors;
}

// The value of a `fn`, as a tree.
std::string value(const std::string& text) {
  const std::string all = tree("fn f() { " + text + " }");
  const std::string header = "fn f()\n  ";
  return all.starts_with(header) ? all.substr(header.size(), all.size() - header.size() - 1) : all;
}

// "line:column kind" of each error.
std::string errors(const std::string& text) {
  SourceManager sources;
  Diagnostics diagnostics;
  ast::parse(sources, sources.add("t.nn", text), diagnostics);
  std::string out;
  for (const Diagnostic& each : diagnostics.all()) {
    const LineColumn at = sources.line_column(each.span.file, each.span.begin);
    out += fmt::format("{}{}:{} {}", out.empty() ? "" : ", ", at.line, at.column, name(each.kind));
  }
  return out;
}

TEST_CASE("precedence") {
  CHECK(value("a + b * c") == "(+ a (* b c))");
  CHECK(value("a - b - c") == "(- (- a b) c)");
  CHECK(value("-x ^ 2") == "(- (^ x 2))");
  CHECK(value("x ^ -y ^ 2") == "(^ x (- (^ y 2)))");
  CHECK(value("not a == b and c or d") == "(or (and (not (== a b)) c) d)");
  CHECK(value("a + b |> f(c) |> g") == "(|> (|> (+ a b) (call f c)) g)");
  CHECK(value("(a |> f) + 1") == "(+ (|> a f) 1)");
  CHECK(value("W @ x // 2 % 3") == "(% (// (@ W x) 2) 3)");
}

TEST_CASE("primaries and postfixes") {
  CHECK(value("f(a, k: [1, 2.0], ())") ==
        "t.nn:1:29: error: expected an expression, found `)` [expected-token]\n"
        "fn f() { f(a, k: [1, 2.0], ()) }\n"
        "                            ^\n");
  CHECK(value("f(a, k: [1, 2.0], (a, b))") == "(call f a k: (list 1 2.0) (tuple a b))");
  CHECK(value("x[1:, :2, :, i][0].y(3)") == "(call (member (at (at x 1: :2 : i) 0) y) 3)");
  CHECK(value("next h + next(2)") == "(+ (next h) (call next 2))");
  CHECK(value("{ a, b -> a }") == "(lambda (a, b) { a })");
  CHECK(value("if a { 1 } else if b { 2 } else { 3 }") == "(if a { 1 } { (if b { 2 } { 3 }) })");
  CHECK(value("\"a\\n\\\"\\\\\"") == "\"a\\n\\\"\\\\\"");
  CHECK(value("1e-3 * 5") == "(* 0.001 5)");
}

TEST_CASE("where lines end") {
  const std::string two = "fn f()\n  let x = (+ a b)\n  (- y)\n";
  CHECK(tree("fn f() { let x = a + b; -y }") == two);
  CHECK(tree("fn f() {\n let x = a +\n b\n -y\n}") == two);
  CHECK(tree("fn f() {\n let x = a\n + b # more\n\n -y }") == two);
  CHECK(tree("fn f() {\n let x =\n a + (b\n)\n -y\n}") == "fn f()\n  let x = (+ a b)\n  (- y)\n");
  CHECK(tree("fn f() { x\n  |> g\n  |> h }") == "fn f()\n  (|> (|> x g) h)\n");
  CHECK(tree("fn f() { if a { b }\n else { c } }") == "fn f()\n  (if a { b } { c })\n");
}

TEST_CASE("items and statements") {
  CHECK(tree("import \"a.nn\"\nconst n = 3; extern fn mish from \"m.h\"") ==
        "import \"a.nn\"\nconst n = 3\nextern fn mish from \"m.h\"\n");
  CHECK(tree("extern fn g(x: float[S...]) -> float[S...] from \"m.h\"") ==
        "extern fn g(x: float[S...]) -> float[S...] from \"m.h\"\n");
  CHECK(tree("layer b[i: 6] = f(8 * i)\nlayer c[2] = d\nlayer e = { x -> x }") ==
        "layer b[i: 6] = (call f (* 8 i))\nlayer c[2] = d\nlayer e = (lambda (x) { x })\n");
  CHECK(tree("model M(x: class[10][R...], n: int = 3) -> (y: f32, z: (f32, f32[2])) { y = x; z = x }") ==
        "model M(x: class[10][R...], n: int = 3) -> (y: f32, z: (f32, f32[2]))\n  y = x\n  z = x\n");
  CHECK(
      tree("cell c(x: f32) { state h: f32 = 0; param w: f32[2] ~ n(std: 1); next h = x; require a, \"b\"; next h }") ==
      "cell c(x: f32)\n  state h: f32 = 0\n  param w: f32[2] ~ (call n std: 1)\n  next h = x\n"
      "  require a, \"b\"\n  (next h)\n");
  CHECK(tree("train p for M { input l: u8[2]; minimize a; metric b; metric c = d; update e, b[0].w with s(rate: 1)\n"
             "with adam; batch 12, shards: 4; epochs 2 }") ==
        "train p for M\n  input l: u8[2]\n  minimize a\n  metric b\n  metric c = d\n"
        "  update e, (member (at b 0) w) with (call s rate: 1)\n  with adam\n  batch 12, shards: 4\n  epochs 2\n");
  CHECK(tree("fn f() { let (a, b): f32 = g; state + next }") == "fn f()\n  let (a, b): f32 = g\n  (+ state next)\n");
}

TEST_CASE("all errors of a file are found, each once") {
  CHECK(errors("fn f(x: f3, y: int, z: flot) {\n let = 3\n let b 3\n a + * b\n}\nfn g() { x$ }\nconst = 1\n") ==
        "6:11 unexpected-character, 1:9 unknown-element-type, 1:24 unknown-element-type, 2:6 expected-token, "
        "3:8 expected-token, 4:6 expected-token, 7:7 expected-token");
  CHECK(errors("fn f() { g(a b, c d, e) }") == "1:14 expected-token, 1:19 expected-token");
  CHECK(errors("hello\nworld {\n x }\nfn f() { 1 }\nagain") == "1:1 expected-token, 5:1 expected-token");
  CHECK(errors("fn f() { 1\n let x = 2\n x }") == "1:10 value-not-last");
  CHECK(errors("fn f() { x |> f + 1 }") == "1:17 operator-after-pipe");
  CHECK(errors("fn f() { a < b < c }") == "1:16 chained-comparison");
  CHECK(errors("fn f() { if a { 1 } }") == "1:10 missing-else");
  CHECK(errors("train M { minimise x\n with }") == "1:11 unknown-train-line, 2:7 expected-token");
  CHECK(errors("fn let() { 1 }") == "1:4 reserved-word");
}

TEST_CASE("brackets that do not match are reported once") {
  CHECK(errors("fn f() {\n let a = g(x,\n let b = 2\n b }\nfn h() { 1 }") == "3:2 unclosed-bracket");
  CHECK(errors("fn f(x: f32[3] {\n x }\nfn h() { 1 }") == "1:16 unclosed-bracket");
  CHECK(errors("fn f() {\n x\nmodel M(x: f32) -> (y: f32) { y = x }") == "3:1 unclosed-bracket");
  CHECK(errors("fn f() { x) }\nfn g() { 1 }}") == "1:11 unmatched-bracket, 2:13 unmatched-bracket");
  CHECK(errors("fn f() { [(1] }") == "1:13 unclosed-bracket");
  CHECK(errors("fn f() { a * (if b { 1 } else { 2 }) }").empty());
  CHECK(errors("fn f() { g(") == "1:12 unclosed-bracket");
}

TEST_CASE("hostile text") {
  CHECK(errors("fn f() { " + std::string(100000, '(') + " }").find("nested-too-deeply") != std::string::npos);
  CHECK(errors("fn f() { " + std::string(100000, '-') + "x }") == "1:258 nested-too-deeply");
  std::string sum = "x";
  for (int i = 0; i < 5000; ++i) sum += " + x";
  CHECK(errors("fn f() { " + sum + " }").find("nested-too-deeply") != std::string::npos);
  CHECK(errors("const a = 99999999999999999999\nconst b = 1e999\nconst c = 12ab\nconst d = 1.5.2") ==
        "1:11 number-out-of-range, 2:11 number-out-of-range, 3:11 malformed-number, 4:15 expected-token");
  CHECK(errors("const a = \"abc\nconst b = \"x\\q\"") == "1:11 unterminated-text, 2:13 unknown-escape");
  CHECK(errors(std::string("const a = \0\0 1\nconst b = \xFF\xFE", 26)) ==
        "1:11 unexpected-character, 2:11 invalid-utf8");
  CHECK(errors("const a = 2 × 3 # ü\n").starts_with("1:13 unexpected-character"));
  CHECK(errors("").empty());
  CHECK(errors("\xEF\xBB\xBF# a comment") == "");
}

}  // namespace
}  // namespace nnc
