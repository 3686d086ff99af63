// Specs of the command line: files with and without names, bindings, columns, shapes, types, and what a bad one says.
#include "compiler/interop/arrays.h"

#include <algorithm>

#include "compiler/interop/gzip.h"
#include "compiler/interop/npz.h"
#include "compiler/interop/safetensors.h"
#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

// An IDX file of two images of 2×3, and one of two i16 labels.
const std::string kImages("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\3abcdefghijkl", 28);
const std::string kLabels("\0\0\x0b\x01\0\0\0\2\0\7\xff\xfe", 12);

std::string gzipped(std::string_view text) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text.data(), text.size()));
  const Result<std::vector<std::byte>> packed = deflate_raw(bytes, "");
  std::string file = from_hex("1f8b0800000000000203");
  file.append(reinterpret_cast<const char*>(packed->data()), packed->size());
  file.append(8, '\0');
  set_number<std::uint32_t>(file, file.size() - 8, crc32_of(bytes));
  set_number<std::uint32_t>(file, file.size() - 4, static_cast<std::uint32_t>(text.size()));
  return file;
}

TEST_CASE("arrays: IDX files, packed or not, get their names from the command line") {
  const TemporaryFolder folder;
  const std::string images = folder.write("images-idx3-ubyte", kImages);
  const std::string labels = folder.write("labels-idx1-ubyte.gz", gzipped(kLabels));
  const Result<std::vector<Array>> arrays = load_arrays({"image=" + images + ",label=" + labels});
  REQUIRE(arrays);
  REQUIRE(arrays->size() == 2);
  CHECK(arrays->at(0).name == "image");
  CHECK(arrays->at(0).shape == Shape{2, 2, 3});
  CHECK(arrays->at(0).element == ElementType::U8);
  CHECK(elements<std::uint8_t>(arrays->at(0))[11] == 'l');
  CHECK(elements<std::int16_t>(arrays->at(1)) == std::vector<std::int16_t>{7, -2});
  CHECK(load_arrays({images}).error() == images + ": holds one array without a name; give it one: NAME=" + images);
}

TEST_CASE("arrays: shapes and types are as the binding says") {
  const TemporaryFolder folder;
  const std::string images = folder.write("images", kImages);
  const Result<std::vector<Array>> arrays =
      load_arrays({"a:1x2x3=" + images + ",b:f32=" + images, "c:f32:6=" + images});
  REQUIRE(arrays);
  CHECK(arrays->at(0).shape == Shape{2, 1, 2, 3});
  CHECK(arrays->at(1).element == ElementType::F32);
  CHECK(elements<float>(arrays->at(1))[0] == 97);
  CHECK(arrays->at(2).shape == Shape{2, 6});
  // A file of one example without a leading axis.
  const Result<std::vector<Array>> single = load_arrays({"a:12=" + images});
  REQUIRE(single);
  CHECK(single->at(0).shape == Shape{1, 12});
  CHECK(load_arrays({"a:7=" + images}).error() ==
        images + ": has shape [2, 2, 3] and so cannot be read as [2, 7], which has another number of elements");
}

TEST_CASE("arrays: members of archives, all or some, renamed") {
  const TemporaryFolder folder;
  const std::string archive = folder.write("t.npz", from_hex(kStored));
  const Result<std::vector<Array>> all = load_arrays({archive});
  REQUIRE(all);
  CHECK(all->size() == 2);
  const Result<std::vector<Array>> some = load_arrays({archive + ":x:f32:4=image"});
  REQUIRE(some);
  REQUIRE(some->size() == 1);
  CHECK(some->at(0).name == "x");
  CHECK(elements<float>(some->at(0)) == std::vector<float>{0, 1, 2, 3});
  CHECK(load_arrays({archive + ":x=imgae"}).error() ==
        archive + ": has no array 'imgae' (did you mean 'image'?); it has: image, label");
  CHECK(load_arrays({"x=" + archive}).error() ==
        archive + ": holds 2 arrays; say " + archive + ":x=NAME with one of: image, label");
  CHECK(load_arrays({archive, archive}).error() ==
        "two arrays have the name 'image': " + archive + ": array 'image' and " + archive + ": array 'image'");
  const std::string weights = folder.write("w.safetensors", from_hex(kSafetensors));
  const Result<std::vector<Array>> tensors = load_arrays({weights + ":b2=b"});
  REQUIRE(tensors);
  CHECK(elements<float>(tensors->at(0)) == std::vector<float>{1.5, -2});
}

TEST_CASE("arrays: columns of CSV files") {
  const TemporaryFolder folder;
  const std::string digits = folder.write("d.csv.gz", gzipped("1,2,3,4,5\n6,7,8,9,0\n"));
  const Result<std::vector<Array>> arrays = load_arrays({digits + ":image:1x2x2=0:4,label=4"});
  REQUIRE(arrays);
  CHECK(arrays->at(0).shape == Shape{2, 1, 2, 2});
  CHECK(arrays->at(0).from_text);
  CHECK(arrays->at(1).shape == Shape{2});
  const Result<std::vector<Array>> typed = load_arrays({digits + ":image:u8=0:4"});
  REQUIRE(typed);
  CHECK(elements<std::uint8_t>(typed->at(0))[7] == 9);
  const Result<std::vector<Array>> whole = load_arrays({"x=" + digits});
  REQUIRE(whole);
  CHECK(whole->at(0).shape == Shape{2, 5});
  const std::string named = folder.write("n.CSV", "a,b\n1,2\n");
  const Result<std::vector<Array>> columns = load_arrays({named});
  REQUIRE(columns);
  CHECK(columns->at(1).name == "b");
  const std::string bad = folder.write("b.csv", "1\n300\n");
  CHECK(load_arrays({bad + ":x:u8=0"}).error() == bad + ": array 'x': the element at [1] is 300, which u8 cannot hold");
}

TEST_CASE("arrays: the digits of the example") {
  const Result<std::vector<Array>> arrays =
      load_arrays({std::string(NNC_SOURCE_DIR) + "/examples/digits/digits.csv.gz:image:1x8x8=0:64,label=64"});
  REQUIRE(arrays);
  CHECK(arrays->at(0).shape == Shape{1797, 1, 8, 8});
  CHECK(arrays->at(1).shape == Shape{1797});
  const std::vector<double> pixels = elements<double>(arrays->at(0));
  CHECK(*std::max_element(pixels.begin(), pixels.end()) == 16);
  CHECK(elements<double>(arrays->at(1))[9] == 9);
}

TEST_CASE("arrays: specs that cannot be read say how they should") {
  const TemporaryFolder folder;
  const std::string unknown = folder.write("x.bin", "what is this");
  const std::pair<std::string, std::string> cases[] = {
      {"", "an empty text names no data; say FILE or NAME=FILE"},
      {"a=", "'a=' should read NAME=SOURCE"},
      {"=b", "'=b' should read NAME=SOURCE"},
      {"a=x,b", "'b' should read NAME=SOURCE"},
      {"a:f33=x", "'a:f33=x': 'f33' is neither an element type (f32, u8, …) nor after it a shape (1x28x28, scalar)"},
      {"a:2:f32=x",
       "'a:2:f32=x': 'f32' is neither an element type (f32, u8, …) nor after it a shape (1x28x28, scalar)"},
      {"a:0x3=x", "'a:0x3=x': '0x3' is neither an element type (f32, u8, …) nor after it a shape (1x28x28, scalar)"},
      {"a=x.csv:b", "'a=x.csv:b' should read x.csv:a=b, the file first"},
      {"a=/none", "/none: cannot open: No such file or directory"},
      {unknown, unknown + ": is of no known format; .npy, .npz, .safetensors, IDX (each also .gz), .csv and .tsv files "
                          "are read"},
  };
  for (const auto& [spec, error] : cases) CHECK(load_arrays({spec}).error() == error);
}

}  // namespace
}  // namespace nnc::test
