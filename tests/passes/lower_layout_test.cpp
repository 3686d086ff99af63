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
