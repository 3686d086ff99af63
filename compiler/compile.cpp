#include "compiler/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>
#include <sstream>

#include "compiler/emit/names.h"
#include "compiler/graph/print.h"
#include "compiler/graph/verify.h"
#include "compiler/ops/op.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/plan/plan.h"
#include "dsl/parser.h"

namespace nnc {

namespace {

// A program from printed graphs, as --emit=graph writes them: of each model its graph, and with the name <model>_init
// that of its initial values.
std::optional<ElaboratedProgram> program_of_graphs(const SourceManager& sources, std::int32_t file,
                                                   Diagnostics& diagnostics) {
  std::map<std::string, Graph> graphs;
  for (const std::unique_ptr<Graph>& graph : parse_graphs(sources, file, diagnostics)) {
    const std::string name = graph->name;
    if (!graphs.emplace(name, std::move(*graph)).second) {
      diagnostics.report(Kind::graph_syntax, Span{file, 0, 0}, "two graphs are named '" + name + "'");
    }
  }
  if (diagnostics.has_errors()) return std::nullopt;
  ElaboratedProgram program;
  for (auto& [name, graph] : graphs) {
    constexpr std::string_view kInit = "_init";
    if (name.ends_with(kInit) && graphs.count(name.substr(0, name.size() - kInit.size())) != 0) continue;
    ElaboratedModel model{name, std::move(graph), {}, {}};
    const auto init = graphs.find(name + std::string(kInit));
    if (init != graphs.end()) model.init = std::move(init->second);
    for (const State& state : model.forward.states) {
      const Value* initial = model.init.find_output(state.name);
      if (initial != nullptr && initial->type == state.value->type) continue;
      diagnostics.report(Kind::graph_syntax, Span{file, 0, 0},
                         fmt::format("the graph '{}{}' does not give '{}', {}", name, kInit, state.name,
                                     to_string(state.value->type)));
    }
    program.models.push_back(std::move(model));
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return program;
}

}  // namespace

std::optional<ElaboratedProgram> elaborate_imported(const ImportedModel& model, const std::string& path,
                                                    SourceManager& sources, Diagnostics& diagnostics) {
  const std::int32_t file = sources.add(path, model.program);
  const ast::File tree = ast::parse(sources, file, diagnostics);
  Diagnostics found;
  std::optional<ElaboratedProgram> program = elaborate(tree, sources, found);
  // Of a text that the user has not written, a warning tells nothing.
  for (const Diagnostic& diagnostic : found.all()) {
    if (severity(diagnostic.kind) != Severity::Warning) diagnostics.add(diagnostic);
  }
  if (!program) return std::nullopt;
  program->is_trained = true;
  Graph& init = program->models[0].init;
  for (Output& output : init.outputs) {
    const auto weight = model.weights.find(output.name);
    // Other states begin as the program says.
    if (weight != model.weights.end()) output.value = init.constant(weight->second);
  }
  return program;
}

std::optional<ElaboratedProgram> load_program(const std::string& path, SourceManager& sources, Diagnostics& diagnostics,
                                              const ElaborateOptions& options) {
  if (path.ends_with(".onnx")) {
    const std::optional<ImportedModel> imported = import_onnx(path, options.settings, sources, diagnostics);
    return imported ? elaborate_imported(*imported, path, sources, diagnostics) : std::nullopt;
  }
  std::string error;
  const std::optional<std::int32_t> file = sources.load(path, error);
  if (!file) {
    diagnostics.report(Kind::unreadable_file, Span{}, error);
    return std::nullopt;
  }
  if (is_printed_graph(sources.text(*file))) return program_of_graphs(sources, *file, diagnostics);
  const ast::File tree = ast::parse(sources, *file, diagnostics);
  // Where a bracket is missing, nothing says what belongs to what.
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    const Kind kind = diagnostic.kind;
    const bool is_readable =
        kind != Kind::unclosed_bracket && kind != Kind::unmatched_bracket && kind != Kind::nested_too_deeply;
    if (!is_readable) return std::nullopt;
  }
  return elaborate(tree, sources, diagnostics, options);
}

namespace {

// Runs passes on one graph; after each: verify, then what the command line asked for.
class Pipeline {
 public:
  Pipeline(Graph& graph, const std::string& function, const CompileOptions& options)
      : graph_(graph), function_(function), options_(options) {}

  // A pass that may be skipped (`may_skip`) or not.
  void run(const std::string& pass, bool may_skip, const std::function<void(Graph&)>& body) {
    if (may_skip && options_.skip.count(pass) != 0) return;
    const bool reports = static_cast<bool>(options_.after_pass);
    const std::string before = reports ? print(graph_) : "";
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    body(graph_);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const std::string broken = verify(graph_);
    if (!broken.empty()) throw InternalError("after " + pass + " on " + function_ + ": " + broken);
    if (reports) options_.after_pass(function_, pass, graph_, seconds.count(), print(graph_) != before);
  }

  void clean_up() {
    run("fold_constants", true, fold_constants);
    run("simplify", true, simplify);
    run("merge_common", true, merge_common);
    run("remove_dead", true, remove_dead);
  }

 private:
  Graph& graph_;
  const std::string& function_;
  const CompileOptions& options_;
};

// The examples of one call. `size` 0: the graph of one example.
struct Batch {
  std::int64_t size = 0;
  std::int64_t shards = 1;  // equal parts that are computed one after the other
};

// All passes of one function, in order.
void optimise(Graph& graph, const std::string& function, Batch batch, const CompileOptions& options,
              Diagnostics& diagnostics) {
  Pipeline passes(graph, function, options);
  passes.clean_up();
  if (batch.size > 0) passes.run("add_batch", false, [batch](Graph& g) { add_batch(g, batch.size / batch.shards); });
  // Beyond this point every batch axis is explicit.
  passes.run("differentiate", false, [&](Graph& g) { differentiate(g, diagnostics); });
  if (diagnostics.has_errors()) return;
  // Beyond this point there is no `gradient`: every value is computed by a primitive with a kernel.
  passes.run("widen_halves", false, widen_halves);
  passes.run("drop_empty", false, drop_empty);
  // Beyond this point every value has elements.
  passes.clean_up();
  passes.run("fold_affine", true, fold_affine);
  passes.run("hoist_from_scan", true, hoist_from_scan);
  passes.clean_up();
  const LayoutTarget target = {options.target.lanes, options.target.vector_registers};
  passes.run("lower_layout", true, [&](Graph& g) { lower_layout(g, target); });
  if (function == "forward") passes.run("pack_weights", true, [&](Graph& g) { pack_weights(g, target); });
  if (batch.shards > 1) passes.run("cut_shards", false, [batch](Graph& g) { cut_shards(g, batch.shards); });
  // Beyond this point nothing is computed anew; buffers may be planned.
}

void add_slot(StructLayout& layout, const std::string& name, const Type& type, StateKind kind) {
  NameScope fields;
  for (const Slot& slot : layout.slots) fields.reserve(slot.field);
  const std::int64_t size = size_bytes(type.element);
  layout.bytes = (layout.bytes + size - 1) / size * size;
  layout.slots.push_back({name, fields.add(name), type, kind, layout.bytes});
  layout.bytes += element_count(type.shape) * size;
}

void add_states(StructLayout& layout, const Graph& graph, const std::set<StateKind>& kinds) {
  for (const StateKind kind : {StateKind::Parameter, StateKind::Statistic, StateKind::Optimizer, StateKind::Counter,
                               StateKind::Recurrent, StateKind::Prepared}) {
    if (kinds.count(kind) == 0) continue;
    for (const State& state : graph.states) {
      const bool known = std::any_of(layout.slots.begin(), layout.slots.end(),
                                     [&](const Slot& slot) { return slot.name == state.name; });
      if (state.kind == kind && !known) add_slot(layout, state.name, state.value->type, kind);
    }
  }
}

PlanTarget plan_target(const Target& target) { return {target.lanes, target.vector_registers}; }

void add_function(Unit& unit, const std::string& name, Graph graph) {
  UnitFunction function;
  function.name = name;
  function.graph = std::move(graph);
  unit.functions.push_back(std::move(function));
}

void plan_functions(Unit& unit) {
  for (UnitFunction& function : unit.functions) {
    function.plan = make_plan(function.graph, function.name, plan_target(unit.target));
  }
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// `forward`, optimised, and what `prepare` can compute of it.
void add_forward(Unit& unit, Graph forward) {
  Graph prepare = split_prepare(forward);
  remove_dead(prepare);
  add_states(unit.prepared, forward, {StateKind::Prepared});
  add_states(unit.state, forward, {StateKind::Recurrent});
  if (!unit.prepared.slots.empty()) add_function(unit, "prepare", std::move(prepare));
  add_function(unit, "forward", std::move(forward));
}

void add_inference(Unit& unit, Graph forward, const CompileOptions& options, Diagnostics& diagnostics) {
  optimise(forward, "forward", {}, options, diagnostics);
  if (!diagnostics.has_errors()) add_forward(unit, std::move(forward));
}

std::unique_ptr<Unit> new_unit(const ElaboratedModel& model, const CompileOptions& options) {
  std::unique_ptr<Unit> unit = std::make_unique<Unit>();
  unit->target = options.target;
  unit->math = options.math;
  unit->model_name = model.name;
  unit->name_space = cpp_identifier(lower_case(model.name));
  add_states(unit->parameters, model.forward, {StateKind::Parameter, StateKind::Statistic});
  return unit;
}

// A unit that trains runs its model too: the recurrent states of `forward` lie beside those of the rows of a batch,
// under names of their own.
constexpr const char* kForwardPrefix = "$forward.";

std::string initial_name(const std::string& state) {
  const std::size_t length = std::string_view(kForwardPrefix).size();
  return state.compare(0, length, kForwardPrefix) == 0 ? state.substr(length) : state;
}

void set_apart(Graph& forward) {
  for (State& state : forward.states) {
    if (state.kind != StateKind::Recurrent) continue;
    state.name = kForwardPrefix + state.name;
    state.value->producer->attributes.set("name", state.name);
  }
}

// The states of functions, each once.
std::vector<State> states_of(std::initializer_list<const Graph*> graphs, bool only_recurrent) {
  std::vector<State> states;
  for (const Graph* graph : graphs) {
    for (const State& state : graph->states) {
      const bool is_known =
          std::any_of(states.begin(), states.end(), [&](const State& known) { return known.name == state.name; });
      if (!is_known && (!only_recurrent || state.kind == StateKind::Recurrent)) states.push_back(state);
    }
  }
  return states;
}

void drop_unused_inputs(Graph& graph) {
  const std::map<const Value*, int> uses = use_counts(graph);
  const auto is_unused = [&](const Value* input) { return uses.count(input) == 0 || uses.at(input) == 0; };
  std::erase_if(graph.inputs, is_unused);
  std::erase_if(graph.ops,
                [&](const std::unique_ptr<Op>& op) { return op->def->name == "input" && is_unused(op->result()); });
}

// A function that gives the states their initial values, each row of a batch the same.
Graph set_states(const std::string& name, const Graph& init, const std::vector<State>& states,
                 const CompileOptions& options, Diagnostics& diagnostics) {
  Graph graph = init.clone();
  std::vector<Output> wanted;
  for (const Output& output : graph.outputs) {
    if (std::any_of(states.begin(), states.end(),
                    [&](const State& state) { return initial_name(state.name) == output.name; })) {
      wanted.push_back(output);
    }
  }
  graph.outputs = wanted;
  optimise(graph, name, {}, options, diagnostics);
  if (diagnostics.has_errors()) return graph;
  GraphBuilder builder(graph);
  for (const State& state : states) {
    Value* value = graph.find_output(initial_name(state.name));
    if (value == nullptr) throw InternalError("no initial value of '" + state.name + "'");
    const Type type = state.value->type;
    if (type != value->type) {
      std::vector<std::int64_t> axes(value->type.shape.size());
      std::iota(axes.begin(), axes.end(), 1);
      value = builder.broadcast(value, type.shape, axes);
    }
    graph.state(state.name, type, state.kind);
    graph.states.back().next = value;
  }
  graph.outputs.clear();
  remove_dead(graph);
  return graph;
}

// `reset`, if there are recurrent states.
void add_reset(Unit& unit, const Graph& init, const std::vector<State>& recurrent, const CompileOptions& options,
               Diagnostics& diagnostics) {
  if (recurrent.empty()) return;
  Graph reset = set_states("reset", init, recurrent, options, diagnostics);
  drop_unused_inputs(reset);
  add_function(unit, "reset", std::move(reset));
}

// A metric is of independent examples: each begins from the initial states, and leaves none.
void begin_anew(Graph& evaluate, const Graph& init) {
  const std::vector<State> states = states_of({&evaluate}, true);
  if (states.empty()) return;
  Graph initial = init.clone();
  std::vector<Output> wanted;
  for (const State& state : states) wanted.push_back({state.name, initial.find_output(state.name)});
  initial.outputs = wanted;
  remove_dead(initial);
  drop_unused_inputs(initial);
  const std::vector<Value*> values = inline_graph(evaluate, initial, {});
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Op* leaf = states[i].value->producer;
    evaluate.replace_uses(states[i].value, values[i]);
    std::erase_if(evaluate.ops, [&](const std::unique_ptr<Op>& op) { return op.get() == leaf; });
  }
  std::erase_if(evaluate.states, [](const State& state) { return state.kind == StateKind::Recurrent; });
  evaluate.sort();
}

// All values of the graph, those of the bodies of its loops too.
void add_values(const Graph& graph, std::set<const Value*>& values) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    for (const std::unique_ptr<Value>& result : op->results) values.insert(result.get());
    for (const std::unique_ptr<Graph>& body : op->graphs) add_values(*body, values);
  }
}

// Calls of the model as values of a copy of its graph; those that are not in it any more are left out.
std::vector<ModelCall> calls_in(const Graph& graph, const std::vector<ModelCall>& calls,
                                const std::map<const Value*, Value*>& copies) {
  std::set<const Value*> there;
  add_values(graph, there);
  const auto copy_of = [&](const Value* value) {
    const std::map<const Value*, Value*>::const_iterator copy = copies.find(value);
    return copy == copies.end() || there.count(copy->second) == 0 ? nullptr : copy->second;
  };
  std::vector<ModelCall> result;
  for (ModelCall call : calls) {
    call.result = copy_of(call.result);
    call.argument = copy_of(call.argument);
    if (call.result != nullptr) result.push_back(call);
  }
  return result;
}

// Warns if every gradient is known to be zero, as of accuracy or of a threshold.
void check_learning(const ElaboratedStage& stage, const Graph& step, Diagnostics& diagnostics) {
  Span place;
  for (const Output& output : stage.step.outputs) {
    if (output.name.rfind("gradient:", 0) != 0) continue;
    if (splat_value(step.find_output(output.name)) != 0.0) return;
    place = output.value->producer->origin.span;
  }
  diagnostics.report(Kind::learns_nothing, place, stage.name);
}

std::unique_ptr<Unit> unit_of_stage(const ElaboratedProgram& program, std::size_t stage, const CompileOptions& options,
                                    bool has_inference, Diagnostics& diagnostics) {
  const ElaboratedStage& of = program.stages[stage];
  const ElaboratedModel& model = program.models[of.model];
  std::unique_ptr<Unit> unit = new_unit(model, options);
  // Several stages of one model may be emitted into one program.
  const auto of_model = [&](const ElaboratedStage& other) { return other.model == of.model; };
  if (std::count_if(program.stages.begin(), program.stages.end(), of_model) > 1) {
    unit->name_space += "_" + lower_case(of.name);
  }
  Graph step = of.step.clone();
  optimise(step, "step", {of.batch, of.shards}, options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  check_learning(of, step, diagnostics);
  Graph evaluate = of.evaluate.clone();
  begin_anew(evaluate, of.init);
  optimise(evaluate, "evaluate", {of.batch, of.shards}, options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  Graph forward = model.forward.clone();
  set_apart(forward);

  const std::vector<State> states = states_of({&step, &evaluate, &forward}, false);
  const std::vector<State> recurrent = states_of({&step, &forward}, true);
  Graph init = set_states("init", of.init, states, options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  add_states(unit->parameters, init, {StateKind::Parameter, StateKind::Statistic});
  add_states(unit->state, init, {StateKind::Optimizer, StateKind::Counter, StateKind::Recurrent});
  for (const Slot& slot : unit->parameters.slots) {
    if (step.find_output("gradient:" + slot.name) != nullptr) {
      add_slot(unit->gradients, slot.name, slot.type, slot.kind);
    }
  }
  add_function(*unit, "init", std::move(init));
  add_reset(*unit, of.init, recurrent, options, diagnostics);
  add_function(*unit, "step", std::move(step));
  if (!of.evaluate.outputs.empty()) add_function(*unit, "evaluate", std::move(evaluate));
  if (has_inference) add_inference(*unit, std::move(forward), options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  plan_functions(*unit);
  return unit;
}

}  // namespace

StructLayout parameter_layout(const Graph& graph) {
  StructLayout layout;
  add_states(layout, graph, {StateKind::Parameter, StateKind::Statistic});
  return layout;
}

std::unique_ptr<Unit> compile_model(const ElaboratedProgram& program, std::size_t model, const CompileOptions& options,
                                    Diagnostics& diagnostics) {
  const ElaboratedModel& of = program.models[model];
  std::unique_ptr<Unit> unit = new_unit(of, options);
  Graph forward = of.forward.clone();
  Graph init = of.init.clone();
  if (!options.stream.empty()) {
    Pipeline passes(forward, "forward", options);
    passes.run("remove_dead", false, remove_dead);
    unit->stream = options.stream;
    passes.run("make_stream", false,
               [&](Graph& g) { unit->stream_steps = make_stream(g, init, options.stream, diagnostics); });
    if (diagnostics.has_errors()) return nullptr;
  }
  // Beyond this point no axis is time if the model is a stream.
  add_inference(*unit, std::move(forward), options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  add_reset(*unit, init, states_of({&unit->functions.back().graph}, true), options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  plan_functions(*unit);
  return unit;
}

std::unique_ptr<Unit> compile_stage(const ElaboratedProgram& program, std::size_t stage, const CompileOptions& options,
                                    Diagnostics& diagnostics) {
  return unit_of_stage(program, stage, options, true, diagnostics);
}

std::unique_ptr<Unit> compile_training(const ElaboratedProgram& program, std::size_t stage,
                                       const CompileOptions& options, Diagnostics& diagnostics) {
  return unit_of_stage(program, stage, options, false, diagnostics);
}

std::unique_ptr<Unit> compile_probes(const ElaboratedProgram& program, std::size_t model, const CompileOptions& options,
                                     Diagnostics& diagnostics, std::vector<Probe>& probes) {
  // Many examples in a call are quick, but their values are all kept.
  constexpr std::int64_t kBatchMax = 64, kElementsMax = 1 << 23;
  const ElaboratedModel& of = program.models[model];
  std::unique_ptr<Unit> unit = new_unit(of, options);
  std::map<const Value*, Value*> copies;
  Graph graph = of.forward.clone(&copies);
  begin_anew(graph, of.init);
  probes = add_probes(graph, calls_in(graph, of.calls, copies));
  std::int64_t elements = 1;
  for (const Output& output : graph.outputs) elements += element_count(output.value->type.shape);
  optimise(graph, "forward", {std::clamp<std::int64_t>(kElementsMax / elements, 1, kBatchMax)}, options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  drop_constant_slopes(graph, probes);
  add_forward(*unit, std::move(graph));
  plan_functions(*unit);
  return unit;
}

std::unique_ptr<Unit> compile_backward(const ElaboratedProgram& program, std::size_t model,
                                       const CompileOptions& options, Diagnostics& diagnostics) {
  const ElaboratedModel& of = program.models[model];
  std::unique_ptr<Unit> unit = new_unit(of, options);
  Graph graph = of.forward.clone();
  GraphBuilder builder(graph);
  std::vector<Value*> sources;  // with respect to which
  std::vector<std::string> names;
  for (Value* input : graph.inputs) {
    if (!is_float(input->type.element)) continue;
    sources.push_back(input);
    names.push_back("d:" + input->name);
  }
  for (const State& state : graph.states) {
    if (state.kind != StateKind::Parameter || !is_float(state.value->type.element)) continue;
    sources.push_back(state.value);
    names.push_back("gradient:" + state.name);
  }
  std::vector<Value*> sums(sources.size(), nullptr);
  const std::vector<Output> outputs = graph.outputs;
  graph.outputs.clear();
  for (const Output& output : outputs) {
    if (!is_float(output.value->type.element)) continue;  // nothing flows back from integers
    Value* cotangent = graph.input("cotangent:" + output.name, output.value->type);
    std::vector<Value*> operands = {output.value, cotangent};
    operands.insert(operands.end(), sources.begin(), sources.end());
    const std::vector<Value*> gradients = builder.op_all("gradient", operands);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      sums[i] = sums[i] == nullptr ? gradients[i] : builder.add(sums[i], gradients[i]);
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    graph.outputs.push_back({names[i], sums[i] == nullptr ? builder.zeros_like(sources[i]) : sums[i]});
  }
  graph.sort();
  optimise(graph, "backward", {}, options, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  for (const Slot& slot : unit->parameters.slots) {
    if (graph.find_output("gradient:" + slot.name) != nullptr) {
      add_slot(unit->gradients, slot.name, slot.type, slot.kind);
    }
  }
  const std::vector<State> recurrent = states_of({&graph}, true);
  add_states(unit->state, graph, {StateKind::Recurrent});
  add_function(*unit, "backward", std::move(graph));
  add_reset(*unit, of.init, recurrent, options, diagnostics);
  plan_functions(*unit);
  return unit;
}

}  // namespace nnc
