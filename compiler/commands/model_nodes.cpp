#include "compiler/commands/model_nodes.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "compiler/graph/print.h"
#include "compiler/ops/op.h"

namespace nnc {
namespace {

// Of an operator the sign, else the primitive's name.
std::string sign(const std::string& operation) {
  static const std::map<std::string, std::string> kSigns = {{"add", "+"},    {"subtract", "−"},    {"multiply", "×"},
                                                            {"divide", "/"}, {"contraction", "@"}, {"power", "^"}};
  const std::map<std::string, std::string>::const_iterator found = kSigns.find(operation);
  return found == kSigns.end() ? operation : found->second;
}

class Nodes {
 public:
  Nodes(const ElaboratedModel& model, const SourceManager& sources) : model_(model), sources_(sources) {
    for (const ModelCall& call : model.calls) calls_.emplace(call.result, &call);
    for (const State& state : model.forward.states) states_.emplace(state.value->producer, &state);
  }

  std::vector<ModelNode> run() {
    for (const std::unique_ptr<Op>& op : model_.forward.ops) visit(*op);
    for (const Output& output : model_.forward.outputs) {
      add(ModelNode::Kind::Output, output.name, "", output.value, passed_[output.value]);
    }
    return std::move(nodes_);
  }

 private:
  // What a value is computed from, since the last nodes.
  struct Passed {
    std::set<std::size_t> nodes;
    std::set<const State*> states;
  };

  void visit(const Op& op) {
    Passed passed;
    std::size_t inputs_with_nodes = 0;
    std::set<std::set<std::size_t>> distinct;
    for (const Value* input : op.inputs) {
      const Passed& before = passed_[input];
      passed.nodes.insert(before.nodes.begin(), before.nodes.end());
      passed.states.insert(before.states.begin(), before.states.end());
      if (before.nodes.empty()) continue;
      ++inputs_with_nodes;
      distinct.insert(before.nodes);
    }
    const std::map<const Op*, const State*>::const_iterator state = states_.find(&op);
    if (state != states_.end()) passed.states.insert(state->second);
    const bool is_join = inputs_with_nodes > 1 && distinct.size() > 1 && op.origin.call.empty() &&
                         op.results.size() == 1 && op.origin.span.is_valid();
    for (const std::unique_ptr<Value>& result : op.results) {
      const std::map<const Value*, const ModelCall*>::const_iterator call = calls_.find(result.get());
      Passed& after = passed_[result.get()];
      after = passed;
      if (op.def->name == "input") {
        add(ModelNode::Kind::Input, result->name, "", result.get(), passed);
      } else if (!passed.nodes.empty() && call != calls_.end()) {
        const std::string text = text_of(op.origin.span);
        const bool is_call = text.starts_with(call->second->function + "(");
        add(ModelNode::Kind::Call, call->second->name, is_call ? text : "", result.get(), passed);
      } else if (is_join) {
        add(ModelNode::Kind::Join, sign(op.def->name), "", result.get(), passed);
      } else {
        continue;
      }
      after = {{nodes_.size() - 1}, {}};
    }
  }

  void add(ModelNode::Kind kind, const std::string& name, const std::string& text, const Value* value,
           const Passed& passed) {
    ModelNode node;
    node.kind = kind;
    node.name = name;
    node.text = text;
    node.type = to_string(value->type);
    const Attributes& attributes = value->producer->attributes;
    if (kind == ModelNode::Kind::Input && attributes.integer("classes") > 0) {
      node.type = fmt::format("class[{}]", attributes.integer("classes"));
      if (!value->type.shape.empty()) node.type += to_string(value->type.shape);
    }
    for (const State* state : passed.states) {
      if (state->kind == StateKind::Parameter) node.parameters += element_count(state->value->type.shape);
      if (state->kind == StateKind::Recurrent) node.has_state = true;
    }
    node.from.assign(passed.nodes.begin(), passed.nodes.end());
    nodes_.push_back(std::move(node));
  }

  // What is written there, on one line and not too long.
  std::string text_of(Span span) const {
    constexpr std::size_t kLongest = 44;
    if (!span.is_valid() || sources_.is_prelude(span.file)) return "";
    const std::string_view written = sources_.text(span.file).substr(span.begin, span.end - span.begin);
    std::string text;
    for (const char c : written) {
      const bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!is_blank || (!text.empty() && text.back() != ' ')) text += is_blank ? ' ' : c;
    }
    if (text.size() <= kLongest) return text;
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "…";
  }

  const ElaboratedModel& model_;
  const SourceManager& sources_;
  std::map<const Value*, const ModelCall*> calls_;
  std::map<const Op*, const State*> states_;  // by what gives them
  std::map<const Value*, Passed> passed_;
  std::vector<ModelNode> nodes_;
};

}  // namespace

std::vector<ModelNode> model_nodes(const ElaboratedModel& model, const SourceManager& sources) {
  return Nodes(model, sources).run();
}

}  // namespace nnc
