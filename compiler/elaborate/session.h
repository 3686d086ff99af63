// One graph being built: its regions (the graph itself and the bodies of scans), states, parameters and draws of
// chance.
//
// The session knows tensors and paths, not syntax. Values of an outer region that are used in an inner one become fixed
// operands of the scan, constants are copied.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/elaborate/datum.h"
#include "compiler/elaborate/report.h"
#include "compiler/elaborate/scope.h"
#include "compiler/ops/op.h"

namespace nnc::semantics {

constexpr std::int64_t kElementsMax = std::int64_t{1} << 33;  // of a tensor

enum class Purpose { Forward, Init, Step, Evaluate };
// How many values there are of a value: one, one a step, or one an example.
enum class Level { Static, Shared, PerExample };

// A parameter or a state of a program: found when its instance is applied; its initial value is made in the init graph.
struct StateInfo {
  std::string path;
  TensorType type;
  StateKind kind = StateKind::Parameter;
  Datum initial;  // an operator to be applied to the shape, or a static value
  Span span;
  std::vector<CallSite> chain;
};

// In the order of the first application.
struct StateTable {
  std::deque<StateInfo> states;  // stable: references to what is in it stay
  std::unordered_map<std::string, StateInfo*> by_path;
  // Which place in the text the path of an instance belongs to, in all graphs of a model.
  std::map<std::string, const void*> instance_sites;

  StateInfo& add(StateInfo info);
  StateInfo* find(const std::string& path);
  const StateInfo* find(const std::string& path) const { return const_cast<StateTable*>(this)->find(path); }
};

// The graph of a session, or the body of a scan in it.
struct Region {
  struct Carry {
    std::string path;          // of a state; empty: a value carried by `repeat` or `length`
    Value* initial = nullptr;  // of the parent region
    Value* input = nullptr;    // of this region: the value before
    Value* current = nullptr;  // of this region
    bool persists = false;     // the last value goes back to the parent region's state
    StateKind kind = StateKind::Recurrent;
  };
  struct Operand {
    Value* outer = nullptr;
    Value* inner = nullptr;
  };
  Region* parent = nullptr;
  Graph* graph = nullptr;
  std::unique_ptr<Graph> body;  // of a scan
  std::int64_t length = 0;
  std::vector<Carry> carries;
  std::vector<Operand> sequences;
  std::vector<Operand> fixed;
  Value* step = nullptr;        // u32[]: the index of this scan's iteration
  Value* loop_index = nullptr;  // u32[]: the indices of this scan and those around it, combined
};

using AttributeList = std::initializer_list<std::pair<const char*, Attribute>>;
Attributes attributes(AttributeList list);

class Session {
 public:
  Session(Reporter& reporter, Purpose purpose, std::string graph_name);
  Session(const Session&) = delete;
  ~Session();

  Purpose purpose() const { return purpose_; }
  Graph& graph() { return graph_; }
  Reporter& reporter() { return reporter_; }
  // Where the operations built from now on come from.
  Origin origin;
  Span place;  // the same, not mapped to the user's file: errors are reported here
  // Draws of chance are one a step, not one an example: in initial values and in `with`.
  bool draws_are_shared = false;

  // Operations. `op` reports a misuse at `place`.
  Value* op(const std::string& name, std::vector<Value*> inputs, Attributes attributes = {});
  std::vector<Value*> op_all(const std::string& name, std::vector<Value*> inputs, Attributes attributes,
                             std::vector<std::unique_ptr<Graph>> graphs = {});
  // Counts what is computed without making operations: applications, items of lists.
  void count_static_work(std::int64_t amount = 1);
  Value* input(const std::string& name, const TensorType& type, bool per_example);
  Value* constant(Tensor tensor);
  Value* scalar(ElementType element, double value);
  Value* full(ElementType element, const Shape& shape, double value);
  Value* cast(Value* x, ElementType to);
  Value* reshape(Value* x, const Shape& shape);
  Value* transpose(Value* x, const std::vector<std::int64_t>& permutation);
  // Operand axis i becomes result axis `first` + i, the others repeat it.
  Value* broadcast_from(Value* x, const Shape& shape, std::int64_t first);
  // The language's rule: equal ranks with 1s stretched, or x's shape is the last axes of `shape`. Null: it does not
  // fit.
  Value* broadcast(Value* x, const Shape& shape);
  static bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result);
  Value* reduce(const std::string& name, Value* x, const std::vector<std::int64_t>& axes, bool keep);
  Value* iota(const Shape& shape, std::int64_t axis, ElementType element);
  Value* slice_axis(Value* x, std::int64_t axis, std::int64_t start, std::int64_t stop);
  Value* concat(const std::vector<Value*>& parts, std::int64_t axis);

  Level level(const Value* value) const { return info_.at(value).level; }
  std::int64_t classes(const Value* value) const { return info_.at(value).classes; }
  TensorType type(const Value* value) const;
  Value* with_classes(Value* value, std::int64_t classes);
  // Notes that say where a size comes from, and through which layers it came: size_notes.cpp.
  std::vector<Note> size_notes(const Value* value, std::int64_t axis) const;
  std::vector<Note> size_notes(const SizeSources& sources) const;
  // Of the axes in which the value differs from a shape; of all of them if the ranks differ.
  std::vector<Note> size_notes(const Value* value, const Shape& wanted) const;
  // Of all axes of the value, each said once.
  std::vector<Note> shape_notes(const Value* value) const;
  // The sizes of a value that was made with the sizes of a written type or list.
  Value* with_sources(Value* value, std::vector<SizeSources> sources, SizeSources class_sources = {});
  Value* batch_mean(Value* value);
  // The mean over the examples of what depends on them, plus the rest once.
  Value* mean_over_batch(Value* value);

  // Regions.
  Region& region() { return *region_; }
  Region& root() { return root_; }
  void enter_scan(std::int64_t length);
  // Builds the scan of the current region and leaves it: `outputs` are stacked. Results: the last values of the
  // carries that have no path, then the stacked outputs.
  std::vector<Value*> leave_scan(const std::vector<Value*>& outputs);
  // Leaves the current region without building anything (after an error).
  void abandon_regions(Region* until);
  Value* sequence(Value* outer);
  Region::Carry& carry(Value* initial, const std::string& path = "");
  Value* scan_step();
  // Runs `body` with another region as the current one.
  template <class Body>
  auto in_region(Region& region, Body body) {
    struct Restore {
      Session& session;
      Region* before;
      ~Restore() { session.region_ = before; }
    } restore{*this, region_};
    region_ = &region;
    return body();
  }
  bool is_visible(const Value* value) const;

  // Parameters and states by path. All take part in `table`.
  StateTable* table = nullptr;
  Value* parameter(const StateInfo& info);
  // The value of a state before this application; `initial` is called in the region where the state begins.
  Value* read_state(const StateInfo& info, bool is_cell, bool carry_on, const std::function<Value*()>& initial);
  void write_state(const std::string& path, Value* next);
  void set_parameter_next(const std::string& path, Value* next);
  void register_state(const StateInfo& info);

  // One draw of f32 in [0, 1); `path` and the ordinal of the call under it name the site.
  Value* uniform(const Shape& dims, const std::string& path);
  Value* seed();
  Value* step_number();
  Value* example();
  void set_random_inputs(Value* seed_value, Value* step_value, Value* example_value);

  // All scopes made: closures and scopes own each other, so the session clears them at its end.
  std::vector<ScopePtr> scopes;
  // The scope that an applied instance left behind, by path: for members.
  std::map<std::string, ScopePtr> members;
  // How many applications of instances there were; in which of them a place in the text became an instance.
  std::int64_t applications = 0;
  std::set<std::pair<std::int64_t, const void*>> instances_made;
  // Finishes the graph: next values of the states; states never read are dropped.
  Graph finish();

 private:
  struct Info {
    const Region* region = nullptr;
    Level level = Level::Static;
    std::int64_t classes = 0;
    // Of an operand in the body of a scan: the value outside; axis i of one is axis i + `dropped` of the other.
    const Value* outer = nullptr;
    std::int64_t dropped = 0;
  };
  struct Axis {
    const Value* value = nullptr;
    std::int64_t axis = 0;
  };
  // The operand's axis that an axis of a result is; a null value if the operation makes the size.
  Axis axis_before(const Axis& at) const;
  // Goes back as far as it can; `layers`: those passed, from the use to the source.
  Axis source_axis(Axis at, std::vector<std::string>* layers) const;
  void add_size_notes(Axis at, const std::string& through, std::vector<Note>& notes) const;
  void add_size_notes(const SizeSources& sources, const std::string& through, std::vector<Note>& notes) const;
  Value* import_value(Value* value, Region& into);
  std::size_t find_carry(const Region& region, const std::string& path) const;
  Value* note(Value* value, Level level, std::int64_t classes = 0);

  Reporter& reporter_;
  Purpose purpose_;
  Graph graph_;
  Region root_;
  Region* region_ = nullptr;
  std::vector<std::unique_ptr<Region>> regions_;
  std::unordered_map<const Value*, Info> info_;
  struct Written {
    std::vector<SizeSources> axes;
    SizeSources classes;
  };
  std::unordered_map<const Value*, Written> written_sizes_;
  std::map<std::string, Value*> parameters_;
  struct RootState {
    Value* value = nullptr;
    Value* current = nullptr;
  };
  std::map<std::string, RootState> states_;
  std::map<std::string, std::int64_t> draws_;
  Value* seed_ = nullptr;
  Value* step_ = nullptr;
  Value* example_ = nullptr;
  std::int64_t operations_ = 0;
  std::int64_t static_work_ = 0;
};

}  // namespace nnc::semantics
