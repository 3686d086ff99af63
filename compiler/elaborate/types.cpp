// Types of the language, and how the arguments of a definition bind its parameters and sizes.
#include <algorithm>
#include <set>

#include "compiler/elaborate/evaluator.h"

namespace nnc::semantics {
namespace {

constexpr const char* kNoConversion = "; nothing converts by itself, write `cast`";
constexpr std::int64_t kSizeMax = std::int64_t{1} << 31;

Element bound_element(const Scope* scope, const std::string& variable) {
  for (; scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->elements.find(variable);
    if (found != scope->elements.end()) return found->second;
  }
  return {};
}

std::string kind_in_words(const std::string& kind) {
  static const std::map<std::string, std::string> kWords = {{"int", "an integer"},
                                                            {"ints", "integers"},
                                                            {"real", "a number"},
                                                            {"reals", "numbers"},
                                                            {"flag", "true or false"},
                                                            {"text", "a text"},
                                                            {"texts", "texts"},
                                                            {"elem", "an element type"},
                                                            {"list", "tensors"},
                                                            {"set", "a set of parameters"},
                                                            {"op", "a layer, cell or function"}};
  return kWords.at(kind);
}

// Matches the arguments of one application with the header of a definition.
class Binder {
 public:
  Binder(Evaluator& evaluator, const std::vector<ast::Param>& params, const ScopePtr& outer, const std::string& callee,
         Span span, bool binds_sizes)
      : evaluator_(evaluator),
        params_(params),
        callee_(callee),
        span_(span),
        binds_sizes_(binds_sizes),
        scope_(evaluator.new_scope(outer)),
        given_(params.size(), nullptr) {
    for (const ast::Param& param : params) header_names_.insert(param.name.text);
  }

  ScopePtr bind(std::vector<BoundArgument>& arguments) {
    assign(arguments);
    for (std::size_t i = 0; i < params_.size(); ++i) {
      if (given_[i] != nullptr && !params_[i].kind.empty()) declare(i, setting(params_[i], *given_[i]));
    }
    // Tensors bind sizes and element types; static arguments then take them.
    for (bool is_static : {false, true}) {
      for (std::size_t i = 0; i < params_.size(); ++i) {
        if (given_[i] == nullptr || !params_[i].kind.empty()) continue;
        if (given_[i]->value.is_static() == is_static) declare(i, input(params_[i], *given_[i]));
      }
    }
    for (std::size_t i = 0; i < params_.size(); ++i) {
      if (given_[i] == nullptr && !params_[i].kind.empty()) declare(i, default_setting(params_[i]));
    }
    for (std::size_t i = 0; i < params_.size(); ++i) {
      if (given_[i] == nullptr && params_[i].kind.empty()) declare(i, default_input(params_[i]));
    }
    check_later();
    return scope_;
  }

 private:
  // A tensor that is given for an input, or for an element of one that is a tuple, and the type that the header wants.
  struct Part {
    const ast::Type& type;
    const std::string& name;
    const Datum& given;
    Span span;
  };
  struct Later {
    Part part;
    Value* value;
  };
  struct Bound {
    Span place;
    std::string param;
  };

  void assign(std::vector<BoundArgument>& arguments) {
    std::vector<std::string> names;
    for (const ast::Param& param : params_) names.push_back(param.name.text);
    for (const BoundArgument& argument : arguments) {
      if (argument.name.empty()) continue;
      auto found = std::find(names.begin(), names.end(), argument.name);
      if (found == names.end()) {
        evaluator_.reporter().unknown_argument(argument.span, callee_, argument.name, names);
      }
      const BoundArgument*& slot = given_[static_cast<std::size_t>(found - names.begin())];
      if (slot != nullptr) evaluator_.reporter().fail(Kind::repeated_argument, argument.span, argument.name);
      slot = &argument;
    }
    std::size_t next = 0;
    for (const BoundArgument& argument : arguments) {
      if (!argument.name.empty()) continue;
      while (next < params_.size() && (given_[next] != nullptr || params_[next].default_value != nullptr)) ++next;
      if (next == params_.size()) {
        evaluator_.reporter().fail(Kind::too_many_arguments, argument.span, callee_, signature_text());
      }
      given_[next++] = &argument;
    }
    for (std::size_t i = 0; i < params_.size(); ++i) {
      if (given_[i] == nullptr && params_[i].default_value == nullptr) {
        evaluator_.reporter().fail_with(misplaced_notes(), Kind::missing_argument, span_, callee_, params_[i].name.text,
                                        signature_text());
      }
    }
  }

  // `dense(10)(x)`: a number in the place of a tensor shows that the tensor was meant to come from elsewhere.
  std::vector<Note> misplaced_notes() const {
    std::vector<Note> notes;
    for (std::size_t i = 0; i < params_.size(); ++i) {
      const bool is_misplaced = given_[i] != nullptr && given_[i]->name.empty() && params_[i].kind.empty() &&
                                params_[i].default_value == nullptr && given_[i]->value.is_number();
      if (!is_misplaced) continue;
      notes.push_back({given_[i]->span, fmt::format("taken for the input `{}`; what an operator is applied to stands "
                                                    "before it, `{} |> {}(…)`, or comes first",
                                                    params_[i].name.text, params_[i].name.text, callee_)});
    }
    return notes;
  }

  std::string signature_text() const {
    std::string text = callee_ + "(";
    for (std::size_t i = 0; i < params_.size(); ++i) {
      if (i > 0) text += ", ";
      text += evaluator_.reporter().text(params_[i].span);
    }
    return text + ")";
  }

  void declare(std::size_t i, Datum value) {
    Binding binding;
    binding.value = std::move(value);
    binding.span = params_[i].name.span;
    scope_->names[params_[i].name.text] = std::move(binding);
  }

  // A parameter whose default is `absent` may also be given that.
  static bool is_left_out(const ast::Param& param, const Datum& value) {
    const ast::Expr* const otherwise = param.default_value.get();
    return value.is(DatumKind::Absent) && otherwise != nullptr && otherwise->kind == ast::ExprKind::Name &&
           otherwise->text == "absent";
  }

  Datum setting(const ast::Param& param, const BoundArgument& argument) {
    if (is_left_out(param, argument.value)) return argument.value;
    return check_kind(param, argument.value, argument.span);
  }

  Datum check_kind(const ast::Param& param, const Datum& value, Span span) {
    const std::string& kind = param.kind;
    // Integers stay the data that they are: these know where they come from.
    if (kind == "int") return evaluator_.integer(value, span), value;
    if (kind == "ints") return evaluator_.integers(value, span), value;
    if (kind == "real") return Datum::of(evaluator_.real(value, span));
    if (kind == "flag") return Datum::of(evaluator_.flag(value, span));
    if ((kind == "reals" && value.is_number()) || (kind == "texts" && value.is(DatumKind::Text))) {
      return Datum::list(std::vector<Datum>{value});
    }
    if (kind == "reals" || kind == "texts") {
      const bool is_list =
          value.is(DatumKind::List) && std::all_of(value.items.begin(), value.items.end(), [&](const Datum& item) {
            return kind == "reals" ? item.is_number() : item.is(DatumKind::Text);
          });
      if (is_list) return value;
    }
    if (kind == "list" && (value.is(DatumKind::List) || value.is(DatumKind::Tuple))) return Datum::tuple(value.items);
    DatumKind wanted = kind == "list"   ? DatumKind::List
                       : kind == "text" ? DatumKind::Text
                       : kind == "elem" ? DatumKind::Element
                                        : DatumKind::Operator;
    if (kind == "set") {
      Datum datum;
      datum.kind = DatumKind::Set;
      datum.set = evaluator_.set(value, span);
      return datum;
    }
    if (kind == "reals" || kind == "texts" || !value.is(wanted)) {
      evaluator_.reporter().fail(Kind::wrong_kind, span, callee_, kind_in_words(kind), param.name.text,
                                 evaluator_.describe(value));
    }
    return value;
  }

  Datum default_setting(const ast::Param& param) {
    if (param.kind == "op") {
      return Datum::of(evaluator_.operator_as_written(*param.default_value, scope_, Evaluator::kFromSignature));
    }
    const Datum value = evaluator_.expression(*param.default_value, scope_);
    return is_left_out(param, value) ? value : check_kind(param, value, param.default_value->span);
  }

  // A pack of sizes that no argument binds is empty.
  Datum default_input(const ast::Param& param) {
    Datum value = evaluator_.expression(*param.default_value, scope_);
    for (const ast::Dim& dim : param.type.dims) {
      if (dim.is_pack && binds(*dim.size) && bound_.count(dim.size->text) == 0) {
        bind(dim.size->text, Datum::list(std::vector<Datum>{}), {param.span, param.name.text});
      }
    }
    if (is_left_out(param, value)) return value;
    TensorType type = evaluator_.type(param.type, scope_);
    return Datum::of(evaluator_.tensor_of_type(value, type, param.default_value->span, param.name.text));
  }

  [[noreturn]] void mismatch(const Part& part, Value* value, std::vector<Note> notes, const char* hint = "") {
    evaluator_.reporter().fail_with(std::move(notes), Kind::argument_mismatch, part.span, callee_,
                                    evaluator_.reporter().text(part.type.span), part.name,
                                    to_string(evaluator_.session.type(value)), hint);
  }

  Datum input(const ast::Param& param, const BoundArgument& argument) {
    if (is_left_out(param, argument.value)) return argument.value;
    if (!param.type.element.empty()) return tensor({param.type, param.name.text, argument.value, argument.span});
    if (!argument.value.is(DatumKind::Tuple) || argument.value.items.size() != param.type.elements.size()) {
      evaluator_.reporter().fail(Kind::argument_mismatch, argument.span, callee_,
                                 evaluator_.reporter().text(param.type.span), param.name.text,
                                 evaluator_.describe(argument.value), "");
    }
    std::vector<Datum> items;
    for (std::size_t i = 0; i < param.type.elements.size(); ++i) {
      items.push_back(tensor({param.type.elements[i], param.name.text, argument.value.items[i], argument.span}));
    }
    return Datum::tuple(std::move(items));
  }

  Datum tensor(const Part& part) {
    Element wanted;
    bool is_known = known_element(part.type, wanted);
    Value* value = evaluator_.tensor(part.given, is_known ? &wanted.type : nullptr, part.span);
    match_element(part, value);
    match_shape(part, value);
    return Datum::of(value);
  }

  bool known_element(const ast::Type& type, Element& element) {
    if (type.element == "class") {
      element.type = ElementType::I32;
      return true;
    }
    if (ast::is_element_variable(type.element)) {
      const auto bound = scope_->elements.find(type.element);
      if (bound != scope_->elements.end()) element = bound->second;
      return bound != scope_->elements.end();
    }
    element = evaluator_.element(type, scope_);
    return true;
  }

  void match_element(const Part& part, Value* value) {
    const ast::Type& type = part.type;
    Element actual = evaluator_.session.type(value).element;
    if (type.element == "class") {
      if (actual.classes == 0 && part.given.is_static()) return;
      if (actual.classes == 0) mismatch(part, value, {}, "; declare what counts classes as `class[n]`");
      const ast::Expr& count = *type.class_count;
      if (binds(count)) {
        bind(count.text, size_of(actual.classes, value, kClassCount), {part.span, part.name});
      } else {
        later_.push_back({part, value});
      }
      return;
    }
    if (ast::is_element_variable(type.element)) {
      if (type.element == "float" && (!is_float(actual.type) || actual.classes > 0)) {
        mismatch(part, value, {}, kNoConversion);
      }
      const Element bound = scope_->elements.emplace(type.element, actual).first->second;
      if (bound != actual) {
        mismatch(part, value, {{part.span, fmt::format("`{}` is {} here", type.element, to_string(bound))}});
      }
      return;
    }
    if (actual != evaluator_.element(type, scope_)) mismatch(part, value, {}, kNoConversion);
  }

  bool binds(const ast::Expr& size) {
    if (!binds_sizes_ || size.kind != ast::ExprKind::Name || header_names_.count(size.text) != 0) return false;
    if (const Binding* outer = find(scope_->parent.get(), size.text);
        outer != nullptr && outer->kind == Binding::Kind::Constant) {
      evaluator_.reporter().fail_with({{outer->span, "the const is here"}}, Kind::size_is_const, size.span, size.text);
    }
    return true;
  }

  // A size that a value has, with the axis as its source.
  static Datum size_of(std::int64_t size, const Value* value, std::int64_t axis) {
    return Datum::of(size, {{{}, size, value, axis}});
  }

  void bind(const std::string& name, Datum size, Bound origin) {
    auto found = bound_.find(name);
    if (found == bound_.end()) {
      Binding binding;
      binding.value = std::move(size);
      scope_->names[name] = std::move(binding);
      bound_[name] = std::move(origin);
      return;
    }
    const Datum& before = scope_->names[name].value;
    if (same_static(before, size)) return;
    const Bound& first = found->second;
    std::vector<Note> notes =
        join_notes({size_notes(before, size),
                    {{first.place, fmt::format("`{}` is {} by `{}`", name, size_text(before), first.param)}},
                    size_notes(size, before)});
    evaluator_.reporter().fail_with(notes, Kind::size_conflict, origin.place, callee_, name, size_text(before),
                                    size_text(size), origin.param);
  }

  // Where a size, or those of a pack that are not as in the other, comes from.
  std::vector<Note> size_notes(const Datum& size, const Datum& other) const {
    SizeSources sources = size.sources;
    const bool is_comparable = size.items.size() == other.items.size();
    for (std::size_t i = 0; i < size.items.size(); ++i) {
      if (!is_comparable || !same_static(size.items[i], other.items[i])) add_sources(sources, size.items[i].sources);
    }
    return evaluator_.session.size_notes(sources);
  }

  static std::string size_text(const Datum& size) {
    if (size.is(DatumKind::Integer)) return std::to_string(size.integer);
    Shape shape;
    for (const Datum& item : size.items) shape.push_back(item.integer);
    return nnc::to_string(shape);
  }

  void match_shape(const Part& part, Value* value) {
    const std::vector<ast::Dim>& dims = part.type.dims;
    const Shape& shape = value->type.shape;
    std::size_t packs = 0;
    for (const ast::Dim& dim : dims) packs += dim.is_pack ? 1 : 0;
    if (packs > 1) evaluator_.reporter().fail(Kind::two_packs, part.type.span);
    if (packs == 0 ? shape.size() != dims.size() : shape.size() + 1 < dims.size()) {
      mismatch(part, value, evaluator_.session.shape_notes(value));
    }
    std::size_t axis = 0;
    bool is_deferred = false;
    for (const ast::Dim& dim : dims) {
      std::size_t count = dim.is_pack ? shape.size() + 1 - dims.size() : 1;
      if (!binds(*dim.size)) {
        is_deferred = true;
      } else if (dim.is_pack) {
        std::vector<Datum> sizes;
        for (std::size_t i = axis; i < axis + count; ++i) {
          sizes.push_back(size_of(shape[i], value, static_cast<std::int64_t>(i)));
        }
        bind(dim.size->text, Datum::list(std::move(sizes)), {part.span, part.name});
      } else {
        bind(dim.size->text, size_of(shape[axis], value, static_cast<std::int64_t>(axis)), {part.span, part.name});
      }
      axis += count;
    }
    if (is_deferred) later_.push_back({part, value});
  }

  void check_later() {
    for (const Later& later : later_) {
      TensorType wanted = evaluator_.type(later.part.type, scope_);
      TensorType actual = evaluator_.session.type(later.value);
      if (wanted.element.classes > 0 && actual.element.classes != wanted.element.classes) {
        mismatch(later.part, later.value,
                 join_notes({evaluator_.class_notes(later.value), evaluator_.wanted_notes(wanted, actual)}));
      }
      if (wanted.shape == actual.shape) continue;
      std::vector<Note> notes = join_notes(
          {evaluator_.session.size_notes(later.value, wanted.shape), evaluator_.wanted_notes(wanted, actual)});
      evaluator_.reporter().fail_with(notes, Kind::argument_mismatch, later.part.span, callee_, to_string(wanted),
                                      later.part.name, to_string(actual), "");
    }
  }

  Evaluator& evaluator_;
  const std::vector<ast::Param>& params_;
  const std::string& callee_;
  Span span_;
  bool binds_sizes_;  // the header of a model binds none
  ScopePtr scope_;
  std::vector<const BoundArgument*> given_;
  std::set<std::string> header_names_;
  std::map<std::string, Bound> bound_;
  std::vector<Later> later_;
};

}  // namespace

Element Evaluator::element(const ast::Type& type, const ScopePtr& scope) {
  if (ast::is_element_variable(type.element)) return bound_element(scope.get(), type.element);
  Element result;
  if (type.element == "class") {
    result.type = ElementType::I32;
    Datum count = expression(*type.class_count, scope);
    result.classes = integer(count, type.class_count->span);
    if (result.classes < 1 || result.classes > kSizeMax) {
      reporter().fail_with(session.size_notes(count.sources), Kind::bad_size, type.class_count->span, result.classes,
                           fmt::format("there are 1 to {} classes", kSizeMax));
    }
    return result;
  }
  if (!parse_element_type(type.element, result.type)) {
    reporter().fail(Kind::unknown_element_type, type.element_span, type.element, "");
  }
  return result;
}

TensorType Evaluator::type(const ast::Type& type, const ScopePtr& scope, bool may_be_empty) {
  TensorType result;
  result.element = element(type, scope);
  const std::int64_t least = may_be_empty ? program.size_min() : 1;
  std::int64_t count = 1;
  bool is_too_large = false;
  if (type.element == "class") result.class_sources = expression(*type.class_count, scope).sources;
  for (const ast::Dim& dim : type.dims) {
    Datum size = expression(*dim.size, scope);
    if (dim.is_pack) {
      integers(size, dim.size->span);
    } else {
      integer(size, dim.size->span);
    }
    const std::vector<Datum> one = {size};
    for (const Datum& item : size.is(DatumKind::List) ? size.items : one) {
      if (item.integer < least || item.integer > kSizeMax) {
        reporter().fail_with(session.size_notes(item.sources), Kind::bad_size, dim.size->span, item.integer,
                             item.integer == -1 ? "a size is at least 1, and the batch is no axis of a model"
                                                : fmt::format("a size is {} to {}", least, kSizeMax));
      }
      result.shape.push_back(item.integer);
      result.sources.push_back(item.sources);
      is_too_large = is_too_large || (item.integer > 0 && count > kElementsMax / item.integer);
      if (!is_too_large) count *= item.integer;
    }
  }
  if (is_too_large) {
    std::vector<Note> notes;
    for (const SizeSources& sources : result.sources) notes = join_notes({notes, session.size_notes(sources)});
    reporter().fail_with(notes, Kind::tensor_too_large, type.span, to_string(result), kElementsMax);
  }
  return result;
}

ScopePtr Evaluator::bind(const std::vector<ast::Param>& params, const ScopePtr& outer, const std::string& callee,
                         std::vector<BoundArgument> arguments, Span span, bool binds_sizes) {
  return Binder(*this, params, outer, callee, span, binds_sizes).bind(arguments);
}

void Evaluator::check_result(const ast::Type& wanted, Datum& result, const ScopePtr& scope, Span span,
                             const std::string& callee) {
  if (wanted.element.empty()) {
    if (!result.is(DatumKind::Tuple) || result.items.size() != wanted.elements.size()) {
      reporter().fail(Kind::result_mismatch, span, callee, reporter().text(wanted.span), describe(result));
    }
    for (std::size_t i = 0; i < wanted.elements.size(); ++i)
      check_result(wanted.elements[i], result.items[i], scope, span, callee);
    return;
  }
  TensorType expected = type(wanted, scope);
  if (!result.is(DatumKind::Tensor)) {
    result = Datum::of(tensor_of_type(result, expected, span, callee));
    return;
  }
  TensorType actual = session.type(result.value);
  if (actual == expected) return;
  std::vector<Note> notes = join_notes({session.size_notes(result.value, expected.shape), class_notes(result.value)});
  notes.push_back({wanted.span, fmt::format("declared here: {}", to_string(expected))});
  // What is written in the declaration itself is seen there.
  for (const Note& note : wanted_notes(expected, actual)) {
    const bool is_inside =
        note.span.file == wanted.span.file && note.span.begin >= wanted.span.begin && note.span.end <= wanted.span.end;
    if (!is_inside) notes.push_back(note);
  }
  reporter().fail_with(notes, Kind::result_mismatch, span, callee, to_string(expected), to_string(actual));
}

}  // namespace nnc::semantics
