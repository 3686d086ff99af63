// Files of numbers: .safetensors, .npy, .npz, IDX, CSV and .gz. The first byte of an input says which it is.
#include "compiler/interop/csv.h"
#include "compiler/interop/gzip.h"
#include "compiler/interop/idx.h"
#include "compiler/interop/npy.h"
#include "compiler/interop/npz.h"
#include "compiler/interop/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::fuzz {

using namespace nnc::test;

namespace {

void check(const Array& array) {
  demand(array_bytes(array.element, array.shape) == array.bytes.size(), "an array has as many bytes as its shape says");
  std::uint64_t sum = 0;
  for (const std::byte byte : array.bytes) sum += std::to_integer<unsigned>(byte);
  volatile std::uint64_t kept = sum;
  static_cast<void>(kept);
}

void check(const Result<std::vector<Array>>& arrays) {
  demand(arrays || !arrays.error().empty(), "a refusal says why");
  if (arrays) {
    for (const Array& array : *arrays) check(array);
  }
}

void check_one(const Result<Array>& array) {
  demand(array || !array.error().empty(), "a refusal says why");
  if (array) check(*array);
}

}  // namespace

std::vector<std::string> seeds() {
  return {"s" + from_hex(kSafetensors),
          "n" + from_hex(kBigEndianFortran),
          "n" + from_hex(kScalar),
          "n" + from_hex(kVersion2),
          "z" + from_hex(kStored),
          "z" + from_hex(kCompressed),
          "i" + std::string("\0\0\x0b\x01\0\0\0\2\0\7\xff\xfe", 12),
          "c" + std::string("a,\"b \"\"x\"\"\",c\r\n1,2,3\r\n\"4\",+5,-6e1\r\n"),
          "g" + from_hex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000")};
}

std::string mutate(const std::string& input, Random& random) {
  return input.empty() ? any_of(seeds(), random) : input[0] + mutate_bytes(input.substr(1), random);
}

void run(const std::string& input) {
  if (input.empty()) return;
  const FileBytes file = file_bytes(std::string_view(input).substr(1), "fuzz");
  switch (input[0]) {
    case 's': {
      const Result<Safetensors> read = parse_safetensors(file);
      check(read ? Result<std::vector<Array>>(read->tensors) : read.failure());
      break;
    }
    case 'n':
      check_one(parse_npy(file, "fuzz"));
      break;
    case 'z':
      check(parse_npz(file));
      break;
    case 'i':
      check_one(parse_idx(file));
      break;
    case 'c':
      check(parse_csv(file, ',', {{"x", "0:2"}, {"y", "2"}}));
      break;
    case 'g': {
      const Result<FileBytes> read = gunzip(file);
      demand(read || !read.error().empty(), "a refusal says why");
      break;
    }
    default:
      break;
  }
}

}  // namespace nnc::fuzz
