#include "compiler/interop/arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/interop/csv.h"
#include "compiler/interop/gzip.h"
#include "compiler/interop/idx.h"
#include "compiler/interop/npy.h"
#include "compiler/interop/npz.h"
#include "compiler/interop/safetensors.h"

namespace nnc {
namespace {

// One `NAME[:TYPE][:SHAPE]=SOURCE`.
struct Binding {
  std::string name;
  std::optional<ElementType> element;
  std::optional<Shape> shape;  // of one example
  std::string source;
  std::string text;
};

struct Spec {
  std::string file;  // empty: each binding names its own
  std::vector<Binding> bindings;
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// The delimiter of a text format, '\0' for all others.
char delimiter_of(std::string_view path) {
  std::string lower = lower_case(path);
  if (lower.ends_with(".gz")) lower.resize(lower.size() - 3);
  return lower.ends_with(".csv") ? ',' : lower.ends_with(".tsv") ? '\t' : '\0';
}

bool parse_shape(std::string_view text, Shape& shape) {
  shape.clear();
  if (text == "scalar") return true;
  while (true) {
    std::int64_t extent = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (status != std::errc() || extent < 1 || shape.size() == kRankMax) return false;
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return true;
    if (text[0] != 'x') return false;
    text.remove_prefix(1);
  }
}

Result<Binding> parse_binding(std::string_view text) {
  Binding binding;
  binding.text = text;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return Failure{fmt::format("{} should read NAME=SOURCE", quote(text))};
  }
  binding.source = text.substr(equals + 1);
  std::string_view left = text.substr(0, equals);
  binding.name = left.substr(0, left.find(':'));
  while (left.find(':') != std::string_view::npos) {
    left.remove_prefix(left.find(':') + 1);
    const std::string_view part = left.substr(0, left.find(':'));
    ElementType element = ElementType::F32;
    Shape shape;
    if (!binding.element && !binding.shape && parse_element_type(part, element)) {
      binding.element = element;
    } else if (!binding.shape && parse_shape(part, shape)) {
      binding.shape = shape;
    } else {
      return Failure{
          fmt::format("{}: {} is neither an element type (f32, u8, …) nor after it a shape (1x28x28, scalar)",
                      quote(text), quote(part))};
    }
  }
  if (binding.name.empty()) return Failure{fmt::format("{} should read NAME=SOURCE", quote(text))};
  return binding;
}

// The length of the file's name if the spec begins with one that holds several arrays and a colon; else 0.
std::size_t container_length(const std::string& spec) {
  const std::string lower = lower_case(spec.substr(0, spec.find('=')));
  std::size_t length = 0;
  for (const std::string_view suffix : {".npz:", ".safetensors:", ".csv:", ".csv.gz:", ".tsv:", ".tsv.gz:"}) {
    const std::size_t found = lower.find(suffix);
    if (found != std::string::npos) length = std::max(length, found + suffix.size() - 1);
  }
  return length;
}

Result<Spec> parse_spec(const std::string& text) {
  Spec spec;
  if (text.empty()) return Failure{"an empty text names no data; say FILE or NAME=FILE"};
  const std::size_t length = container_length(text);
  if (length == 0 && text.find('=') == std::string::npos) {
    spec.file = text;
    return spec;
  }
  spec.file = text.substr(0, length);
  std::string_view rest = std::string_view(text).substr(length == 0 ? 0 : length + 1);
  while (true) {
    const std::size_t comma = rest.find(',');
    Result<Binding> binding = parse_binding(rest.substr(0, comma));
    if (!binding) return binding.failure();
    spec.bindings.push_back(std::move(*binding));
    if (comma == std::string_view::npos) return spec;
    rest = rest.substr(comma + 1);
  }
}

Result<FileBytes> open_unpacked(const std::string& path) {
  Result<FileBytes> file = map_file(path);
  if (!file || !is_gzip(file->bytes)) return file;
  return gunzip(*file);
}

Result<std::vector<Array>> parse_any(const FileBytes& file) {
  const auto one = [](Result<Array> array) -> Result<std::vector<Array>> {
    if (!array) return array.failure();
    return std::vector<Array>{std::move(*array)};
  };
  if (const char delimiter = delimiter_of(file.path)) return parse_csv(file, delimiter, {});
  if (is_npy(file.bytes)) return one(parse_npy(file, file.path));
  if (is_zip(file.bytes)) return parse_npz(file);
  if (is_safetensors(file.bytes)) {
    Result<Safetensors> parsed = parse_safetensors(file);
    if (!parsed) return parsed.failure();
    return std::move(parsed->tensors);
  }
  if (is_idx(file.bytes)) return one(parse_idx(file));
  return Failure{fmt::format("{}: {}; .npy, .npz, .safetensors, IDX (each also .gz), .csv and .tsv files are read",
                             file.path, file.bytes.empty() ? "is empty" : "is of no known format")};
}

Result<Array> find_member(const std::string& path, const std::vector<Array>& arrays, const Binding& binding) {
  std::vector<std::string> names;
  for (const Array& array : arrays) {
    if (array.name == binding.source) return array;
    names.push_back(array.name);
  }
  const std::string near = nearest(binding.source, names);
  return Failure{fmt::format("{}: has no array {}{}; it has: {}", path, quote(binding.source),
                             near.empty() ? "" : " (did you mean " + quote(near) + "?)", fmt::join(names, ", "))};
}

Result<Array> only_array(const Binding& binding) {
  if (const std::size_t length = container_length(binding.source); length > 0) {
    return Failure{fmt::format("{} should read {}:{}={}, the file first", quote(binding.text),
                               binding.source.substr(0, length), binding.text.substr(0, binding.text.find('=')),
                               binding.source.substr(length + 1))};
  }
  const Result<FileBytes> file = open_unpacked(binding.source);
  if (!file) return file.failure();
  const char delimiter = delimiter_of(binding.source);
  Result<std::vector<Array>> arrays =
      delimiter ? parse_csv(*file, delimiter, {{binding.name, "0:"}}) : parse_any(*file);
  if (!arrays) return arrays.failure();
  if (arrays->size() == 1) return arrays->front();
  std::vector<std::string> names;
  for (const Array& array : *arrays) names.push_back(array.name);
  return Failure{fmt::format("{}: holds {} arrays; say {}:{}=NAME with one of: {}", binding.source, arrays->size(),
                             binding.source, binding.name, fmt::join(names, ", "))};
}

// Applies what the binding says of name, type and shape.
Result<Array> bind_array(Array array, const Binding& binding) {
  array.name = binding.name;
  array.is_named_by_user = true;
  if (binding.shape) {
    Shape whole = {array.shape.empty() ? 1 : array.shape[0]};
    whole.insert(whole.end(), binding.shape->begin(), binding.shape->end());
    Result<Array> reshaped = reshape_array(array, whole);
    if (!reshaped) {
      // A single example without a leading axis.
      whole[0] = 1;
      const Result<Array> single = reshape_array(array, whole);
      if (!single) return reshaped.failure();
      reshaped = single;
    }
    array = *reshaped;
  }
  if (binding.element) return convert_array(array, *binding.element);
  return array;
}

Result<std::vector<Array>> load_spec(const std::string& text) {
  const Result<Spec> spec = parse_spec(text);
  if (!spec) return spec.failure();
  if (spec->bindings.empty()) {
    Result<std::vector<Array>> arrays = load_file(spec->file);
    if (arrays && arrays->size() == 1 && arrays->front().name.empty()) {
      return Failure{fmt::format("{}: holds one array without a name; give it one: NAME={}", spec->file, spec->file)};
    }
    return arrays;
  }

  std::vector<Array> sources;
  if (!spec->file.empty()) {
    const Result<FileBytes> file = open_unpacked(spec->file);
    if (!file) return file.failure();
    std::vector<ColumnBinding> columns;
    for (const Binding& binding : spec->bindings) columns.push_back({binding.name, binding.source});
    const char delimiter = delimiter_of(spec->file);
    const Result<std::vector<Array>> arrays = delimiter ? parse_csv(*file, delimiter, columns) : parse_any(*file);
    if (!arrays) return arrays.failure();
    sources = *arrays;
    if (!delimiter) {
      std::vector<Array> selected;
      for (const Binding& binding : spec->bindings) {
        Result<Array> member = find_member(spec->file, sources, binding);
        if (!member) return member.failure();
        selected.push_back(std::move(*member));
      }
      sources = std::move(selected);
    }
  }
  std::vector<Array> result;
  for (std::size_t i = 0; i < spec->bindings.size(); ++i) {
    const Binding& binding = spec->bindings[i];
    const Result<Array> source = spec->file.empty() ? only_array(binding) : Result<Array>(sources[i]);
    if (!source) return source.failure();
    Result<Array> bound = bind_array(*source, binding);
    if (!bound) return bound.failure();
    result.push_back(std::move(*bound));
  }
  return result;
}

}  // namespace

Result<std::vector<Array>> load_file(const std::string& path) {
  const Result<FileBytes> file = open_unpacked(path);
  if (!file) return file.failure();
  return parse_any(*file);
}

Result<std::vector<Array>> load_arrays(const std::vector<std::string>& specs) {
  std::vector<Array> all;
  for (const std::string& spec : specs) {
    Result<std::vector<Array>> arrays = load_spec(spec);
    if (!arrays) return arrays.failure();
    for (Array& array : *arrays) {
      for (const Array& earlier : all) {
        if (earlier.name == array.name) {
          return Failure{
              fmt::format("two arrays have the name {}: {} and {}", quote(array.name), earlier.place, array.place)};
        }
      }
      all.push_back(std::move(array));
    }
  }
  return all;
}

}  // namespace nnc
