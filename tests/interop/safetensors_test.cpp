// Safetensors: what the library writes, checkpoints there and back, strict headers.
#include "compiler/interop/safetensors.h"

#include "tests/interop/fixtures.h"
#include "tests/interop/support.h"

namespace nnc::test {
namespace {

Result<Safetensors> parse(std::string_view bytes) { return parse_safetensors(file_bytes(bytes, "w.safetensors")); }

std::string safetensors(std::string header, std::size_t data_size) {
  std::string bytes(8, '\0');
  set_number<std::uint64_t>(bytes, 0, header.size());
  return bytes + header + std::string(data_size, '\1');
}

TEST_CASE("safetensors: what the library writes is read, and written to the same bytes but for their order") {
  const Result<Safetensors> file = parse(from_hex(kSafetensors));
  REQUIRE(file);
  CHECK(file->metadata == std::map<std::string, std::string>{{"epoch", "3"}});
  REQUIRE(file->tensors.size() == 3);
  REQUIRE(file->find("a") != nullptr);
  CHECK(elements<std::int64_t>(*file->find("a")) == std::vector<std::int64_t>{3});
  CHECK(elements<float>(*file->find("b")) == std::vector<float>{1.5, -2});
  CHECK(file->find("b")->shape == Shape{1, 2});
  CHECK(file->find("c")->element == ElementType::Bool);
  CHECK(file->find("d") == nullptr);

  const TemporaryFolder folder;
  REQUIRE(write_safetensors(folder.file("w"), file->tensors, file->metadata));
  CHECK(content(folder.file("w")) == from_hex(kSafetensors));
}

TEST_CASE("safetensors: a checkpoint makes the round trip; its tensors are aligned") {
  const TemporaryFolder folder;
  const std::vector<Array> tensors = {
      make_array<std::uint8_t>("flag", ElementType::Bool, {3}, {1, 0, 1}),
      make_array<float>("conv1.weight", ElementType::F32, {2, 1}, {0.5f, -0.0f}),
      make_array<std::uint32_t>("iteration", ElementType::U32, {}, {4000000000U}),
      make_array<std::int64_t>("position", ElementType::I64, {}, {-1}),
      make_array<float>("empty", ElementType::F32, {0, 7}, {}),
      make_array<std::uint16_t>("half", ElementType::BF16, {1}, {0x3f80}),
  };
  const std::map<std::string, std::string> metadata = {{"seed", "7"}, {"text", "quotes \" \n and ä"}};
  REQUIRE(write_safetensors(folder.file("c.safetensors"), tensors, metadata));
  const Result<Safetensors> read = read_safetensors(folder.file("c.safetensors"));
  REQUIRE(read);
  CHECK(read->metadata == metadata);
  REQUIRE(read->tensors.size() == tensors.size());
  for (const Array& tensor : tensors) {
    CAPTURE(tensor.name);
    const Array* const same = read->find(tensor.name);
    REQUIRE(same != nullptr);
    CHECK(same->element == tensor.element);
    CHECK(same->shape == tensor.shape);
    CHECK(elements<std::uint8_t>(*same) == elements<std::uint8_t>(tensor));
    CHECK(reinterpret_cast<std::uintptr_t>(same->bytes.data()) % static_cast<std::size_t>(size_bytes(tensor.element)) ==
          0);
  }
}

TEST_CASE("safetensors: two tensors of one name are not written") {
  const TemporaryFolder folder;
  const Array tensor = make_array<float>("x", ElementType::F32, {1}, {1});
  CHECK(write_safetensors(folder.file("w"), {tensor, tensor}).error() ==
        folder.file("w") + ": two tensors would have the name 'x'");
  CHECK(folder.count() == 0);
}

TEST_CASE("safetensors: bad headers are refused") {
  const std::string x = R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::tuple<std::string, std::size_t, std::string> cases[] = {
      {"{" + x + "}", 9, "byte 70: 1 bytes belong to no tensor"},
      {"{" + x + "}", 7,
       "tensor 'x': its data_offsets [0, 8] are not in the data of 7 bytes: the file is cut short or damaged"},
      {"{" + x + "," + x + "}", 8, "the header has a name twice at key 'x'"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", 16,
       "tensor 'x': begins at byte 8 of the data, where 0 was expected: there is a hole"},
      {"{" + x + R"(,"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12,
       "tensor 'y': begins at byte 4 of the data, where 8 was expected: there is an overlap"},
      {R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
       "tensor 'x': its data_offsets [0, 8] do not fit F32 of shape [3]"},
      {R"({"x":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}})", 8,
       "tensor 'x': its data_offsets [0, 8] do not fit F32 of shape [9223372036854775807, 4]"},
      {R"({"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", 8,
       "tensor 'x': its dtype 'F8_E4M3' is not one that nnc reads"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8,
       "tensor 'x': its data_offsets [8, 0] are not in the data of 8 bytes: the file is cut short or damaged"},
      {R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8,
       "the header has a negative number at key 'shape' of 'x'"},
      {R"({"x":{"dtype":"F32","shape":[2]}})", 8,
       "the header has a tensor without dtype, shape and two data_offsets at key 'shape' of 'x'"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":1}})", 8,
       "the header has an unknown field at key 'stride' of 'x'"},
      {R"({"__metadata__":{"a":1}})", 0, "the header has a value of the wrong kind at key 'a'"},
      {R"({"x":[1]})", 0, "the header has a value of the wrong kind at key 'x'"},
      {R"({"x":{"dtype":"F32",})", 0, "byte 29: the header is not valid JSON here"},
  };
  for (const auto& [header, data_size, error] : cases) {
    CHECK(parse(safetensors(header, data_size)).error() == "w.safetensors: " + error);
  }
  std::string huge = safetensors("{}", 0);
  set_number<std::uint64_t>(huge, 0, ~std::uint64_t{0} - 3);
  CHECK(parse(huge).error() ==
        "w.safetensors: byte 0: is not a whole safetensors file: its header would take "
        "18446744073709551612 bytes, 2 follow");
  // Nesting costs no stack.
  CHECK(!parse(safetensors("{\"x\":" + std::string(1000000, '['), 0)));
}

TEST_CASE("safetensors: an empty file of no tensors") {
  const Result<Safetensors> file = parse(safetensors("{}", 0));
  REQUIRE(file);
  CHECK(file->tensors.empty());
}

}  // namespace
}  // namespace nnc::test
