// .npz: what NumPy writes, zip64, round trips, damage.
#include "compiler/interop/npz.h"

#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

Result<std::vector<Array>> parse(std::string_view bytes) { return parse_npz(file_bytes(bytes, "test.npz")); }

std::size_t find_last(const std::string& bytes, std::uint32_t magic) {
  std::string pattern(4, '\0');
  set_number(pattern, 0, magic);
  return bytes.rfind(pattern);
}

void check_numpy(const Result<std::vector<Array>>& arrays) {
  REQUIRE(arrays);
  REQUIRE(arrays->size() == 2);
  const Array& image = arrays->at(0);
  CHECK(image.name == "image");
  CHECK(image.shape == Shape{2, 2});
  CHECK(elements<std::uint8_t>(image) == std::vector<std::uint8_t>{0, 1, 2, 3});
  const Array& label = arrays->at(1);
  CHECK(label.name == "label");
  CHECK(elements<std::int64_t>(label) == std::vector<std::int64_t>{7, std::int64_t{1} << 40});
  CHECK(label.place == "test.npz: array 'label'");
}

TEST_CASE("npz: what NumPy writes is read") {
  check_numpy(parse(from_hex(kStored)));
  check_numpy(parse(from_hex(kCompressed)));
}

TEST_CASE("npz: stored members lie in the mapping, at any address") {
  const FileBytes file = file_bytes(from_hex(kStored));
  const Result<std::vector<Array>> arrays = parse_npz(file);
  REQUIRE(arrays);
  CHECK(arrays->at(0).owner == file.owner);
}

TEST_CASE("npz: round trip, stored and compressed; the same arrays give the same bytes") {
  const TemporaryFolder folder;
  std::vector<float> values(10000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 100);
  const std::vector<Array> arrays = {make_array("x", ElementType::F32, {100, 100}, values),
                                     make_array<std::int64_t>("empty", ElementType::I64, {0, 3}, {})};
  for (const bool compress : {false, true}) {
    REQUIRE(write_npz(folder.file("a.npz"), arrays, compress));
    REQUIRE(write_npz(folder.file("b.npz"), arrays, compress));
    CHECK(content(folder.file("a.npz")) == content(folder.file("b.npz")));
    CHECK((content(folder.file("a.npz")).size() < 20000) == compress);
    const Result<std::vector<Array>> read = parse(content(folder.file("a.npz")));
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    CHECK(elements<float>(read->at(0)) == values);
    CHECK(read->at(1).name == "empty");
    CHECK(read->at(1).shape == Shape{0, 3});
  }
}

// Replaces the end record by a 64-bit one, and the numbers of the first directory entry by a 64-bit extra field.
std::string with_zip64(std::string bytes) {
  const std::size_t end = find_last(bytes, 0x06054b50);
  std::uint64_t begin = number_at<std::uint32_t>(bytes, end + 16);
  bytes.resize(end);
  std::string extra(28, '\0');
  set_number<std::uint16_t>(extra, 0, 1);
  set_number<std::uint16_t>(extra, 2, 24);
  set_number<std::uint64_t>(extra, 4, number_at<std::uint32_t>(bytes, begin + 24));
  set_number<std::uint64_t>(extra, 12, number_at<std::uint32_t>(bytes, begin + 20));
  set_number<std::uint64_t>(extra, 20, number_at<std::uint32_t>(bytes, begin + 42));
  for (const std::size_t field : {20, 24, 42}) set_number<std::uint32_t>(bytes, begin + field, 0xffffffff);
  set_number<std::uint16_t>(bytes, begin + 30, 28);
  bytes.insert(begin + 46 + number_at<std::uint16_t>(bytes, begin + 28), extra);

  const std::uint64_t end64 = bytes.size();
  std::string tail(56 + 20 + 22, '\0');
  set_number<std::uint32_t>(tail, 0, 0x06064b50);
  set_number<std::uint64_t>(tail, 4, 44);
  set_number<std::uint64_t>(tail, 24, 2);
  set_number<std::uint64_t>(tail, 32, 2);
  set_number<std::uint64_t>(tail, 40, end64 - begin);
  set_number<std::uint64_t>(tail, 48, begin);
  set_number<std::uint32_t>(tail, 56, 0x07064b50);
  set_number<std::uint64_t>(tail, 64, end64);
  set_number<std::uint32_t>(tail, 72, 1);
  set_number<std::uint32_t>(tail, 76, 0x06054b50);
  set_number<std::uint16_t>(tail, 84, 0xffff);
  set_number<std::uint16_t>(tail, 86, 0xffff);
  set_number<std::uint32_t>(tail, 88, 0xffffffff);
  set_number<std::uint32_t>(tail, 92, 0xffffffff);
  return bytes + tail;
}

TEST_CASE("npz: zip64 directories and sizes are read") {
  check_numpy(parse(with_zip64(from_hex(kStored))));
  check_numpy(parse(with_zip64(from_hex(kCompressed))));
}

TEST_CASE("npz: damage is found and named") {
  const std::string stored = from_hex(kStored);
  const std::size_t directory = number_at<std::uint32_t>(stored, stored.size() - 6);

  std::string bytes = stored;
  bytes[40 + 30] = 'x';
  CHECK(parse(bytes).error() == "test.npz: array 'image.npy': its checksum is wrong: the file is damaged");

  CHECK(parse(stored.substr(0, stored.size() - 1)).error() ==
        "test.npz: byte 525: the archive is cut short: its directory is missing");

  bytes = stored;
  bytes[directory + 8] = 1;
  CHECK(parse(bytes).error() == "test.npz: array 'image.npy': is encrypted");

  bytes = stored;
  bytes[directory + 10] = 12;
  bytes[8] = 12;
  CHECK(parse(bytes).error() ==
        "test.npz: array 'image.npy': is compressed by method 12; only deflate is read (numpy.savez_compressed)");

  bytes = stored;
  bytes[directory + 46 + 8] = 'z';
  CHECK(parse(bytes).error() == "test.npz: member 'image.npz' is not a .npy file; a .npz holds nothing else");

  bytes = from_hex(kCompressed);
  const std::size_t packed_directory = number_at<std::uint32_t>(bytes, bytes.size() - 6);
  set_number<std::uint32_t>(bytes, packed_directory + 24, 0x7fffffff);
  CHECK(parse(bytes).error() ==
        "test.npz: array 'image.npy': 74 compressed bytes cannot hold the 2147483647 that its header claims");
}

TEST_CASE("npz: overlapping members are refused") {
  std::string bytes = from_hex(kCompressed);
  const std::size_t directory = number_at<std::uint32_t>(bytes, bytes.size() - 6);
  const std::size_t second = directory + 46 + 9;
  set_number<std::uint32_t>(bytes, second + 42, 0);
  CHECK(parse(bytes).error() == "test.npz: byte 0: members of the archive overlap");
}

}  // namespace
}  // namespace nnc::test
