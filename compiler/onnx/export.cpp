#include "compiler/onnx/export.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include "compiler/onnx/carried.h"
#include "compiler/onnx/node_writer.h"
#include "compiler/onnx/tensors.h"
#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"

namespace nnc {
namespace translation {
namespace {

// The standard of March 2024: the oldest in which all operators of export_rules.cpp have the types that they need.
constexpr std::int64_t kOpset = 21, kIrVersion = 10;

// `pool` over 4 axes says more than `window_sum`, which the user never wrote.
std::string what(const Op& op) { return op.origin.call.empty() ? op.def->name : op.origin.call; }

bool is_kept(const State& state) { return state.kind == StateKind::Parameter || state.kind == StateKind::Statistic; }

// After a call, the value of a state that the caller keeps.
std::string next_name(const State& state) { return state.name + ".next"; }

void add_parameters(const Graph& forward, const std::map<std::string, Tensor>* weights, ::onnx::GraphProto& graph) {
  for (const State& state : forward.states) {
    if (!is_kept(state)) continue;
    ::onnx::TensorProto& tensor = *graph.add_initializer();
    tensor = write_tensor(
        state.name, weights != nullptr ? weights->at(state.name) : Tensor::zeros({state.value->type.element, {0}}));
    tensor.clear_dims();
    for (const std::int64_t size : state.value->type.shape) tensor.add_dims(size);
  }
}

void add_inputs(const Graph& forward, ::onnx::GraphProto& graph) {
  for (const Value* input : forward.inputs) {
    ::onnx::ValueInfoProto& info = *graph.add_input();
    describe(info, input->producer->attributes.text("name"), input->type);
    const std::int64_t classes = input->producer->attributes.integer("classes");
    if (classes > 0) info.set_doc_string(fmt::format("class[{}]: indices below {}", classes, classes));
  }
  for (const State& state : forward.states) {
    if (!is_kept(state)) describe(*graph.add_input(), state.name, state.value->type);
  }
}

}  // namespace

void write_model(const ElaboratedModel& model, const std::map<std::string, Tensor>* weights, ::onnx::ModelProto& proto,
                 Diagnostics& diagnostics) {
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("nnc");
  proto.set_producer_version(NNC_VERSION);
  proto.add_opset_import()->set_version(kOpset);
  ::onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  add_parameters(model.forward, weights, graph);
  add_inputs(model.forward, graph);

  Graph forward = model.forward.clone();
  remove_dead(forward);
  differentiate(forward, diagnostics);
  // Beyond this point there is no `gradient`.
  widen_halves(forward);
  // Beyond this point f16 and bf16 are only moved and cast: the standard leaves open how operators compute with them.
  NodeWriter writer(graph);
  std::vector<Output> outputs = forward.outputs;
  for (const State& state : forward.states) {
    if (!is_kept(state)) outputs.push_back({next_name(state), state.next != nullptr ? state.next : state.value});
  }
  for (const Value* input : forward.inputs) {
    writer.give(input, writer.fresh(input->producer->attributes.text("name")));
  }
  for (const State& state : forward.states) writer.give(state.value, writer.fresh(state.name));
  std::set<const Value*> named;
  for (const Output& output : outputs) {
    writer.fresh(output.name);
    if (named.insert(output.value).second) writer.want(output.value, output.name);
  }
  const auto refuse = [&](const Op& op, const std::string& reason) {
    diagnostics.report(Kind::not_in_onnx, op.origin.span, what(op), reason);
  };
  writer.write(forward, refuse);
  for (const Output& output : outputs) {
    describe(*graph.add_output(), output.name, output.value->type);
    try {
      const std::string name = writer.of(output.value);
      if (name == output.name) continue;
      writer.node("Identity", {name});
      writer.last_node().set_output(0, output.name);
    } catch (const NotInOnnx& why) {
      refuse(*output.value->producer, why.reason);
    }
  }
}

}  // namespace translation

std::optional<ExportedModel> export_onnx(const ElaboratedModel& model, const std::map<std::string, Tensor>& weights,
                                         const std::string& program, SourceManager& sources, Diagnostics& diagnostics) {
  // A message of protobuf has less than 2 GiB; nodes and constants take little of that.
  constexpr std::int64_t kBytesMax = 1'900'000'000;
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : weights) {
    bytes += element_count(tensor.type.shape) * size_bytes(tensor.type.element);
  }
  if (bytes > kBytesMax) {
    diagnostics.report(Kind::onnx_unsupported, Span{},
                       fmt::format("the parameters of {} take {} bytes, and an ONNX file holds {} at most", model.name,
                                   bytes, kBytesMax));
    return std::nullopt;
  }
  ExportedModel result;
  ::onnx::ModelProto proto;
  translation::write_model(model, &weights, proto, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  for (const State& state : model.forward.states) {
    if (translation::is_kept(state)) continue;
    result.notes.push_back(
        fmt::format("the state '{}' is an input of the file, and '{}' an output: ONNX keeps nothing "
                    "from one call to the next",
                    state.name, translation::next_name(state)));
  }
  if (!program.empty()) {
    translation::carry(program, proto);
    if (!translation::carried_program(proto, "", sources)) {
      proto.clear_metadata_props();
      result.notes.push_back("the file does not carry its program, which does not stand alone");
    }
  }
  if (!proto.SerializeToString(&result.bytes)) throw InternalError("an ONNX model is too large to be written");
  return result;
}

}  // namespace nnc
