// Operators on data: static ones computed, tensors broadcast and built.
#include <algorithm>
#include <cmath>

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {
namespace {

const std::map<std::string, std::string> kTensorNames = {
    {"+", "add"},         {"-", "subtract"}, {"*", "multiply"},    {"/", "divide"},        {"//", "floor_divide"},
    {"%", "remainder"},   {"^", "power"},    {"==", "equal"},      {"!=", "not_equal"},    {"<", "less"},
    {"<=", "less_equal"}, {">", "less"},     {">=", "less_equal"}, {"and", "logical_and"}, {"or", "logical_or"}};

// The shape of a nested list, by its first items.
Shape list_shape(const Datum& datum) {
  Shape shape;
  for (const Datum* at = &datum; at->is(DatumKind::List) && !at->items.empty(); at = &at->items.front()) {
    shape.push_back(static_cast<std::int64_t>(at->items.size()));
  }
  return shape;
}

// Collects the items of a nested list in row-major order; false if it is not regular.
bool flatten(const Datum& datum, std::size_t depth, const Shape& shape, std::vector<const Datum*>& leaves) {
  if (depth == shape.size()) {
    leaves.push_back(&datum);
    return !datum.is(DatumKind::List);
  }
  if (!datum.is(DatumKind::List) || static_cast<std::int64_t>(datum.items.size()) != shape[depth]) return false;
  for (const Datum& item : datum.items) {
    if (!flatten(item, depth + 1, shape, leaves)) return false;
  }
  return true;
}

// The first of the static numbers for which `is_wrong` holds; null: none, or they are no static numbers.
const Datum* find_number(const Datum& datum, const std::function<bool(const Datum&)>& is_wrong) {
  if (datum.is_number()) return is_wrong(datum) ? &datum : nullptr;
  if (!datum.is(DatumKind::List)) return nullptr;
  for (const Datum& item : datum.items) {
    if (const Datum* found = find_number(item, is_wrong)) return found;
  }
  return nullptr;
}

}  // namespace

void Evaluator::check_numbers(const Value* value, const char* what, Span span) {
  if (session.classes(value) == 0 && value->type.element != ElementType::Bool) return;
  reporter().fail(Kind::no_arithmetic, span, what, to_string(session.type(value)));
}

void Evaluator::check_number(const Datum& number, ElementType element, Span span) {
  if (is_float(element)) return;
  if (number.is(DatumKind::Real)) {
    reporter().fail(Kind::number_does_not_convert, span, describe(number), name(element));
  }
  if (!holds(element, number.integer)) {
    reporter().fail(Kind::number_not_in_type, span, number.integer, name(element),
                    integer_text(element, lowest(element)), integer_text(element, highest(element)));
  }
}

Value* Evaluator::tensor(const Datum& datum, const ElementType* want, Span span) {
  ElementType element = want == nullptr ? ElementType::F32 : *want;
  switch (datum.kind) {
    case DatumKind::Tensor:
      if (!session.is_visible(datum.value)) reporter().fail(Kind::inner_value_used_outside, span);
      return datum.value;
    case DatumKind::Integer:
    case DatumKind::Real:
      at(span);
      if (element == ElementType::Bool) {
        reporter().fail(Kind::number_does_not_convert, span, describe(datum), name(element));
      }
      check_number(datum, element, span);
      if (is_integer(element)) return session.constant(Tensor::whole(element, datum.integer));
      return session.scalar(element, datum.number());
    case DatumKind::Flag:
      at(span);
      if (want != nullptr && element != ElementType::Bool) {
        reporter().fail(Kind::number_does_not_convert, span, describe(datum), name(element));
      }
      return session.scalar(ElementType::Bool, datum.flag ? 1 : 0);
    case DatumKind::List: {
      if (datum.items.empty()) break;
      Shape shape = list_shape(datum);
      std::vector<const Datum*> leaves;
      bool has_tensors = !datum.is_static();
      if (!has_tensors) {
        if (!flatten(datum, 0, shape, leaves)) reporter().fail(Kind::irregular_list, span);
        bool all_numbers =
            std::all_of(leaves.begin(), leaves.end(), [](const Datum* leaf) { return leaf->is_number(); });
        if (!all_numbers) break;
        Tensor values = Tensor::zeros({element, shape});
        for (std::size_t i = 0; i < leaves.size(); ++i) {
          check_number(*leaves[i], element, span);
          if (is_float(element)) {
            // As values that come from outside, so that both are equal where they should be.
            values.floats()[i] = round_to(element, leaves[i]->number());
          } else {
            values.integers()[i] = leaves[i]->integer;
          }
        }
        at(span);
        return session.constant(std::move(values));
      }
      std::vector<const Datum*> items;
      for (const Datum& item : datum.items) items.push_back(&item);
      std::vector<Value*> parts = tensors(items, std::vector<Span>(items.size(), span));
      for (Value*& part : parts) {
        if (part->type.shape == parts[0]->type.shape) continue;
        reporter().fail_with(join_notes({session.size_notes(parts[0], part->type.shape),
                                         session.size_notes(part, parts[0]->type.shape)}),
                             Kind::irregular_list, span);
      }
      at(span);
      for (Value*& part : parts) {
        Shape one = part->type.shape;
        one.insert(one.begin(), 1);
        part = session.reshape(part, one);
      }
      return session.concat(parts, 0);
    }
    default:
      break;
  }
  reporter().fail(Kind::expected_tensor, span, describe(datum));
}

std::vector<Note> Evaluator::wanted_notes(const TensorType& wanted, const TensorType& actual) const {
  SizeSources sources;
  if (wanted.element != actual.element) sources = wanted.class_sources;
  for (std::size_t i = 0; i < wanted.sources.size(); ++i) {
    const bool is_same = wanted.shape.size() == actual.shape.size() && wanted.shape[i] == actual.shape[i];
    if (!is_same) add_sources(sources, wanted.sources[i]);
  }
  return session.size_notes(sources);
}

std::vector<Note> Evaluator::class_notes(const Value* value) const {
  return session.classes(value) > 0 ? session.size_notes(value, kClassCount) : std::vector<Note>{};
}

Value* Evaluator::tensor_of_type(const Datum& datum, const TensorType& wanted, Span span, const std::string& what) {
  Value* value = tensor(datum, wanted.element.type, span);
  at(span);
  if (datum.is_number() || datum.is(DatumKind::Flag)) return session.broadcast(value, wanted.shape);
  TensorType actual = session.type(value);
  if (wanted.element.classes > 0 && datum.is_static()) actual.element.classes = wanted.element.classes;
  if (actual.element != wanted.element) {
    reporter().fail_with(join_notes({class_notes(value), wanted_notes(wanted, actual)}), Kind::element_mismatch, span,
                         what, to_string(wanted), to_string(actual));
  }
  if (actual.shape != wanted.shape) {
    std::vector<Note> notes = join_notes({session.size_notes(value, wanted.shape), wanted_notes(wanted, actual)});
    reporter().fail_with(notes, Kind::shape_mismatch, span, what, to_string(wanted), to_string(actual));
  }
  return value;
}

std::vector<Value*> Evaluator::tensors(const std::vector<const Datum*>& data, const std::vector<Span>& spans) {
  // The first tensor, also one inside a list, says the element type for the static ones.
  std::function<const Value*(const Datum&)> first_tensor = [&](const Datum& datum) -> const Value* {
    if (datum.is(DatumKind::Tensor)) return datum.value;
    if (datum.is(DatumKind::List)) {
      for (const Datum& item : datum.items) {
        if (const Value* found = first_tensor(item)) return found;
      }
    }
    return nullptr;
  };
  const Value* leader = nullptr;
  std::size_t leader_index = 0;
  for (std::size_t i = 0; i < data.size() && leader == nullptr; ++i) {
    leader = first_tensor(*data[i]);
    leader_index = i;
  }
  std::vector<Value*> values;
  for (std::size_t i = 0; i < data.size(); ++i) {
    values.push_back(tensor(*data[i], leader == nullptr ? nullptr : &leader->type.element, spans[i]));
    if (leader != nullptr && values.back()->type.element != leader->type.element) {
      std::vector<Note> notes = {{spans[leader_index], fmt::format("this is {}", to_string(session.type(leader)))}};
      reporter().fail_with(notes, Kind::elements_differ, spans[i], to_string(session.type(values.back()).element),
                           to_string(session.type(leader).element));
    }
  }
  return values;
}

void Evaluator::broadcast_together(std::vector<Value*>& values, Span span) {
  Shape shape = values[0]->type.shape;
  std::size_t widest = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    Shape result;
    const Shape& other = values[i]->type.shape;
    if (!Session::broadcast_shapes(shape, other, result)) {
      std::vector<Note> notes;
      const Shape& a = values[widest]->type.shape;
      for (std::size_t k = 1; k <= std::min(a.size(), other.size()); ++k) {
        if (a[a.size() - k] == other[other.size() - k]) continue;
        notes = join_notes({notes, session.size_notes(values[widest], static_cast<std::int64_t>(a.size() - k)),
                            session.size_notes(values[i], static_cast<std::int64_t>(other.size() - k))});
      }
      reporter().fail_with(notes, Kind::shapes_do_not_broadcast, span, nnc::to_string(a), nnc::to_string(other));
    }
    if (result != shape) widest = i;
    shape = result;
  }
  at(span);
  for (Value*& value : values) value = session.broadcast(value, shape);
}

Datum Evaluator::unary(const std::string& op, const Datum& a, Span span) {
  if (op == "not") {
    if (a.is(DatumKind::Flag)) return Datum::of(!a.flag);
    Value* value = tensor(a, ElementType::Bool, span);
    at(span);
    return Datum::of(session.op("logical_not", {value}));
  }
  if (a.is(DatumKind::Integer)) {
    if (a.integer == INT64_MIN) reporter().fail(Kind::integer_overflow, span);
    return Datum::of(-a.integer, sources_of(a, a, Datum::of(-a.integer), span));
  }
  if (a.is(DatumKind::Real)) return Datum::of(-a.real);
  if (a.is(DatumKind::List) && a.is_static()) {
    std::vector<Datum> items;
    for (const Datum& item : a.items) items.push_back(unary(op, item, span));
    return Datum::list(std::move(items));
  }
  Value* value = tensor(a, nullptr, span);
  if (session.classes(value) > 0 || value->type.element == ElementType::Bool) {
    reporter().fail(Kind::no_arithmetic, span, "-", describe(a));
  }
  at(span);
  return Datum::of(session.op("negate", {value}));
}

Datum Evaluator::binary(const std::string& op, const Datum& a, const Datum& b, Span a_span, Span b_span, Span span) {
  // `mask == absent`, also where mask is a tensor.
  const bool is_absent = a.is(DatumKind::Absent) || b.is(DatumKind::Absent);
  if (is_absent && (op == "==" || op == "!=")) return Datum::of((a.kind == b.kind) == (op == "=="));
  if (a.is_static() && b.is_static() && op != "@") return static_binary(op, a, b, span);
  return tensor_binary(op, a, b, a_span, b_span, span);
}

// The sources of what an expression of the user's or of the prelude makes of `a` and `b`. A number that the user writes
// in it stands beside the other sources; if there are none, the expression is the source.
SizeSources Evaluator::sources_of(const Datum& a, const Datum& b, const Datum& result, Span span) {
  SizeSources all;
  std::function<void(const Datum&, const Datum*)> add = [&](const Datum& datum, const Datum* other) {
    if (other != nullptr && same_static(datum, *other)) return;
    add_sources(all, datum.sources);
    const bool is_comparable = other != nullptr && other->items.size() == datum.items.size();
    for (std::size_t i = 0; i < datum.items.size(); ++i) {
      add(datum.items[i], is_comparable ? &other->items[i] : nullptr);
    }
  };
  const bool is_list = a.is(DatumKind::List) && b.is(DatumKind::List);
  add(a, is_list ? &b : nullptr);
  add(b, is_list ? &a : nullptr);
  if (reporter().is_prelude(span)) return all;
  std::erase_if(all, [&](const SizeSource& source) {
    return source.value == nullptr && source.span.file == span.file && source.span.begin >= span.begin &&
           source.span.end <= span.end;
  });
  if (all.empty() && result.is(DatumKind::Integer)) return {{span, result.integer}};
  return all;
}

Datum Evaluator::static_binary(const std::string& op, const Datum& a, const Datum& b, Span span) {
  if (op == "==" || op == "!=" || op == "and" || op == "or") {
    Datum result;
    if (op == "==" || op == "!=") {
      result = Datum::of(same_static(a, b) == (op == "=="));
    } else {
      bool left = flag(a, span), right = flag(b, span);
      result = Datum::of(op == "and" ? left && right : left || right);
    }
    result.sources = sources_of(a, b, result, span);
    return result;
  }
  if (a.is(DatumKind::List) || b.is(DatumKind::List)) {
    const Datum& list = a.is(DatumKind::List) ? a : b;
    if (a.is(DatumKind::List) && b.is(DatumKind::List) && a.items.size() != b.items.size()) {
      reporter().fail(Kind::irregular_list, span);
    }
    std::vector<Datum> items;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      items.push_back(
          static_binary(op, a.is(DatumKind::List) ? a.items[i] : a, b.is(DatumKind::List) ? b.items[i] : b, span));
    }
    return Datum::list(std::move(items));
  }
  if (!a.is_number() || !b.is_number()) reporter().fail(Kind::no_arithmetic, span, op, describe(a.is_number() ? b : a));
  Datum result = static_number(op, a, b, span);
  result.sources = sources_of(a, b, result, span);
  return result;
}

Datum Evaluator::static_number(const std::string& op, const Datum& a, const Datum& b, Span span) {
  if (op == "<") return Datum::of(a.number() < b.number());
  if (op == "<=") return Datum::of(a.number() <= b.number());
  if (op == ">") return Datum::of(a.number() > b.number());
  if (op == ">=") return Datum::of(a.number() >= b.number());
  bool zero = b.number() == 0;
  if (zero && (op == "/" || op == "//" || op == "%")) reporter().fail(Kind::division_by_zero, span);
  if (op == "/") return Datum::of(a.number() / b.number());
  if (a.is(DatumKind::Integer) && b.is(DatumKind::Integer)) {
    std::int64_t x = a.integer, y = b.integer, result = 0;
    bool overflows = false;
    if (op == "+") overflows = __builtin_add_overflow(x, y, &result);
    if (op == "-") overflows = __builtin_sub_overflow(x, y, &result);
    if (op == "*") overflows = __builtin_mul_overflow(x, y, &result);
    if (op == "//" || op == "%") {
      if (y == -1) {
        overflows = __builtin_sub_overflow(std::int64_t{0}, x, &result);
        if (op == "%") result = 0;
      } else {
        std::int64_t remainder = x % y;
        bool rounds_down = remainder != 0 && (remainder < 0) != (y < 0);
        result = op == "//" ? x / y - (rounds_down ? 1 : 0) : remainder + (rounds_down ? y : 0);
      }
    }
    if (op == "^") {
      if (y < 0) return Datum::of(std::pow(static_cast<double>(x), static_cast<double>(y)));
      result = 1;
      for (std::int64_t i = 0; i < y && !overflows && result != 0 && (x > 1 || x < -1 || i < 2); ++i) {
        overflows = __builtin_mul_overflow(result, x, &result);
      }
      if (x == -1) result = y % 2 == 0 ? 1 : -1;
    }
    if (overflows) reporter().fail(Kind::integer_overflow, span);
    return Datum::of(result);
  }
  double x = a.number(), y = b.number();
  if (op == "+") return Datum::of(x + y);
  if (op == "-") return Datum::of(x - y);
  if (op == "*") return Datum::of(x * y);
  if (op == "//") return Datum::of(std::floor(x / y));
  if (op == "%") return Datum::of(x - y * std::floor(x / y));
  if (op == "^") return Datum::of(std::pow(x, y));
  throw InternalError("an operator of an unknown kind: " + op);
}

Datum Evaluator::tensor_binary(const std::string& op, const Datum& a, const Datum& b, Span a_span, Span b_span,
                               Span span) {
  if (op == "^" && a.is(DatumKind::Tensor) && b.is(DatumKind::Integer) && b.integer >= 1 && b.integer <= 4) {
    // Small powers are products: exact, differentiable everywhere, cheap.
    if (session.classes(a.value) > 0) reporter().fail(Kind::no_arithmetic, span, op, describe(a));
    at(span);
    Value* base = tensor(a, nullptr, a_span);
    Value* square = b.integer == 1 ? base : session.op("multiply", {base, base});
    if (b.integer == 3) square = session.op("multiply", {square, base});
    if (b.integer == 4) square = session.op("multiply", {square, square});
    return Datum::of(square);
  }
  std::vector<Value*> values = tensors({&a, &b}, {a_span, b_span});
  bool has_class = session.classes(values[0]) > 0 || session.classes(values[1]) > 0;
  std::int64_t class_a = session.classes(values[0]), class_b = session.classes(values[1]);
  if (has_class && op != "==" && op != "!=") {
    reporter().fail(Kind::no_arithmetic, span, op, describe(class_a > 0 ? a : b));
  }
  if (class_a > 0 && class_b > 0 && class_a != class_b) {
    reporter().fail_with(join_notes({class_notes(values[0]), class_notes(values[1])}), Kind::elements_differ, span,
                         to_string(session.type(values[0]).element), to_string(session.type(values[1]).element));
  }
  const std::int64_t classes = std::max(class_a, class_b);
  const auto is_no_class = [&](const Datum& number) { return number.integer < 0 || number.integer >= classes; };
  if (const Datum* number = has_class ? find_number(class_a > 0 ? b : a, is_no_class) : nullptr) {
    reporter().fail(Kind::number_not_in_type, class_a > 0 ? b_span : a_span, number->integer,
                    fmt::format("class[{}]", classes), 0, classes - 1);
  }
  if (op == "@") return Datum::of(product(values[0], values[1], span));
  ElementType element = values[0]->type.element;
  bool is_logical = op == "and" || op == "or";
  bool fits = true;
  if (is_logical) {
    fits = element == ElementType::Bool;
  } else if (element == ElementType::Bool) {
    fits = op == "==" || op == "!=";
  } else if (op == "/") {
    fits = is_float(element);
  } else if (op == "//") {
    fits = is_integer(element);
  }
  if (op == "/" && is_integer(element)) {
    reporter().fail(Kind::integer_quotient, span, describe(a.is(DatumKind::Tensor) ? a : b));
  }
  if (!fits) reporter().fail(Kind::no_arithmetic, span, op, describe(a.is(DatumKind::Tensor) ? a : b));
  if (is_integer(element) && (op == "//" || op == "%") &&
      find_number(b, [](const Datum& number) { return number.integer == 0; }) != nullptr) {
    reporter().fail(Kind::division_by_zero, b_span);
  }
  broadcast_together(values, span);
  if (op == ">" || op == ">=") std::swap(values[0], values[1]);
  return Datum::of(session.op(kTensorNames.at(op), {values[0], values[1]}));
}

Value* Evaluator::product(Value* a, Value* b, Span span) {
  const Shape& left = a->type.shape;
  const Shape& right = b->type.shape;
  std::size_t m = left.size(), n = right.size();
  std::string left_letters, right_letters, result_letters;
  constexpr const char* kLeading = "abcdefghij";
  bool fits = false;
  if (a->type.element == ElementType::Bool) {
    reporter().fail(Kind::no_arithmetic, span, "@", to_string(session.type(a)));
  }
  if (m == 2 && n == 1) {
    left_letters = "mk", right_letters = "k", result_letters = "m";
    fits = left[1] == right[0];
  } else if (n == 2 && m >= 1 && m <= 11) {
    std::string leading(kLeading, m - 1);
    left_letters = leading + "k", right_letters = "kn", result_letters = leading + "n";
    fits = left.back() == right[0];
  } else if (m == n && m > 2 && m <= 12) {
    std::string leading(kLeading, m - 2);
    left_letters = leading + "mk", right_letters = leading + "kn", result_letters = leading + "mn";
    fits = left[m - 1] == right[n - 2] && std::equal(left.begin(), left.end() - 2, right.begin());
  }
  if (!fits) {
    std::vector<Note> notes;
    if (m > 0 && n > 0) {
      std::size_t axis = n == 1 ? 0 : n - 2;
      const bool is_batched = m == n && m > 2;
      if (!is_batched || left[m - 1] != right[axis]) {
        notes = join_notes({session.size_notes(a, static_cast<std::int64_t>(m - 1)),
                            session.size_notes(b, static_cast<std::int64_t>(axis))});
      }
      for (std::size_t i = 0; is_batched && i < axis; ++i) {
        const std::int64_t leading = static_cast<std::int64_t>(i);
        if (left[i] != right[i]) {
          notes = join_notes({notes, session.size_notes(a, leading), session.size_notes(b, leading)});
        }
      }
    }
    reporter().fail_with(notes, Kind::product_mismatch, span, nnc::to_string(left), nnc::to_string(right));
  }
  at(span);
  std::string spec = left_letters + "," + right_letters + "->" + result_letters;
  return session.op("contraction", {a, b}, attributes({{"spec", spec}}));
}

}  // namespace nnc::semantics
