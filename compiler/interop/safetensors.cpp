#include "compiler/interop/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace nnc {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kHeaderMax = 100'000'000;  // as the format's own library
constexpr std::string_view kMetadata = "__metadata__";

struct Dtype {
  std::string_view text;
  ElementType element;
};
constexpr Dtype kDtypes[] = {
    {"F32", ElementType::F32},   {"F64", ElementType::F64}, {"F16", ElementType::F16}, {"BF16", ElementType::BF16},
    {"I8", ElementType::I8},     {"U8", ElementType::U8},   {"I16", ElementType::I16}, {"U16", ElementType::U16},
    {"I32", ElementType::I32},   {"U32", ElementType::U32}, {"I64", ElementType::I64}, {"U64", ElementType::U64},
    {"BOOL", ElementType::Bool},
};

struct Entry {
  std::string name;
  std::string dtype;
  Shape shape;
  std::vector<std::uint64_t> offsets;
  std::set<std::string> fields;
};

// Receives the header as it is parsed: its form is checked at once and nothing is built that the form does not allow.
class HeaderReader : public Json::json_sax_t {
 public:
  HeaderReader(std::string path, std::vector<Entry>& entries, std::map<std::string, std::string>& metadata)
      : path_(std::move(path)), entries_(entries), metadata_(metadata) {}

  const std::string& error() const { return error_; }

  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_float(double, const std::string&) override { return unexpected(); }
  bool binary(binary_t&) override { return unexpected(); }
  bool number_integer(std::int64_t) override { return fail("a negative number"); }
  bool number_unsigned(std::uint64_t value) override {
    if (in_ == In::Shape) {
      Shape& shape = entries_.back().shape;
      if (value > static_cast<std::uint64_t>(INT64_MAX) || shape.size() == kRankMax) return fail("an absurd shape");
      shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (in_ != In::Offsets || entries_.back().offsets.size() == 2) return unexpected();
    entries_.back().offsets.push_back(value);
    return true;
  }
  bool string(std::string& value) override {
    if (in_ == In::Metadata) return metadata_.emplace(key_, value).second || fail("a key twice");
    if (in_ != In::Tensor || key_ != "dtype") return unexpected();
    entries_.back().dtype = value;
    return true;
  }
  bool start_object(std::size_t) override {
    if (in_ == In::Nothing) {
      in_ = In::Header;
    } else if (in_ == In::Header && key_ == kMetadata) {
      in_ = In::Metadata;
    } else if (in_ == In::Header) {
      in_ = In::Tensor;
      entries_.push_back({key_, "", {}, {}, {}});
    } else {
      return unexpected();
    }
    return true;
  }
  bool key(std::string& key) override {
    key_ = key;
    if (in_ == In::Header) return names_.insert(key).second || fail("a name twice");
    if (in_ == In::Tensor) {
      if (key != "dtype" && key != "shape" && key != "data_offsets") return fail("an unknown field");
      return entries_.back().fields.insert(key).second || fail("a field twice");
    }
    return true;
  }
  bool end_object() override {
    if (in_ == In::Tensor) {
      const Entry& entry = entries_.back();
      if (entry.fields.size() != 3 || entry.offsets.size() != 2)
        return fail("a tensor without dtype, shape and two data_offsets");
    }
    in_ = in_ == In::Header ? In::Nothing : In::Header;
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_ != In::Tensor || key_ == "dtype") return unexpected();
    in_ = key_ == "shape" ? In::Shape : In::Offsets;
    return true;
  }
  bool end_array() override {
    in_ = In::Tensor;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    error_ = fmt::format("{}: byte {}: the header is not valid JSON here", path_, 8 + position);
    return false;
  }

 private:
  enum class In { Nothing, Header, Metadata, Tensor, Shape, Offsets };

  bool unexpected() { return fail("a value of the wrong kind"); }
  bool fail(std::string_view what) {
    error_ = fmt::format("{}: the header has {} at key {}{}", path_, what, quote(key_),
                         entries_.empty() || in_ == In::Header ? "" : " of " + quote(entries_.back().name));
    return false;
  }

  std::string path_;
  std::vector<Entry>& entries_;
  std::map<std::string, std::string>& metadata_;
  std::set<std::string> names_;
  std::string key_;
  std::string error_;
  In in_ = In::Nothing;
};

Result<Array> read_tensor(const FileBytes& file, std::uint64_t data, const Entry& entry) {
  const std::string place = fmt::format("{}: tensor {}", file.path, quote(entry.name));
  const Dtype* dtype = nullptr;
  for (const Dtype& candidate : kDtypes) {
    if (candidate.text == entry.dtype) dtype = &candidate;
  }
  if (dtype == nullptr)
    return Failure{fmt::format("{}: its dtype {} is not one that nnc reads", place, quote(entry.dtype))};
  const std::uint64_t begin = entry.offsets[0];
  const std::uint64_t end = entry.offsets[1];
  const std::uint64_t present = file.bytes.size() - data;
  if (begin > end || end > present) {
    return Failure{
        fmt::format("{}: its data_offsets [{}, {}] are not in the data of {} bytes: the file is cut short or damaged",
                    place, begin, end, present)};
  }
  const std::optional<std::uint64_t> size = array_bytes(dtype->element, entry.shape);
  if (!size || *size != end - begin) {
    return Failure{fmt::format("{}: its data_offsets [{}, {}] do not fit {} of shape {}", place, begin, end,
                               entry.dtype, to_string(entry.shape))};
  }
  return Array{entry.name, dtype->element, entry.shape, file.bytes.subspan(data + begin, *size),
               file.owner, place,          false};
}

}  // namespace

const Array* Safetensors::find(std::string_view name) const {
  for (const Array& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

bool is_safetensors(std::span<const std::byte> bytes) {
  // The length of a header below the limit leaves the upper half of the first word zero.
  std::uint64_t length = 0;
  if (bytes.size() < 9) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= kHeaderMax && bytes[8] == std::byte{'{'};
}

Result<Safetensors> parse_safetensors(const FileBytes& file) {
  std::uint64_t length = 0;
  if (file.bytes.size() < sizeof length)
    return Failure{file.path + ": byte 0: is not a safetensors file: it is too short"};
  std::memcpy(&length, file.bytes.data(), sizeof length);
  const std::uint64_t data = sizeof length + length;
  if (length > kHeaderMax || data > file.bytes.size()) {
    return Failure{fmt::format("{}: byte 0: is not a whole safetensors file: its header would take {} bytes, {} follow",
                               file.path, length, file.bytes.size() - sizeof length)};
  }
  const char* const header = reinterpret_cast<const char*>(file.bytes.data()) + sizeof length;
  if (length == 0 || *header != '{') return Failure{file.path + ": byte 8: the header does not begin with '{'"};
  Safetensors result;
  std::vector<Entry> entries;
  HeaderReader reader(file.path, entries, result.metadata);
  if (!Json::sax_parse(header, header + length, &reader)) return Failure{reader.error()};

  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offsets < b.offsets; });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    Result<Array> tensor = read_tensor(file, data, entry);
    if (!tensor) return tensor.failure();
    if (entry.offsets[0] != at) {
      return Failure{fmt::format("{}: begins at byte {} of the data, where {} was expected: there is {}", tensor->place,
                                 entry.offsets[0], at, entry.offsets[0] < at ? "an overlap" : "a hole")};
    }
    at = entry.offsets[1];
    result.tensors.push_back(std::move(*tensor));
  }
  if (at != file.bytes.size() - data) {
    return Failure{
        fmt::format("{}: byte {}: {} bytes belong to no tensor", file.path, data + at, file.bytes.size() - data - at)};
  }
  return result;
}

Result<Safetensors> read_safetensors(const std::string& path) {
  const Result<FileBytes> file = map_file(path);
  if (!file) return file.failure();
  return parse_safetensors(*file);
}

Status write_safetensors(const std::string& path, std::vector<Array> tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::sort(tensors.begin(), tensors.end(), [](const Array& a, const Array& b) {
    const int size_a = size_bytes(a.element);
    const int size_b = size_bytes(b.element);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  std::uint64_t at = 0;
  for (const Array& tensor : tensors) {
    if (tensor.name == kMetadata || header.contains(tensor.name)) {
      return Failure{fmt::format("{}: two tensors would have the name {}", path, quote(tensor.name))};
    }
    std::string_view dtype;
    for (const Dtype& candidate : kDtypes) {
      if (candidate.element == tensor.element && dtype.empty()) dtype = candidate.text;
    }
    const std::uint64_t end = at + tensor.bytes.size();
    header[tensor.name] = {{"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  // Replacing what is not UTF-8 keeps the file valid whatever is in the metadata.
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kHeaderMax) return Failure{path + ": the names and metadata are too long for a safetensors header"};
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const Array& tensor : tensors) file.write(tensor.bytes);
  return file.commit();
}

}  // namespace nnc
