#include "compiler/commands/step_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/emit/api.h"

namespace nnc {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// What the arena and the outputs hold before a call: as floats, NaN.
constexpr int kNothing = 0xff;

double ulp_of(ElementType type, double value) {
  if (!is_float(type)) return 1;
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::max(std::ldexp(unit_roundoff(type), exponent), least_of(type));
}

// How far apart two numbers are; 0 if both are NaN or alike. `bound`: where the type may overflow instead.
double difference(ElementType type, double found, double expected, double bound) {
  if (found == expected || (std::isnan(found) && std::isnan(expected))) return 0;
  const bool may_overflow = is_float(type) && std::isinf(found) && std::signbit(found) == std::signbit(expected) &&
                            std::abs(expected) + bound >= largest_of(type);
  if (may_overflow) return 0;
  const double apart = std::abs(found - expected);
  return std::isnan(apart) ? kInfinity : apart;
}

}  // namespace

std::optional<std::int64_t> Errors::add(const Tensor& found, const Tensor& expected, const std::vector<double>& bound,
                                        double factor) {
  std::optional<std::int64_t> first;
  const ElementType type = expected.type.element;
  const std::int64_t count = element_count(expected.type.shape);
  elements += count;
  for (std::int64_t i = 0; i < count; ++i) {
    const double wanted = expected.at(i);
    const double within = bound.empty() ? 0 : factor * bound[static_cast<std::size_t>(i)];
    if (within == kInfinity) {
      ++unbounded;
      continue;
    }
    // Integers of 64 bits may be alike as doubles.
    const bool is_same = expected.data.index() == 1 && found.integers()[static_cast<std::size_t>(i)] ==
                                                           expected.integers()[static_cast<std::size_t>(i)];
    double apart = is_same ? 0 : difference(type, found.at(i), wanted, within);
    if (!is_same && expected.data.index() == 1 && apart == 0) apart = 1;
    if (apart == 0) continue;
    absolute = std::max(absolute, apart);
    if (wanted != 0) relative = std::max(relative, apart / std::abs(wanted));
    ulp = std::max(ulp, std::isfinite(wanted) ? apart / ulp_of(type, wanted) : kInfinity);
    const double of_bound = within == 0 ? kInfinity : apart / within;
    share = std::max(share, of_bound);
    if (of_bound > 1 && !first) first = i;
  }
  return first;
}

StepCheck::StepCheck(Session& session, const std::string& function, double factor)
    : session_(session), function_(*session.function(function)), factor_(factor) {
  list_nodes(function_.plan.nodes);
}

void StepCheck::list_nodes(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    nodes_.push_back(&node);
    StepReport& report = reports_.emplace_back();
    report.function = function_.name;
    report.step = node.step ? node.step->name : node.loop->name;
    report.operation = node.step ? node.step->operation : "loop";
    report.origin = node.step ? node.step->origin : node.loop->origin;
    if (!node.results.empty()) report.type = node.results.front().value->type;
    if (node.loop) list_nodes(node.loop->body);
  }
}

void StepCheck::call(const std::map<std::string, Tensor>& inputs) {
  ++calls_;
  inputs_.clear();
  output_bytes_.clear();
  std::vector<const void*> from;
  std::vector<void*> to;
  const std::vector<ApiFunction> functions = api_functions(session_.unit());
  for (const ApiFunction& api : functions) {
    if (api.function != &function_) continue;
    for (const ApiParameter& parameter : api.parameters) {
      if (parameter.kind == ApiParameter::Kind::Input) {
        const Result<Array> array = array_from_tensor(parameter.slot, inputs.at(parameter.slot));
        if (!array) throw InternalError(array.error());
        inputs_[parameter.slot] = *array;
        from.push_back(inputs_[parameter.slot].bytes.data());
      } else if (parameter.kind == ApiParameter::Kind::Output) {
        std::vector<std::byte>& bytes = output_bytes_[parameter.slot];
        bytes.assign(static_cast<std::size_t>(element_count(parameter.type.shape) * size_bytes(parameter.type.element)),
                     std::byte{kNothing});
        to.push_back(bytes.data());
      }
    }
  }
  std::ranges::fill(session_.arena(), std::byte{kNothing});
  find_buffers();
  scopes_.assign(1, {});
  scopes_[0].graph = &function_.graph;
  for (const Value* input : function_.graph.inputs) {
    scopes_[0].known[input] = {inputs.at(input->producer->attributes.text("name")), {}};
  }
  for (const Buffer& buffer : function_.plan.buffers) {
    const State* state = function_.graph.find_state(buffer.slot);
    if (state == nullptr || buffer.memory == Memory::Input || buffer.memory == Memory::Output ||
        buffer.memory == Memory::Gradients) {
      continue;
    }
    View view{static_cast<int>(&buffer - function_.plan.buffers.data()), 0, state->value->type.shape, {}, {}};
    view.strides = row_major_strides(view.shape);
    scopes_[0].known[state->value] = {read(view, buffer.element), {}};
  }
  session_.trace(on_node, this);
  session_.call(function_.name, from, to);
  if (thrown_) std::rethrow_exception(thrown_);
  check_end();
  scopes_.clear();  // large
}

// Where the buffers of the plan lie in this call.
void StepCheck::find_buffers() {
  const Unit& unit = session_.unit();
  buffers_.clear();
  const auto field = [&](std::span<std::byte> bytes, Memory memory, const std::string& slot) {
    return bytes.data() + slot_of(unit, memory, slot).offset;
  };
  for (const Buffer& buffer : function_.plan.buffers) {
    std::byte* at = nullptr;
    const Memory memory = api_memory(unit, function_, buffer);
    switch (memory) {
      case Memory::Scratch:
        at = session_.arena().data() + buffer.offset;
        break;
      case Memory::Input:
        at = const_cast<std::byte*>(inputs_.at(buffer.slot).bytes.data());
        break;
      case Memory::Output: {
        const std::map<std::string, std::vector<std::byte>>::iterator bytes = output_bytes_.find(buffer.slot);
        if (bytes != output_bytes_.end()) at = bytes->second.data();
        break;
      }
      case Memory::Parameters:
        at = field(session_.parameters(), memory, buffer.slot);
        break;
      case Memory::Gradients:
        at = field(session_.gradients(), memory, buffer.slot);
        break;
      case Memory::Prepared:
        at = field(session_.prepared(), memory, buffer.slot);
        break;
      case Memory::State:
        at = field(session_.state(), memory, buffer.slot);
        break;
      case Memory::Constants:
        break;
    }
    buffers_.push_back(at);
  }
}

// The elements of a view, in the order of its axes.
Tensor StepCheck::read(const View& view, ElementType element) const {
  const std::byte* const start = buffers_.at(static_cast<std::size_t>(view.buffer));
  if (start == nullptr) throw InternalError("a result lies in no memory that can be read");
  const std::int64_t size = size_bytes(element);
  std::int64_t first = view.offset;
  for (const LoopTerm& term : view.terms) {
    if (term.stride != 0) first += term.stride * turns_.at(term.loop);
  }
  const std::int64_t count = element_count(view.shape);
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * size));
  Shape index(view.shape.size(), 0);
  std::int64_t at = first;
  for (std::int64_t flat = 0; flat < count; ++flat) {
    std::memcpy(bytes.data() + flat * size, start + at * size, static_cast<std::size_t>(size));
    for (std::size_t axis = index.size(); axis-- > 0;) {
      at += view.strides[axis];
      if (++index[axis] < view.shape[axis]) break;
      at -= view.strides[axis] * view.shape[axis];
      index[axis] = 0;
    }
  }
  Array array;
  array.element = element;
  array.shape = view.shape;
  array.bytes = bytes;
  return tensor_from_array(array);
}

// Called by emitted code, through which no exception can pass.
void StepCheck::on_node(void* self, int node, std::ptrdiff_t turn) {
  StepCheck& check = *static_cast<StepCheck*>(self);
  if (check.thrown_) return;
  try {
    check.visit(static_cast<std::size_t>(node), turn);
  } catch (...) {
    check.thrown_ = std::current_exception();
  }
}

void StepCheck::visit(std::size_t node, std::ptrdiff_t turn) {
  const Loop* loop = nodes_.at(node)->loop.get();
  if (loop != nullptr && turn >= 0) return begin_turn(*loop, turn);
  if (loop != nullptr) {
    end_turn();
    std::vector<Bounded> results = std::move(scopes_.back().results);
    scopes_.pop_back();
    turns_.erase(loop->id);
    for (std::size_t i = 0; i < results.size(); ++i) {
      scopes_.back().known[loop->scan->results[i].get()] = std::move(results[i]);
    }
  }
  compare(node);
}

void StepCheck::begin_turn(const Loop& loop, std::ptrdiff_t turn) {
  const Op& scan = *loop.scan;
  const Graph& body = *scan.graphs.front();
  const std::size_t carries = static_cast<std::size_t>(scan.attributes.integer("carries"));
  const std::size_t sequences = static_cast<std::size_t>(scan.attributes.integer("sequences"));
  if (scopes_.back().loop == &loop) {
    end_turn();
  } else {
    std::vector<Bounded> results;
    for (std::size_t i = 0; i < scan.results.size(); ++i) {
      results.push_back(i < carries ? known(scan.inputs[i]) : Bounded{Tensor::zeros(scan.results[i]->type), {}});
    }
    scopes_.push_back({&body, &loop, {}, std::move(results), 0});
  }
  Scope within = std::move(scopes_.back());
  scopes_.pop_back();
  within.turn = turn;
  within.known.clear();
  turns_[loop.id] = turn;
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    Bounded& value = within.known[body.inputs[i]];
    if (i < carries) {
      value = within.results[i];
    } else if (i < carries + sequences) {
      value = {tensor_row(known(scan.inputs[i]).value, static_cast<std::size_t>(turn)), {}};
    } else {
      value = known(scan.inputs[i]);
    }
  }
  scopes_.push_back(std::move(within));
}

// What the turn has computed becomes the next carries, and rows of the results.
void StepCheck::end_turn() {
  const Scope& scope = scopes_.back();
  const Op& scan = *scope.loop->scan;
  const std::size_t carries = static_cast<std::size_t>(scan.attributes.integer("carries"));
  std::vector<Bounded> results = scope.results;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Bounded& once = known(scope.graph->outputs[i].value);
    if (i < carries) {
      results[i] = once;
    } else {
      set_tensor_row(results[i].value, static_cast<std::size_t>(scope.turn), once.value);
    }
  }
  scopes_.back().results = std::move(results);
}

// The value as emitted code has it, or, of what is in no memory, what it means, with its bound.
const Bounded& StepCheck::known(const Value* value) {
  std::map<const Value*, Bounded>& known_values = scopes_.back().known;
  const std::map<const Value*, Bounded>::iterator at = known_values.find(value);
  if (at != known_values.end()) return at->second;
  const Op& op = *value->producer;
  std::vector<const Bounded*> operands;
  for (const Value* input : op.inputs) operands.push_back(&known(input));
  std::vector<Bounded> results = evaluate_bounded(op, operands);
  for (std::size_t i = 0; i < results.size(); ++i) known_values.emplace(op.results[i].get(), std::move(results[i]));
  return known_values.at(value);
}

void StepCheck::compare(std::size_t node) {
  for (const PlacedValue& placed : nodes_[node]->results) {
    const Tensor found = read(placed.view, placed.value->type.element);
    note(reports_[node], found, known(placed.value));
    scopes_.back().known[placed.value] = {found, {}};
  }
}

void StepCheck::note(StepReport& report, const Tensor& found, const Bounded& expected) {
  report.has = true;
  const std::optional<std::int64_t> first = report.errors.add(found, expected.value, expected.error, factor_);
  if (!first || !report.wrong.empty()) return;
  report.wrong = fmt::format("call {}", calls_);
  for (const Scope& scope : scopes_) {
    if (scope.loop != nullptr) report.wrong += fmt::format(", turn {} of {}", scope.turn, scope.loop->name);
  }
  const double bound = expected.error.empty() ? 0 : factor_ * expected.error[static_cast<std::size_t>(*first)];
  report.wrong += fmt::format(", element {}: {:.9g}, expected {:.9g}",
                              index_text(expected.value.type.shape, static_cast<std::uint64_t>(*first)),
                              found.at(*first), expected.value.at(*first));
  report.wrong += bound == 0 ? " exactly" : fmt::format(" within {:.3g}", bound);
}

// Nothing has been overwritten since the step that computed it.
void StepCheck::check_end() {
  outputs_.clear();
  const auto check = [&](const Value* value, const std::string& name, bool is_state) {
    const std::string slot = name.rfind("gradient:", 0) == 0 ? name.substr(9) : name;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const Buffer& buffer = function_.plan.buffers[i];
      const bool is_output = buffer.memory == Memory::Output || buffer.memory == Memory::Gradients;
      if (buffer.slot != slot || is_output == is_state || buffers_[i] == nullptr || buffer.memory == Memory::Input) {
        continue;
      }
      View view{static_cast<int>(i), 0, value->type.shape, row_major_strides(value->type.shape), {}};
      const Tensor found = read(view, value->type.element);
      if (!is_state) outputs_[name] = found;
      StepReport report;
      report.function = function_.name;
      report.step = slot;
      report.operation = "what was computed is overwritten";
      report.origin = value->producer->origin;
      report.type = value->type;
      note(report, found, known(value));
      if (!report.wrong.empty()) reports_.push_back(report);
    }
  };
  for (const Output& output : function_.graph.outputs) check(output.value, output.name, false);
  for (const State& state : function_.graph.states) {
    if (state.next != nullptr && state.next != state.value) check(state.next, state.name, true);
  }
}

}  // namespace nnc
