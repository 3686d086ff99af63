// Emitted files, compiled by both compilers with plain -O2 and every warning an error, and run.
#include <doctest/doctest.h>

#include "compiler/emit/check.h"
#include "compiler/graph/graph.h"
#include "tests/emit/sketch.h"

namespace nnc {
namespace {

using test::compile_and_run;
using test::emit_text;
using test::field;
using test::flag;
using test::Sketch;

const Type kRow = {ElementType::F32, {5}};

// y = max(a + b, 0) over [3][5], b the same for every row.
Unit add_relu() {
  Sketch sketch;
  const Type type{ElementType::F32, {3, 5}};
  Value* a = sketch.input("a", type);
  Value* b = sketch.input("b", kRow);
  sketch.output("y", type);
  Value* zero = sketch.value(type);
  const Op* sum = sketch.op("add", "return a + b;", {a, b}, type);
  const Op* relu = sketch.op("maximum", "return maximum(a, b);", {zero, sum->result()}, type);
  Step step;
  step.name = "hidden_relu";
  step.kernel = "for_each";
  step.header = "templates/elementwise.h";
  step.extents = {3, 5};
  step.comments = {"f32[3, 5]; add and maximum"};
  step.flops = 30;
  step.arguments = {sketch.argument("a", sketch.buffer("a", ElementType::F32, 15, Memory::Input, "a"), false),
                    sketch.argument("b", sketch.buffer("b", ElementType::F32, 5, Memory::Input, "b"), false),
                    sketch.argument("y", sketch.buffer("y", ElementType::F32, 15, Memory::Output, "y"), true)};
  step.functor.loads = {{a, 0, Access::Index, {5, 1}, 0}, {b, 1, Access::Index, {0, 1}, 0}};
  step.functor.literals = {{zero, 0}};
  step.functor.ops = {sum, relu};
  step.functor.stores = {{relu->result(), 2, Access::Index, {5, 1}, 0}};
  sketch.add(sketch.plan().nodes, std::move(step));
  // The sketch owns the operations; emission happens while it lives.
  static std::deque<Sketch> kept;
  kept.push_back(std::move(sketch));
  return std::move(kept.back().unit);
}

TEST_CASE("elementwise step: fused, broadcast, with tails; the runtime embedded or included") {
  Unit unit = add_relu();
  for (const bool includes : {false, true}) {
    unit.includes_runtime = includes;
    CHECK(compile_and_run(unit, R"(
int main() {
  const float a[3][5] = {{1, 2, 3, 4, 5}, {-9, -9, -9, -9, -9}, {0, 0, 0, 0, -8}};
  const float b[5] = {1, 2, 3, 4, 5};
  float y[3][5];
  sketch::forward(a, b, y);
  for (const float (&row)[5] : y) std::printf("%g %g %g %g %g\n", row[0], row[1], row[2], row[3], row[4]);
})") == "2 4 6 8 10\n0 0 0 0 0\n1 2 3 4 0\n2 4 6 8 10\n0 0 0 0 0\n1 2 3 4 0\n");
    const Emitted emitted = emit_text(unit);
    CHECK((emitted.source.text.find("#include \"nnc/vector.h\"") != std::string::npos) == includes);
    CHECK((emitted.source.text.find("struct VectorType {") == std::string::npos) == includes);
  }
}

TEST_CASE("what the check has shown stands in the opening comment") {
  const Unit unit = add_relu();
  Emitted emitted = emit_text(unit);
  const CheckReport report = check_emitted(
      {{emitted.source.name, emitted.source.text}, {emitted.header.name, emitted.header.text}}, unit.target);
  const std::string plain = emitted.source.text;
  state_checked(emitted, report);
  const std::string& text = emitted.source.text;
  const std::string bound = "at most " + std::to_string(report.stack_bytes_bound) + " bytes of the stack";
  CHECK(text.find(bound) < text.find("#include"));
  CHECK(text.substr(text.find("#include")) == plain.substr(plain.find("#include")));
}

TEST_CASE("the same unit gives the same bytes") {
  const Emitted one = emit_text(add_relu());
  const Emitted two = emit_text(add_relu());
  CHECK(one.source.text == two.source.text);
  CHECK(one.header.text == two.header.text);
  CHECK(one.header.name == "model.hpp");
}

// scores = hidden @ w + bias, kept also before the bias: an epilogue that loads by channel and stores twice.
TEST_CASE("contraction: epilogue with bias and a second result, through the arena") {
  Sketch sketch;
  const Type hidden{ElementType::F32, {2, 3}}, scores{ElementType::F32, {2, 11}};
  sketch.input("hidden", hidden);
  sketch.output("scores", scores);
  sketch.unit.parameters = {{{"out.weight", "out_weight", {ElementType::F32, {3, 11}}, StateKind::Parameter, 0},
                             {"out.bias", "out_bias", {ElementType::F32, {11}}, StateKind::Parameter, 132}},
                            176};
  const int x = sketch.buffer("hidden", ElementType::F32, 6, Memory::Input, "hidden");
  const int w = sketch.buffer("out_weight", ElementType::F32, 33, Memory::Parameters, "out.weight");
  const int bias = sketch.buffer("out_bias", ElementType::F32, 11, Memory::Parameters, "out.bias");
  const int y = sketch.buffer("scores", ElementType::F32, 22, Memory::Output, "scores");
  const int sums = sketch.scratch("out", 22), biased = sketch.scratch("out_biased", 22);
  Value *sum = sketch.value(scores), *b = sketch.value(scores);
  const Op* add = sketch.op("add", "return a + b;", {sum, b}, scores);
  Step product;
  product.name = "out";
  product.kernel = "contraction";
  product.header = "templates/contraction.h";
  product.config = {field("batch", 1),   field("m", 2),     field("n", 11),      field("k", 3),
                    field("a_batch", 0), field("a_m", 3),   field("a_k", 1),     flag("packed", false),
                    field("b_batch", 0), field("b_k", 11),  field("b_block", 0), field("y_batch", 0),
                    field("y_m", 11),    field("lanes", 8), field("tile_m", 2),  field("tile_n", 2)};
  product.arguments = {sketch.argument("a", x, false), sketch.argument("b", w, false),
                       sketch.argument("y", biased, true), sketch.argument("bias", bias, false),
                       sketch.argument("out", sums, true)};
  product.pointers = {0, 1, 2};
  product.has_epilogue = true;
  product.functor.accumulator = sum;
  product.functor.result = add->result();
  product.functor.loads = {{b, 3, Access::Channel, {}, 0}};
  product.functor.ops = {add};
  product.functor.stores = {{sum, 4, Access::Offset, {}, 0}};
  sketch.add(sketch.plan().nodes, std::move(product));
  // scores = biased - out: the bias alone, row by row.
  Value *one = sketch.value(scores), *two = sketch.value(scores);
  const Op* difference = sketch.op("subtract", "return a - b;", {one, two}, scores);
  Step rest;
  rest.name = "scores";
  rest.kernel = "for_each";
  rest.header = "templates/elementwise.h";
  rest.extents = {22};
  rest.arguments = {sketch.argument("a", biased, false), sketch.argument("b", sums, false),
                    sketch.argument("y", y, true)};
  rest.functor.loads = {{one, 0, Access::Index, {1}, 0}, {two, 1, Access::Index, {1}, 0}};
  rest.functor.ops = {difference};
  rest.functor.stores = {{difference->result(), 2, Access::Index, {1}, 0}};
  sketch.add(sketch.plan().nodes, std::move(rest));

  const std::string once = "10 20 110 10 20 110 ";
  CHECK(compile_and_run(sketch.unit, R"(
int main() {
  static sketch::Parameters parameters;
  static sketch::Arena arena;
  for (float (&row)[11] : parameters.out_weight) for (float& w : row) w = 0.5f;
  for (int i = 0; i < 11; ++i) parameters.out_bias[i] = 10.0f * static_cast<float>(i + 1);
  const float hidden[2][3] = {{1, 2, 3}, {4, 5, 6}};
  float scores[2][11];
  sketch::forward(parameters, hidden, scores, arena);
  for (const float (&row)[11] : scores) std::printf("%g %g %g ", row[0], row[1], row[10]);
})") == once + once);
  const Emitted emitted = emit_text(sketch.unit);
  CHECK(emitted.header.text.find("void forward(const Parameters& parameters, const float (&hidden)[2][3], float "
                                 "(&scores)[2][11], Arena& arena);") != std::string::npos);
  CHECK(emitted.source.text.find("// Memory of forward: 256 bytes") != std::string::npos);
}

// h = h / 2 + x[t] over 4 steps from the last to the first; ys[t] = h.
TEST_CASE("loop: carried value, slices of a sequence, in reverse") {
  Sketch sketch;
  const Type step_type{ElementType::F32, {3}}, all{ElementType::F32, {4, 3}};
  sketch.input("xs", all);
  sketch.output("ys", all);
  const int xs = sketch.buffer("xs", ElementType::F32, 12, Memory::Input, "xs");
  const int ys = sketch.buffer("ys", ElementType::F32, 12, Memory::Output, "ys");
  const int h = sketch.scratch("scan", 3);
  Step zero;
  zero.name = "scan_fill";
  zero.kernel = "fill";
  zero.header = "templates/move.h";
  zero.config = {field("rank", 1), {"extent", {3}, true}, {"y_stride", {1}, true}, field("lanes", 8)};
  zero.arguments = {sketch.argument("y", h, true)};
  zero.pointers = {0};
  sketch.add(sketch.plan().nodes, std::move(zero));
  Node node;
  node.loop = std::make_unique<Loop>();
  node.loop->id = 7;
  node.loop->name = "scan";
  node.loop->count = 4;
  node.loop->reverse = true;
  Value *half = sketch.value(step_type), *carry = sketch.value(step_type), *x = sketch.value(step_type);
  const Op* scaled = sketch.op("multiply", "return a * b;", {half, carry}, step_type);
  const Op* next = sketch.op("add", "return a + b;", {scaled->result(), x}, step_type);
  Step step;
  step.name = "cell";
  step.kernel = "for_each";
  step.header = "templates/elementwise.h";
  step.extents = {3};
  step.arguments = {sketch.argument("h", h, false), sketch.argument("x", xs, false, 0, {{7, 3}}),
                    sketch.argument("y", ys, true, 0, {{7, 3}}), sketch.argument("next", h, true)};
  step.functor.loads = {{carry, 0, Access::Index, {1}, 0}, {x, 1, Access::Index, {1}, 0}};
  step.functor.literals = {{half, 0.5}};
  step.functor.ops = {scaled, next};
  step.functor.stores = {{next->result(), 2, Access::Index, {1}, 0}, {next->result(), 3, Access::Index, {1}, 0}};
  sketch.add(node.loop->body, std::move(step));
  sketch.plan().nodes.push_back(std::move(node));

  const std::string once = "1.875 1.75 1.5 1 3.75 3.5 3 2 ";
  CHECK(compile_and_run(sketch.unit, R"(
extern "C" void nnc_forward(void* const* a);
int main() {
  float xs[4][3] = {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}};
  float ys[4][3];
  static sketch::Arena arena;
  void* const a[] = {nullptr, nullptr, nullptr, nullptr, &arena, xs, ys};
  nnc_forward(a);
  for (int j = 0; j < 2; ++j) for (const float (&y)[3] : ys) std::printf("%g ", y[j]);
})",
                        true) == once + once);
}

// Sum of squares over the rows of [3][20]: a prologue.
TEST_CASE("reduction: prologue, lanes along the reduced axis") {
  Sketch sketch;
  const Type type{ElementType::F32, {3, 20}};
  sketch.input("x", type);
  sketch.output("y", {ElementType::F32, {3}});
  Value *x = sketch.value(type), *mean = sketch.value(type);
  const Op* centred = sketch.op("subtract", "return a - b;", {x, mean}, type);
  const Op* square = sketch.op("multiply", "return a * b;", {centred->result(), centred->result()}, type);
  Step step;
  step.name = "variance";
  step.kernel = "reduce";
  step.header = "templates/reduce.h";
  step.config = {field("outer_0", 1),     field("outer_1", 3),   field("reduced_0", 1),  field("reduced_1", 20),
                 field("inner", 1),       field("x_outer_0", 0), field("x_outer_1", 20), field("x_reduced_0", 0),
                 field("x_reduced_1", 1), field("y_outer_0", 0), field("y_outer_1", 1),  field("lanes", 8)};
  step.arguments = {sketch.argument("x", sketch.buffer("x", ElementType::F32, 60, Memory::Input, "x"), false),
                    sketch.argument("y", sketch.buffer("y", ElementType::F32, 3, Memory::Output, "y"), true),
                    sketch.argument("mean", sketch.buffer("c", ElementType::F32, 3, Memory::Constants), false)};
  sketch.plan().buffers.back().constant = 0;
  Tensor means = Tensor::zeros({ElementType::F32, {3}});
  means.floats() = {1, 2, 3};
  sketch.plan().constants.push_back(means);
  step.pointers = {0, 1};
  step.combine = "ReduceSum";
  step.has_prologue = step.has_epilogue = true;
  step.prologue.loads = {{x, 0, Access::Offset, {}, 0}, {mean, 2, Access::Channel, {}, 0}};
  step.prologue.ops = {centred, square};
  step.prologue.result = square->result();
  sketch.add(sketch.plan().nodes, std::move(step));
  const std::string once = "20 0 20 ";
  CHECK(compile_and_run(sketch.unit, R"(
int main() {
  float x[3][20], y[3];
  for (float (&row)[20] : x) for (float& e : row) e = 2;
  sketch::forward(x, y);
  std::printf("%g %g %g ", y[0], y[1], y[2]);
})") == once + once);
}

// Every element type, conditions in all forms, strides, counting: none may draw a warning.
TEST_CASE("types, conditions and strides") {
  Sketch sketch;
  const Shape shape{2, 9};
  const auto type = [&](ElementType element) { return Type{element, shape}; };
  const ElementType bool_type = ElementType::Bool;
  const std::vector<ElementType> types = {ElementType::F32, ElementType::I32, ElementType::U32, ElementType::U8,
                                          ElementType::I8,  ElementType::I16, ElementType::U16, ElementType::I64};
  Step step;
  step.name = "all_types";
  step.kernel = "for_each";
  step.header = "templates/elementwise.h";
  step.extents = shape;
  Value* flags = sketch.input("flags", type(bool_type));
  step.arguments.push_back(
      sketch.argument("flags", sketch.buffer("flags", bool_type, 18, Memory::Input, "flags"), false));
  step.functor.loads.push_back({flags, 0, Access::Index, {9, 1}, 0});
  for (ElementType element : types) {
    const std::string name(nnc::name(element));
    Value* a = sketch.input(name, type(element));
    sketch.output("y_" + name, type(element));
    const int argument = static_cast<int>(step.arguments.size());
    step.arguments.push_back(sketch.argument("a", sketch.buffer(name, element, 18, Memory::Input, name), false));
    step.arguments.push_back(
        sketch.argument("y", sketch.buffer("y_" + name, element, 18, Memory::Output, "y_" + name), true));
    Value *two = sketch.value(type(element)), *index = sketch.value(type(element));
    step.functor.loads.push_back({a, argument, Access::Index, {1, 2}, 0});  // transposed: [9][2]
    step.functor.loads.push_back({index, -1, Access::Iota, {10, 1}, 3});
    step.functor.literals.push_back({two, 2});
    const Op* sum = sketch.op("add", "return a + b;", {a, two}, type(element));
    const Op* larger = sketch.op("less", "return a < b;", {index, sum->result()}, type(bool_type));
    const Op* both = sketch.op("logical_and", "return a & b;", {larger->result(), flags}, type(bool_type));
    const Op* neither = sketch.op("logical_not", "return a == 0;", {both->result()}, type(bool_type));
    const Op* number = sketch.op("cast", "return cast<ElementOf<V>>(a);", {neither->result()}, type(element));
    const Op* chosen = sketch.op("select", "return select(a, b, c);", {both->result(), sum->result(), number->result()},
                                 type(element));
    const Op* clipped = sketch.op("clip", "if constexpr (Lanes<V>::count == 1) {\n return a;\n } else {\n return a; }",
                                  {chosen->result()}, type(element));
    for (const Op* op : {sum, larger, both, neither, number, chosen, clipped}) step.functor.ops.push_back(op);
    step.functor.stores.push_back({clipped->result(), argument + 1, Access::Index, {9, 1}, 0});
  }
  sketch.output("out_flags", type(bool_type));
  step.arguments.push_back(
      sketch.argument("out", sketch.buffer("out_flags", bool_type, 18, Memory::Output, "out_flags"), true));
  step.functor.stores.push_back(
      {step.functor.ops[2]->result(), static_cast<int>(step.arguments.size()) - 1, Access::Index, {1, 2}, 0});
  sketch.add(sketch.plan().nodes, std::move(step));
  // a[r][c] = 10 c + r in each type: index 3 + 10 r + c < a + 2 picks, where flags allow, a + 2, else 1 or 0.
  const std::string once = "1 12 1 32 1 52 1 72 1 1 1 23 1 43 1 63 1 83 | 0 0 1 0 0 1 1 0 0 1 1 0 0 1 1 0 0 1 ";
  const std::string output = compile_and_run(sketch.unit, R"(
template <class T> void fill(T (&x)[2][9]) {
  for (int i = 0; i < 18; ++i) (&x[0][0])[i] = static_cast<T>(10 * (i / 2) + i % 2);
}
template <class A, class B> bool same(A (&a)[2][9], B (&b)[2][9]) {
  for (int i = 0; i < 18; ++i) if (static_cast<int>((&a[0][0])[i]) != static_cast<int>((&b[0][0])[i])) return false;
  return true;
}
int main() {
  std::uint8_t flags[2][9], out[2][9];
  for (int i = 0; i < 18; ++i) (&flags[0][0])[i] = i % 2 ? 1 : 0;
  float f32[2][9], y_f32[2][9]; std::int32_t i32[2][9], y_i32[2][9]; std::uint32_t u32[2][9], y_u32[2][9];
  std::uint8_t u8[2][9], y_u8[2][9]; std::int8_t i8[2][9], y_i8[2][9]; std::int16_t i16[2][9], y_i16[2][9];
  std::uint16_t u16[2][9], y_u16[2][9]; std::int64_t i64[2][9], y_i64[2][9];
  fill(f32); fill(i32); fill(u32); fill(u8); fill(i8); fill(i16); fill(u16); fill(i64);
  sketch::forward(flags, f32, i32, u32, u8, i8, i16, u16, i64, y_f32, y_i32, y_u32, y_u8, y_i8, y_i16, y_u16, y_i64,
                  out);
  if (!same(y_f32, y_i32) || !same(y_f32, y_u32) || !same(y_f32, y_u8) || !same(y_f32, y_i8) || !same(y_f32, y_i16) ||
      !same(y_f32, y_u16) || !same(y_f32, y_i64)) std::printf("types differ ");
  for (int i = 0; i < 18; ++i) std::printf("%g ", (&y_f32[0][0])[i]);
  std::printf("| ");
  for (int i = 0; i < 18; ++i) std::printf("%d ", (&out[0][0])[i]);
})");
  CHECK(output == once + once);
}

// Names that would end a comment, a literal or a declaration, or hide something, in every place that takes a name.
TEST_CASE("hostile names") {
  const std::vector<std::string> names = {"*/ int pwned; /*",
                                          "a\nint pwned;",
                                          "\");}",
                                          "class",
                                          "std",
                                          "Arena",
                                          "parameters",
                                          "for_each",
                                          "elements",
                                          "load",
                                          "nnc",
                                          "forward",
                                          "kArenaBytes",
                                          "\xe2\x80\xae",
                                          "x\\",
                                          std::string(200000, 'q'),
                                          "N",
                                          "V",
                                          "t0",
                                          "sum"};
  Sketch sketch;
  sketch.unit.model_name = sketch.unit.source_name = sketch.unit.name_space = names[0];
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    sketch.input(name, kRow);
    sketch.output("", kRow);
    sketch.function().graph.outputs.back().name = name + "2";
    sketch.unit.parameters.slots.push_back(
        {name, "p" + std::to_string(i) + name, kRow, StateKind::Parameter, sketch.unit.parameters.bytes});
    sketch.unit.parameters.bytes += 20;
    const int x = sketch.buffer(name, ElementType::F32, 5, Memory::Input, name);
    const int w = sketch.buffer(name, ElementType::F32, 5, Memory::Parameters, name);
    const int y = sketch.buffer(name, ElementType::F32, 5, Memory::Output, name + "2");
    const int kept = sketch.scratch(name, 5);
    Value *a = sketch.value(kRow), *b = sketch.value(kRow);
    const Op* sum = sketch.op(name, "const V half = splat<V>(0.5f);\nreturn half * a + b;", {a, b}, kRow);
    for (int from : {x, kept}) {
      Step step;
      step.name = name;
      step.kernel = "for_each";
      step.header = "templates/elementwise.h";
      step.extents = {5};
      step.origin.layer = name;
      step.comments = {name};
      step.arguments = {sketch.argument(name, from, false), sketch.argument(name, w, false),
                        sketch.argument(name, from == x ? kept : y, true)};
      step.functor.loads = {{a, 0, Access::Index, {1}, 0}, {b, 1, Access::Index, {1}, 0}};
      step.functor.ops = {sum};
      step.functor.stores = {{sum->result(), 2, Access::Index, {1}, 0}};
      sketch.add(sketch.plan().nodes, std::move(step));
    }
  }
  CHECK(compile_and_run(sketch.unit, "int main() {}\n", true) == "");
  const Emitted emitted = emit_text(sketch.unit);
  for (const std::string& text : {emitted.header.text, emitted.source.text, emitted.entry_points}) {
    CHECK(text.find("\nint pwned") == std::string::npos);
    CHECK(text.find("\xe2") == std::string::npos);
  }
}

// Five models for three targets in one program: their code has internal linkage but for the functions of the API.
TEST_CASE("many units in one program, and the symbols that they define and need") {
  const test::Folder folder;
  std::string includes, calls, objects;
  const std::vector<std::string> targets = {"x86-64", "x86-64-v3", "x86-64-v4", "x86-64-v3", "x86-64"};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string name = "model" + std::to_string(i);
    Unit unit = add_relu();
    unit.name_space = name;
    unit.target = *find_target(targets[i]);
    const Emitted emitted = emit_text(unit, name);
    folder.write(emitted.header.name, emitted.header.text);
    folder.write(emitted.source.name, emitted.source.text);
    includes += "#include \"" + name + ".hpp\"\n";
    calls += "  " + name + "::forward(a, b, y);\n";
    const std::string compiler = i % 2 ? "g++ -std=c++17" : "clang++-19 -std=c++17";
    REQUIRE(folder.run(test::strict(compiler) + "-c " + name + ".cpp -o " + name + ".o") == "");
    objects += " " + name + ".o";
    const std::string defined = folder.run("nm -C --defined-only --extern-only " + name + ".o | cut -c18-");
    CHECK(defined == "T " + name + "::forward(float const (&) [3][5], float const (&) [5], float (&) [3][5])\n");
    const std::string undefined = folder.run("nm --undefined-only " + name +
                                             ".o | sed 's/.* U //' | "
                                             "grep -v -E '^mem(cpy|move|set)$|_GLOBAL_OFFSET_TABLE_' || true");
    CHECK(undefined == "");
  }
  folder.write("main.cpp", includes + "int main() {\n  float a[3][5] = {}, b[5] = {}, y[3][5];\n" + calls + "}\n");
  CHECK(folder.run("g++ -c main.cpp && g++ main.o" + objects + " -o program") == "");
}

// The weights in the file: forward takes none, and there is no prepare. Any table of constants beyond a few numbers is
// kept the same way.
TEST_CASE("embedded data") {
  Sketch sketch("prepare");
  sketch.unit.functions.emplace_back();
  sketch.function().name = sketch.plan().name = "forward";
  const Type type{ElementType::F32, {70}};
  sketch.output("y", type);
  sketch.unit.prepared = {{{"scale", "scale", {ElementType::F32, {}}, StateKind::Prepared, 0},
                           {"bias", "bias", type, StateKind::Prepared, 4}},
                          284};
  for (int i = 0; i < 36; ++i) sketch.unit.prepared_data.push_back(0x3f8000003f800000);  // 1.0f, 1.0f
  Tensor ramp = Tensor::zeros(type);
  for (std::size_t i = 0; i < 70; ++i) ramp.floats()[i] = static_cast<double>(i);
  sketch.plan().constants.push_back(ramp);
  const int table = sketch.buffer("ramp", ElementType::F32, 70, Memory::Constants);
  sketch.plan().buffers.back().constant = 0;
  Value *a = sketch.value(type), *b = sketch.value(type), *c = sketch.value(type);
  const Op* sum = sketch.op("add", "return a + b;", {a, b}, type);
  const Op* all = sketch.op("multiply", "return a * b;", {sum->result(), c}, type);
  Step step;
  step.name = "shift";
  step.kernel = "for_each";
  step.header = "templates/elementwise.h";
  step.extents = {70};
  step.arguments = {
      sketch.argument("ramp", table, false),
      sketch.argument("bias", sketch.buffer("bias", ElementType::F32, 70, Memory::Prepared, "bias"), false),
      sketch.argument("scale", sketch.buffer("scale", ElementType::F32, 1, Memory::Prepared, "scale"), false),
      sketch.argument("y", sketch.buffer("y", ElementType::F32, 70, Memory::Output, "y"), true)};
  step.functor.loads = {{a, 0, Access::Index, {1}, 0}, {b, 1, Access::Index, {1}, 0}, {c, 2, Access::Scalar, {0}, 0}};
  step.functor.ops = {sum, all};
  step.functor.stores = {{all->result(), 3, Access::Index, {1}, 0}};
  sketch.add(sketch.plan().nodes, std::move(step));
  CHECK(compile_and_run(sketch.unit, R"(
int main() {
  float y[70];
  sketch::forward(y);
  std::printf("%g %g ", y[0], y[69]);
})") == "1 70 1 70 ");
  CHECK(emit_text(sketch.unit).header.text.find("prepare") == std::string::npos);
}

}  // namespace
}  // namespace nnc
