#include "compiler/interop/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace nnc {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// The header is a Python dictionary of three known entries; nothing else is accepted.
struct Header {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  // False on error; then error() says what and where.
  bool parse(Header& header) {
    bool seen[3] = {};
    if (!expect('{')) return false;
    while (!accept('}')) {
      std::string key;
      if (!quoted(key) || !expect(':')) return false;
      const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : -1;
      if (which < 0 || seen[which]) return fail(which < 0 ? "an unknown key" : "a key that is there twice");
      seen[which] = true;
      if (which == 0 && !quoted_type(header.descr)) return false;
      if (which == 1 && !boolean(header.fortran_order)) return false;
      if (which == 2 && !tuple(header.shape)) return false;
      if (!accept(',') && !at('}')) return fail("no ',' or '}'");
    }
    skip_space();
    if (at_ != text_.size()) return fail("something after the dictionary");
    if (!seen[0] || !seen[1] || !seen[2]) return fail("no 'descr', 'fortran_order' or 'shape'");
    return true;
  }
  std::string error() const { return fmt::format("byte {}: the header has {}", offset_ + at_, error_); }

 private:
  bool fail(std::string what) {
    error_ = std::move(what);
    return false;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool at(char wanted) {
    skip_space();
    return at_ < text_.size() && text_[at_] == wanted;
  }
  bool accept(char wanted) {
    if (!at(wanted)) return false;
    ++at_;
    return true;
  }
  bool expect(char wanted) { return accept(wanted) || fail(fmt::format("no '{}'", wanted)); }
  bool quoted(std::string& value) {
    if (!at('\'') && !at('"')) return fail("no quoted text");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return fail("an unfinished text");
    value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool quoted_type(std::string& value) {
    return at('[') ? fail("a record type; save each field as an array of its own") : quoted(value);
  }
  bool boolean(bool& value) {
    skip_space();
    for (const bool candidate : {false, true}) {
      const std::string_view word = candidate ? "True" : "False";
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      value = candidate;
      return true;
    }
    return fail("neither True nor False");
  }
  bool tuple(Shape& shape) {
    if (!expect('(')) return false;
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      const auto [end, status] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (status != std::errc()) return fail("an extent that is no 64-bit number");
      at_ = static_cast<std::size_t>(end - text_.data());
      // Python 2 wrote long integers so.
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;
      shape.push_back(extent);
      if (shape.size() > kRankMax) return fail(fmt::format("more than {} axes", kRankMax));
      if (!accept(',') && !at(')')) return fail("no ',' or ')'");
    }
    return true;
  }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::string error_;
};

// NumPy itself has no bf16: V2, two bytes without a meaning, is what it writes of the arrays of ml_dtypes, the package
// that JAX, TensorFlow and onnx take bf16 from.
struct Descr {
  std::string_view text;  // kind and size, as NumPy writes them after the byte order
  ElementType element;
};

constexpr Descr kDescrs[] = {
    {"f4", ElementType::F32},  {"f8", ElementType::F64}, {"f2", ElementType::F16},  {"i1", ElementType::I8},
    {"u1", ElementType::U8},   {"i2", ElementType::I16}, {"u2", ElementType::U16},  {"i4", ElementType::I32},
    {"u4", ElementType::U32},  {"i8", ElementType::I64}, {"b1", ElementType::Bool}, {"u8", ElementType::U64},
    {"V2", ElementType::BF16},
};

// Copies an array in Fortran order (axis 0 fastest) into C order.
void transpose(const std::byte* source, std::byte* target, const Shape& shape, std::size_t size) {
  std::vector<std::size_t> strides(shape.size());
  std::size_t stride = size;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = stride;
    stride *= static_cast<std::size_t>(shape[axis]);
  }
  Shape index(shape.size(), 0);
  std::size_t from = 0;
  for (std::size_t written = 0; written < stride; written += size) {
    std::memcpy(target + written, source + from, size);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * static_cast<std::size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
}

Result<Array> read_array(const FileBytes& file, const std::string& place, const Header& header, std::size_t begin) {
  const char order = header.descr.empty() ? '\0' : header.descr[0];
  const Descr* descr = nullptr;
  if (order == '<' || order == '>' || order == '|') {
    for (const Descr& candidate : kDescrs) {
      if (std::string_view(header.descr).substr(1) == candidate.text) descr = &candidate;
    }
  }
  if (descr == nullptr) {
    return Failure{
        fmt::format("{}: holds elements of NumPy's type {}, which nnc does not read; convert it with "
                    ".astype('float32') or the like",
                    place, quote(header.descr))};
  }
  const std::size_t size = static_cast<std::size_t>(size_bytes(descr->element));
  if (order == '|' && size > 1)
    return Failure{fmt::format("{}: its type {} has no byte order", place, quote(header.descr))};
  const std::optional<std::uint64_t> bytes = array_bytes(descr->element, header.shape);
  const std::size_t present = file.bytes.size() - begin;
  if (!bytes || *bytes != present) {
    return Failure{fmt::format("{}: byte {}: {} bytes follow the header, but {} of shape {} take {}", place, begin,
                               present, name(descr->element), to_string(header.shape),
                               bytes ? std::to_string(*bytes) : "more than there can be")};
  }
  Array array{"", descr->element, header.shape, file.bytes.subspan(begin), file.owner, place, false};
  const bool swap = order == '>' && size > 1;
  const bool reorder = header.fortran_order && header.shape.size() > 1 && *bytes > 0;
  if (swap || reorder) {
    Result<ByteBuffer> buffer = allocate_buffer(*bytes, place);
    if (!buffer) return buffer.failure();
    if (reorder) {
      transpose(array.bytes.data(), buffer->data.get(), array.shape, size);
    } else {
      std::copy(array.bytes.begin(), array.bytes.end(), buffer->data.get());
    }
    if (swap) swap_bytes(buffer->bytes(), size);
    array.bytes = buffer->bytes();
    array.owner = buffer->data;
  }
  return array;
}

}  // namespace

bool is_npy(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<Array> parse_npy(const FileBytes& file, const std::string& place) {
  const std::span<const std::byte> bytes = file.bytes;
  if (!is_npy(bytes)) return Failure{place + ": byte 0: is not a .npy file"};
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  if (bytes.size() < 10) return Failure{place + ": is cut short: ends within the header"};
  const std::size_t version = byte_at(6);
  if (version < 1 || version > 3) {
    return Failure{fmt::format("{}: byte 6: .npy version {} is unknown (1 to 3 are read)", place, version)};
  }
  std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) return Failure{place + ": is cut short: ends within the header"};
  std::size_t length = byte_at(8) + (byte_at(9) << 8);
  if (version > 1) length += (byte_at(10) << 16) + (byte_at(11) << 24);
  if (length > bytes.size() - begin) {
    return Failure{fmt::format("{}: byte 8: is cut short: the header claims {} bytes, {} follow", place, length,
                               bytes.size() - begin)};
  }
  Header header;
  HeaderParser parser({reinterpret_cast<const char*>(bytes.data()) + begin, length}, begin);
  if (!parser.parse(header)) return Failure{place + ": " + parser.error()};
  return read_array(file, place, header, begin + length);
}

std::string npy_header(ElementType element, const Shape& shape) {
  std::string_view descr;
  for (const Descr& candidate : kDescrs) {
    if (candidate.element == element && descr.empty()) descr = candidate.text;
  }
  std::string tuple;
  for (const std::int64_t extent : shape) tuple += fmt::format("{}, ", extent);
  if (shape.size() > 1) tuple.resize(tuple.size() - 2);
  if (shape.size() == 1) tuple.resize(tuple.size() - 1);
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 size_bytes(element) == 1 ? '|' : '<', descr, tuple);
  // The data begins at a multiple of 64 and the header ends with a newline, as NumPy writes it.
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

Status write_npy(const std::string& path, const Array& array) {
  AtomicFile file(path);
  file.write(npy_header(array.element, array.shape));
  file.write(array.bytes);
  return file.commit();
}

}  // namespace nnc
