// Movement of elements: reshape, transpose, slices, concat, gather, …
#include <algorithm>
#include <numeric>

#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

// A size that is not allowed, of an argument.
[[noreturn]] void bad_size(Arguments& arguments, const char* name, std::int64_t size, std::int64_t least = 1) {
  SizeSources sources;
  for (const SizeSources& one : arguments.all_sources(name)) {
    for (const SizeSource& source : one) {
      if (source.size == size) add_sources(sources, {source});
    }
  }
  arguments.evaluator.reporter().fail_with(arguments.evaluator.session.size_notes(sources), Kind::bad_size,
                                           arguments.place(name), size,
                                           least == 0 ? "at least 0" : "a size is at least 1");
}

Datum reshape(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  Shape shape = arguments.integers("dims");
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < arguments.evaluator.program.size_min()) bad_size(arguments, "dims", size);
    if (__builtin_mul_overflow(count, size, &count))
      evaluator.reporter().fail(Kind::integer_overflow, arguments.place("dims"));
  }
  if (count != element_count(x->type.shape)) {
    SizeSources given;
    for (std::size_t i = 0; i < shape.size(); ++i) add_sources(given, arguments.sources("dims", i));
    evaluator.reporter().fail_with(join_notes({evaluator.session.shape_notes(x), evaluator.session.size_notes(given)}),
                                   Kind::reshape_mismatch, arguments.place("dims"), nnc::to_string(x->type.shape),
                                   element_count(x->type.shape), nnc::to_string(shape), count);
  }
  evaluator.at(arguments.span);
  Value* reshaped = evaluator.session.reshape(x, shape);
  if (reshaped != x) evaluator.session.with_sources(reshaped, arguments.all_sources("dims"));
  return Datum::of(reshaped);
}

Datum transpose(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  std::size_t rank = x->type.shape.size();
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  if (!arguments.more.empty()) arguments.given["axes"] = arguments.more.front();
  if (arguments.has("axes")) {
    std::vector<std::int64_t> given = arguments.integers("axes");
    if (!std::is_permutation(given.begin(), given.end(), order.begin(), order.end())) {
      evaluator.reporter().fail_with(evaluator.session.shape_notes(x), Kind::bad_permutation, arguments.place("axes"),
                                     rank);
    }
    order = given;
  } else {
    if (rank < 2) {
      evaluator.reporter().fail_with(evaluator.session.shape_notes(x), Kind::no_such_axis, arguments.place("x"), 1,
                                     rank);
    }
    std::swap(order[rank - 1], order[rank - 2]);
  }
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.transpose(x, order));
}

Datum broadcast(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  Shape to = arguments.integers("to");
  const Shape& from = x->type.shape;
  std::int64_t first =
      arguments.integer("axis", static_cast<std::int64_t>(to.size()) - static_cast<std::int64_t>(from.size()));
  evaluator.at(arguments.span);
  // Without an axis by the language's rule, which also stretches sizes of 1.
  Value* stretched = arguments.has("axis") ? nullptr : evaluator.session.broadcast(x, to);
  const bool fits =
      stretched != nullptr ||
      (first >= 0 && first + static_cast<std::int64_t>(from.size()) <= static_cast<std::int64_t>(to.size()) &&
       std::equal(from.begin(), from.end(), to.begin() + first));
  if (!fits) {
    SizeSources wanted;
    for (std::size_t i = 0; i < to.size(); ++i) add_sources(wanted, arguments.sources("to", i));
    evaluator.reporter().fail_with(join_notes({evaluator.session.shape_notes(x), evaluator.session.size_notes(wanted)}),
                                   Kind::shapes_do_not_broadcast, arguments.span, nnc::to_string(from),
                                   nnc::to_string(to));
  }
  Value* repeated = stretched != nullptr ? stretched : evaluator.session.broadcast_from(x, to, first);
  if (repeated != x) evaluator.session.with_sources(repeated, arguments.all_sources("to"));
  return Datum::of(repeated);
}

Datum reverse(Arguments& arguments) {
  Value* x = arguments.tensor("x");
  std::vector<std::int64_t> axes = {arguments.axis("axis", -1, x)};
  arguments.evaluator.at(arguments.span);
  Session& session = arguments.evaluator.session;
  return Datum::of(session.with_classes(session.op("reverse", {x}, attributes({{"axes", axes}})), session.classes(x)));
}

// `count` cells to be put before (or behind) an axis of x, taken from x itself. Reflect mirrors at the outermost cell,
// edge repeats it, wrap goes on at the other end.
Value* border(Session& session, Value* x, std::int64_t axis, std::int64_t count, bool before, const std::string& mode) {
  const std::size_t at = static_cast<std::size_t>(axis);
  const std::int64_t size = x->type.shape[at];
  if (mode == "edge") {
    Shape shape = x->type.shape;
    shape[at] = count;
    Value* cell = session.slice_axis(x, axis, before ? 0 : size - 1, before ? 1 : size);
    return session.broadcast(cell, shape);
  }
  if (mode == "wrap") return session.slice_axis(x, axis, before ? size - count : 0, before ? size : count);
  const std::int64_t first = before ? 1 : size - 1 - count;
  Value* cells = session.slice_axis(x, axis, first, first + count);
  return session.op("reverse", {cells}, attributes({{"axes", std::vector<std::int64_t>{axis}}}));
}

// Pads axis after axis; the corners come from what the axes before have put there.
Value* pad_from_itself(Arguments& arguments, Value* x, const std::vector<std::int64_t>& low,
                       const std::vector<std::int64_t>& high, const std::string& mode) {
  Session& session = arguments.evaluator.session;
  const Value* const given = x;
  for (std::size_t i = 0; i < low.size(); ++i) {
    const std::int64_t axis = static_cast<std::int64_t>(i), size = x->type.shape[i];
    const std::int64_t most = mode == "edge" ? std::max(low[i], high[i]) : mode == "wrap" ? size : size - 1;
    for (const auto& [name, count] : {std::pair("sizes", low[i]), std::pair("end", high[i])}) {
      if (count <= most) continue;
      arguments.evaluator.reporter().fail_with(session.size_notes(given, axis), Kind::pad_too_large,
                                               arguments.place(name), count, i, size);
    }
    std::vector<Value*> parts = {x};
    if (low[i] > 0) parts.insert(parts.begin(), border(session, x, axis, low[i], true, mode));
    if (high[i] > 0) parts.push_back(border(session, x, axis, high[i], false, mode));
    if (parts.size() > 1) x = session.concat(parts, axis);
  }
  return x;
}

Datum pad_with(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  const std::string mode = arguments.has("mode") ? arguments.get("mode").text : "constant";
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
    evaluator.reporter().fail(Kind::unknown_mode, arguments.place("mode"), mode);
  }
  const std::size_t rank = x->type.shape.size();
  const std::vector<std::int64_t> low = arguments.per_axis("sizes", 0, rank);
  const std::vector<std::int64_t> high = arguments.has("end") ? arguments.per_axis("end", 0, rank) : low;
  for (const auto& [name, sizes] : {std::pair("sizes", &low), std::pair("end", &high)}) {
    for (std::int64_t size : *sizes) {
      if (size < 0) bad_size(arguments, name, size, 0);
    }
  }
  evaluator.at(arguments.span);
  if (mode != "constant") return Datum::of(pad_from_itself(arguments, x, low, high, mode));
  Session& session = evaluator.session;
  const auto padded = [&](Value* inside, double value) {
    return session.op(
        "pad", {inside},
        attributes({{"low", low}, {"high", high}, {"interior", std::vector<std::int64_t>(rank, 0)}, {"value", value}}));
  };
  if (!arguments.has("value")) return Datum::of(padded(x, 0));
  const ElementType element = x->type.element;
  Value* value = evaluator.tensor_of_type(arguments.get("value"), {{element, session.classes(x)}, {}},
                                          arguments.place("value"), "`value`");
  if (value->producer->def->name == "constant") {
    return Datum::of(padded(x, value->producer->attributes.get<Tensor>("value").at(0)));
  }
  // Known only at run time: chosen where x is not.
  Value* inside = padded(session.full(ElementType::Bool, x->type.shape, 1), 0);
  Value* everywhere = session.broadcast(value, inside->type.shape);
  return Datum::of(session.op("select", {inside, padded(x, 0), everywhere}));
}

Datum slice(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  std::size_t rank = x->type.shape.size();
  std::vector<std::int64_t> start = arguments.per_axis("start", 0, rank), stop = arguments.per_axis("stop", 0, rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const bool is_long_enough = stop[i] - start[i] >= evaluator.program.size_min();
    if (start[i] >= 0 && is_long_enough && stop[i] <= x->type.shape[i]) continue;
    for (auto [name, bound] : {std::pair("start", start[i]), std::pair("stop", stop[i])}) {
      if (bound >= 0 && bound <= x->type.shape[i]) continue;
      evaluator.reporter().fail_with(evaluator.session.size_notes(x, static_cast<std::int64_t>(i)),
                                     Kind::index_out_of_range, arguments.place(name), bound, x->type.shape[i]);
    }
    evaluator.reporter().fail(Kind::bad_slice, arguments.span, stop[i], start[i]);
  }
  evaluator.at(arguments.span);
  Attributes values = attributes({{"start", start}, {"stop", stop}, {"step", arguments.per_axis("step", 1, rank)}});
  return Datum::of(
      evaluator.session.with_classes(evaluator.session.op("slice", {x}, values), evaluator.session.classes(x)));
}

Datum dynamic_slice(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  std::size_t rank = x->type.shape.size();
  const Datum& starts = arguments.get("starts");
  std::vector<std::int64_t> sizes = arguments.integers("sizes");
  std::vector<Value*> operands = {x};
  if (starts.is(DatumKind::List)) {
    for (const Datum& start : starts.items)
      operands.push_back(evaluator.tensor(start, ElementType::I32, arguments.place("starts")));
  } else {
    Value* all = evaluator.tensor(starts, ElementType::I32, arguments.place("starts"));
    for (std::int64_t i = 0; all->type.shape.size() == 1 && i < all->type.shape[0]; ++i) {
      operands.push_back(evaluator.session.reshape(evaluator.session.slice_axis(all, 0, i, i + 1), {}));
    }
  }
  if (operands.size() != rank + 1) {
    evaluator.reporter().fail(Kind::wrong_length, arguments.place("starts"), "starts", rank, operands.size() - 1);
  }
  for (const Value* start : operands) {
    if (start == x || is_integer(start->type.element)) continue;
    evaluator.reporter().fail(Kind::index_not_integer, arguments.place("starts"),
                              to_string(evaluator.session.type(start)));
  }
  if (sizes.size() != rank)
    evaluator.reporter().fail(Kind::wrong_length, arguments.place("sizes"), "sizes", rank, sizes.size());
  evaluator.at(arguments.span);
  Value* result = evaluator.session.op("dynamic_slice", operands, attributes({{"sizes", sizes}}));
  return Datum::of(evaluator.session.with_classes(result, evaluator.session.classes(x)));
}

Datum concat(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<const Datum*> data = {&arguments.get("x")};
  std::vector<Span> spans = {arguments.place("x")};
  for (const BoundArgument& argument : arguments.more) {
    data.push_back(&argument.value);
    spans.push_back(argument.span);
  }
  std::vector<Value*> parts = evaluator.tensors(data, spans);
  const Shape& first = parts[0]->type.shape;
  std::int64_t axis = arguments.axis("axis", 0, parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Shape shape = parts[i]->type.shape;
    if (shape.size() == first.size()) shape[static_cast<std::size_t>(axis)] = first[static_cast<std::size_t>(axis)];
    if (shape == first) continue;
    Shape wanted = first;
    if (wanted.size() == parts[i]->type.shape.size()) {
      wanted[static_cast<std::size_t>(axis)] = parts[i]->type.shape[static_cast<std::size_t>(axis)];
    }
    std::vector<Note> notes =
        join_notes({evaluator.session.size_notes(parts[i], wanted), evaluator.session.size_notes(parts[0], shape)});
    evaluator.reporter().fail_with(notes, Kind::concat_mismatch, spans[i], axis, nnc::to_string(parts[i]->type.shape),
                                   nnc::to_string(first));
  }
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.concat(parts, axis));
}

Datum split(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  std::int64_t axis = arguments.axis("axis", 0, x);
  std::int64_t count = arguments.integer("n"), size = x->type.shape[static_cast<std::size_t>(axis)];
  if (count < 1 || size % count != 0) {
    std::vector<Note> notes =
        join_notes({evaluator.session.size_notes(x, axis), evaluator.session.size_notes(arguments.sources("n"))});
    evaluator.reporter().fail_with(notes, Kind::split_mismatch, arguments.place("n"), axis, size, count);
  }
  evaluator.at(arguments.span);
  std::vector<Datum> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    parts.push_back(Datum::of(evaluator.session.slice_axis(x, axis, i * (size / count), (i + 1) * (size / count))));
  }
  return Datum::tuple(std::move(parts));
}

Datum iota(Arguments& arguments) {
  Shape dims = arguments.integers("dims");
  if (dims.empty()) arguments.evaluator.reporter().fail(Kind::no_such_axis, arguments.place("dims"), 0, 0);
  for (std::int64_t size : dims) {
    if (size < arguments.evaluator.program.size_min()) bad_size(arguments, "dims", size);
  }
  std::int64_t axis = arguments.axis("axis", 0, dims.size());
  Session& session = arguments.evaluator.session;
  return Datum::of(session.with_sources(session.iota(dims, axis, ElementType::I32), arguments.all_sources("dims")));
}

// `sources`: of the number of places that are indexed.
Value* index_of(Arguments& arguments, const char* name, std::int64_t size, const SizeSources& sources) {
  Evaluator& evaluator = arguments.evaluator;
  Value* index = evaluator.tensor(arguments.get(name), ElementType::I32, arguments.place(name));
  if (!is_integer(index->type.element)) {
    evaluator.reporter().fail(Kind::index_not_integer, arguments.place(name), to_string(evaluator.session.type(index)));
  }
  std::int64_t classes = evaluator.session.classes(index);
  if (classes > size) {
    std::vector<Note> notes = join_notes({evaluator.class_notes(index), evaluator.session.size_notes(sources)});
    evaluator.reporter().fail_with(notes, Kind::too_many_classes, arguments.place(name), classes, size);
  }
  return index;
}

Datum gather(Arguments& arguments) {
  Value* table = arguments.tensor("table");
  if (table->type.shape.empty())
    arguments.evaluator.reporter().fail(Kind::no_such_axis, arguments.place("table"), 0, 0);
  Value* index = index_of(arguments, "index", table->type.shape[0], {{{}, table->type.shape[0], table, 0}});
  arguments.evaluator.at(arguments.span);
  return Datum::of(arguments.evaluator.session.op("gather", {table, index}));
}

// The element along an axis that an index names, for each place of the other axes: a sum of which all but one are 0.
Datum pick(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Session& session = evaluator.session;
  Value* x = arguments.tensor("x");
  evaluator.check_numbers(x, "pick", arguments.place("x"));
  const Shape& shape = x->type.shape;
  std::int64_t axis = arguments.axis("axis", 0, x);
  Shape rest = shape;
  rest.erase(rest.begin() + axis);
  const std::int64_t size = shape[static_cast<std::size_t>(axis)];
  Value* index = index_of(arguments, "index", size, {{{}, size, x, axis}});
  if (index->type.shape != rest) {
    evaluator.reporter().fail_with(join_notes({session.shape_notes(index), session.shape_notes(x)}),
                                   Kind::shape_mismatch, arguments.place("index"), "`index`", nnc::to_string(rest),
                                   nnc::to_string(index->type.shape));
  }
  evaluator.at(arguments.span);
  if (!holds(index->type.element, size - 1)) index = session.cast(index, ElementType::I32);
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(shape.size()); ++i) {
    if (i != axis) axes.push_back(i);
  }
  Value* everywhere = session.op("broadcast", {index}, attributes({{"shape", shape}, {"axes", axes}}));
  Value* chosen = session.op("equal", {session.iota(shape, axis, index->type.element), everywhere});
  Value* kept = session.op("select", {chosen, x, session.full(x->type.element, shape, 0)});
  return Datum::of(session.reduce("reduce_sum", kept, {axis}, false));
}

Datum scatter(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::int64_t size = arguments.integer("size");
  if (size < 1) bad_size(arguments, "size", size);
  Value* rows = arguments.tensor("x");
  evaluator.check_numbers(rows, "scatter", arguments.place("x"));
  Value* index = index_of(arguments, "index", size, arguments.sources("size"));
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.op("scatter_add", {index, rows}, attributes({{"size", size}})));
}

// The table with rows written at their indices, or combined with what is there.
Datum scatter_into(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values = evaluator.tensors({&arguments.get("table"), &arguments.get("x")},
                                                 {arguments.place("table"), arguments.place("x")});
  const Shape& shape = values[0]->type.shape;
  if (shape.empty()) evaluator.reporter().fail(Kind::no_such_axis, arguments.place("table"), 0, 0);
  Value* index = index_of(arguments, "index", shape[0], {{{}, shape[0], values[0], 0}});
  evaluator.at(arguments.span);
  const std::string by = arguments.has("by") ? arguments.get("by").text : "set";
  return Datum::of(evaluator.session.op("scatter_into", {values[0], index, values[1]}, attributes({{"by", by}})));
}

// Places of the n largest elements along an axis, or of the smallest.
Datum top_places(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Session& session = evaluator.session;
  Value* x = arguments.tensor("x");
  if (x->type.shape.empty()) evaluator.reporter().fail(Kind::no_such_axis, arguments.place("x"), 0, 0);
  const std::int64_t axis = arguments.axis("axis", 0, x), last = static_cast<std::int64_t>(x->type.shape.size()) - 1;
  std::vector<std::int64_t> exchanged(x->type.shape.size());
  std::iota(exchanged.begin(), exchanged.end(), 0);
  std::swap(exchanged[static_cast<std::size_t>(axis)], exchanged[static_cast<std::size_t>(last)]);
  evaluator.at(arguments.span);
  const Attributes values =
      attributes({{"count", arguments.integer("n")}, {"largest", arguments.flag("largest", true)}});
  return Datum::of(session.transpose(session.op("top_places", {session.transpose(x, exchanged)}, values), exchanged));
}

}  // namespace

std::vector<Builtin> shape_builtins() {
  return {
      {"reshape", {{input("x"), setting("dims", "ints")}}, reshape},
      // The permutation may be given by place or left out: then the last two axes change places.
      {"transpose", {{input("x"), optional("axes", "ints")}, true}, transpose},
      {"broadcast", {{input("x"), setting("to", "ints"), optional("axis", "int")}}, broadcast},
      {"reverse", {{input("x"), optional("axis", "int")}}, reverse},
      {"pad_with",
       {{input("x"), setting("sizes", "ints"), optional("end", "ints"), optional_input("value"),
         optional("mode", "text")}},
       pad_with},
      {"slice", {{input("x"), setting("start", "ints"), setting("stop", "ints"), optional("step", "ints")}}, slice},
      {"dynamic_slice", {{input("x"), input("starts"), setting("sizes", "ints")}}, dynamic_slice},
      {"concat", {{input("x"), optional("axis", "int")}, true}, concat},
      {"split", {{input("x"), setting("n", "int"), optional("axis", "int")}}, split},
      {"iota", {{setting("dims", "ints"), optional("axis", "int")}}, iota},
      {"gather", {{input("table"), input("index")}}, gather},
      {"pick", {{input("x"), input("index"), optional("axis", "int")}}, pick},
      {"scatter_into", {{input("table"), input("index"), input("x"), optional("by", "text")}}, scatter_into},
      {"top_places",
       {{input("x"), setting("n", "int"), optional("axis", "int"), optional("largest", "flag")}},
       top_places},
      {"scatter", {{input("index"), input("x"), setting("size", "int")}}, scatter},
  };
}

}  // namespace nnc::semantics
