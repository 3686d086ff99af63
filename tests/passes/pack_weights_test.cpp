// pack_weights: whole blocks of outputs lie together, and nothing else changes.
#include <doctest/doctest.h>

#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

namespace {

// x[i, 6, 5] by a 3x3 kernel to `outputs`, with vectors of 8 floats.
const std::string& axes_after(std::int64_t outputs, bool is_parameter, ElementType element, Graph& packed) {
  Written w;
  Value* x = w.input("x", {3, 6, 5});
  Value* weights = is_parameter ? w.parameter("w", {3, 3, 3, outputs}) : w.input("w", {3, 3, 3, outputs});
  if (element == ElementType::F64) {
    x = w.build.cast(x, element);
    weights = w.build.cast(weights, element);
  }
  Attributes attributes;
  attributes.set("x_axes", std::string("c01"));
  attributes.set("w_axes", std::string("01io"));
  attributes.set("y_axes", std::string("c01"));
  for (const char* name : {"stride", "input_dilation", "window_dilation", "pad_low", "pad_high"}) {
    attributes.set(name, std::vector<std::int64_t>{1, 1});
  }
  attributes.set("groups", std::int64_t{1});
  attributes.set("batch_groups", std::int64_t{1});
  w.output("y", w.build.op("convolution", {x, weights}, attributes));
  packed = check_pass(w.graph, [](Graph& graph) { pack_weights(graph, {8, 16}); }, 1e-6);
  for (const std::unique_ptr<Op>& op : packed.ops) {
    if (op->def->name == "convolution") return op->attributes.text("w_axes");
  }
  throw InternalError("no convolution");
}

}  // namespace

TEST_CASE("pack_weights: several whole blocks of outputs, of parameters in f32") {
  Graph packed;
  CHECK(axes_after(64, true, ElementType::F32, packed) == "O01io");
  for (const std::unique_ptr<Op>& op : packed.ops) {
    if (op->def->name != "convolution") continue;
    const Shape& shape = op->inputs[1]->type.shape;
    CHECK(shape[0] * shape[4] == 64);
    CHECK(shape[0] > 1);
    CHECK(shape[4] % 8 == 0);
    CHECK(Shape(shape.begin() + 1, shape.begin() + 4) == Shape{3, 3, 3});
  }
  CHECK(axes_after(8, true, ElementType::F32, packed) == "01io");   // one block
  CHECK(axes_after(65, true, ElementType::F32, packed) == "01io");  // no whole blocks
  CHECK(axes_after(64, false, ElementType::F32, packed) == "01io");
  CHECK(axes_after(64, true, ElementType::F64, packed) == "01io");
}
