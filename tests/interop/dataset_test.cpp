// Data sets: what goes into which input, batches, divisions, permutations; conversion of arrays.
#include "compiler/interop/dataset.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/interop/arrays.h"
#include "compiler/interop/npy.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

Array text_array(Array array) {
  array.from_text = true;
  return array;
}

const WantedInput kImage = {"image", {ElementType::F32, {2}}};
const WantedInput kLabel = {"label", {ElementType::I32, {}}, 10};

template <class T>
std::vector<T> fetch(const DataSet& data, const std::vector<std::uint64_t>& examples, std::size_t elements) {
  std::vector<T> values(examples.size() * elements);
  std::byte* const destination = reinterpret_cast<std::byte*>(values.data());
  data.fill(examples, std::span(&destination, 1));
  return values;
}

TEST_CASE("dataset: batches are fetched in the types of the inputs") {
  const Array image = make_array<std::uint8_t>("image", ElementType::U8, {3, 2}, {0, 1, 2, 3, 254, 255});
  const Array label = make_array<std::int64_t>("label", ElementType::I64, {3}, {9, 0, 4});
  const Result<DataSet> data = DataSet::bind({label, image}, {kImage, kLabel});
  REQUIRE(data);
  CHECK(data->size() == 3);
  std::vector<float> images(4);
  std::vector<std::int32_t> labels(2);
  const std::vector<std::uint64_t> examples = {2, 0};
  std::byte* const destinations[] = {reinterpret_cast<std::byte*>(images.data()),
                                     reinterpret_cast<std::byte*>(labels.data())};
  data->fill(examples, destinations);
  CHECK(images == std::vector<float>{254, 255, 0, 1});
  CHECK(labels == std::vector<std::int32_t>{4, 9});
}

TEST_CASE("dataset: integers of any width serve as labels") {
  const std::vector<std::uint8_t> zeros(8 * 4);
  for (const ElementType element : {ElementType::I8, ElementType::U8, ElementType::I16, ElementType::U16,
                                    ElementType::I32, ElementType::U32, ElementType::I64}) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size_bytes(element)) * 2);
    bytes[0] = 9;
    const Result<DataSet> data = DataSet::bind({make_array("label", element, {2}, bytes)}, {kLabel});
    REQUIRE(data);
    CHECK(fetch<std::int32_t>(*data, {0, 1}, 1) == std::vector<std::int32_t>{9, 0});
  }
}

TEST_CASE("dataset: a label that is no class is named by its place") {
  const Array flat = make_array<std::int64_t>("label", ElementType::I64, {3}, {9, 10, -1});
  CHECK(DataSet::bind({flat}, {kLabel}).error() ==
        "test: array 'label': the label at [1] is 10, but the classes are 0 to 9");
  std::vector<std::int8_t> pixels(3 * 64 * 64);
  pixels[2 * 64 * 64 + 5 * 64 + 6] = -1;
  const Array map = make_array("label", ElementType::I8, {3, 64, 64}, pixels);
  CHECK(DataSet::bind({map}, {{"label", {ElementType::I32, {64, 64}}, 21}}).error() ==
        "test: array 'label': the label at [2, 5, 6] is -1, but the classes are 0 to 20");
}

TEST_CASE("dataset: numbers from text take the type of their input") {
  const Array numbers = text_array(make_array<double>("image", ElementType::F64, {2, 2}, {0, 0.1, 16, 3}));
  const Result<DataSet> data = DataSet::bind({numbers}, {kImage});
  REQUIRE(data);
  CHECK(fetch<float>(*data, {0, 1}, 2) == std::vector<float>{0, 0.1f, 16, 3});
  const Array labels = text_array(make_array<double>("label", ElementType::F64, {2}, {3, 1.5}));
  CHECK(DataSet::bind({labels}, {kLabel}).error() ==
        "test: array 'label': the element at [1] is 1.5, which i32 cannot hold");
  CHECK(DataSet::bind({numbers}, {{"image", {ElementType::U8, {2}}}}).error() ==
        "test: array 'image': the element at [0, 1] is 0.1, which u8 cannot hold");
}

TEST_CASE("dataset: nothing else converts silently") {
  const Array doubles = make_array<double>("image", ElementType::F64, {1, 2}, {1, 2});
  CHECK(
      DataSet::bind({doubles}, {kImage}).error() ==
      "test: array 'image': holds f64, but input 'image' takes f32[2]; nnc does not convert this silently: convert the "
      "array, or say image:f32=… to convert it when it is read");
  const Array floats = make_array<float>("label", ElementType::F32, {1}, {1});
  CHECK(contains(DataSet::bind({floats}, {kLabel}).error(), "holds f32, but input 'label' takes class[10]; "));
  const Array wide = make_array<std::int32_t>("image", ElementType::I32, {1, 2}, {1, 2});
  CHECK(contains(DataSet::bind({wide}, {kImage}).error(), "say image:f32=…"));
}

TEST_CASE("dataset: a column of text is one number an example, whether the input calls it f32 or f32[1]") {
  for (const Shape& whole : {Shape{2}, Shape{2, 1}}) {
    Array column = make_array<double>("x", ElementType::F64, whole, {0.5, -3});
    for (const Shape& wanted : {Shape{}, Shape{1}}) {
      column.from_text = true;
      const Result<DataSet> data = DataSet::bind({column}, {{"x", {ElementType::F32, wanted}}});
      REQUIRE(data);
      float value = 0;
      std::byte* target[] = {reinterpret_cast<std::byte*>(&value)};
      const std::uint64_t second[] = {1};
      data->fill(second, target);
      CHECK(value == -3);
      column.from_text = false;
      const bool is_same_shape = Shape(whole.begin() + 1, whole.end()) == wanted;
      column.element = ElementType::F32;
      if (!is_same_shape)
        CHECK(contains(DataSet::bind({column}, {{"x", {ElementType::F32, wanted}}}).error(), "shape"));
      column.element = ElementType::F64;
    }
  }
}

TEST_CASE("dataset: what is missing or of another shape says what is there and what to do") {
  const Array image = make_array<float>("imgae", ElementType::F32, {1, 2}, {1, 2});
  CHECK(
      DataSet::bind({image}, {kImage}).error() ==
      "input 'image' takes f32[2], but the data has no array of this name; did you mean 'imgae'? (image=… renames it); "
      "it has: imgae (f32[1, 2])");
  Array column = make_array<double>("pixel", ElementType::F64, {1}, {1});
  column.from_text = true;
  CHECK(DataSet::bind({column}, {kImage}).error() ==
        "input 'image' takes f32[2], but the data has no array of this name; it has: pixel. "
        "FILE:image=COLUMN+COLUMN makes one of several columns");
  const Array plain = make_array<float>("image", ElementType::F32, {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(DataSet::bind({plain}, {{"image", {ElementType::F32, {1, 2, 2}}}}).error() ==
        "test: array 'image': its examples have shape [2, 2] (the whole [2, 2, 2]), but input 'image' takes f32[1, 2, "
        "2]; "
        "to read them in that shape, say image:1x2x2=…");
  CHECK(DataSet::bind({plain}, {{"image", {ElementType::F32, {3}}}}).error() ==
        "test: array 'image': its examples have shape [2, 2] (the whole [2, 2, 2]), but input 'image' takes f32[3]");
  const Array number = make_array<float>("image", ElementType::F32, {}, {1});
  CHECK(DataSet::bind({number}, {kImage}).error() ==
        "test: array 'image': is a single number; its first axis should count the examples");
  const Array two = make_array<float>("image", ElementType::F32, {2, 2}, {1, 2, 3, 4});
  const Array three = make_array<std::uint8_t>("label", ElementType::U8, {3}, {1, 2, 3});
  CHECK(DataSet::bind({two, three}, {kImage, kLabel}).error() ==
        "test: array 'label': has 3 examples, but test: array 'image' has 2");
  const Array none = make_array<float>("image", ElementType::F32, {0, 2}, {});
  CHECK(DataSet::bind({none}, {kImage}).error() == "test: array 'image': has no examples");
}

TEST_CASE("dataset: a file larger than memory is mapped and read where it is needed") {
  // A sparse file of 256 GiB takes no room on the disk.
  constexpr std::int64_t kExamples = std::int64_t{1} << 28;
  const TemporaryFolder folder;
  const std::string path = folder.write("x.npy", npy_header(ElementType::F32, {kExamples, 256}));
  std::error_code error;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + std::uint64_t{kExamples} * 1024, error);
  if (error) return;  // the file system knows no file of this size
  const Result<std::vector<Array>> arrays = load_arrays({"x=" + path});
  REQUIRE(arrays);
  const Result<DataSet> data = DataSet::bind(*arrays, {{"x", {ElementType::F32, {256}}}});
  REQUIRE(data);
  const Permutation order = epoch_order(data->size(), 1, 0);
  CHECK(fetch<float>(*data, {order(0), order(1), kExamples - 1}, 256) == std::vector<float>(3 * 256));
}

TEST_CASE("permutation: a bijection for every size, the same on every machine") {
  for (const std::uint64_t size : {1, 2, 3, 4, 5, 7, 16, 17, 1000, 1797, 4096, 4097}) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const Permutation order(size, seed, 1);
      std::vector<bool> seen(size);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t image = order(i);
        REQUIRE(image < size);
        CHECK(!seen[image]);
        seen[image] = true;
      }
    }
  }
  // Near the largest size: still within, and no two alike.
  const std::uint64_t huge = ~std::uint64_t{0} - 5;
  const Permutation order(huge, 1, 2);
  std::set<std::uint64_t> images;
  for (std::uint64_t i = 0; i < 1000; ++i) images.insert(order(i));
  CHECK(images.size() == 1000);
  CHECK(*images.rbegin() < huge);

  const Permutation fixed(1797, 7, 0);
  const std::vector<std::uint64_t> expected = {455, 1597, 1127, 1191, 1658};
  for (std::uint64_t i = 0; i < expected.size(); ++i) CHECK(fixed(i) == expected[i]);
}

TEST_CASE("permutation: all orders are about equally frequent, streams and seeds differ") {
  // 6 orders of 3 elements over 6000 seeds: each 1000 ± 29 if uniform (one standard deviation).
  std::map<std::vector<std::uint64_t>, int> frequency;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const Permutation order(3, seed, 0);
    ++frequency[{order(0), order(1), order(2)}];
  }
  CHECK(frequency.size() == 6);
  for (const auto& [order, count] : frequency) CHECK(std::abs(count - 1000) < 150);
  // Each of 100 elements comes first about equally often.
  std::vector<int> first(100);
  for (std::uint64_t stream = 0; stream < 20000; ++stream) ++first[Permutation(100, 5, stream)(0)];
  CHECK(*std::min_element(first.begin(), first.end()) > 130);
  CHECK(*std::max_element(first.begin(), first.end()) < 270);
}

TEST_CASE("dataset: a fraction is held out, disjoint, by the seed") {
  const Result<Division> division = hold_out(1797, 0.2, 3);
  REQUIRE(division);
  CHECK(division->held_out.size() == 359);
  CHECK(division->training.size() == 1438);
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 0; i < 359; ++i) all.insert(division->held_out[i]);
  for (std::uint64_t i = 0; i < 1438; ++i) all.insert(division->training[i]);
  CHECK(all.size() == 1797);
  CHECK(*all.rbegin() == 1796);
  CHECK(hold_out(1797, 0.2, 3)->held_out[5] == division->held_out[5]);
  const Result<Division> other = hold_out(1797, 0.2, 4);
  std::uint64_t same = 0;
  for (std::uint64_t i = 0; i < 359; ++i) same += other->held_out[i] == division->held_out[i];
  CHECK(same < 10);
  CHECK(Examples(5)[3] == 3);
  CHECK(hold_out(10, 1.5, 0).error() == "a fraction of 1.5 cannot be held out; it lies between 0 and 1");
  CHECK(hold_out(3, 0.1, 0).error() == "holding out 0.1 of 3 examples leaves none on one side");
}

TEST_CASE("array: conversion rounds floats and refuses what an integer type cannot hold") {
  const Array doubles = make_array<double>("x", ElementType::F64, {4}, {0.1, 1e300, -2, 65520});
  const Result<Array> halves = convert_array(doubles, ElementType::F16);
  REQUIRE(halves);
  CHECK(elements<std::uint16_t>(*halves) == std::vector<std::uint16_t>{0x2e66, 0x7c00, 0xc000, 0x7c00});
  const Result<Array> brains = convert_array(doubles, ElementType::BF16);
  REQUIRE(brains);
  CHECK(elements<std::uint16_t>(*brains) == std::vector<std::uint16_t>{0x3dcd, 0x7f80, 0xc000, 0x4780});
  CHECK(convert_array(doubles, ElementType::I64).error() ==
        "test: array 'x': the element at [0] is 0.1, which i64 cannot hold");
  const Array large = make_array<double>("x", ElementType::F64, {2}, {0, 0x1p63});
  CHECK(contains(convert_array(large, ElementType::I64).error(), "the element at [1] is 9.2"));
  const Array integers = make_array<std::int64_t>("x", ElementType::I64, {1, 2}, {255, 256});
  CHECK(convert_array(integers, ElementType::U8).error() ==
        "test: array 'x': the element at [0, 1] is 256, which u8 cannot hold");
  const Result<Array> back = array_from_tensor("x", tensor_from_array(*halves));
  REQUIRE(back);
  CHECK(elements<std::uint16_t>(*back) == elements<std::uint16_t>(*halves));
}

}  // namespace
}  // namespace nnc::test
