// A loop over the leading axis of sequences, with carried values.
//
// Its gradient is a loop over its sub-graph run backwards, which needs the gradients of all operations within: that is
// done by the pass differentiate, which knows of sub-graphs; so there is no rule here.
#include "compiler/graph/evaluate.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

Type without_axis(const Type& type) { return {type.element, Shape(type.shape.begin() + 1, type.shape.end())}; }

struct Counts {
  std::size_t length, carries, sequences;
};

Counts counts_of(const Attributes& attributes) {
  return {static_cast<std::size_t>(attributes.integer("length")),
          static_cast<std::size_t>(attributes.integer("carries")),
          static_cast<std::size_t>(attributes.integer("sequences"))};
}

// How operand i is named within the body.
std::string inner_name(const Counts& counts, std::size_t i) {
  if (i < counts.carries) return fmt::format("c{}", i);
  i -= counts.carries;
  if (i < counts.sequences) return fmt::format("x{}", i);
  return fmt::format("f{}", i - counts.sequences);
}

std::string outer_name(const Counts& counts, std::size_t i) {
  return i < counts.carries ? fmt::format("c{}", i) : fmt::format("y{}", i - counts.carries);
}

Inferred infer_scan(const OpView& op) {
  for (const char* name : {"length", "carries", "sequences"}) {
    if (op.attributes.integer(name) < 0) return error(fmt::format("'{}' is negative", name));
  }
  const Counts counts = counts_of(op.attributes);
  if (counts.carries + counts.sequences > op.inputs.size()) return error("has too few operands");
  if (op.graphs.size() != 1) return error("needs one sub-graph");
  const Graph& body = *op.graphs[0];
  if (body.inputs.size() != op.inputs.size()) return error("its sub-graph has another number of inputs");
  if (body.outputs.size() < counts.carries) return error("its sub-graph has too few outputs");
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    Type expected = op.inputs[i]->type;
    if (i >= counts.carries && i < counts.carries + counts.sequences) {
      if (expected.shape.empty() || expected.shape[0] != op.attributes.integer("length")) {
        return error(fmt::format("{} has not the length {}", to_string(expected), counts.length));
      }
      expected = without_axis(expected);
    }
    const Value& inner = *body.inputs[i];
    if (inner.producer->attributes.text("name") != inner_name(counts, i)) {
      return error(fmt::format("input {} of its sub-graph is not named {}", i, inner_name(counts, i)));
    }
    if (inner.type != expected) {
      return error(fmt::format("{} is {} within, {} outside", inner_name(counts, i), to_string(inner.type),
                               to_string(expected)));
    }
  }
  Inferred inferred;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    Type type = body.outputs[i].value->type;
    if (body.outputs[i].name != outer_name(counts, i)) {
      return error(fmt::format("output {} of its sub-graph is not named {}", i, outer_name(counts, i)));
    }
    if (i < counts.carries) {
      if (type != op.type(static_cast<int>(i))) return error(fmt::format("carry {} changes its type", i));
    } else {
      type.shape = prepend(op.attributes.integer("length"), type.shape);
    }
    inferred.types.push_back(type);
  }
  return inferred;
}

std::vector<Tensor> evaluate_scan(const Op& op, Operands in) {
  const Counts counts = counts_of(op.attributes);
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    results.push_back(i < counts.carries ? *in[i] : Tensor::zeros(op.results[i]->type));
  }
  std::map<std::string, Tensor> inputs;
  for (std::size_t i = counts.carries + counts.sequences; i < in.size(); ++i) inputs[inner_name(counts, i)] = *in[i];
  for (std::size_t step = 0; step < counts.length; ++step) {
    const std::size_t t = op.attributes.flag("reverse") ? counts.length - 1 - step : step;
    for (std::size_t i = 0; i < counts.carries; ++i) inputs[inner_name(counts, i)] = results[i];
    for (std::size_t i = counts.carries; i < counts.carries + counts.sequences; ++i) {
      inputs[inner_name(counts, i)] = tensor_row(*in[i], t);
    }
    Evaluation once = evaluate(*op.graphs[0], inputs, {});
    for (std::size_t i = 0; i < results.size(); ++i) {
      Tensor& value = once.outputs.at(outer_name(counts, i));
      if (i < counts.carries) {
        results[i] = std::move(value);
      } else {
        set_tensor_row(results[i], t, value);
      }
    }
  }
  return results;
}

}  // namespace

OpDef scan_op() {
  return {
      .name = "scan",
      .signature = "scan(carry..., xs..., fixed...)",
      .formula =
          "for each t: the sub-graph on the carries, row t of each xs and the fixed values gives the next carries "
          "and row t of each ys; results: last carries, ys",
      .operands_min = 0,
      .operands_max = -1,
      .attributes = {{"length", AttributeKind::Integer, "how often the body runs; extent 0 of each xs"},
                     {"carries", AttributeKind::Integer, "how many operands are carried"},
                     {"sequences", AttributeKind::Integer, "how many operands follow row by row"},
                     {"reverse", AttributeKind::Flag, "visits the last row first"}},
      .infer = infer_scan,
      .evaluate = evaluate_scan,
      .lower = {.family = Family::Scan, .flops = 0},
  };
}

}  // namespace nnc::ops
