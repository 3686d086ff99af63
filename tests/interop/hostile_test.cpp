// Damaged files: small ones of every format with each byte changed, cut at each place, and with random numbers in
// their headers. The reader must return: an array or a sentence, never a crash (under the sanitizers: no stray read).
#include <random>

#include "compiler/interop/arrays.h"
#include "compiler/interop/csv.h"
#include "compiler/interop/gzip.h"
#include "compiler/interop/idx.h"
#include "compiler/interop/npy.h"
#include "compiler/interop/npz.h"
#include "compiler/interop/safetensors.h"
#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

// Reads every byte of every array, so that a span beyond its memory is found, and checks what an Array promises.
bool sound(const std::vector<Array>& arrays) {
  unsigned sum = 0;
  for (const Array& array : arrays) {
    if (array_bytes(array.element, array.shape) != array.bytes.size()) return false;
    for (const std::byte byte : array.bytes) sum += std::to_integer<unsigned>(byte);
  }
  volatile unsigned kept = sum;
  static_cast<void>(kept);
  return true;
}

// Calls `read` with many damaged versions of the file; counts those that it takes for good.
template <class Read>
int attack(const std::string& good, const Read& read) {
  REQUIRE(read(good));
  int accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    accepted += read(good.substr(0, i));
    std::string bytes = good;
    for (const int change : {0x01, 0x80, 0xff}) {
      bytes[i] = static_cast<char>(good[i] ^ change);
      accepted += read(bytes);
    }
    for (const std::size_t width : {2, 4, 8}) {
      for (const std::uint64_t value :
           {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 31, std::uint64_t{1} << 63}) {
        bytes = good;
        if (i + width > bytes.size()) continue;
        std::memcpy(bytes.data() + i, &value, width);
        accepted += read(bytes);
      }
    }
  }
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (int change = 0; change < 4; ++change) bytes[random() % bytes.size()] = static_cast<char>(random());
    accepted += read(bytes);
  }
  return accepted;
}

bool check(const Result<std::vector<Array>>& arrays) {
  if (!arrays) {
    CHECK(contains(arrays.error(), "hostile"));
    return false;
  }
  CHECK(sound(*arrays));
  return true;
}

bool check(const Result<Array>& array) {
  return check(array ? Result<std::vector<Array>>(std::vector<Array>{*array}) : array.failure());
}

TEST_CASE("hostile: .npy") {
  for (const std::string_view fixture : {kBigEndianFortran, kScalar, kVersion2}) {
    attack(from_hex(fixture), [](const std::string& bytes) { return check(parse_npy(file_bytes(bytes), "hostile")); });
  }
}

TEST_CASE("hostile: .npz; damage to the data never passes") {
  for (const std::string_view fixture : {kStored, kCompressed}) {
    const Result<std::vector<Array>> good = parse_npz(file_bytes(from_hex(fixture)));
    REQUIRE(good);
    attack(from_hex(fixture), [&](const std::string& bytes) {
      const Result<std::vector<Array>> arrays = parse_npz(file_bytes(bytes, "hostile"));
      if (arrays && arrays->size() == good->size()) {
        for (std::size_t i = 0; i < arrays->size(); ++i) {
          CHECK(elements<std::uint8_t>(arrays->at(i)) == elements<std::uint8_t>(good->at(i)));
        }
      }
      return check(arrays);
    });
  }
}

TEST_CASE("hostile: .safetensors") {
  attack(from_hex(kSafetensors), [](const std::string& bytes) {
    const Result<Safetensors> file = parse_safetensors(file_bytes(bytes, "hostile"));
    return check(file ? Result<std::vector<Array>>(file->tensors) : file.failure());
  });
}

TEST_CASE("hostile: IDX") {
  const std::string labels("\0\0\x0b\x01\0\0\0\2\0\7\xff\xfe", 12);
  // Any change of a header is found; one of the data cannot be.
  CHECK(attack(labels, [](const std::string& bytes) { return check(parse_idx(file_bytes(bytes, "hostile"))); }) < 500);
  std::string absurd("\0\0\x0e\xff", 4);
  absurd.append(4 * 255, '\xff');
  CHECK(contains(parse_idx(file_bytes(absurd)).error(), "more than there can be"));
}

TEST_CASE("hostile: CSV") {
  const std::string text = "a,\"b \"\"x\"\"\",c\r\n1,2,3\r\n\"4\",+5,-6e1\r\n";
  attack(text, [](const std::string& bytes) {
    const std::string copy = bytes;
    return check(parse_csv(file_bytes(copy, "hostile"), ',', {{"x", "0:2"}, {"y", "2"}}));
  });
}

TEST_CASE("hostile: .gz; damage never passes unseen") {
  const std::string hello = from_hex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000");
  attack(hello, [](const std::string& bytes) {
    const Result<FileBytes> file = gunzip(file_bytes(bytes, "hostile"));
    if (!file) {
      CHECK(contains(file.error(), "hostile"));
      return false;
    }
    CHECK(std::string_view(reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()) ==
          "hello hello hello hello\n");
    return true;
  });
}

TEST_CASE("hostile: specs of the command line") {
  const std::string spec = "/none/t.csv:image:f32:1x2x2=0:4,label=4";
  for (std::size_t i = 0; i < spec.size(); ++i) {
    for (const char c : {':', ',', '=', 'x', '0', '\0', '\xff', '/'}) {
      std::string changed = spec;
      changed[i] = c;
      CHECK(!load_arrays({changed}));
      CHECK(!load_arrays({spec.substr(0, i)}));
    }
  }
}

}  // namespace
}  // namespace nnc::test
