// Damaged files: every truncation and many changes of a valid model end in a message or in a model, never otherwise.
#include <chrono>
#include <random>

#include "tests/onnx/model.h"

namespace nnc {
namespace {

std::string valid_model() {
  OnnxModel model;
  model.input("image", {"1", "1", "4", "4"}).output("scores");
  model.floats("w", {2, 1, 3, 3}, std::vector<float>(18, 0.5F)).floats("b", {2}, {1, 2}).integers("shape", {1, -1});
  attribute(model.node("Conv", {"image", "w", "b"}, {"c"}), "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c"}, {"r"});
  model.node("Reshape", {"r", "shape"}, {"scores"});
  return model.proto.SerializeAsString();
}

}  // namespace

TEST_CASE("every truncation of a model ends in a message or a model") {
  const Folder folder;
  const std::string bytes = valid_model();
  REQUIRE(import_bytes(folder, bytes).model);
  int refused = 0;
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    const Import import = import_bytes(folder, bytes.substr(0, size));
    refused += import.model ? 0 : 1;
  }
  CHECK(refused > 20);
}

TEST_CASE("changed bytes end in a message or a model") {
  const Folder folder;
  const std::string bytes = valid_model();
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string changed = bytes;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) changed[random() % changed.size()] = static_cast<char>(random() % 256);
    import_bytes(folder, changed);  // checks that there is a model or a message
  }
}

}  // namespace nnc
