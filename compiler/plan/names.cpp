// Names and titles of a finished plan: the only place that makes them.
//
// A step is named after what it computes, in the words of the source:
//
//   what the step is                                name
//   a layer, with all that is fused into it         block1_conv          its path
//   a function or operator applied in a layer       block1_relu, max_pool, residual_add
//   the second application of the same              max_pool_2
//   one of several steps of an application          softmax_exp          its last primitive is added
//   gradients of what it took in                    block1_conv_backward
//   the gradient of a parameter                     gradient_block1_conv_weight
//   the new value of a parameter or state           update_block1_conv_weight
//   weights with a scale folded in                  fold_block1_conv_weight
//   a part of `prepare`, `init`, `reset`            prepare_block1_conv_weight
//   moves of data                                   copy_x, pack_x (into another order of axes), fill_x
//   a loop                                          memory_scan, memory_scan_backward; that over shards: each_shard
//
// Buffers of the caller have the names of the source. A buffer of the arena is named after the value that it holds
// first: as the source names it (a `let`: h1; the result of a layer: block1_out; a gradient: d_block1_out), else after
// the step that writes it (max_pool_out); copies are x_packed. A name that is taken gets a number.
#include <algorithm>
#include <compare>

#include "compiler/plan/builder.h"

namespace nnc {

namespace {

std::string joined(const std::string& path, const std::string& part) {
  return path.empty() || part.empty() ? path + part : path + "." + part;
}

// "reduce_sum" -> "sum".
std::string short_name(const std::string& operation) {
  return operation.rfind("reduce_", 0) == 0 ? operation.substr(7) : operation;
}

// The value that a buffer holds, without what its name says of the buffer.
std::string bare_name(const std::string& name) {
  for (const std::string suffix : {"_out", "_packed", "_folded"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}
std::string bare_name(const Buffer& buffer) { return bare_name(buffer.name); }

// Who computes it, for a reader: "block1: conv", "top: dense", "max_pool", "residual: add".
std::string title_of(const Origin& origin, const std::string& operation) {
  std::string layer = origin.layer, what = origin.call.empty() ? short_name(operation) : origin.call;
  if (origin.is_layer) {
    // An unnamed layer has a path that ends with its own name: "block1.conv", "block1.conv_2".
    const std::size_t dot = layer.rfind('.');
    const std::string own = dot == std::string::npos ? layer : layer.substr(dot + 1);
    if (own == what) layer = dot == std::string::npos ? "" : layer.substr(0, dot);
  }
  return (origin.is_gradient ? "gradient of " : "") + (layer.empty() ? what : layer + ": " + what);
}

class Namer {
 public:
  explicit Namer(Plan& plan) : plan_(plan) {
    if (plan.name == "prepare" || plan.name == "init" || plan.name == "reset") verb_ = plan.name + "_";
    for (const Buffer& buffer : plan.buffers) {
      buffer_names_.insert(buffer.name);
      if (buffer.memory == Memory::Parameters) parameters_.insert(buffer.name);
    }
  }

  void run() {
    count(plan_.nodes);
    name(plan_.nodes);
  }

 private:
  // One application in the source: of what, by which layer, where.
  struct Application {
    std::string path;
    std::int32_t file;
    std::uint32_t place;
    bool is_gradient;
    auto operator<=>(const Application&) const = default;
  };
  static Application application(const Origin& origin) {
    return {path(origin), origin.span.file, origin.span.begin, origin.is_gradient};
  }
  static std::string path(const Origin& origin) {
    return origin.is_layer ? origin.layer : joined(origin.layer, origin.call);
  }

  void count(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) {
      if (node.loop) count(node.loop->body);
      if (!node.step || is_move(*node.step) || !name_by_result(*node.step).empty()) continue;
      Application counted = application(node.step->origin);
      ++steps_of_[counted];
      counted.is_gradient = false;
      std::vector<Application>& same = applications_[counted.path];
      if (std::find(same.begin(), same.end(), counted) == same.end()) same.push_back(counted);
    }
  }

  void name(std::vector<Node>& nodes) {
    for (Node& node : nodes) {
      if (node.loop) {
        Loop& loop = *node.loop;
        const std::string wanted = joined(loop.origin.layer, "scan") + backward(loop.origin);
        loop.name = unique(loop.is_over_shards() ? "each_shard" : identifier(wanted), step_names_);
        name(loop.body);
        continue;
      }
      Step& step = *node.step;
      if (is_move(step)) {
        name_buffers(step, step.operation == "pack" ? bare_name(pointed(step, 0)) + "_packed" : label(step) + "_out");
        step.name = unique(identifier(name_of_move(step)), step_names_);
      } else {
        std::string wanted = name_by_result(step);
        const bool is_label = wanted.empty();
        if (is_label) wanted = verb_ + label(step);
        step.name = unique(identifier(wanted), step_names_);
        name_buffers(step, (is_label ? step.name.substr(verb_.size()) : label(step)) + "_out");
      }
      name_arguments(step);
      describe(step);
    }
  }

  static bool is_move(const Step& step) {
    return step.operation == "copy" || step.operation == "pack" || step.operation == "fill";
  }
  static std::string backward(const Origin& origin) { return origin.is_gradient ? "_backward" : ""; }
  static std::string unique(const std::string& wanted, std::set<std::string>& used) {
    std::string name = wanted;
    for (int i = 2; !used.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
    return name;
  }
  Buffer& buffer(const StepArgument& argument) { return plan_.buffers[static_cast<std::size_t>(argument.view.buffer)]; }
  Buffer& pointed(const Step& step, std::size_t i) {
    return buffer(step.arguments[static_cast<std::size_t>(step.pointers.at(i))]);
  }

  // The path of what computes it.
  std::string label(const Step& step) const {
    const Origin& origin = step.origin;
    std::string text = path(origin);
    Application counted = application(origin);
    const std::map<Application, int>::const_iterator steps = steps_of_.find(counted);
    const bool is_one_of_several = steps != steps_of_.end() && steps->second > 1;
    counted.is_gradient = false;
    const std::map<std::string, std::vector<Application>>::const_iterator known = applications_.find(text);
    if (known != applications_.end() && !origin.call.empty()) {
      const std::ptrdiff_t before =
          std::find(known->second.begin(), known->second.end(), counted) - known->second.begin();
      if (before > 0) text += "_" + std::to_string(before + 1);
    }
    if (text.empty() || (!is_move(step) && (origin.call.empty() || is_one_of_several))) {
      text = joined(text, last_operation(step));
    }
    return text + backward(origin);
  }

  // Of an elementwise step the last of its own operations, not of those of others that are fused into it.
  static std::string last_operation(const Step& step) {
    std::string last = step.operation;
    for (const Op* op : step.functor.ops) {
      if (step.kernel == "for_each" && application(op->origin) == application(step.origin)) last = op->def->name;
    }
    return short_name(last);
  }

  std::string name_of_move(const Step& step) {
    Buffer& first = pointed(step, 0);
    if (step.operation == "fill" && !first.slot.empty() && !verb_.empty()) return verb_ + first.slot;
    return step.operation + "_" + bare_name(first);
  }

  // The name of a step that is known by what it gives; else empty.
  std::string name_by_result(const Step& step) {
    for (const Memory memory :
         {Memory::Gradients, Memory::Parameters, Memory::State, Memory::Output, Memory::Scratch}) {
      for (const StepArgument& argument : step.arguments) {
        const Buffer& written = buffer(argument);
        if (!argument.is_written || written.memory != memory) continue;
        const bool is_state = memory == Memory::Parameters || memory == Memory::State;
        if (memory == Memory::Gradients) return "gradient_" + written.slot;
        if (is_state && plan_.name == "step") return "update_" + written.slot;
        if (!verb_.empty() && memory != Memory::Scratch) return verb_ + bare_name(identifier(written.slot));
        if (!verb_.empty() && !written.name.empty()) return verb_ + bare_name(written);
        if (memory != Memory::Scratch) continue;
        if (written.name.ends_with("_folded")) return "fold_" + bare_name(written);
        // A part of the gradient of a parameter; the whole has the name without a number.
        std::string parameter = written.name.starts_with("d_") ? written.name.substr(2) : "";
        if (parameters_.count(parameter) == 0)
          parameter = parameter.substr(0, parameter.find_last_not_of("0123456789"));
        if (parameters_.count(parameter) != 0) return "gradient_" + parameter;
      }
    }
    return "";
  }

  void name_buffers(const Step& step, const std::string& wanted) {
    for (const StepArgument& argument : step.arguments) {
      Buffer& written = buffer(argument);
      if (argument.is_written && written.name.empty()) written.name = unique(identifier(wanted), buffer_names_);
    }
  }

  // The kernel's own parameters keep its names (x, w, y); operands of fused operations are named after their buffers.
  void name_arguments(Step& step) {
    std::set<std::string> used;
    for (const int i : step.pointers) used.insert(step.arguments[static_cast<std::size_t>(i)].name);
    for (std::size_t i = 0; i < step.arguments.size(); ++i) {
      if (std::find(step.pointers.begin(), step.pointers.end(), static_cast<int>(i)) != step.pointers.end()) continue;
      StepArgument& argument = step.arguments[i];
      const Buffer& of = buffer(argument);
      const bool is_state = of.memory == Memory::Parameters || of.memory == Memory::State;
      argument.name = unique(of.name + (is_state && argument.is_written ? "_next" : ""), used);
    }
  }

  // The title, and what is fused and folded, each as the source calls it and in its order.
  void describe(Step& step) {
    if (is_move(step)) {
      const std::string verb = step.operation == "copy" ? "copies " : step.operation == "pack" ? "packs " : "fills ";
      step.title = verb + bare_name(pointed(step, 0));
      if (!step.comments.empty()) step.title += ",";
      return;
    }
    std::string own;  // operations
    std::vector<std::string> fused;
    for (const Op* op : step.functor.ops) {
      const Origin& origin = op->origin;
      if (path(origin) == path(step.origin) && origin.is_gradient == step.origin.is_gradient) {
        own += (own.empty() ? "" : ", ") + short_name(op->def->name);
        continue;
      }
      std::string what = origin.call.empty() ? short_name(op->def->name) : origin.call;
      if (origin.is_gradient) what = "gradient of " + what;
      if (std::find(fused.begin(), fused.end(), what) == fused.end()) fused.push_back(what);
    }
    const std::string operations = step.kernel == "for_each" ? own : short_name(step.operation);
    step.title = title_of(step.origin, operations);
    const bool says_how = step.kernel == "for_each" || step.kernel == "reduce";
    if (says_how && !step.origin.call.empty() && step.origin.call != operations) step.title += " (" + operations + ")";
    if (!step.origin.folded.empty()) step.comments.push_back(listed(step.origin.folded) + " folded in");
    if (!fused.empty()) step.comments.push_back(listed(fused) + " fused");
  }

  static std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
  }

  Plan& plan_;
  std::string verb_;  // of all steps of a function: "prepare_"; else empty
  std::set<std::string> parameters_;
  std::map<Application, int> steps_of_;
  std::map<std::string, std::vector<Application>> applications_;  // by path, in the order of the plan
  std::set<std::string> step_names_, buffer_names_;
};

}  // namespace

void name_plan(Plan& plan) { Namer(plan).run(); }

}  // namespace nnc
