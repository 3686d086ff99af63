// lower_layout: weights lie as kernels read them, by operations over the parameters alone.
#include <doctest/doctest.h>

#include "compiler/passes/passes.h"
#include "tests/passes/support.h"

using namespace nnc;

namespace {

void lower(Graph& graph) { lower_layout(graph, {}); }

const Op& only(const Graph& graph, std::string_view name) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (op->def->name == name) return *op;
  }
  throw InternalError("no such operation");
}

}  // namespace

TEST_CASE("lower_layout: the lane operand of a contraction is on the right, its lanes last") {
  for (const char* spec : {"ni,oi->no", "ni,io->no", "noi,oi->no", "ni,iop->npo"}) {
    CAPTURE(spec);
    for (bool swapped : {false, true}) {
      Written w;
      const std::string text = spec;
      const std::size_t comma = text.find(','), arrow = text.find("->");
      const std::string a = text.substr(0, comma), b = text.substr(comma + 1, arrow - comma - 1);
      auto shape = [](const std::string& letters) {
        Shape extents;
        for (char letter : letters) extents.push_back(letter == 'n' ? 2 : letter == 'i' ? 3 : letter == 'o' ? 4 : 5);
        return extents;
      };
      Value *x = w.input("x", shape(a)), *p = w.parameter("p", shape(b));
      w.output("y",
               swapped ? w.build.contraction(b + "," + a + text.substr(arrow), p, x) : w.build.contraction(text, x, p));
      const Graph lowered = check_pass(w.graph, lower, 1e-6);
      const Op& product = only(lowered, "contraction");
      CHECK(product.inputs[0] == lowered.inputs[0]);
      const std::string& made = product.attributes.text("spec");
      const std::string lanes = made.substr(made.find(',') + 1, made.find("->") - made.find(',') - 1);
      if (text == "ni,oi->no") CHECK(lanes == "io");
      if (text == "ni,iop->npo") CHECK(lanes == "ipo");
      if (text == "noi,oi->no") CHECK(lanes == "oi");
    }
  }
}

namespace {

Value* convolve(Written& w, Value* x, Value* weights, const std::string& w_axes, std::int64_t groups) {
  using Integers = std::vector<std::int64_t>;
  Attributes a;
  a.set("x_axes", std::string("nc01"));
  a.set("w_axes", w_axes);
  a.set("y_axes", std::string("nc01"));
  for (const char* name : {"stride", "input_dilation", "window_dilation"}) a.set(name, Integers{1, 1});
  for (const char* name : {"pad_low", "pad_high"}) a.set(name, Integers{1, 1});
  a.set("groups", groups);
  a.set("batch_groups", std::int64_t{1});
  return w.build.op("convolution", {x, weights}, a);
}

}  // namespace

TEST_CASE("lower_layout: convolution weights have taps outside, outputs inside, and no blocks") {
  const std::vector<std::pair<std::string, Shape>> forms = {
      {"oi01", {6, 2, 3, 3}}, {"io01", {2, 6, 3, 3}}, {"Oio01", {2, 2, 3, 3, 3}}, {"Oi01", {6, 2, 3, 3}}};
  for (const auto& [axes, shape] : forms) {
    CAPTURE(axes);
    Written w;
    w.output("y", convolve(w, w.input("x", {2, 4, 5, 5}), w.parameter("w", shape), axes, 2));
    const Graph lowered = check_pass(w.graph, lower, 1e-6);
    CHECK(only(lowered, "convolution").attributes.text("w_axes") == "01io");
  }
  // Weights that depend on data lie as they lie, unless in blocks.
  Written w;
  w.output("y", convolve(w, w.input("x", {2, 4, 5, 5}), w.input("w", {6, 2, 3, 3}), "oi01", 2));
  w.output("z", convolve(w, w.input("v", {2, 4, 5, 5}), w.input("u", {2, 2, 3, 3, 3}), "Oio01", 2));
  const Graph lowered = check_pass(w.graph, lower, 1e-6);
  CHECK(is_op(lowered.outputs[0].value->producer->inputs[1], "input"));
  CHECK(lowered.outputs[1].value->producer->attributes.text("w_axes") == "01io");
}

TEST_CASE("lower_layout: products of data with data stay") {
  Written w;
  w.output("y", w.build.contraction("ni,oi->no", w.input("a", {2, 3}), w.input("b", {4, 3})));
  const Graph same = check_pass(w.graph, lower);
  CHECK(count(same, "transpose") == 0);
}

TEST_CASE("lower_layout: weights in a loop are transposed before it") {
  Written w;
  Value *h0 = w.input("h0", {2, 3}), *u = w.parameter("u", {3, 3});
  ScanBuilder scan;
  Value *h = scan.carry(h0), *u_in = scan.fixed(u);
  scan.next(GraphBuilder(scan.body()).contraction("bi,oi->bo", h, u_in));
  w.output("h", scan.finish(w.build, 4, false)[0]);
  const Graph lowered = check_pass(w.graph, lower, 1e-6);
  const Op& loop = only(lowered, "scan");
  CHECK(count(*loop.graphs[0], "transpose") == 0);
  CHECK(is_op(loop.inputs[1], "transpose"));
}
