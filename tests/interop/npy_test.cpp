// .npy: what NumPy writes, every element type there and back, strict headers.
#include "compiler/interop/npy.h"

#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

Result<Array> parse(std::string_view bytes) { return parse_npy(file_bytes(bytes), "test.npy"); }

// A version 1 file with this header text and data.
std::string npy(std::string header, std::string_view data) {
  std::string bytes = "\x93NUMPY";
  bytes += {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return bytes + header + std::string(data);
}

TEST_CASE("npy: what NumPy writes is read") {
  const Result<Array> transposed = parse(from_hex(kBigEndianFortran));
  REQUIRE(transposed);
  CHECK(transposed->element == ElementType::I32);
  CHECK(transposed->shape == Shape{2, 3});
  CHECK(elements<std::int32_t>(*transposed) == std::vector<std::int32_t>{-2, -1, 0, 1, 2, 3});

  const Result<Array> scalar = parse(from_hex(kScalar));
  REQUIRE(scalar);
  CHECK(scalar->shape == Shape{});
  CHECK(elements<double>(*scalar) == std::vector<double>{2.5});

  const Result<Array> half = parse(from_hex(kVersion2));
  REQUIRE(half);
  CHECK(half->element == ElementType::F16);
  CHECK(half->shape == Shape{3});
  CHECK(tensor_from_array(*half).floats() == std::vector<double>{1, -1, 0.5});
}

TEST_CASE("npy: the header is as NumPy writes it") {
  CHECK(npy_header(ElementType::F64, {}) == from_hex(kScalar).substr(0, 128));
  const std::string header = npy_header(ElementType::U8, {3});
  CHECK(header.size() % 64 == 0);
  CHECK(contains(header, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"));
  // numpy.lib.format.dtype_to_descr(numpy.dtype(ml_dtypes.bfloat16))
  CHECK(contains(npy_header(ElementType::BF16, {}), "{'descr': '<V2', 'fortran_order': False, 'shape': (), }"));
  CHECK(contains(npy_header(ElementType::F32, {60000, 1, 28, 28}), "'shape': (60000, 1, 28, 28), }"));
}

TEST_CASE("npy: every element type makes the round trip through a file") {
  const TemporaryFolder folder;
  for (const ElementType element :
       {ElementType::F32, ElementType::F64, ElementType::F16, ElementType::BF16, ElementType::I8, ElementType::U8,
        ElementType::I16, ElementType::U16, ElementType::I32, ElementType::U32, ElementType::I64, ElementType::U64,
        ElementType::Bool}) {
    for (const Shape& shape : {Shape{}, Shape{4}, Shape{2, 0, 3}, Shape{2, 3, 2}}) {
      CAPTURE(to_string(Type{element, shape}));
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(element_count(shape) * size_bytes(element)));
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 % 2);
      const Array written = make_array("x", element, shape, bytes);
      REQUIRE(write_npy(folder.file("x.npy"), written));
      const Result<FileBytes> file = map_file(folder.file("x.npy"));
      REQUIRE(file);
      const Result<Array> read = parse_npy(*file, file->path);
      REQUIRE(read);
      CHECK(read->element == element);
      CHECK(read->shape == shape);
      CHECK(elements<std::uint8_t>(*read) == bytes);
      // Read where it lies, not copied.
      CHECK(read->owner == file->owner);
    }
  }
}

TEST_CASE("npy: u64 keeps its numbers") {
  const std::string header = "{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }";
  const Result<Array> read = parse(npy(header, "\xff\xff\xff\xff\xff\xff\xff\xff"));
  REQUIRE(read);
  CHECK(read->element == ElementType::U64);
  CHECK(tensor_from_array(*read).at(0) == 0x1p64);
  CHECK(convert_array(*read, ElementType::I64).error() ==
        "test.npy: the element at [0] is 18446744073709551615, which i64 cannot hold");
  const Result<Array> real = convert_array(*read, ElementType::F64);
  REQUIRE(real);
  CHECK(elements<double>(*real) == std::vector<double>{0x1p64});
  const Result<Array> back =
      convert_array(make_array<double>("x", ElementType::F64, {2}, {0x1p63, 7}), ElementType::U64);
  REQUIRE(back);
  CHECK(elements<std::uint64_t>(*back) == std::vector<std::uint64_t>{std::uint64_t{1} << 63, 7});
  const Array negative = make_array<std::int64_t>("x", ElementType::I64, {1}, {-1});
  CHECK(contains(convert_array(negative, ElementType::U64).error(), "the element at [0] is -1, which u64 cannot hold"));
}

TEST_CASE("npy: Fortran order in three axes") {
  // Element [i, j, k] holds 100 i + 10 j + k; axis 0 is fastest in the file.
  std::string data;
  for (char k = 0; k < 4; ++k) {
    for (char j = 0; j < 3; ++j) {
      for (char i = 0; i < 2; ++i) data += static_cast<char>(100 * i + 10 * j + k);
    }
  }
  const Result<Array> array = parse(npy("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3, 4), }", data));
  REQUIRE(array);
  const std::vector<std::int8_t> values = elements<std::int8_t>(*array);
  std::size_t at = 0;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) CHECK(values[at++] == 100 * i + 10 * j + k);
    }
  }
}

TEST_CASE("npy: bad headers are refused with their place") {
  const std::pair<std::string, std::string> cases[] = {
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), ", "byte 66: the header has no quoted text"},
      {"{'descr': '<f4', 'fortran_order': False}", "byte 50: the header has no 'descr', 'fortran_order' or 'shape'"},
      {"{'descr': '<f4', 'descr': '<f4'}", "byte 35: the header has a key that is there twice"},
      {"{'descr': '<f4', 'order': 'C'}", "byte 35: the header has an unknown key"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "byte 44: the header has neither True nor False"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
       "byte 20: the header has a record type; save each field as an array of its own"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
       "byte 61: the header has an extent that is no 64-bit number"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} 1",
       "byte 64: the header has something after the dictionary"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': ()}",
       "holds elements of NumPy's type '<c8', which nnc does not read; convert it with .astype('float32') or the like"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': ()}",
       "holds elements of NumPy's type '|O', which nnc does not read; convert it with .astype('float32') or the like"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -1)}",
       "byte 68: 4 bytes follow the header, but f32 of shape [2, -1] take more than there can be"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
       "byte 97: 4 bytes follow the header, but f32 of shape [4294967296, 4294967296, 4294967296] take more than there "
       "can be"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
       "byte 65: 4 bytes follow the header, but f32 of shape [2] take 8"},
  };
  for (const auto& [header, error] : cases) CHECK(parse(npy(header, "1234")).error() == "test.npy: " + error);
  CHECK(parse("\x93NUMPY\x04\0\0\0\0\0").error() == "test.npy: is cut short: ends within the header");
  CHECK(parse(std::string_view("\x93NUMPY\x04\0\0\0\0\0", 12)).error() ==
        "test.npy: byte 6: .npy version 4 is unknown (1 to 3 are read)");
}

}  // namespace
}  // namespace nnc::test
