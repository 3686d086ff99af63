// Elementwise maths, choice, conversion and reductions.
#include <algorithm>
#include <cmath>

#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

// A function of one number: static numbers are computed here.
Datum unary(Arguments& arguments, const char* name, double (*compute)(double)) {
  const Datum& x = arguments.get("x");
  if (x.is_number()) return Datum::of(compute(x.number()));
  Value* value = arguments.tensor("x");
  Session& session = arguments.evaluator.session;
  if (session.classes(value) > 0 || !is_float(value->type.element)) {
    arguments.evaluator.reporter().fail(Kind::no_arithmetic, arguments.place("x"), name,
                                        to_string(session.type(value)));
  }
  arguments.evaluator.at(arguments.span);
  return Datum::of(session.op(name, {value}));
}

// To a whole number: of a static one, an integer.
Datum whole(Arguments& arguments, const char* name, double (*compute)(double)) {
  const Datum& x = arguments.get("x");
  if (x.is(DatumKind::Integer)) return x;
  const double value = compute(x.real);
  constexpr double kIntegerMax = 9007199254740992.0;  // 2^53: up to it every integer is a double
  if (x.is(DatumKind::Real) && std::fabs(value) <= kIntegerMax) return Datum::of(static_cast<std::int64_t>(value));
  return unary(arguments, name, compute);
}

double round_to_even(double x) { return std::nearbyint(x); }

Datum absolute(Arguments& arguments) {
  const Datum& x = arguments.get("x");
  if (x.is(DatumKind::Integer)) return Datum::of(x.integer < 0 ? -x.integer : x.integer);
  if (x.is(DatumKind::Real)) return Datum::of(std::fabs(x.real));
  Value* value = arguments.tensor("x");
  arguments.evaluator.check_numbers(value, "abs", arguments.place("x"));
  arguments.evaluator.at(arguments.span);
  return Datum::of(arguments.evaluator.session.op("abs", {value}));
}

Datum sign(Arguments& arguments) {
  Value* x = arguments.tensor("x");
  if (arguments.evaluator.session.classes(x) > 0 || x->type.element == ElementType::Bool) {
    arguments.evaluator.reporter().fail(Kind::no_arithmetic, arguments.place("x"), "sign",
                                        to_string(arguments.evaluator.session.type(x)));
  }
  arguments.evaluator.at(arguments.span);
  return Datum::of(arguments.evaluator.session.op("sign", {x}));
}

// An operation on the bits of integers.
Datum bits(Arguments& arguments, const char* name) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values =
      evaluator.tensors({&arguments.get("a"), &arguments.get("b")}, {arguments.place("a"), arguments.place("b")});
  for (Value* value : values) {
    if (evaluator.session.classes(value) == 0 && is_integer(value->type.element)) continue;
    evaluator.reporter().fail(Kind::no_arithmetic, arguments.span, name, to_string(evaluator.session.type(value)));
  }
  evaluator.broadcast_together(values, arguments.span);
  return Datum::of(evaluator.session.op(name, values));
}

Datum extremum(Arguments& arguments, const char* name, bool greater) {
  const Datum& a = arguments.get("a");
  const Datum& b = arguments.get("b");
  if (a.is_number() && b.is_number()) return (a.number() > b.number()) == greater ? a : b;
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values = evaluator.tensors({&a, &b}, {arguments.place("a"), arguments.place("b")});
  for (Value* value : values) evaluator.check_numbers(value, name, arguments.span);
  evaluator.broadcast_together(values, arguments.span);
  return Datum::of(evaluator.session.op(name, values));
}

Datum where(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const Datum& condition = arguments.get("condition");
  const Datum& a = arguments.get("a");
  const Datum& b = arguments.get("b");
  if (condition.is(DatumKind::Flag)) return condition.flag ? a : b;
  Value* chosen = evaluator.tensor(condition, ElementType::Bool, arguments.place("condition"));
  if (chosen->type.element != ElementType::Bool) {
    evaluator.reporter().fail(Kind::condition_not_bool, arguments.place("condition"), evaluator.describe(condition));
  }
  std::vector<Value*> values = evaluator.tensors({&a, &b}, {arguments.place("a"), arguments.place("b")});
  std::int64_t classes = evaluator.session.classes(values[0]);
  std::int64_t other_classes = evaluator.session.classes(values[1]);
  if (classes != other_classes) {
    evaluator.reporter().fail_with(join_notes({evaluator.class_notes(values[1]), evaluator.class_notes(values[0])}),
                                   Kind::elements_differ, arguments.place("b"),
                                   to_string(evaluator.session.type(values[1]).element),
                                   to_string(evaluator.session.type(values[0]).element));
  }
  std::vector<Value*> all = {chosen, values[0], values[1]};
  evaluator.broadcast_together(all, arguments.span);
  return Datum::of(evaluator.session.with_classes(evaluator.session.op("select", all), classes));
}

ElementType target_of(Arguments& arguments, const char* name) {
  const Datum& to = arguments.get("to");
  if (!to.is(DatumKind::Element)) {
    const std::string given = arguments.evaluator.describe(to);
    arguments.evaluator.reporter().fail(Kind::wrong_kind, arguments.place("to"), name, "an element type", "to", given);
  }
  return to.element.type;
}

// The bits of a number, read as one of another type.
Datum bit_cast(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const ElementType to = target_of(arguments, "bit_cast");
  Value* x = arguments.tensor("x");
  const ElementType from = x->type.element;
  const bool fits = size_bytes(from) == size_bytes(to) && from != ElementType::Bool && to != ElementType::Bool;
  if (!fits || evaluator.session.classes(x) > 0) {
    evaluator.reporter().fail(Kind::element_mismatch, arguments.place("x"), "`x`",
                              fmt::format("of as many bits as {}", name(to)), to_string(evaluator.session.type(x)));
  }
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.op("bit_cast", {x}, attributes({{"to", to}})));
}

Datum cast(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const ElementType element = target_of(arguments, "cast");
  const Datum& x = arguments.get("x");
  const bool is_written = x.is_number() || (x.is(DatumKind::List) && x.is_static());
  Value* value = is_written ? evaluator.tensor(x, element, arguments.place("x")) : arguments.tensor("x");
  evaluator.at(arguments.span);
  Session& session = evaluator.session;
  // A class becomes a number of its own: it stays a class where it is used as one.
  const bool is_class = element == ElementType::I32 && session.classes(value) > 0;
  Value* result = is_class ? session.op("cast", {value}, attributes({{"to", element}})) : session.cast(value, element);
  return Datum::of(session.with_classes(result, 0));
}

// The axes given, or all; ascending and counted from 0.
std::vector<std::int64_t> reduced_axes(Arguments& arguments, const Value* of) {
  std::vector<std::int64_t> axes;
  const std::size_t rank = of->type.shape.size();
  if (!arguments.has("axis")) {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
    return axes;
  }
  for (std::int64_t axis : arguments.integers("axis")) {
    auto count = static_cast<std::int64_t>(rank);
    if (axis < -count || axis >= count) {
      arguments.evaluator.reporter().fail_with(arguments.evaluator.session.shape_notes(of), Kind::no_such_axis,
                                               arguments.place("axis"), axis, rank);
    }
    axes.push_back(axis < 0 ? axis + count : axis);
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

Datum reduce(Arguments& arguments, const char* name, const char* primitive) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  evaluator.check_numbers(x, name, arguments.place("x"));
  std::vector<std::int64_t> axes = reduced_axes(arguments, x);
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.reduce(primitive, x, axes, arguments.flag("keep")));
}

Datum mean(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  if (!is_float(x->type.element)) {
    evaluator.reporter().fail(Kind::no_arithmetic, arguments.place("x"), "mean", to_string(evaluator.session.type(x)));
  }
  std::vector<std::int64_t> axes = reduced_axes(arguments, x);
  double count = 1;
  for (std::int64_t axis : axes) count *= static_cast<double>(x->type.shape[static_cast<std::size_t>(axis)]);
  evaluator.at(arguments.span);
  Session& session = evaluator.session;
  Value* sum = session.reduce("reduce_sum", x, axes, arguments.flag("keep"));
  return Datum::of(session.op("divide", {sum, session.full(sum->type.element, sum->type.shape, count)}));
}

// Of a static list the number, of a tensor the reduction.
Datum list_or_reduce(Arguments& arguments, const char* name, const char* op, std::int64_t start,
                     const char* primitive) {
  const Datum& x = arguments.get("x");
  const bool is_list = x.is(DatumKind::List) &&
                       std::all_of(x.items.begin(), x.items.end(), [](const Datum& item) { return item.is_number(); });
  if (!is_list) return reduce(arguments, name, primitive);
  Datum result = Datum::of(start);
  for (const Datum& item : x.items) {
    result = arguments.evaluator.binary(op, result, item, arguments.span, arguments.span, arguments.span);
  }
  return result;
}

Datum argmax(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  evaluator.check_numbers(x, "argmax", arguments.place("x"));
  if (x->type.shape.empty()) evaluator.reporter().fail(Kind::no_such_axis, arguments.span, 0, 0);
  std::int64_t axis = arguments.axis("axis", 0, x);
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.op("argmax", {x}, attributes({{"axis", axis}})));
}

}  // namespace

std::vector<Builtin> elementwise_builtins() {
  Signature one = {{input("x")}};
  Signature two = {{input("a"), input("b")}};
  Signature reduction = {{input("x"), optional("axis", "ints"), optional("keep", "flag")}};
  return {
      {"exp", one, [](Arguments& arguments) { return unary(arguments, "exp", std::exp); }},
      {"log", one, [](Arguments& arguments) { return unary(arguments, "log", std::log); }},
      {"sqrt", one, [](Arguments& arguments) { return unary(arguments, "sqrt", std::sqrt); }},
      {"tanh", one, [](Arguments& arguments) { return unary(arguments, "tanh", std::tanh); }},
      {"erf", one, [](Arguments& arguments) { return unary(arguments, "erf", std::erf); }},
      {"sin", one, [](Arguments& arguments) { return unary(arguments, "sin", std::sin); }},
      {"cos", one, [](Arguments& arguments) { return unary(arguments, "cos", std::cos); }},
      {"floor", one, [](Arguments& arguments) { return whole(arguments, "floor", std::floor); }},
      {"round", one, [](Arguments& arguments) { return whole(arguments, "round", round_to_even); }},
      {"atan", one, [](Arguments& arguments) { return unary(arguments, "atan", std::atan); }},
      {"abs", one, absolute},
      {"sign", one, sign},
      {"maximum", two, [](Arguments& arguments) { return extremum(arguments, "maximum", true); }},
      {"minimum", two, [](Arguments& arguments) { return extremum(arguments, "minimum", false); }},
      {"bitwise_and", two, [](Arguments& arguments) { return bits(arguments, "bitwise_and"); }},
      {"bitwise_or", two, [](Arguments& arguments) { return bits(arguments, "bitwise_or"); }},
      {"bitwise_xor", two, [](Arguments& arguments) { return bits(arguments, "bitwise_xor"); }},
      {"shift_left", two, [](Arguments& arguments) { return bits(arguments, "shift_left"); }},
      {"shift_right", two, [](Arguments& arguments) { return bits(arguments, "shift_right"); }},
      {"where", {{input("condition"), input("a"), input("b")}}, where},
      {"cast", {{input("x"), setting("to", "elem")}}, cast},
      {"bit_cast", {{input("x"), setting("to", "elem")}}, bit_cast},
      {"sum", reduction, [](Arguments& arguments) { return list_or_reduce(arguments, "sum", "+", 0, "reduce_sum"); }},
      {"max", reduction, [](Arguments& arguments) { return reduce(arguments, "max", "reduce_max"); }},
      {"min", reduction, [](Arguments& arguments) { return reduce(arguments, "min", "reduce_min"); }},
      {"mean", reduction, mean},
      {"product", reduction,
       [](Arguments& arguments) { return list_or_reduce(arguments, "product", "*", 1, "reduce_product"); }},
      {"argmax", {{input("x"), optional("axis", "int")}}, argmax},
  };
}

}  // namespace nnc::semantics
