#include "compiler/interop/npz.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "compiler/interop/gzip.h"
#include "compiler/interop/npy.h"

namespace nnc {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034b50;
constexpr std::uint32_t kCentralMagic = 0x02014b50;
constexpr std::uint32_t kEndMagic = 0x06054b50;
constexpr std::uint32_t kEnd64Magic = 0x06064b50;
constexpr std::uint32_t kLocator64Magic = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocator64Size = 20;
constexpr std::uint64_t kIn64Bits = 0xffffffff;  // instead of a 32-bit number: it stands in the zip64 record
constexpr std::uint16_t kExtra64 = 1;

struct Member {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

// Reads the archive's directory. Every number is checked against the file before it is used.
class ZipReader {
 public:
  explicit ZipReader(const FileBytes& file) : file_(file), bytes_(file.bytes) {}

  Result<std::vector<Member>> directory() {
    std::uint64_t begin = 0;
    std::uint64_t count = 0;
    std::uint64_t end = 0;
    if (!find_directory(begin, end, count)) return Failure{error_};
    std::vector<Member> members;
    std::uint64_t at = begin;
    for (std::uint64_t i = 0; i < count; ++i) {
      Member member;
      if (!read_entry(at, end, member)) return Failure{error_};
      members.push_back(std::move(member));
    }
    return members;
  }

  // The member's bytes as they are in the file.
  Result<std::span<const std::byte>> packed(const Member& member) {
    const std::uint64_t at = member.offset;
    if (!has(at, kLocalSize) || number<std::uint32_t>(at) != kLocalMagic)
      return Failure{at_byte(at, "a member should begin here")};
    const std::uint64_t name_size = number<std::uint16_t>(at + 26);
    const std::uint64_t begin = at + kLocalSize + name_size + number<std::uint16_t>(at + 28);
    if (!has(at + kLocalSize, name_size) || text(at + kLocalSize, name_size) != member.name ||
        number<std::uint16_t>(at + 8) != member.method) {
      return Failure{at_byte(at, "the member differs from its entry in the directory")};
    }
    if (!has(begin, member.packed_size)) return Failure{at_byte(begin, "is cut short: a member ends beyond the file")};
    return bytes_.subspan(begin, member.packed_size);
  }

 private:
  bool has(std::uint64_t at, std::uint64_t size) const { return at <= bytes_.size() && size <= bytes_.size() - at; }
  template <class T>
  T number(std::uint64_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  std::string text(std::uint64_t at, std::uint64_t size) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, size};
  }
  std::string at_byte(std::uint64_t at, std::string_view what) const {
    return fmt::format("{}: byte {}: {}", file_.path, at, what);
  }
  bool fail(std::uint64_t at, std::string_view what) {
    error_ = at_byte(at, what);
    return false;
  }

  bool find_directory(std::uint64_t& begin, std::uint64_t& end, std::uint64_t& count) {
    // The end record is last but for a comment of at most 64 KiB, whose length it holds.
    const std::uint64_t size = bytes_.size();
    std::uint64_t found = size;
    for (std::uint64_t back = kEndSize; back <= std::min<std::uint64_t>(size, kEndSize + 0xffff); ++back) {
      const std::uint64_t at = size - back;
      if (number<std::uint32_t>(at) == kEndMagic && number<std::uint16_t>(at + 20) == back - kEndSize) {
        found = at;
        break;
      }
    }
    if (found == size) return fail(size, "the archive is cut short: its directory is missing");
    if (number<std::uint16_t>(found + 4) != 0) return fail(found, "archives in several parts are not read");
    count = number<std::uint16_t>(found + 10);
    std::uint64_t directory_size = number<std::uint32_t>(found + 12);
    begin = number<std::uint32_t>(found + 16);
    end = found;
    if (count == 0xffff || directory_size == kIn64Bits || begin == kIn64Bits) {
      if (found < kLocator64Size || number<std::uint32_t>(found - kLocator64Size) != kLocator64Magic) {
        return fail(found, "the archive's 64-bit directory is missing");
      }
      end = number<std::uint64_t>(found - kLocator64Size + 8);
      if (!has(end, kEnd64Size) || number<std::uint32_t>(end) != kEnd64Magic) {
        return fail(found, "the archive's 64-bit directory is not where it should be");
      }
      count = number<std::uint64_t>(end + 32);
      directory_size = number<std::uint64_t>(end + 40);
      begin = number<std::uint64_t>(end + 48);
    }
    if (begin > end || directory_size != end - begin)
      return fail(end, "the archive's directory has a wrong place or size");
    return true;
  }

  bool read_entry(std::uint64_t& at, std::uint64_t end, Member& member) {
    if (end - at < kCentralSize || number<std::uint32_t>(at) != kCentralMagic) {
      return fail(at, "an entry of the archive's directory should begin here");
    }
    const std::uint64_t name_size = number<std::uint16_t>(at + 28);
    const std::uint64_t extra_size = number<std::uint16_t>(at + 30);
    const std::uint64_t entry_size = kCentralSize + name_size + extra_size + number<std::uint16_t>(at + 32);
    if (end - at < entry_size) return fail(at, "an entry of the archive's directory is cut short");
    member.flags = number<std::uint16_t>(at + 8);
    member.method = number<std::uint16_t>(at + 10);
    member.crc = number<std::uint32_t>(at + 16);
    member.packed_size = number<std::uint32_t>(at + 20);
    member.size = number<std::uint32_t>(at + 24);
    member.offset = number<std::uint32_t>(at + 42);
    member.name = text(at + kCentralSize, name_size);
    if (!read_extra64(at + kCentralSize + name_size, extra_size, member)) return false;
    at += entry_size;
    return true;
  }

  // The numbers that do not fit into 32 bits, in the extra fields of an entry.
  bool read_extra64(std::uint64_t at, std::uint64_t size, Member& member) {
    const std::uint64_t end = at + size;
    std::uint64_t* wanted[] = {&member.size, &member.packed_size, &member.offset};
    while (end - at >= 4) {
      const std::uint64_t field_size = number<std::uint16_t>(at + 2);
      const bool is_64 = number<std::uint16_t>(at) == kExtra64;
      at += 4;
      if (field_size > end - at) return fail(at, "an extra field of the archive's directory is cut short");
      if (is_64) {
        std::uint64_t read = 0;
        for (std::uint64_t* const value : wanted) {
          if (*value != kIn64Bits) continue;
          if (field_size - read < 8) return fail(at, "a 64-bit extra field of the archive's directory is cut short");
          *value = number<std::uint64_t>(at + read);
          read += 8;
        }
        return true;
      }
      at += field_size;
    }
    return true;
  }

  const FileBytes& file_;
  std::span<const std::byte> bytes_;
  std::string error_;
};

Result<Array> read_member(const FileBytes& file, ZipReader& reader, const Member& member) {
  const std::string place = fmt::format("{}: array {}", file.path, quote(member.name));
  if ((member.flags & 1) != 0) return Failure{place + ": is encrypted"};
  if (member.method != 0 && member.method != 8) {
    return Failure{fmt::format("{}: is compressed by method {}; only deflate is read (numpy.savez_compressed)", place,
                               member.method)};
  }
  const Result<std::span<const std::byte>> packed = reader.packed(member);
  if (!packed) return packed.failure();
  FileBytes content{place, *packed, file.owner};
  if (member.method == 8) {
    Result<ByteBuffer> buffer = inflate_raw(*packed, member.size, place);
    if (!buffer) return buffer.failure();
    content.bytes = buffer->bytes();
    content.owner = buffer->data;
  } else if (member.size != member.packed_size) {
    return Failure{place + ": has two different sizes"};
  }
  if ((member.method == 8 || member.size <= kChecksumMax) && crc32_of(content.bytes) != member.crc) {
    return Failure{place + ": its checksum is wrong: the file is damaged"};
  }
  return parse_npy(content, place);
}

template <class T>
void put(std::string& text, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  text.append(bytes, sizeof value);
}

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(std::min(value, kIn64Bits)); }

// What a member's header in the file and its entry in the directory have in common: from the flags to the extra
// size. Times are those of the format's beginning, so that the same arrays give the same bytes.
void put_common(std::string& text, const Member& member, std::uint64_t extra_size) {
  constexpr std::uint16_t kFirstOfJanuary1980 = 0x0021;
  put<std::uint16_t>(text, member.flags);
  put<std::uint16_t>(text, member.method);
  put<std::uint16_t>(text, 0);
  put<std::uint16_t>(text, kFirstOfJanuary1980);
  put<std::uint32_t>(text, member.crc);
  put<std::uint32_t>(text, low(member.packed_size));
  put<std::uint32_t>(text, low(member.size));
  put<std::uint16_t>(text, static_cast<std::uint16_t>(member.name.size()));
  put<std::uint16_t>(text, static_cast<std::uint16_t>(extra_size));
}

constexpr std::uint16_t kVersion64 = 45;

std::string local_header(const Member& member) {
  // In a member's header both sizes move to the extra field if one does.
  const bool large = member.size >= kIn64Bits || member.packed_size >= kIn64Bits;
  Member shown = member;
  if (large) shown.size = shown.packed_size = kIn64Bits;
  std::string text;
  put<std::uint32_t>(text, kLocalMagic);
  put<std::uint16_t>(text, kVersion64);
  put_common(text, shown, large ? 20 : 0);
  text += member.name;
  if (large) {
    put<std::uint16_t>(text, kExtra64);
    put<std::uint16_t>(text, 16);
    put<std::uint64_t>(text, member.size);
    put<std::uint64_t>(text, member.packed_size);
  }
  return text;
}

std::string central_entry(const Member& member) {
  std::string extra;
  for (const std::uint64_t value : {member.size, member.packed_size, member.offset}) {
    if (value >= kIn64Bits) put<std::uint64_t>(extra, value);
  }
  std::string text;
  put<std::uint32_t>(text, kCentralMagic);
  put<std::uint16_t>(text, kVersion64);
  put<std::uint16_t>(text, kVersion64);
  put_common(text, member, extra.empty() ? 0 : extra.size() + 4);
  put<std::uint16_t>(text, 0);  // comment
  put<std::uint16_t>(text, 0);  // disk
  put<std::uint16_t>(text, 0);  // internal attributes
  put<std::uint32_t>(text, 0);  // external attributes
  put<std::uint32_t>(text, low(member.offset));
  text += member.name;
  if (!extra.empty()) {
    put<std::uint16_t>(text, kExtra64);
    put<std::uint16_t>(text, static_cast<std::uint16_t>(extra.size()));
    text += extra;
  }
  return text;
}

std::string end_records(std::uint64_t begin, std::uint64_t size, std::uint64_t count) {
  std::string text;
  if (begin >= kIn64Bits || size >= kIn64Bits || count >= 0xffff) {
    put<std::uint32_t>(text, kEnd64Magic);
    put<std::uint64_t>(text, kEnd64Size - 12);
    put<std::uint16_t>(text, kVersion64);
    put<std::uint16_t>(text, kVersion64);
    put<std::uint64_t>(text, 0);  // disks
    put<std::uint64_t>(text, count);
    put<std::uint64_t>(text, count);
    put<std::uint64_t>(text, size);
    put<std::uint64_t>(text, begin);
    put<std::uint32_t>(text, kLocator64Magic);
    put<std::uint32_t>(text, 0);
    put<std::uint64_t>(text, begin + size);
    put<std::uint32_t>(text, 1);
  }
  put<std::uint32_t>(text, kEndMagic);
  put<std::uint32_t>(text, 0);  // disks
  put<std::uint16_t>(text, static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xffff)));
  put<std::uint16_t>(text, static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xffff)));
  put<std::uint32_t>(text, low(size));
  put<std::uint32_t>(text, low(begin));
  put<std::uint16_t>(text, 0);  // comment
  return text;
}

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  std::uint32_t magic = 0;
  if (bytes.size() < sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kLocalMagic || magic == kEndMagic;
}

Result<std::vector<Array>> parse_npz(const FileBytes& file) {
  ZipReader reader(file);
  const Result<std::vector<Member>> members = reader.directory();
  if (!members) return members.failure();

  // Members that share bytes would unpack a small file into a huge one.
  std::vector<const Member*> by_place;
  for (const Member& member : *members) by_place.push_back(&member);
  std::sort(by_place.begin(), by_place.end(), [](const Member* a, const Member* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_place.size(); ++i) {
    const Member& before = *by_place[i - 1];
    if (by_place[i]->offset - before.offset < before.packed_size) {
      return Failure{fmt::format("{}: byte {}: members of the archive overlap", file.path, by_place[i]->offset)};
    }
  }

  std::vector<Array> arrays;
  std::set<std::string> names;
  for (const Member& member : *members) {
    constexpr std::string_view kSuffix = ".npy";
    if (!member.name.ends_with(kSuffix)) {
      return Failure{
          fmt::format("{}: member {} is not a .npy file; a .npz holds nothing else", file.path, quote(member.name))};
    }
    Result<Array> array = read_member(file, reader, member);
    if (!array) return array.failure();
    array->name = member.name.substr(0, member.name.size() - kSuffix.size());
    array->place = fmt::format("{}: array {}", file.path, quote(array->name));
    if (!names.insert(array->name).second) return Failure{array->place + ": is there twice"};
    arrays.push_back(std::move(*array));
  }
  return arrays;
}

Status write_npz(const std::string& path, const std::vector<Array>& arrays, bool compress) {
  constexpr std::uint16_t kUtf8Names = 0x0800;
  AtomicFile file(path);
  std::string directory;
  std::uint64_t at = 0;
  for (const Array& array : arrays) {
    const std::string header = npy_header(array.element, array.shape);
    Member member{array.name + ".npy", kUtf8Names, 0, 0, 0, header.size() + array.bytes.size(), at};
    if (member.name.size() > 0xffff)
      return Failure{fmt::format("{}: array {}: its name is too long", path, quote(array.name))};
    // In one piece only where it must be compressed: a stored array may be larger than memory.
    const std::span<const std::byte> header_bytes = std::as_bytes(std::span(header.data(), header.size()));
    std::vector<std::byte> packed;
    member.packed_size = member.size;
    member.crc = crc32_of(header_bytes, array.bytes);
    if (compress) {
      std::vector<std::byte> whole(header_bytes.begin(), header_bytes.end());
      whole.insert(whole.end(), array.bytes.begin(), array.bytes.end());
      Result<std::vector<std::byte>> deflated = deflate_raw(whole, path);
      if (!deflated) return deflated.failure();
      packed = std::move(*deflated);
      member.method = 8;
      member.packed_size = packed.size();
    }
    const std::string local = local_header(member);
    file.write(local);
    if (compress) {
      file.write(packed);
    } else {
      file.write(header);
      file.write(array.bytes);
    }
    at += local.size() + member.packed_size;
    directory += central_entry(member);
  }
  file.write(directory);
  file.write(end_records(at, directory.size(), arrays.size()));
  return file.commit();
}

}  // namespace nnc
