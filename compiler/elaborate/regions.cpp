// Regions, states and chance of a session: see session.h.
#include <algorithm>

#include "compiler/elaborate/session.h"
#include "compiler/passes/passes.h"

namespace nnc::semantics {
namespace {

// FNV-1a: the site of a draw is a hash of its path and ordinal.
std::uint32_t hash_text(const std::string& text) {
  std::uint32_t hash = 2166136261u;
  for (char character : text) hash = (hash ^ static_cast<unsigned char>(character)) * 16777619u;
  return hash;
}

void rename_input(Value* value, const std::string& name) {
  value->producer->attributes.set("name", name);
  value->name = name;
}

// The leaves given come first, in this order: nothing before a leaf can be needed by it.
void put_first(Graph& graph, const std::vector<const Op*>& leaves) {
  std::unordered_map<const Op*, std::size_t> places;
  for (const Op* leaf : leaves) places.emplace(leaf, places.size());
  auto place = [&](const std::unique_ptr<Op>& op) {
    auto found = places.find(op.get());
    return found == places.end() ? places.size() : found->second;
  };
  std::stable_sort(graph.ops.begin(), graph.ops.end(),
                   [&](const std::unique_ptr<Op>& a, const std::unique_ptr<Op>& b) { return place(a) < place(b); });
}

}  // namespace

bool Session::is_visible(const Value* value) const {
  auto known = info_.find(value);
  if (known == info_.end()) return false;
  const Region* home = known->second.region;
  for (const Region* region = region_; region != nullptr; region = region->parent) {
    if (region == home) return true;
  }
  return false;
}

// note [constants in bodies] A constant, or one that is repeated, is copied into the body of a scan and not made an
// operand of it: what the body computes from it can then be folded.
Value* Session::import_value(Value* value, Region& into) {
  const Info info = info_.at(value);
  if (info.region == &into) return value;
  const Op& producer = *value->producer;
  bool is_constant = producer.def->name == "constant";
  bool is_repeated = producer.def->name == "broadcast" && producer.inputs[0]->producer->def->name == "constant";
  if (is_constant || is_repeated) {
    std::vector<Value*> inputs;
    if (is_repeated) inputs.push_back(import_value(producer.inputs[0], into));
    Op* copy = into.graph->add(*producer.def, inputs, producer.attributes, producer.origin);
    info_[copy->result()] = {&into, info.level, info.classes};
    return copy->result();
  }
  if (into.parent == nullptr) reporter_.fail(Kind::inner_value_used_outside, place);
  Value* outer = import_value(value, *into.parent);
  for (const Region::Operand& operand : into.fixed) {
    if (operand.outer == outer) return operand.inner;
  }
  Value* inner = into.graph->input("f", value->type, false, producer.origin);
  inner->name = value->name;
  info_[inner] = {&into, info.level, info.classes, outer};
  into.fixed.push_back({outer, inner});
  return inner;
}

void Session::enter_scan(std::int64_t length) {
  auto inner = std::make_unique<Region>();
  inner->parent = region_;
  inner->body = std::make_unique<Graph>();
  inner->body->name = "body";
  inner->graph = inner->body.get();
  inner->length = length;
  region_ = inner.get();
  regions_.push_back(std::move(inner));
}

void Session::abandon_regions(Region* until) { region_ = until; }

Value* Session::sequence(Value* outer) {
  Region& inner = *region_;
  outer = import_value(outer, *inner.parent);
  Shape shape(outer->type.shape.begin() + 1, outer->type.shape.end());
  Value* value = inner.graph->input("x", {outer->type.element, shape}, false, origin);
  const Info info = info_.at(outer);
  note(value, info.level, info.classes);
  info_[value].outer = outer;
  info_[value].dropped = 1;
  inner.sequences.push_back({outer, value});
  return value;
}

Region::Carry& Session::carry(Value* initial, const std::string& path) {
  Region& inner = *region_;
  initial = import_value(initial, *inner.parent);
  Value* input = inner.graph->input("c", initial->type, false, origin);
  const Info info = info_.at(initial);
  note(input, std::max(info.level, Level::Shared), info.classes);
  info_[input].outer = initial;
  Region::Carry carry;
  carry.path = path;
  carry.initial = initial;
  carry.input = carry.current = input;
  inner.carries.push_back(carry);
  return inner.carries.back();
}

Value* Session::scan_step() {
  Region& inner = *region_;
  if (inner.step == nullptr) {
    Value* steps = in_region(*inner.parent, [&] { return iota({inner.length}, 0, ElementType::U32); });
    inner.step = sequence(steps);
  }
  return inner.step;
}

std::vector<Value*> Session::leave_scan(const std::vector<Value*>& outputs) {
  Region& inner = *region_;
  std::vector<Value*> stacked;
  for (Value* output : outputs) stacked.push_back(import_value(output, inner));
  for (Region::Carry& carry : inner.carries) carry.current = import_value(carry.current, inner);
  // A state that the body only reads is an operand that stays the same.
  std::vector<Region::Carry> carries;
  for (const Region::Carry& carry : inner.carries) {
    if (carry.current == carry.input && !carry.path.empty()) {
      inner.fixed.push_back({carry.initial, carry.input});
    } else {
      carries.push_back(carry);
    }
  }
  Graph& body = *inner.body;
  body.inputs.clear();
  std::vector<Value*> operands;
  std::vector<std::int64_t> classes_of;
  for (const Region::Carry& carry : carries) {
    rename_input(carry.input, "c" + std::to_string(body.inputs.size()));
    // What the cell calls it.
    if (!carry.path.empty()) carry.input->name = carry.path.substr(carry.path.rfind('.') + 1);
    body.inputs.push_back(carry.input);
    operands.push_back(carry.initial);
    body.outputs.push_back({"c" + std::to_string(body.outputs.size()), carry.current});
    classes_of.push_back(classes(carry.current));
  }
  for (std::size_t i = 0; i < inner.sequences.size(); ++i) {
    rename_input(inner.sequences[i].inner, "x" + std::to_string(i));
    body.inputs.push_back(inner.sequences[i].inner);
    operands.push_back(inner.sequences[i].outer);
  }
  for (std::size_t i = 0; i < inner.fixed.size(); ++i) {
    rename_input(inner.fixed[i].inner, "f" + std::to_string(i));
    body.inputs.push_back(inner.fixed[i].inner);
    operands.push_back(inner.fixed[i].outer);
  }
  std::vector<const Op*> leaves;
  for (const Value* leaf : body.inputs) leaves.push_back(leaf->producer);
  put_first(body, leaves);
  Level widest = Level::Static;
  for (std::size_t i = 0; i < stacked.size(); ++i) {
    body.outputs.push_back({"y" + std::to_string(i), stacked[i]});
    classes_of.push_back(classes(stacked[i]));
  }
  for (const Output& output : body.outputs) widest = std::max(widest, level(output.value));
  auto count = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  Attributes attribute_values = attributes({{"length", inner.length},
                                            {"carries", count(carries.size())},
                                            {"sequences", count(inner.sequences.size())},
                                            {"reverse", false}});
  std::vector<std::unique_ptr<Graph>> graphs;
  graphs.push_back(std::move(inner.body));
  region_ = inner.parent;
  std::vector<Value*> results = op_all("scan", operands, std::move(attribute_values), std::move(graphs));
  for (const std::vector<Value*>* values : {&operands, &results}) {
    for (const Value* value : *values) {
      if (element_count(value->type.shape) == 0) reporter_.fail(Kind::unsupported_empty, place, "scan");
    }
  }
  std::vector<Value*> visible;
  for (std::size_t i = 0; i < results.size(); ++i) {
    Info& info = info_[results[i]];
    info.level = std::max(info.level, widest);
    info.classes = classes_of[i];
    if (i < carries.size() && !carries[i].path.empty()) {
      if (carries[i].persists) write_state(carries[i].path, results[i]);
    } else {
      visible.push_back(results[i]);
    }
  }
  return visible;
}

void Session::register_state(const StateInfo& info) {
  if (table == nullptr) return;
  const StateInfo* known = table->find(info.path);
  if (known == nullptr) {
    table->add(info);
    return;
  }
  if (known->type == info.type) return;
  SizeSources sources;
  for (std::size_t i = 0; i < info.type.sources.size() && known->type.shape.size() == info.type.shape.size(); ++i) {
    if (known->type.shape[i] == info.type.shape[i]) continue;
    add_sources(sources, info.type.sources[i]);
    if (i < known->type.sources.size()) add_sources(sources, known->type.sources[i]);
  }
  std::vector<Note> notes = size_notes(sources);
  notes.push_back({known->span, fmt::format("{} here", to_string(known->type))});
  for (const CallSite& site : known->chain) {
    if (!reporter_.is_prelude(site.span))
      notes.push_back({site.span, fmt::format("in this application of `{}`", site.callee)});
  }
  reporter_.fail_with(notes, Kind::shared_parameter_mismatch, info.span, info.path, to_string(info.type),
                      to_string(known->type));
}

Value* Session::parameter(const StateInfo& info) {
  register_state(info);
  auto found = parameters_.find(info.path);
  if (found != parameters_.end()) return found->second;
  Value* value = graph_.state(info.path, {info.type.element.type, info.type.shape}, info.kind, origin);
  info_[value] = {&root_, Level::Shared, info.type.element.classes};
  with_sources(value, info.type.sources);
  parameters_[info.path] = value;
  return value;
}

void Session::set_parameter_next(const std::string& path, Value* next) { graph_.find_state(path)->next = next; }

std::size_t Session::find_carry(const Region& inner, const std::string& path) const {
  for (std::size_t i = 0; i < inner.carries.size(); ++i) {
    if (inner.carries[i].path == path) return i;
  }
  return inner.carries.size();
}

// note [states in scans] A cell begins anew in each scan; a layer's statistic, and with `carry: true` a cell's state,
// goes on from the region around the scan and back to it.
Value* Session::read_state(const StateInfo& info, bool is_cell, bool carry_on, const std::function<Value*()>& initial) {
  Region& here = *region_;
  if (here.parent != nullptr) {
    std::size_t index = find_carry(here, info.path);
    if (index < here.carries.size()) return here.carries[index].current;
    bool persists = !is_cell || carry_on;
    Value* start = in_region(*here.parent, [&] {
      if (!persists) return initial();
      Value* outer = read_state(info, is_cell, carry_on, initial);
      return is_cell ? op("stop_gradient", {outer}) : outer;
    });
    Region::Carry& made = carry(start, info.path);
    made.persists = persists;
    return made.current;
  }
  register_state(info);
  auto found = states_.find(info.path);
  if (found == states_.end()) {
    Value* value = graph_.state(info.path, {info.type.element.type, info.type.shape}, info.kind, origin);
    Level level = info.kind == StateKind::Recurrent ? Level::PerExample : Level::Shared;
    info_[value] = {&root_, level, info.type.element.classes};
    found = states_.emplace(info.path, RootState{value, value}).first;
  }
  return found->second.current;
}

void Session::write_state(const std::string& path, Value* next) {
  Region& here = *region_;
  if (here.parent != nullptr) {
    std::size_t index = find_carry(here, path);
    if (index == here.carries.size()) throw InternalError("a state is written that was not read: " + path);
    here.carries[index].current = import_value(next, here);
    return;
  }
  states_.at(path).current = next;
}

Value* Session::seed() {
  if (seed_ == nullptr) {
    seed_ = in_region(root_, [&] { return input(kSeedName, {{ElementType::U32, 0}, {2}}, false); });
  }
  return seed_;
}

Value* Session::step_number() {
  return step_ != nullptr ? step_ : step_ = in_region(root_, [&] { return scalar(ElementType::U32, 0); });
}

Value* Session::example() {
  return example_ != nullptr ? example_ : example_ = in_region(root_, [&] { return scalar(ElementType::U32, 0); });
}

void Session::set_random_inputs(Value* seed_value, Value* step_value, Value* example_value) {
  seed_ = seed_value;
  step_ = step_value;
  example_ = example_value;
}

Value* Session::uniform(const Shape& dims, const std::string& path) {
  std::int64_t ordinal = draws_[path]++;
  auto site = static_cast<std::int64_t>(hash_text(path + "#" + std::to_string(ordinal)));
  // The combined index of the loops around this draw, outermost first.
  std::function<Value*(Region&)> index_of = [&](Region& inner) -> Value* {
    if (inner.parent == nullptr) return nullptr;
    if (inner.loop_index != nullptr) return inner.loop_index;
    Value* outer = index_of(*inner.parent);
    inner.loop_index = in_region(inner, [&] {
      Value* here = scan_step();
      if (outer == nullptr) return here;
      return op("add", {op("multiply", {outer, scalar(ElementType::U32, static_cast<double>(inner.length))}), here});
    });
    return inner.loop_index;
  };
  Value* index = index_of(*region_);
  if (index == nullptr) index = scalar(ElementType::U32, 0);
  Value* which = draws_are_shared ? scalar(ElementType::U32, 0) : example();
  return op("uniform", {seed(), step_number(), which, index}, attributes({{"dims", dims}, {"site", site}}));
}

Graph Session::finish() {
  for (State& state : graph_.states) {
    auto found = states_.find(state.name);
    if (found != states_.end() && found->second.current != found->second.value) state.next = found->second.current;
  }
  // In the order of the table, whatever was used first.
  std::map<std::string, std::size_t> order;
  for (std::size_t i = 0; table != nullptr && i < table->states.size(); ++i) order.emplace(table->states[i].path, i);
  std::stable_sort(graph_.states.begin(), graph_.states.end(), [&](const State& a, const State& b) {
    auto place_a = order.find(a.name), place_b = order.find(b.name);
    return (place_a == order.end() ? order.size() : place_a->second) <
           (place_b == order.end() ? order.size() : place_b->second);
  });
  std::map<const Value*, int> uses = use_counts(graph_);
  std::erase_if(graph_.states, [&](const State& state) { return state.next == nullptr && uses[state.value] == 0; });
  std::erase_if(graph_.ops, [&](const std::unique_ptr<Op>& op) {
    return op->def->name == "state" && uses[op->result()] == 0 &&
           std::none_of(graph_.states.begin(), graph_.states.end(),
                        [&](const State& state) { return state.value == op->result(); });
  });
  std::vector<const Op*> leaves;
  for (const Value* value : graph_.inputs) leaves.push_back(value->producer);
  for (const State& state : graph_.states) leaves.push_back(state.value->producer);
  put_first(graph_, leaves);
  widen_halves(graph_);
  return std::move(graph_);
}

}  // namespace nnc::semantics
