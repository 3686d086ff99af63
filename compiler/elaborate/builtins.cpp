// The table of the primitives as the language names them, and access to their arguments.
#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

const std::map<std::string, Builtin>& table() {
  static const std::map<std::string, Builtin> all = [] {
    std::map<std::string, Builtin> made;
    for (const auto& group :
         {elementwise_builtins(), shape_builtins(), static_builtins(), network_builtins(), contract_builtins()}) {
      for (const Builtin& builtin : group) made.emplace(builtin.name, builtin);
    }
    return made;
  }();
  return all;
}

}  // namespace

const Builtin* find_builtin(const std::string& name) {
  auto found = table().find(name);
  return found == table().end() ? nullptr : &found->second;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const auto& [name, builtin] : table()) names.push_back(name);
  return names;
}

std::int64_t Arguments::integer(const std::string& name, std::int64_t otherwise) const {
  return has(name) ? evaluator.integer(get(name), place(name)) : otherwise;
}

double Arguments::real(const std::string& name, double otherwise) const {
  return has(name) ? evaluator.real(get(name), place(name)) : otherwise;
}

bool Arguments::flag(const std::string& name, bool otherwise) const {
  return has(name) ? evaluator.flag(get(name), place(name)) : otherwise;
}

std::vector<std::int64_t> Arguments::integers(const std::string& name) const {
  return evaluator.integers(get(name), place(name));
}

const std::vector<Datum>& Arguments::list(const std::string& name) const {
  const Datum& datum = get(name);
  if (!datum.is(DatumKind::List) && !datum.is(DatumKind::Tuple)) {
    evaluator.reporter().fail(Kind::expected_static, place(name), "a list", evaluator.describe(datum));
  }
  return datum.items;
}

Value* Arguments::tensor(const std::string& name) const { return evaluator.tensor(get(name), nullptr, place(name)); }

SizeSources Arguments::sources(const std::string& name, std::size_t item) const {
  if (!has(name)) return {};
  const Datum& datum = get(name);
  return !datum.is(DatumKind::List)  ? datum.sources
         : item < datum.items.size() ? datum.items[item].sources
                                     : SizeSources{};
}

std::vector<SizeSources> Arguments::all_sources(const std::string& name) const {
  std::vector<SizeSources> result;
  for (std::size_t i = 0; i < integers(name).size(); ++i) result.push_back(sources(name, i));
  return result;
}

std::int64_t Arguments::axis(const std::string& name, std::int64_t otherwise, std::size_t rank) const {
  std::int64_t axis = integer(name, otherwise);
  auto count = static_cast<std::int64_t>(rank);
  if (axis < -count || axis >= count) evaluator.reporter().fail(Kind::no_such_axis, place(name), axis, rank);
  return axis < 0 ? axis + count : axis;
}

std::int64_t Arguments::axis(const std::string& name, std::int64_t otherwise, const Value* of) const {
  std::int64_t axis = integer(name, otherwise);
  auto count = static_cast<std::int64_t>(of->type.shape.size());
  if (axis < -count || axis >= count) {
    evaluator.reporter().fail_with(evaluator.session.shape_notes(of), Kind::no_such_axis, place(name), axis, count);
  }
  return axis < 0 ? axis + count : axis;
}

std::vector<std::int64_t> Arguments::per_axis(const std::string& name, std::int64_t otherwise,
                                              std::size_t count) const {
  if (!has(name)) return std::vector<std::int64_t>(count, otherwise);
  if (get(name).is(DatumKind::Integer)) return std::vector<std::int64_t>(count, get(name).integer);
  std::vector<std::int64_t> values = integers(name);
  if (values.size() != count) evaluator.reporter().fail(Kind::wrong_length, place(name), name, count, values.size());
  return values;
}

}  // namespace nnc::semantics
