// Weights: between files and structs, and what a file for another model says.
#include "compiler/interop/weights.h"

#include "compiler/interop/safetensors.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

const std::vector<WeightSlot> kSlots = {{"conv1.weight", {ElementType::F32, {2, 1}}, 0},
                                        {"conv1.bias", {ElementType::F32, {1}}, 8},
                                        {"seen", {ElementType::U32, {}}, 12}};

TEST_CASE("weights: from a struct into a file and back") {
  const TemporaryFolder folder;
  std::vector<float> fields = {1.5f, -2.0f, 0.25f, 1e-40f};
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(fields));
  REQUIRE(write_safetensors(folder.file("w"), weights_as_arrays(kSlots, bytes)));
  const Result<Safetensors> file = read_safetensors(folder.file("w"));
  REQUIRE(file);
  std::vector<float> loaded(4);
  REQUIRE(load_weights(file->tensors, kSlots, std::as_writable_bytes(std::span(loaded)), "w"));
  CHECK(loaded == fields);
}

TEST_CASE("weights: half types are widened, arrays of other models left alone") {
  const std::vector<Array> arrays = {
      make_array<std::uint16_t>("conv1.weight", ElementType::F16, {2, 1}, {0x3c00, 0xc000}),
      make_array<std::uint16_t>("conv1.bias", ElementType::BF16, {1}, {0x3f00}),
      make_array<std::uint32_t>("seen", ElementType::U32, {}, {7}),
      make_array<float>("other", ElementType::F32, {1}, {7}),
  };
  std::vector<float> loaded(4);
  REQUIRE(load_weights(arrays, kSlots, std::as_writable_bytes(std::span(loaded)), "w"));
  CHECK(loaded[0] == 1);
  CHECK(loaded[1] == -2);
  CHECK(loaded[2] == 0.5f);
}

TEST_CASE("weights: what is missing or of another type is named") {
  std::vector<Array> arrays = {make_array<float>("conv1.wieght", ElementType::F32, {2, 1}, {1, 2}),
                               make_array<std::uint32_t>("seen", ElementType::U32, {}, {7})};
  std::vector<std::byte> target(16);
  CHECK(
      load_weights(arrays, kSlots, target, "w.npz").error() ==
      "w.npz: lacks the weights conv1.weight, conv1.bias; is 'conv1.wieght' meant by 'conv1.weight'?; it holds besides "
      "what the model takes: conv1.wieght; --names says which array is which parameter");
  arrays = {make_array<float>("conv1.weight", ElementType::F32, {1, 2}, {1, 2}),
            make_array<float>("conv1.bias", ElementType::F32, {1}, {1}),
            make_array<std::uint32_t>("seen", ElementType::U32, {}, {7})};
  CHECK(load_weights(arrays, kSlots, target, "w.npz").error() ==
        "test: array 'conv1.weight': is f32[1, 2], but the model takes f32[2, 1]");
  arrays[0] = make_array<double>("conv1.weight", ElementType::F64, {2, 1}, {1, 2});
  CHECK(load_weights(arrays, kSlots, target, "w.npz").error() ==
        "test: array 'conv1.weight': is f64[2, 1], but the model takes f32[2, 1]");
}

}  // namespace
}  // namespace nnc::test
