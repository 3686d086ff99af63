#include "compiler/onnx/export.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>
#include <charconv>

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

void add_inputs(const Graph& forward, std::int64_t open_size, ::onnx::GraphProto& graph) {
  for (const Value* input : forward.inputs) {
    ::onnx::ValueInfoProto& info = *graph.add_input();
    describe(info, input->producer->attributes.text("name"), input->type, open_size);
    const std::int64_t classes = input->producer->attributes.integer("classes");
    if (classes > 0) info.set_doc_string(fmt::format("class[{}]: indices below {}", classes, classes));
  }
  for (const State& state : forward.states) {
    if (!is_kept(state)) describe(*graph.add_input(), state.name, state.value->type, open_size);
  }
}

// What leaves the model: its outputs, and the next values of states that the caller keeps.
std::vector<Output> results_of(const Graph& graph) {
  std::vector<Output> outputs = graph.outputs;
  for (const State& state : graph.states) {
    if (!is_kept(state)) outputs.push_back({next_name(state), state.next != nullptr ? state.next : state.value});
  }
  return outputs;
}

// The nodes of `whole`, and what they give. `open_size`: see NodeWriter::leave_open; 0: nothing is open.
void add_nodes(const Graph& whole, std::int64_t open_size, ::onnx::GraphProto& graph, Diagnostics& diagnostics) {
  Graph forward = whole.clone();
  remove_dead(forward);
  differentiate(forward, diagnostics);
  // Beyond this point there is no `gradient`.
  widen_halves(forward);
  // Beyond this point f16 and bf16 are only moved and cast: the standard leaves open how operators compute with them.
  NodeWriter writer(graph);
  const std::vector<Output> outputs = results_of(forward);
  if (open_size > 0) writer.leave_open(open_size, graph.input(0).name());
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
    describe(*graph.add_output(), output.name, output.value->type, open_size);
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

// `batch`: 0: one example, without an axis for it.
void write_sized(const ElaboratedModel& model, const std::map<std::string, Tensor>* weights, std::int64_t batch,
                 bool is_open, ::onnx::ModelProto& proto, Diagnostics& diagnostics) {
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("nnc");
  proto.set_producer_version(NNC_VERSION);
  proto.add_opset_import()->set_version(kOpset);
  ::onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  Graph forward = model.forward.clone();
  if (batch > 0) add_batch(forward, batch);
  const std::int64_t open_size = is_open ? batch : 0;
  add_parameters(forward, weights, graph);
  add_inputs(forward, open_size, graph);
  add_nodes(forward, open_size, graph, diagnostics);
}

template <class Message>
bool are_same(const Message& a, const Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

// What is another in the other graph: a node, with the constants that it uses, or an input or output; "" if nothing is.
std::string first_difference(const ::onnx::GraphProto& a, const ::onnx::GraphProto& b) {
  std::set<std::string> known, others;
  for (const ::onnx::TensorProto& tensor : a.initializer()) known.insert(tensor.SerializeAsString());
  for (const ::onnx::TensorProto& tensor : b.initializer()) {
    if (known.count(tensor.SerializeAsString()) == 0) others.insert(tensor.name());
  }
  for (int i = 0; i < std::min(a.node_size(), b.node_size()); ++i) {
    const bool uses_other = std::any_of(b.node(i).input().begin(), b.node(i).input().end(),
                                        [&](const std::string& input) { return others.count(input) != 0; });
    if (uses_other || !are_same(a.node(i), b.node(i))) return a.node(i).name();
  }
  for (int i = 0; i < a.input_size(); ++i) {
    if (!are_same(a.input(i), b.input(i))) return a.input(i).name();
  }
  for (int i = 0; i < a.output_size(); ++i) {
    if (!are_same(a.output(i), b.output(i))) return a.output(i).name();
  }
  return a.node_size() != b.node_size() || !others.empty() ? a.name() : "";
}

}  // namespace

void write_model(const ElaboratedModel& model, const std::map<std::string, Tensor>* weights, const ExportBatch& batch,
                 ::onnx::ModelProto& proto, Diagnostics& diagnostics) {
  if (!batch.is_open) return write_sized(model, weights, batch.size, false, proto, diagnostics);
  if (model.forward.inputs.empty()) {
    diagnostics.report(Kind::onnx_unsupported, Span{}, "a model without inputs has no batch that could be left open");
    return;
  }
  // The nodes for two numbers that no model has as a size. If they are the same, they are those for all numbers.
  constexpr std::int64_t kOne = 1009, kOther = 1013;
  ::onnx::ModelProto one, other;
  write_sized(model, nullptr, kOne, true, one, diagnostics);
  if (diagnostics.has_errors()) return;
  write_sized(model, nullptr, kOther, true, other, diagnostics);
  const std::string node = first_difference(one.graph(), other.graph());
  if (node.empty()) return write_sized(model, weights, kOne, true, proto, diagnostics);
  diagnostics.report(Kind::onnx_unsupported, Span{},
                     fmt::format("the number of examples cannot be left open: '{}' depends on it; give it, as "
                                 "in --batch 16",
                                 node));
}

}  // namespace translation

std::optional<ExportBatch> parse_export_batch(const std::string& text) {
  if (text == "open") return ExportBatch{0, true};
  ExportBatch batch;
  const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), batch.size);
  constexpr std::int64_t kSizeMax = 1 << 20;
  const bool is_size = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return is_size && batch.size >= 1 && batch.size <= kSizeMax ? std::optional(batch) : std::nullopt;
}

std::string to_string(const ExportBatch& batch) {
  return batch.is_open ? "open" : batch.size > 0 ? fmt::format("{}", batch.size) : "";
}

std::optional<ExportedModel> export_onnx(const ElaboratedModel& model, const std::map<std::string, Tensor>& weights,
                                         const std::string& program, const ExportBatch& batch, SourceManager& sources,
                                         Diagnostics& diagnostics) {
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
  translation::write_model(model, &weights, batch, proto, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  for (const State& state : model.forward.states) {
    if (translation::is_kept(state)) continue;
    result.notes.push_back(
        fmt::format("the state '{}' is an input of the file, and '{}' an output: ONNX keeps nothing "
                    "from one call to the next",
                    state.name, translation::next_name(state)));
  }
  if (!program.empty()) {
    translation::carry(program, batch, proto);
    if (!translation::carried_program(proto, "", sources)) {
      proto.clear_metadata_props();
      result.notes.push_back("the file does not carry its program, which does not stand alone");
    }
  }
  if (!proto.SerializeToString(&result.bytes)) throw InternalError("an ONNX model is too large to be written");
  return result;
}

}  // namespace nnc
