#include "compiler/onnx/translate.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>
#include <filesystem>
#include <queue>
#include <set>

#include "compiler/interop/file.h"
#include "compiler/onnx/modules.h"
#include "compiler/onnx/readable.h"
#include "compiler/onnx/signature.h"
#include "compiler/onnx/tensors.h"

namespace nnc::translation {
namespace {

using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

// Functions and branches within each other, and what they open into: more is an attack.
constexpr int kDepthMax = 64;
constexpr std::int64_t kNodesMax = 200'000;
// The newest of the package that the schema is taken from: a newer one may change what an operator means.
constexpr std::int64_t kOpsetMax = 28;
// Before it, operators spread their operands by attributes of their own.
constexpr std::int64_t kReadableOpsetMin = 7;

}  // namespace

std::string library_name(const NodeProto& node) {
  if (is_standard(node.domain())) return node.op_type();
  std::string name = node.domain() + "." + node.op_type();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

void add_used(const NodeProto& node, std::set<std::string>& used, int depth) {
  for (const std::string& input : node.input()) used.insert(input);
  if (depth > kDepthMax) return;
  for (const AttributeProto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    for (const NodeProto& inner : attribute.g().node()) add_used(inner, used, depth + 1);
    for (const ::onnx::ValueInfoProto& output : attribute.g().output()) used.insert(output.name());
  }
}

Imported* Values::find(const std::string& name) {
  for (Values* at = this; at != nullptr; at = at->outer) {
    const std::map<std::string, Imported>::iterator found = at->by_name.find(name);
    if (found != at->by_name.end()) return &found->second;
  }
  return nullptr;
}

Translator::Translator(const ::onnx::ModelProto& model, std::string path,
                       const std::map<std::string, std::string>& settings, Style style, SourceManager& sources,
                       Diagnostics& diagnostics)
    : model_(model),
      path_(std::move(path)),
      folder_(std::filesystem::path(path_).parent_path().string()),
      settings_(settings),
      sources_(sources),
      diagnostics_(diagnostics),
      builder_(sources, diagnostics),
      style_(style) {}

void Translator::error(const std::string& message) {
  diagnostics_.report(Kind::onnx_malformed, Span{}, fmt::format("{}: {}", path_, message));
}

void Translator::unsupported(const std::string& place, const std::string& what) {
  diagnostics_.report(Kind::onnx_unsupported, Span{}, fmt::format("{}: {}", place, what));
}

std::int64_t Translator::opset(const std::string& domain, const Inlined* inlined) const {
  // Files from before imports were written down.
  std::int64_t version = is_standard(domain) && model_.ir_version() < 3 ? 1 : 0;
  const auto look = [&](const auto& imports) {
    for (const ::onnx::OperatorSetIdProto& import : imports) {
      if (import.domain() == domain || (is_standard(domain) && is_standard(import.domain())))
        version = import.version();
    }
  };
  look(model_.opset_import());
  if (inlined != nullptr) look(inlined->function->opset_import());
  return version;
}

std::string Translator::place_of(const NodeProto& node, const Inlined* inlined) const {
  const std::string named = node.name().empty() ? "a node" : "node " + quote(node.name());
  std::string place =
      fmt::format("{}: {} ({}, opset {})", path_, named, quote(node.op_type()), opset(node.domain(), inlined));
  if (inlined != nullptr) place += fmt::format(" in function {}", quote(inlined->function->name()));
  // PyTorch's exporter says which line of the program made the node.
  for (const ::onnx::StringStringEntryProto& entry : node.metadata_props()) {
    if (entry.key() != "pkg.torch.onnx.stack_trace") continue;
    const std::size_t at = entry.value().rfind("File \"");
    if (at == std::string::npos) continue;
    const std::string line = entry.value().substr(at, entry.value().find('\n', at) - at);
    place += ", from " + quote(line);
  }
  return place;
}

void Translator::initialisers(const GraphProto& graph, Values& values) {
  for (const ::onnx::SparseTensorProto& sparse : graph.sparse_initializer()) {
    unsupported(path_, "sparse tensor " + quote(sparse.values().name()) + "; store it as a dense one");
  }
  for (const ::onnx::TensorProto& proto : graph.initializer()) {
    if (proto.name().empty()) {
      error("an initializer has no name");
      continue;
    }
    if (values.by_name.count(proto.name()) != 0) {
      error(fmt::format("two values are named {}", quote(proto.name())));
      continue;
    }
    Result<Tensor> tensor = read_tensor(proto, folder_);
    if (!tensor) {
      error(tensor.error());
      values.by_name[proto.name()].is_broken = true;
      continue;
    }
    values.by_name[proto.name()] = builder_.constant(std::move(*tensor), proto.name());
  }
}

template <class Nodes>
std::vector<const NodeProto*> Translator::order(const Nodes& nodes, const std::vector<std::string>& outputs) {
  std::map<std::string, int> producer;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i].output()) {
      if (output.empty() || producer.emplace(output, i).second) continue;
      error(fmt::format("two nodes give {}", quote(output)));
      return {};
    }
  }
  const std::size_t count = static_cast<std::size_t>(nodes.size());
  std::vector<std::vector<int>> users(count);
  std::vector<int> waiting(count, 0);
  std::vector<bool> is_needed(count, false);
  std::vector<int> pending;
  const auto need = [&](const std::string& name, int user) {
    const std::map<std::string, int>::const_iterator made = producer.find(name);
    if (made == producer.end()) return;
    if (user >= 0) {
      users[static_cast<std::size_t>(made->second)].push_back(user);
      ++waiting[static_cast<std::size_t>(user)];
    }
    if (is_needed[static_cast<std::size_t>(made->second)]) return;
    is_needed[static_cast<std::size_t>(made->second)] = true;
    pending.push_back(made->second);
  };
  for (const std::string& output : outputs) need(output, -1);
  std::size_t needed = 0;
  while (!pending.empty()) {
    const int at = pending.back();
    pending.pop_back();
    ++needed;
    std::set<std::string> used;
    add_used(nodes[at], used);
    for (const std::string& name : used) need(name, at);
  }
  // In the file's order where that is one.
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (is_needed[i] && waiting[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<const NodeProto*> ordered;
  while (!ready.empty()) {
    const int at = ready.top();
    ready.pop();
    ordered.push_back(&nodes[at]);
    for (const int user : users[static_cast<std::size_t>(at)]) {
      if (--waiting[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
  }
  if (ordered.size() != needed) {
    error("some nodes need each other's results: the graph has a cycle");
    return {};
  }
  return ordered;
}
template std::vector<const NodeProto*> Translator::order(const google::protobuf::RepeatedPtrField<NodeProto>&,
                                                         const std::vector<std::string>&);

const FunctionProto* Translator::function_of(const NodeProto& node) const {
  const auto found = functions_.find({node.domain(), node.op_type(), node.overload()});
  return found == functions_.end() ? nullptr : found->second;
}

template <class Nodes>
std::int64_t Translator::inlined_nodes(const Nodes& nodes, int depth) {
  std::int64_t count = 0;
  for (const NodeProto& node : nodes) {
    ++count;
    if (depth > kDepthMax) return kNodesMax + 1;
    for (const AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) count += inlined_nodes(attribute.g().node(), depth + 1);
    }
    if (const FunctionProto* function = function_of(node)) {
      const auto [known, is_new] = inlined_sizes_.emplace(function, -1);
      if (!is_new && known->second < 0) {
        error(fmt::format("function {} calls itself", quote(function->name())));
        return kNodesMax + 1;
      }
      if (is_new) {
        const std::int64_t size = inlined_nodes(function->node(), depth + 1);
        inlined_sizes_[function] = size;
      }
      count += inlined_sizes_[function];
    }
    if (count > kNodesMax) return kNodesMax + 1;
  }
  return count;
}

void Translator::set_broken(const NodeProto& node, Values& values) {
  for (const std::string& output : node.output()) {
    Imported& value = values.by_name[output];
    value.is_broken = true;
    value.is_absent = false;
  }
}

Translator::Attributes Translator::attributes_of(const NodeProto& node, const Inlined* inlined) {
  Attributes attributes;
  for (const AttributeProto& attribute : node.attribute()) {
    if (attribute.ref_attr_name().empty()) {
      attributes[attribute.name()] = &attribute;
    } else if (inlined != nullptr) {
      const Attributes::const_iterator given = inlined->attributes.find(attribute.ref_attr_name());
      if (given != inlined->attributes.end()) attributes[attribute.name()] = given->second;
    }
  }
  return attributes;
}

void Translator::node(const NodeProto& node, Values& values, const Inlined* inlined) {
  if (done_.count(&node) != 0) return;
  const std::string place = place_of(node, inlined);
  if (inlined == nullptr && style_ != Style::Explicit) {
    builder_.module = module_of(node, builder_.classes).value_or(builder_.module);
  }
  for (const std::string& input : node.input()) {
    if (input.empty()) continue;
    const Imported* value = values.find(input);
    if (value == nullptr) {
      error(fmt::format("{} uses {}, which nothing gives", place, quote(input)));
      return set_broken(node, values);
    }
    if (value->is_broken) return set_broken(node, values);
  }
  const Attributes attributes = attributes_of(node, inlined);
  if (is_standard(node.domain())) {
    if (opset(node.domain(), inlined) == 0) {
      error(fmt::format("{}: the model does not say which operator set it uses", place));
      return set_broken(node, values);
    }
    if (node.op_type() == "Constant") return constant(node, attributes, values, place);
    if (node.op_type() == "If" || node.op_type() == "Loop" || node.op_type() == "Scan") {
      return control_flow(node, attributes, values, inlined, place);
    }
    if (node.op_type() == "Identity" && node.input_size() == 1 && node.output_size() == 1) {
      values.by_name[node.output(0)] = *values.find(node.input(0));
      return;
    }
  }
  if (node.domain() == "ai.onnx.preview" && node.op_type() == "FlexAttention") {
    return control_flow(node, attributes, values, inlined, place);
  }
  if (const FunctionProto* function = function_of(node)) {
    return inline_function(*function, node, attributes, values, place);
  }
  if (style_ == Style::PerExample) {
    for (const std::string& input : node.input()) {
      if (input.empty() || !values.find(input)->is_batched) continue;
      return example_node(node, attributes, values, place, opset(node.domain(), inlined));
    }
  }
  if (style_ == Style::Readable) {
    NodeView view{node, attributes, {}, 1, opset(node.domain(), inlined), nullptr};
    for (const std::string& input : node.input()) view.inputs.push_back(input.empty() ? nullptr : values.find(input));
    if (const std::optional<Form> form = batched_form(view)) return write(*form, node, node, values, place);
  }
  const ast::Definition* definition = builder_.definition(library_name(node), opset(node.domain(), inlined));
  if (definition != nullptr) return call(node, *definition, attributes, values, place);
  unsupported(place, "this operator is not supported");
  set_broken(node, values);
}

void Translator::constant(const NodeProto& node, const Attributes& attributes, Values& values,
                          const std::string& place) {
  const auto give = [&](Tensor tensor) {
    if (node.output_size() > 0) values.by_name[node.output(0)] = builder_.constant(std::move(tensor), node.output(0));
  };
  const auto integers = [&](const Shape& shape, const auto& items) {
    Tensor tensor = Tensor::zeros({ElementType::I64, shape});
    for (std::size_t i = 0; i < tensor.integers().size(); ++i) tensor.integers()[i] = items[static_cast<int>(i)];
    give(std::move(tensor));
  };
  const auto floats = [&](const Shape& shape, const auto& items) {
    Tensor tensor = Tensor::zeros({ElementType::F32, shape});
    for (std::size_t i = 0; i < tensor.floats().size(); ++i)
      tensor.floats()[i] = static_cast<double>(items[static_cast<int>(i)]);
    give(std::move(tensor));
  };
  for (const auto& [name, attribute] : attributes) {
    if (name == "value" && attribute->has_t()) {
      Result<Tensor> tensor = read_tensor(attribute->t(), folder_);
      if (tensor) return give(std::move(*tensor));
      unsupported(place, tensor.error());
      return set_broken(node, values);
    }
    if (name == "value_int") return integers({}, std::vector<std::int64_t>{attribute->i()});
    if (name == "value_ints") return integers({attribute->ints_size()}, attribute->ints());
    if (name == "value_float") return floats({}, std::vector<float>{attribute->f()});
    if (name == "value_floats") return floats({attribute->floats_size()}, attribute->floats());
  }
  unsupported(place, "a constant of this kind (texts and sparse tensors are not supported)");
  set_broken(node, values);
}

void Translator::body(const GraphProto& graph, Values& values, const Inlined* inlined) {
  initialisers(graph, values);
  std::vector<std::string> outputs;
  for (const ::onnx::ValueInfoProto& output : graph.output()) outputs.push_back(output.name());
  for (const NodeProto* one : order(graph.node(), outputs)) node(*one, values, inlined);
}

void Translator::control_flow(const NodeProto& node, const Attributes& attributes, Values& values,
                              const Inlined* inlined, const std::string& place) {
  if (++depth_ > kDepthMax) {
    error(place + ": graphs lie in each other too deeply");
    set_broken(node, values);
  } else if (node.op_type() == "If") {
    branch(node, attributes, values, inlined, place);
  } else if (node.op_type() == "Loop") {
    loop(node, attributes, values, inlined, place);
  } else if (node.op_type() == "FlexAttention") {
    flex_attention(node, attributes, values, inlined, place);
  } else {
    scan(node, attributes, values, inlined, place);
  }
  --depth_;
}

void Translator::inline_function(const FunctionProto& function, const NodeProto& node, const Attributes& attributes,
                                 Values& values, const std::string& place) {
  if (++depth_ > kDepthMax) {
    error(place + ": functions call each other too deeply");
    --depth_;
    return set_broken(node, values);
  }
  Inlined inner_call{&function, attributes, place};
  for (const AttributeProto& attribute : function.attribute_proto()) {
    inner_call.attributes.emplace(attribute.name(), &attribute);
  }
  Values inner{nullptr, {}};
  for (int i = 0; i < function.input_size(); ++i) {
    const bool is_given = i < node.input_size() && !node.input(i).empty();
    inner.by_name[function.input(i)] = is_given ? *values.find(node.input(i)) : Imported{};
  }
  std::vector<std::string> outputs(function.output().begin(), function.output().end());
  for (const NodeProto* one : order(function.node(), outputs)) this->node(*one, inner, &inner_call);
  --depth_;
  for (int i = 0; i < node.output_size(); ++i) {
    const Imported* result = i < function.output_size() ? inner.find(function.output(i)) : nullptr;
    if (result == nullptr) {
      error(fmt::format("{}: the function gives no output {}", place, quote(node.output(i))));
      return set_broken(node, values);
    }
    values.by_name[node.output(i)] = *result;
  }
}

void Translator::add_inputs(Values& values, ImportedModel& result) {
  std::vector<ModelInput> inputs = read_inputs(model_.graph(), settings_, path_, diagnostics_);
  bool is_first = true;
  for (ModelInput& input : inputs) {
    if (input.pinned) {
      result.pinned[input.name] = *input.pinned;
      values.by_name[input.name] = builder_.constant(std::move(*input.pinned), input.name);
      continue;
    }
    if (style_ == Style::PerExample) {
      const bool agrees = !input.type.shape.empty() && (is_first || input.type.shape[0] == batch_);
      if (!agrees) throw NotPerExample{fmt::format("input {} has no axis for the batch", quote(input.name))};
      batch_ = input.type.shape[0];
      input.type.shape.erase(input.type.shape.begin());
      is_first = false;
    }
    Imported value = builder_.input(input.name, input.type);
    value.is_batched = style_ == Style::PerExample;
    result.inputs.push_back({value.name, input.name, ""});
    values.by_name[input.name] = std::move(value);
  }
}

void Translator::add_values(Values& values, ImportedModel& result) {
  std::vector<std::string> outputs;
  for (const ImportedValue& output : result.outputs) outputs.push_back(output.onnx_name);
  std::vector<ImportedValue> ordered;
  for (const NodeProto* node : order(model_.graph().node(), outputs)) {
    for (const std::string& name : node->output()) {
      const Imported* const value = name.empty() ? nullptr : values.find(name);
      const bool is_computed = value != nullptr && value->constant == nullptr && !value->is_broken && !value->is_absent;
      const std::vector<std::string>::iterator output = std::find(outputs.begin(), outputs.end(), name);
      if (output != outputs.end()) {
        ordered.push_back(result.outputs[static_cast<std::size_t>(output - outputs.begin())]);
      } else if (is_computed) {
        ordered.push_back({builder_.names.give(name, "output"), name, ""});
      }
    }
  }
  result.outputs = std::move(ordered);
}

std::optional<ImportedModel> Translator::run(Given given, const std::string& comment) {
  const GraphProto& graph = model_.graph();
  ImportedModel result;
  Values values;
  add_inputs(values, result);
  for (const FunctionProto& function : model_.functions()) {
    functions_.emplace(FunctionKey{function.domain(), function.name(), function.overload()}, &function);
  }
  if (inlined_nodes(graph.node(), 0) > kNodesMax) {
    error(fmt::format("the model opens into more than {} nodes, or is nested too deeply", kNodesMax));
  }
  for (const ::onnx::OperatorSetIdProto& import : model_.opset_import()) {
    const bool is_known = import.version() > 0 && import.version() <= kOpsetMax;
    if (!is_standard(import.domain()) || is_known) continue;
    error(fmt::format("it uses operator set {}; those of the standard are 1 to {}", import.version(), kOpsetMax));
  }
  if (style_ == Style::PerExample && opset("", nullptr) < kReadableOpsetMin) {
    throw NotPerExample{fmt::format("its operators are those of opset {}", opset("", nullptr))};
  }
  if (diagnostics_.has_errors()) return std::nullopt;
  std::map<std::string, std::string> makers;
  for (const NodeProto& node : graph.node()) {
    for (const std::string& input : node.input()) users_[input].push_back(&node);
    for (const std::string& output : node.output()) makers[output] = place_of(node, nullptr);
  }
  for (const ::onnx::ValueInfoProto& output : graph.output()) {
    result.outputs.push_back({builder_.names.give(output.name(), "output"), output.name(), ""});
    users_[output.name()].push_back(nullptr);
  }
  if (result.outputs.empty()) error("the model has no outputs");
  body(graph, values, nullptr);
  if (given == Given::All) add_values(values, result);
  std::vector<std::pair<std::string, Imported>> results;
  for (auto& [name, onnx_name, node] : result.outputs) {
    node = makers[onnx_name];
    const Imported* value = values.find(onnx_name);
    if (value == nullptr) {
      error(fmt::format("nothing gives the output {}", quote(onnx_name)));
      continue;
    }
    if (style_ == Style::PerExample && !value->is_batched) {
      throw NotPerExample{fmt::format("output {} is the same for all examples", quote(onnx_name))};
    }
    results.emplace_back(name, *value);
  }
  if (diagnostics_.has_errors()) return std::nullopt;
  const std::string misfit = builder_.misfit();
  if (style_ == Style::PerExample && !misfit.empty()) {
    throw NotPerExample{fmt::format("the values of {} are not of its size", misfit)};
  }
  const std::string name = builder_.names.give(std::filesystem::path(path_).stem().string(), "model");
  result.program = builder_.finish(name, std::move(results), comment, style_ != Style::Explicit);
  result.weights = std::move(builder_.weights);
  return result;
}

}  // namespace nnc::translation
