#include "compiler/interop/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace nnc {
namespace {

// zlib counts in 32 bits: what it is given at once.
constexpr std::size_t kChunk = std::size_t{1} << 30;

Bytef* zlib_input(std::span<const std::byte> bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

// An inflate stream over `bytes`, refilled in chunks.
class Inflater {
 public:
  Inflater(std::span<const std::byte> bytes, int window_bits) : rest_(bytes) {
    ready_ = inflateInit2(&stream_, window_bits) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Writes to `target` until it is full, the stream ends or an error occurs; returns zlib's last code.
  int fill(std::span<std::byte> target, std::size_t& written) {
    written = 0;
    int code = ready_ ? Z_OK : Z_MEM_ERROR;
    while (code == Z_OK && written < target.size()) {
      if (stream_.avail_in == 0 && !rest_.empty()) {
        const std::size_t chunk = std::min(rest_.size(), kChunk);
        stream_.next_in = zlib_input(rest_);
        stream_.avail_in = static_cast<uInt>(chunk);
        rest_ = rest_.subspan(chunk);
      }
      const std::size_t room = std::min(target.size() - written, kChunk);
      stream_.next_out = reinterpret_cast<Bytef*>(target.data() + written);
      stream_.avail_out = static_cast<uInt>(room);
      code = inflate(&stream_, Z_NO_FLUSH);
      written += room - stream_.avail_out;
    }
    return code;
  }
  std::size_t unread() const { return rest_.size() + stream_.avail_in; }
  const char* message() const { return stream_.msg; }

 private:
  z_stream stream_ = {};
  std::span<const std::byte> rest_;
  bool ready_ = false;
};

std::string corrupt(const std::string& place, std::size_t offset, const char* message) {
  return fmt::format("{}: byte {}: the compressed data is {}{}{}", place, offset, message ? "damaged (" : "cut short",
                     message ? message : "", message ? ")" : "");
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

Result<FileBytes> gunzip(const FileBytes& file) {
  // The length in the file's tail is not believed: the result grows by what was really there.
  std::vector<ByteBuffer> pieces;
  std::uint64_t total = 0;
  std::span<const std::byte> rest = file.bytes;
  do {
    Inflater inflater(rest, 15 + 16);
    int code = Z_OK;
    while (code == Z_OK) {
      const std::uint64_t size = std::clamp<std::uint64_t>(total, 1 << 16, 1 << 28);
      Result<ByteBuffer> piece = allocate_buffer(size, file.path);
      if (!piece) return piece.failure();
      std::size_t written = 0;
      code = inflater.fill(piece->bytes(), written);
      piece->size = written;
      total += written;
      pieces.push_back(std::move(*piece));
    }
    if (code != Z_STREAM_END) {
      return Failure{corrupt(file.path, file.bytes.size() - inflater.unread(), inflater.message())};
    }
    rest = rest.last(inflater.unread());
    if (!rest.empty() && !is_gzip(rest)) {
      return Failure{fmt::format("{}: byte {}: something that is not gzip follows the compressed data", file.path,
                                 file.bytes.size() - rest.size())};
    }
  } while (!rest.empty());

  Result<ByteBuffer> whole = allocate_buffer(total, file.path);
  if (!whole) return whole.failure();
  std::byte* target = whole->data.get();
  for (const ByteBuffer& piece : pieces) target = std::copy_n(piece.data.get(), piece.size, target);
  return FileBytes{file.path, whole->bytes(), whole->data};
}

Result<ByteBuffer> inflate_raw(std::span<const std::byte> bytes, std::uint64_t size, const std::string& place) {
  if (size / kDeflateRatioMax > bytes.size() + 1) {
    return Failure{
        fmt::format("{}: {} compressed bytes cannot hold the {} that its header claims", place, bytes.size(), size)};
  }
  Result<ByteBuffer> buffer = allocate_buffer(size, place);
  if (!buffer) return buffer.failure();
  Inflater inflater(bytes, -15);
  std::size_t written = 0;
  int code = inflater.fill(buffer->bytes(), written);
  if (code == Z_OK) {
    // All that was claimed is there; nothing more may come.
    std::byte beyond[1];
    std::size_t more = 0;
    code = inflater.fill(beyond, more);
    if (more > 0) return Failure{fmt::format("{}: holds more than the {} bytes that its header claims", place, size)};
  }
  if (code != Z_STREAM_END) {
    return Failure{corrupt(place, bytes.size() - inflater.unread(), inflater.message())};
  }
  if (written != size || inflater.unread() != 0) {
    return Failure{fmt::format("{}: does not hold the {} bytes that its header claims", place, size)};
  }
  return buffer;
}

Result<std::vector<std::byte>> deflate_raw(std::span<const std::byte> bytes, const std::string& place) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Failure{place + ": there is no memory to compress it"};
  }
  std::vector<std::byte> result;
  std::vector<std::byte> piece(1 << 18);
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0 && !bytes.empty()) {
      const std::size_t chunk = std::min(bytes.size(), kChunk);
      stream.next_in = zlib_input(bytes);
      stream.avail_in = static_cast<uInt>(chunk);
      bytes = bytes.subspan(chunk);
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    result.insert(result.end(), piece.begin(), piece.end() - stream.avail_out);
  }
  deflateEnd(&stream);
  return result;
}

std::uint32_t crc32_of(std::span<const std::byte> bytes, std::span<const std::byte> more) {
  const uLong first = crc32_z(0, zlib_input(bytes), bytes.size());
  // zlib takes a null pointer for a request of the initial value.
  return static_cast<std::uint32_t>(more.empty() ? first : crc32_z(first, zlib_input(more), more.size()));
}

}  // namespace nnc
