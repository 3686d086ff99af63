// Lays the weights of products out as the kernels read them.
//
// A kernel keeps the output axis in its lanes, so that axis must be contiguous. How activations lie is the plan's
// affair: it gives results any order of axes, and a transpose is only another view. But weights lie as their State
// does, and copying them at every call would be slow; transposed here, by an ordinary operation over the parameter,
// they fall into `prepare` and are transposed once (in training it stays a view, and the plan weighs what to copy).
// Convolutions get weights "01io", contractions a lane operand whose letters end with those of the result that it
// alone has, in the result's order. A lane operand on the left is brought to the right.
//
// Requires: fold_affine and fold_constants have run. Establishes: the above for all weights that depend on parameters
// alone.
//
//   %y = contraction(%x, %w) {spec="bi,oi->bo"}     ->     %v = transpose(%w) {permutation=[1, 0]}
//                                                          %y = contraction(%x, %v) {spec="bi,io->bo"}
#include <algorithm>

#include "compiler/passes/parameter_values.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

// The value with its axes in another order, given by letters; `letters` becomes `wanted`.
Value* in_order(GraphBuilder& builder, Value* value, const std::string& letters, const std::string& wanted) {
  if (letters == wanted) return value;
  std::vector<std::int64_t> permutation;
  for (char letter : wanted) permutation.push_back(static_cast<std::int64_t>(letters.find(letter)));
  return builder.transpose(value, permutation);
}

std::string letters_of(const std::string& from, const std::string& in) {
  std::string found;
  std::copy_if(from.begin(), from.end(), std::back_inserter(found),
               [&](char letter) { return in.find(letter) != std::string::npos; });
  return found;
}

std::vector<Value*> lower_convolution(GraphBuilder& builder, Op& op, const ParameterValues& parameters) {
  const std::string& letters = op.attributes.text("w_axes");
  const bool has_blocks = letters.find('O') != std::string::npos;
  std::string wanted = letters_of("012iOo", letters);
  if (letters == wanted && !has_blocks) return {};
  if (!has_blocks && !parameters.contains(op.inputs[1])) return {};
  Value* weights = in_order(builder, op.inputs[1], letters, wanted);
  if (has_blocks) {
    // Blocks of outputs, as the gradient of a grouped convolution has them, are outputs one after the other.
    Shape shape = weights->type.shape;
    if (wanted.back() == 'o') {
      shape[shape.size() - 2] *= shape.back();
      shape.pop_back();
      wanted.pop_back();
    }
    wanted.back() = 'o';
    weights = builder.reshape(weights, shape);
  }
  Attributes attributes = op.attributes;
  attributes.set("w_axes", wanted);
  return builder.op_all("convolution", {op.inputs[0], weights}, attributes);
}

std::vector<Value*> lower_contraction(GraphBuilder& builder, Op& op, const ParameterValues& parameters) {
  const std::string& spec = op.attributes.text("spec");
  const std::size_t comma = spec.find(','), arrow = spec.find("->");
  std::string a = spec.substr(0, comma), b = spec.substr(comma + 1, arrow - comma - 1);
  const std::string y = spec.substr(arrow + 2);
  Value *data = op.inputs[0], *weights = op.inputs[1];
  if (parameters.contains(data) == parameters.contains(weights)) return {};
  if (parameters.contains(data)) {
    std::swap(a, b);
    std::swap(data, weights);
  }
  // Batch axes first, in the order of the result, then what is summed, then the lanes.
  std::string batch, lanes, summed;
  for (char letter : y) {
    if (b.find(letter) == std::string::npos) continue;
    (a.find(letter) == std::string::npos ? lanes : batch).push_back(letter);
  }
  for (char letter : b) {
    if (y.find(letter) == std::string::npos) summed.push_back(letter);
  }
  const std::string wanted = batch + summed + lanes;
  if (data == op.inputs[0] && b == wanted) return {};
  return {builder.contraction(a + "," + wanted + "->" + y, data, in_order(builder, weights, b, wanted))};
}

void lower(Graph& graph, std::set<const Value*> known) {
  ParameterValues parameters(graph, std::move(known));
  for (const std::unique_ptr<Op>& op : graph.ops) {
    if (op->def->name != "scan") continue;
    const ScanView scan(*op);
    std::set<const Value*> known_inside;
    for (std::size_t i = 0; i < scan.fixed; ++i) {
      if (parameters.contains(scan.fixed_operand(i))) {
        known_inside.insert(scan.body.inputs[scan.carries + scan.sequences + i]);
      }
    }
    lower(*op->graphs[0], std::move(known_inside));
  }
  rewrite(graph, [&](GraphBuilder& builder, Op& op) -> std::vector<Value*> {
    if (op.def->name == "convolution") return lower_convolution(builder, op, parameters);
    if (op.def->name == "contraction") return lower_contraction(builder, op, parameters);
    return {};
  });
}

}  // namespace

void lower_layout(Graph& graph, const LayoutTarget&) {
  lower(graph, {});
  // A transpose of weights inside a loop belongs before it.
  hoist_from_scan(graph);
}

}  // namespace nnc
