// Questions about shapes, and lists of sizes: all static.
#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

Datum size_of(const Value* value, std::size_t axis) {
  std::int64_t size = value->type.shape[axis];
  return Datum::of(size, {{{}, size, value, static_cast<std::int64_t>(axis)}});
}

Datum shape(Arguments& arguments) {
  const Value* x = arguments.tensor("x");
  std::vector<Datum> sizes;
  for (std::size_t i = 0; i < x->type.shape.size(); ++i) sizes.push_back(size_of(x, i));
  return Datum::list(std::move(sizes));
}

Datum rank(Arguments& arguments) {
  return Datum::of(static_cast<std::int64_t>(arguments.tensor("x")->type.shape.size()));
}

Datum len(Arguments& arguments) {
  const Datum& x = arguments.get("x");
  if (x.is(DatumKind::List)) return Datum::of(static_cast<std::int64_t>(x.items.size()));
  Value* value = arguments.tensor("x");
  if (value->type.shape.empty()) arguments.evaluator.reporter().fail(Kind::no_such_axis, arguments.place("x"), 0, 0);
  return size_of(value, 0);
}

Datum range(Arguments& arguments) {
  constexpr std::uint64_t kLengthMax = 1'000'000;
  std::int64_t begin = arguments.integer("begin"), end = arguments.integer("end");
  if (begin<end&& static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(begin)> kLengthMax) {
    arguments.evaluator.reporter().fail(Kind::bad_size, arguments.span, end,
                                        fmt::format("a list has at most {} items", kLengthMax));
  }
  std::vector<std::int64_t> items;
  for (std::int64_t i = begin; i < end; ++i) items.push_back(i);
  return Datum::list(items);
}

// One integer for each of n axes; a list of n stays.
Datum spread(Arguments& arguments) {
  std::int64_t count = arguments.integer("n");
  Reporter& reporter = arguments.evaluator.reporter();
  if (count < 0 || count > 16) reporter.fail(Kind::bad_size, arguments.place("n"), count, "a tensor has 0 to 16 axes");
  const std::size_t given = arguments.integers("x").size();
  const Datum& x = arguments.get("x");
  if (x.is(DatumKind::List) && given != static_cast<std::size_t>(count)) {
    const Span place = arguments.place("x");
    reporter.fail(Kind::wrong_length, place, reporter.text(place), count, given);
  }
  return x.is(DatumKind::List) ? x : Datum::list(std::vector<Datum>(static_cast<std::size_t>(count), x));
}

// The list with an item put in so that it stands at the axis; -1: at the end.
Datum insert(Arguments& arguments) {
  arguments.integers("list");
  const Datum& list = arguments.get("list");
  std::vector<Datum> items = list.is(DatumKind::List) ? list.items : std::vector<Datum>{list};
  std::int64_t axis = arguments.axis("axis", 0, items.size() + 1);
  arguments.integer("item");
  items.insert(items.begin() + axis, arguments.get("item"));
  return Datum::list(std::move(items));
}

}  // namespace

std::vector<Builtin> static_builtins() {
  return {
      {"shape", {{input("x")}}, shape},
      {"rank", {{input("x")}}, rank},
      {"len", {{input("x")}}, len},
      {"range", {{setting("begin", "int"), setting("end", "int")}}, range},
      {"spread", {{setting("x", "ints"), setting("n", "int")}}, spread},
      {"insert", {{setting("list", "ints"), setting("axis", "int"), setting("item", "int")}}, insert},
  };
}

}  // namespace nnc::semantics
