// scan, repeat and total: an operator applied along an axis, again and again, and to each of a set.
//
// The body of a scan is elaborated once, in a region of its own; what it uses from outside becomes an operand there.
#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {
namespace {

constexpr std::int64_t kLengthMax = std::int64_t{1} << 24;

std::vector<Datum> items_of(const Datum& datum) {
  return datum.is(DatumKind::Tuple) ? datum.items : std::vector<Datum>{datum};
}

Datum as_result(std::vector<Value*> values, bool is_tuple) {
  if (!is_tuple) return Datum::of(values[0]);
  std::vector<Datum> items;
  for (Value* value : values) items.push_back(Datum::of(value));
  return Datum::tuple(std::move(items));
}

}  // namespace

Value* Evaluator::uniform(const Shape& dims) {
  Value* value = session.uniform(dims, session.draws_are_shared && !draw_path.empty() ? draw_path : owner.path);
  return value;
}

Datum Evaluator::scan(Arguments& arguments) {
  const OperatorValue& body = *arguments.get("f").op;
  Span span = arguments.span;
  std::vector<Value*> sequences;
  for (const Datum& item : items_of(arguments.get("xs")))
    sequences.push_back(tensor(item, nullptr, arguments.place("xs")));
  std::int64_t length = -1;
  for (Value* sequence : sequences) {
    const Shape& shape = sequence->type.shape;
    if (shape.empty()) reporter().fail(Kind::no_such_axis, arguments.place("xs"), 0, 0);
    if (length >= 0 && shape[0] != length) {
      reporter().fail_with(join_notes({session.size_notes(sequences[0], 0), session.size_notes(sequence, 0)}),
                           Kind::scan_lengths_differ, arguments.place("xs"), length, shape[0]);
    }
    length = shape[0];
  }
  if (length > kLengthMax) {
    reporter().fail(Kind::bad_size, arguments.place("xs"), length,
                    fmt::format("a scan has at most {} steps", kLengthMax));
  }
  Value* stop = nullptr;
  if (arguments.has("length")) {
    TensorType scalar{{ElementType::I32, 0}, {}};
    stop = tensor_of_type(arguments.get("length"), scalar, arguments.place("length"), "`length`");
  }
  ContextGuard guard(*this);
  carries_on = arguments.flag("carry");
  at(span);
  session.enter_scan(length);
  std::vector<BoundArgument> leading;
  for (Value* sequence : sequences)
    leading.push_back({"", Datum::of(session.sequence(sequence)), arguments.place("xs")});
  Datum result = apply(body, std::move(leading), span);
  bool is_tuple = result.is(DatumKind::Tuple);
  std::vector<Value*> outputs;
  for (const Datum& item : items_of(result)) outputs.push_back(tensor(item, nullptr, span));
  at(span);
  if (stop != nullptr) outputs = stay_after(stop, outputs);
  std::vector<Value*> stacked = session.leave_scan(outputs);
  if (stop != nullptr) stacked.erase(stacked.begin(), stacked.begin() + static_cast<std::ptrdiff_t>(outputs.size()));
  return as_result(std::move(stacked), is_tuple);
}

// From `stop` on, the states and the outputs of the current scan stay as they were.
std::vector<Value*> Evaluator::stay_after(Value* stop, const std::vector<Value*>& outputs) {
  Value* runs = session.op("less", {session.cast(session.scan_step(), ElementType::I32), stop});
  auto choose = [&](Value* next, Value* before) {
    Value* condition = session.broadcast_from(runs, next->type.shape, 0);
    return session.with_classes(session.op("select", {condition, next, before}), session.classes(next));
  };
  for (Region::Carry& carry : session.region().carries) {
    if (carry.current != carry.input) carry.current = choose(carry.current, carry.input);
  }
  std::vector<Value*> kept;
  for (Value* output : outputs) {
    Value* nothing = session.in_region(*session.region().parent,
                                       [&] { return session.full(output->type.element, output->type.shape, 0); });
    Value* before = session.carry(nothing).input;
    kept.push_back(choose(output, before));
    session.region().carries.back().current = kept.back();
  }
  return kept;
}

Datum Evaluator::repeat(Arguments& arguments) {
  constexpr std::int64_t kOpenedMax = 1;
  const OperatorValue& body = *arguments.get("f").op;
  Span span = arguments.span;
  std::int64_t count = arguments.integer("n");
  if (count < 0 || count > kLengthMax) {
    reporter().fail(Kind::bad_size, arguments.place("n"), count, fmt::format("0 to {} repetitions", kLengthMax));
  }
  Datum start = arguments.get("x");
  if (count == 0) return start;
  auto as_leading = [&](const std::vector<Datum>& items) {
    std::vector<BoundArgument> leading;
    for (const Datum& item : items) leading.push_back({"", item, arguments.place("x")});
    return leading;
  };
  bool is_tuple = start.is(DatumKind::Tuple);
  if (count <= kOpenedMax) return apply(body, as_leading(items_of(start)), span);
  std::vector<Value*> values;
  for (const Datum& item : items_of(start)) values.push_back(tensor(item, nullptr, arguments.place("x")));
  ContextGuard guard(*this);
  at(span);
  session.enter_scan(count);
  std::vector<Datum> carried;
  for (Value* value : values) carried.push_back(Datum::of(session.carry(value).input));
  Datum result = apply(body, as_leading(carried), span);
  std::vector<Datum> results = items_of(result);
  if (results.size() != carried.size()) reporter().fail(Kind::tuple_mismatch, span, carried.size(), describe(result));
  for (std::size_t i = 0; i < results.size(); ++i) {
    Value* next = tensor_of_type(results[i], session.type(carried[i].value), span, "the operator's result");
    session.region().carries[i].current = next;
  }
  at(span);
  return as_result(session.leave_scan({}), is_tuple);
}

Datum Evaluator::total(Arguments& arguments) {
  const OperatorValue& body = *arguments.get("f").op;
  Value* sum = nullptr;
  for (const SetItem& item : set(arguments.get("set"), arguments.place("set"))) {
    Datum part = apply(body, std::vector<Datum>{Datum::of(item.value)}, arguments.span);
    TensorType scalar{{item.value->type.element, 0}, {}};
    Value* value = tensor_of_type(part, scalar, arguments.span, "what is summed by `total`");
    at(arguments.span);
    sum = sum == nullptr ? value : session.op("add", {sum, value});
  }
  return Datum::of(sum != nullptr ? sum : session.scalar(ElementType::F32, 0));
}

// f(f(a, b), c): from the left.
Datum Evaluator::fold(Arguments& arguments) {
  const OperatorValue& body = *arguments.get("f").op;
  const std::vector<Datum>& items = arguments.list("items");
  if (items.empty()) reporter().fail(Kind::bad_size, arguments.place("items"), 0, "a list that is folded has an item");
  Datum result = items[0];
  for (std::size_t i = 1; i < items.size(); ++i) result = apply(body, {result, items[i]}, arguments.span);
  return result;
}

}  // namespace nnc::semantics
