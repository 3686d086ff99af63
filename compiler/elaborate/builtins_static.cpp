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
  const bool is_list = x.is(DatumKind::List) || x.is(DatumKind::Tuple);
  if (is_list) return Datum::of(static_cast<std::int64_t>(x.items.size()));
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

Datum join(Arguments& arguments) {
  std::vector<Datum> items = arguments.list("a");
  const std::vector<Datum>& more = arguments.list("b");
  arguments.evaluator.session.count_static_work(static_cast<std::int64_t>(items.size() + more.size()));
  items.insert(items.end(), more.begin(), more.end());
  return Datum::list(std::move(items));
}

Datum each(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Datum> results;
  for (const Datum& item : arguments.list("items")) {
    evaluator.session.count_static_work();
    results.push_back(evaluator.apply(*arguments.get("f").op, std::vector<Datum>{item}, arguments.span));
  }
  return Datum::list(std::move(results));
}

// The items for which the operator gives true.
Datum filter(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Datum> results;
  for (const Datum& item : arguments.list("items")) {
    evaluator.session.count_static_work();
    const Datum is_kept = evaluator.apply(*arguments.get("f").op, std::vector<Datum>{item}, arguments.span);
    if (evaluator.flag(is_kept, arguments.span)) results.push_back(item);
  }
  return Datum::list(std::move(results));
}

// Where the item first stands in the list; -1: nowhere.
Datum index_of(Arguments& arguments) {
  const std::vector<Datum>& items = arguments.list("items");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (same_static(items[i], arguments.get("item"))) return Datum::of(static_cast<std::int64_t>(i));
  }
  return Datum::of(std::int64_t{-1});
}

Datum element(Arguments& arguments) {
  return Datum::of(arguments.evaluator.session.type(arguments.tensor("x")).element);
}

// The elements of a constant tensor, in row-major order; of a scalar, its number.
Datum numbers(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const Datum& x = arguments.get("x");
  if (x.is_static()) return x;
  const Value* value = arguments.tensor("x");
  if (value->producer->def->name != "constant") {
    evaluator.reporter().fail(Kind::expected_static, arguments.place("x"), "numbers", evaluator.describe(x));
  }
  const Tensor& tensor = value->producer->attributes.get<Tensor>("value");
  std::vector<Datum> items;
  evaluator.session.count_static_work(element_count(tensor.type.shape));
  for (std::int64_t i = 0; i < element_count(tensor.type.shape); ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    items.push_back(is_float(tensor.type.element) ? Datum::of(tensor.floats()[at]) : Datum::of(tensor.integers()[at]));
  }
  return tensor.type.shape.empty() ? items[0] : Datum::list(std::move(items));
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
      {"join", {{setting("a", "list"), setting("b", "list")}}, join},
      {"each", {{setting("items", "list"), setting("f", "op")}}, each},
      {"filter", {{setting("items", "list"), setting("f", "op")}}, filter},
      {"index_of", {{setting("items", "list"), input("item")}}, index_of},
      {"element", {{input("x")}}, element},
      {"numbers", {{input("x")}}, numbers},
  };
}

}  // namespace nnc::semantics
