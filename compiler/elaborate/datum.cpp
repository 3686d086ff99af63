// Making, comparing and naming data.
#include "compiler/elaborate/datum.h"

#include <algorithm>

namespace nnc::semantics {

void add_sources(SizeSources& to, const SizeSources& from) {
  constexpr std::size_t kSourcesMax = 4;
  for (const SizeSource& source : from) {
    if (to.size() < kSourcesMax && std::find(to.begin(), to.end(), source) == to.end()) to.push_back(source);
  }
}

std::string to_string(const Element& element) {
  if (element.classes > 0) return "class[" + std::to_string(element.classes) + "]";
  return std::string(name(element.type));
}

std::string to_string(const TensorType& type) {
  std::string text = to_string(type.element);
  return type.shape.empty() ? text : text + nnc::to_string(type.shape);
}

Datum Datum::of(std::int64_t value) {
  Datum datum;
  datum.kind = DatumKind::Integer;
  datum.integer = value;
  return datum;
}
Datum Datum::of(std::int64_t value, SizeSources from) {
  Datum datum = of(value);
  datum.sources = std::move(from);
  return datum;
}
Datum Datum::of(double value) {
  Datum datum;
  datum.kind = DatumKind::Real;
  datum.real = value;
  return datum;
}
Datum Datum::of(bool value) {
  Datum datum;
  datum.kind = DatumKind::Flag;
  datum.flag = value;
  return datum;
}
Datum Datum::of(std::string value) {
  Datum datum;
  datum.kind = DatumKind::Text;
  datum.text = std::move(value);
  return datum;
}
Datum Datum::of(Value* value) {
  Datum datum;
  datum.kind = DatumKind::Tensor;
  datum.value = value;
  return datum;
}
Datum Datum::of(Element element) {
  Datum datum;
  datum.kind = DatumKind::Element;
  datum.element = element;
  return datum;
}
Datum Datum::of(OperatorPtr op) {
  Datum datum;
  datum.kind = DatumKind::Operator;
  datum.op = std::move(op);
  return datum;
}
Datum Datum::absent() {
  Datum datum;
  datum.kind = DatumKind::Absent;
  return datum;
}
Datum Datum::list(std::vector<Datum> items) {
  Datum datum;
  datum.kind = DatumKind::List;
  datum.items = std::move(items);
  return datum;
}
Datum Datum::list(const std::vector<std::int64_t>& items) {
  Datum datum;
  datum.kind = DatumKind::List;
  for (std::int64_t item : items) datum.items.push_back(of(item));
  return datum;
}
Datum Datum::tuple(std::vector<Datum> items) {
  Datum datum;
  datum.kind = DatumKind::Tuple;
  datum.items = std::move(items);
  return datum;
}

bool Datum::is_static() const {
  switch (kind) {
    case DatumKind::Integer:
    case DatumKind::Real:
    case DatumKind::Flag:
    case DatumKind::Text:
    case DatumKind::Element:
      return true;
    case DatumKind::List:
      for (const Datum& item : items) {
        if (!item.is_static()) return false;
      }
      return true;
    default:
      return false;
  }
}

bool same_static(const Datum& a, const Datum& b) {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case DatumKind::Flag:
      return a.flag == b.flag;
    case DatumKind::Text:
      return a.text == b.text;
    case DatumKind::Element:
      return a.element == b.element;
    case DatumKind::List:
      if (a.items.size() != b.items.size()) return false;
      for (std::size_t i = 0; i < a.items.size(); ++i) {
        if (!same_static(a.items[i], b.items[i])) return false;
      }
      return true;
    default:
      return false;
  }
}

}  // namespace nnc::semantics
