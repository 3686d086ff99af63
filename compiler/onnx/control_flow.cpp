// Control flow, opened: If by its condition, loops by translating their body again for each iteration.
#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>

#include "compiler/interop/file.h"
#include "compiler/onnx/tensors.h"
#include "compiler/onnx/translate.h"

namespace nnc::translation {
namespace {

using ::onnx::GraphProto;
using ::onnx::NodeProto;
using Integers = std::vector<std::int64_t>;

// Of one loop. What it opens into is bounded too: by the number of nodes of a model.
constexpr std::int64_t kIterationsMax = 10'000;

// "name(a, [b, c]…": a call whose arguments are the values, put together by the caller.
std::string list_of(const std::vector<std::string>& names) { return fmt::format("[{}]", fmt::join(names, ", ")); }

// Along the axes of an attribute, or along axis 0.
std::int64_t item_of(const std::map<std::string, const ::onnx::AttributeProto*>& attributes, const std::string& name,
                     std::size_t i) {
  const auto found = attributes.find(name);
  const bool is_given = found != attributes.end() && static_cast<int>(i) < found->second->ints_size();
  return is_given ? found->second->ints(static_cast<int>(i)) : 0;
}

}  // namespace

const GraphProto* Translator::graph_of(const Attributes& attributes, const std::string& name, std::int64_t inputs,
                                       std::int64_t outputs, const std::string& place) {
  const Attributes::const_iterator found = attributes.find(name);
  const bool fits = found != attributes.end() && found->second->has_g() && found->second->g().input_size() == inputs &&
                    found->second->g().output_size() >= outputs;
  if (fits) return &found->second->g();
  error(fmt::format("{}: its graph {} is missing, or has other inputs or fewer outputs than it must", place,
                    quote(name)));
  return nullptr;
}

std::optional<std::vector<Imported>> Translator::outputs_of(const GraphProto& graph, Values& values,
                                                            const std::string& place) {
  std::vector<Imported> results;
  for (const ::onnx::ValueInfoProto& output : graph.output()) {
    const Imported* result = values.find(output.name());
    if (result == nullptr) {
      error(fmt::format("{}: nothing gives {}", place, quote(output.name())));
      return std::nullopt;
    }
    results.push_back(*result);
  }
  return results;
}

// A condition that is known chooses the branch; else both are computed, and one result is taken.
void Translator::branch(const NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
                        const std::string& place) {
  Imported* condition = node.input_size() == 1 ? values.find(node.input(0)) : nullptr;
  if (condition == nullptr || element_count(condition->type.shape) != 1) {
    error(place + ": its condition is not one flag");
    return set_broken(node, values);
  }
  const bool is_known = condition->constant != nullptr;
  std::vector<std::vector<Imported>> results;
  for (const char* name : {"then_branch", "else_branch"}) {
    if (is_known && (condition->constant->at(0) != 0) != (results.empty() && name == std::string("then_branch")))
      continue;
    const GraphProto* graph = graph_of(attributes, name, 0, node.output_size(), place);
    if (graph == nullptr) return set_broken(node, values);
    Values inner{&values, {}};
    body(*graph, inner, inlined);
    std::optional<std::vector<Imported>> given = outputs_of(*graph, inner, place);
    if (!given) return set_broken(node, values);
    results.push_back(std::move(*given));
  }
  for (int i = 0; i < node.output_size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    if (is_known) {
      values.by_name[node.output(i)] = results[0][at];
      continue;
    }
    Imported& a = results[0][at];
    Imported& b = results[1][at];
    if (a.is_broken || b.is_broken) return set_broken(node, values);
    if (a.is_batched || b.is_batched || condition->is_batched)
      throw NotPerExample{"If has a condition known only at run time"};
    if (!(a.type == b.type)) {
      unsupported(place,
                  fmt::format("its condition is known only when the network runs, and its branches give {} and {}",
                              to_string(a.type), to_string(b.type)));
      return set_broken(node, values);
    }
    builder_.uses_library = true;
    const auto text = [](const std::vector<std::string>& names) {
      return fmt::format("either({}, {}, {})", names[0], names[1], names[2]);
    };
    values.by_name[node.output(i)] = builder_.line(place, text, {condition, &a, &b}, {node.output(i)})[0];
  }
}

Translator::Body Translator::open_body(const GraphProto& graph, Values& values, const Inlined* inlined) {
  Body body{&graph, Values{&values, {}}, {}, inlined};
  initialisers(graph, body.frame);
  std::vector<std::string> outputs;
  std::set<std::string> changing;
  for (const ::onnx::ValueInfoProto& output : graph.output()) outputs.push_back(output.name());
  for (const ::onnx::ValueInfoProto& input : graph.input()) changing.insert(input.name());
  for (const NodeProto* one : order(graph.node(), outputs)) {
    std::set<std::string> used;
    add_used(*one, used);
    const bool changes =
        std::any_of(used.begin(), used.end(), [&](const std::string& name) { return changing.count(name) != 0; });
    if (!changes) {
      node(*one, body.frame, inlined);
      continue;
    }
    changing.insert(one->output().begin(), one->output().end());
    body.nodes.push_back(one);
  }
  return body;
}

std::optional<std::vector<Imported>> Translator::iteration(Body& body, const std::vector<Imported>& inputs,
                                                           const std::string& place) {
  Values inner{&body.frame, {}};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inner.by_name[body.graph->input(static_cast<int>(i)).name()] = inputs[i];
  }
  for (const NodeProto* one : body.nodes) node(*one, inner, body.inlined);
  return outputs_of(*body.graph, inner, place);
}

// Slices of iterations, joined along a new axis.
Imported Translator::stacked(std::vector<Imported>& items, std::int64_t axis, const std::string& name,
                             const std::string& place) {
  std::vector<Imported*> arguments;
  for (Imported& item : items) {
    if (item.is_batched) throw NotPerExample{"a loop joins results of its iterations"};
    arguments.push_back(&item);
  }
  builder_.uses_library = true;
  const auto text = [&](const std::vector<std::string>& names) {
    return fmt::format("stacked({}, {})", list_of(names), literal(axis));
  };
  return builder_.line(place, text, arguments, {name})[0];
}

// One slice of a value along an axis, which is dropped.
Imported Translator::row_of(Imported value, std::int64_t axis, std::int64_t at, const std::string& name,
                            const std::string& place) {
  if (value.is_batched) throw NotPerExample{"a loop takes its inputs apart"};
  builder_.uses_library = true;
  const auto text = [&](const std::vector<std::string>& names) {
    return fmt::format("row({}, {}, {})", names[0], literal(axis), literal(at));
  };
  return builder_.line(place, text, {&value}, {name})[0];
}

// Inputs: the number of iterations, a condition, and what is carried. Of the body: the iteration, the condition and
// what is carried; it gives the next condition, what is carried, and slices of the results.
void Translator::loop(const NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
                      const std::string& place) {
  const auto refuse = [&](const std::string& why) {
    unsupported(place, why);
    set_broken(node, values);
  };
  const int carried = std::max(node.input_size() - 2, 0);
  const GraphProto* graph = graph_of(attributes, "body", carried + 2, carried + 1, place);
  if (graph == nullptr) return set_broken(node, values);
  std::vector<Imported> state;
  std::vector<const Imported*> limits;
  for (int i = 0; i < node.input_size(); ++i) {
    const Imported* value = node.input(i).empty() ? nullptr : values.find(node.input(i));
    const bool is_given = value != nullptr && !value->is_absent;
    if (i >= 2) {
      state.push_back(is_given ? *value : Imported{});
      continue;
    }
    if (is_given && (value->constant == nullptr || element_count(value->type.shape) != 1)) {
      return refuse("how often it runs is known only when the network runs");
    }
    limits.push_back(is_given ? value : nullptr);
  }
  limits.resize(2, nullptr);
  const std::int64_t count = limits[0] != nullptr ? limits[0]->constant->integers()[0] : INT64_MAX;
  bool goes_on = limits[1] == nullptr || limits[1]->constant->at(0) != 0;
  Body body = open_body(*graph, values, inlined);
  std::vector<std::vector<Imported>> slices(static_cast<std::size_t>(graph->output_size() - carried - 1));
  for (std::int64_t i = 0; goes_on && i < count; ++i) {
    if (i == kIterationsMax) {
      return refuse(fmt::format("it runs more than {} times, and each time is written out", kIterationsMax));
    }
    Tensor number = Tensor::zeros({ElementType::I64, {}});
    number.integers()[0] = i;
    std::vector<Imported> inputs = {builder_.constant(std::move(number), graph->input(0).name()),
                                    builder_.constant(Tensor::scalar(ElementType::Bool, 1), graph->input(1).name())};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const std::optional<std::vector<Imported>> results = iteration(body, inputs, place);
    if (!results || (*results)[0].is_broken || diagnostics_.has_errors()) return set_broken(node, values);
    if ((*results)[0].constant == nullptr) return refuse("whether it runs again is known only when the network runs");
    goes_on = (*results)[0].constant->at(0) != 0;
    std::copy_n(results->begin() + 1, carried, state.begin());
    for (std::size_t k = 0; k < slices.size(); ++k) {
      slices[k].push_back((*results)[static_cast<std::size_t>(carried) + 1 + k]);
    }
  }
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (i < carried) {
      values.by_name[node.output(i)] = state[static_cast<std::size_t>(i)];
      continue;
    }
    std::vector<Imported>& items = slices[static_cast<std::size_t>(i - carried)];
    if (items.empty()) return refuse(fmt::format("it never runs, so its result {} is empty", quote(node.output(i))));
    values.by_name[node.output(i)] = stacked(items, 0, node.output(i), place);
  }
}

// The iterations of a Scan over `sequences`, from `state` on; the last states, then the joined slices.
std::optional<std::vector<Imported>> Translator::scan_over(Body& body, const Attributes& attributes,
                                                           std::vector<Imported> state,
                                                           const std::vector<Imported>& sequences,
                                                           const std::string& place) {
  const bool is_old = attributes.count("directions") != 0;
  std::int64_t length = -1;
  std::vector<std::int64_t> axes;
  for (std::size_t k = 0; k < sequences.size(); ++k) {
    const std::int64_t rank = static_cast<std::int64_t>(sequences[k].type.shape.size());
    std::int64_t axis = item_of(attributes, "scan_input_axes", k);
    if (axis < 0) axis += rank;
    const bool fits = axis >= 0 && axis < rank;
    if (fits && length < 0) length = sequences[k].type.shape[static_cast<std::size_t>(axis)];
    if (!fits || sequences[k].type.shape[static_cast<std::size_t>(axis)] != length) {
      error(place + ": its sequences have no such axis, or other lengths than each other");
      return std::nullopt;
    }
    axes.push_back(axis);
  }
  if (length < 1 || length > kIterationsMax) {
    unsupported(place, fmt::format("it runs {} times; 1 to {} can be written out", length, kIterationsMax));
    return std::nullopt;
  }
  std::vector<std::vector<Imported>> slices(static_cast<std::size_t>(body.graph->output_size()) - state.size());
  for (std::int64_t t = 0; t < length; ++t) {
    std::vector<Imported> inputs = state;
    for (std::size_t k = 0; k < sequences.size(); ++k) {
      const bool is_backward = item_of(attributes, is_old ? "directions" : "scan_input_directions", k) != 0;
      const std::string& name = body.graph->input(static_cast<int>(state.size() + k)).name();
      inputs.push_back(row_of(sequences[k], axes[k], is_backward ? length - 1 - t : t, name, place));
    }
    const std::optional<std::vector<Imported>> results = iteration(body, inputs, place);
    if (!results || diagnostics_.has_errors()) return std::nullopt;
    std::copy_n(results->begin(), state.size(), state.begin());
    for (std::size_t k = 0; k < slices.size(); ++k) slices[k].push_back((*results)[state.size() + k]);
  }
  for (std::size_t k = 0; k < slices.size(); ++k) {
    if (item_of(attributes, "scan_output_directions", k) != 0) std::reverse(slices[k].begin(), slices[k].end());
    const std::string& name =
        body.graph->output(static_cast<int>(body.graph->output_size() - slices.size() + k)).name();
    state.push_back(stacked(slices[k], item_of(attributes, "scan_output_axes", k), name, place));
  }
  return state;
}

// Before opset 9 a Scan is over each example of a batch, its axis 0, and its first input says how long each is.
void Translator::scan(const NodeProto& node, const Attributes& attributes, Values& values, const Inlined* inlined,
                      const std::string& place) {
  const bool has_batch = opset(node.domain(), inlined) < 9;
  const Attributes::const_iterator given = attributes.find("num_scan_inputs");
  const std::int64_t sequences = given != attributes.end() ? given->second->i() : 0;
  const int first = has_batch ? 1 : 0;
  const std::int64_t states = node.input_size() - first - sequences;
  if (has_batch && node.input_size() > 0 && !node.input(0).empty()) {
    unsupported(place, "its lengths of sequences (an old form of Scan)");
    return set_broken(node, values);
  }
  const GraphProto* graph =
      states < 0 || sequences < 1 ? nullptr : graph_of(attributes, "body", states + sequences, states, place);
  if (graph == nullptr || node.output_size() > graph->output_size()) {
    error(place + ": its inputs are not those of its graph");
    return set_broken(node, values);
  }
  std::vector<Imported> inputs;
  for (int i = first; i < node.input_size(); ++i) inputs.push_back(*values.find(node.input(i)));
  Body body = open_body(*graph, values, inlined);
  const auto run = [&](const std::vector<Imported>& all) {
    return scan_over(body, attributes, {all.begin(), all.begin() + states}, {all.begin() + states, all.end()}, place);
  };
  std::optional<std::vector<Imported>> results;
  if (!has_batch) {
    results = run(inputs);
  } else {
    std::vector<std::vector<Imported>> of_examples(static_cast<std::size_t>(graph->output_size()));
    const std::int64_t batch = inputs[0].type.shape.empty() ? 0 : inputs[0].type.shape[0];
    for (std::int64_t b = 0; b < batch; ++b) {
      std::vector<Imported> one;
      for (const Imported& input : inputs) one.push_back(row_of(input, 0, b, input.name, place));
      const std::optional<std::vector<Imported>> result = run(one);
      if (!result) return set_broken(node, values);
      for (std::size_t i = 0; i < result->size(); ++i) of_examples[i].push_back((*result)[i]);
    }
    results.emplace();
    for (std::size_t i = 0; i < of_examples.size(); ++i) {
      results->push_back(stacked(of_examples[i], 0, graph->output(static_cast<int>(i)).name(), place));
    }
  }
  if (!results) return set_broken(node, values);
  for (int i = 0; i < node.output_size(); ++i) values.by_name[node.output(i)] = (*results)[static_cast<std::size_t>(i)];
}

// Its attributes are graphs from tensor to tensor: what they make of the scores, and of the weights.
void Translator::flex_attention(const NodeProto& node, const Attributes& attributes, Values& values,
                                const Inlined* inlined, const std::string& place) {
  std::vector<Imported*> inputs;
  for (const std::string& input : node.input()) inputs.push_back(values.find(input));
  const bool has_all = std::find(inputs.begin(), inputs.end(), nullptr) == inputs.end();
  if (!has_all || inputs.size() != 3 || node.output_size() != 1) {
    error(place + ": its inputs are a query, keys and values");
    return set_broken(node, values);
  }
  for (const Imported* input : inputs) {
    if (input->is_batched) throw NotPerExample{"FlexAttention has no form for one example"};
  }
  builder_.uses_library = true;
  std::string settings;
  const Attributes::const_iterator scale = attributes.find("scale");
  if (scale != attributes.end()) settings += ", scale: " + literal(ElementType::F32, scale->second->f());
  const Attributes::const_iterator precision = attributes.find("softmax_precision");
  if (precision != attributes.end()) {
    const Result<ElementType> element = element_of(static_cast<std::int32_t>(precision->second->i()));
    if (!element) {
      unsupported(place, element.error());
      return set_broken(node, values);
    }
    settings += fmt::format(", softmax_precision: {}", name(*element));
  }
  Imported value;
  // `call` of the value so far, or of the inputs, then the graph of that name.
  const auto stage = [&](const std::string& call, const std::vector<Imported*>& arguments,
                         const std::string& graph_name) {
    const auto text = [&](const std::vector<std::string>& names) {
      return fmt::format("{}({}{})", call, fmt::join(names, ", "), call == "flex_scores" ? settings : "");
    };
    value = builder_.line(place, text, arguments, {graph_name.empty() ? node.output(0) : graph_name})[0];
    if (value.is_broken || attributes.count(graph_name) == 0) return !value.is_broken;
    const GraphProto* graph = graph_of(attributes, graph_name, 1, 1, place);
    if (graph == nullptr) return false;
    Body body = open_body(*graph, values, inlined);
    const std::optional<std::vector<Imported>> results = iteration(body, {value}, place);
    if (results) value = (*results)[0];
    return results.has_value() && !value.is_broken;
  };
  Imported scores;
  const bool is_done = stage("flex_scores", {inputs[0], inputs[1]}, "score_mod") &&
                       stage("softmax", {&(scores = value)}, "prob_mod") &&
                       stage("flex_mixed", {&(scores = value), inputs[2]}, "");
  if (!is_done) return set_broken(node, values);
  values.by_name[node.output(0)] = value;
}

}  // namespace nnc::translation
