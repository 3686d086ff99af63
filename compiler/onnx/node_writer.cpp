#include "compiler/onnx/node_writer.h"

#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>

#include "compiler/onnx/tensors.h"
#include "compiler/ops/op.h"

namespace nnc::translation {
namespace {

bool is_leaf(const Op& op) { return op.def->has(Leaf); }

// A constant of one axis that `iota` counts along.
Tensor counted(const Op& op) {
  const std::int64_t size = op.result()->type.shape[static_cast<std::size_t>(op.attributes.integer("axis"))];
  const ElementType element = op.result()->type.element;
  check_constant_size(size);
  Tensor tensor = Tensor::zeros({element, {size}});
  for (std::int64_t i = 0; i < size; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    if (is_float(element)) {
      tensor.floats()[at] = static_cast<double>(i);
    } else {
      tensor.integers()[at] = wrap_to(element, i);
    }
  }
  return tensor;
}

// The axes of the result that those of what is repeated are.
std::vector<std::int64_t> kept_axes(const Op& op) {
  if (op.def->name == "iota") return {op.attributes.integer("axis")};
  return op.attributes.integers("axes");
}

void set_value(::onnx::AttributeProto& attribute, const Setting& setting) {
  attribute.set_name(setting.first);
  if (const std::int64_t* integer = std::get_if<std::int64_t>(&setting.second)) {
    attribute.set_type(::onnx::AttributeProto::INT);
    attribute.set_i(*integer);
  } else if (const std::string* text = std::get_if<std::string>(&setting.second)) {
    attribute.set_type(::onnx::AttributeProto::STRING);
    attribute.set_s(*text);
  } else {
    attribute.set_type(::onnx::AttributeProto::INTS);
    for (const std::int64_t value : std::get<std::vector<std::int64_t>>(setting.second)) attribute.add_ints(value);
  }
}

}  // namespace

void check_constant_size(std::int64_t elements) {
  constexpr std::int64_t kElementsMax = 1 << 24;
  if (elements > kElementsMax) throw NotInOnnx{fmt::format("it would take a constant of {} elements", elements)};
}

void describe(::onnx::ValueInfoProto& info, const std::string& name, const Type& type, std::int64_t open_size) {
  info.set_name(name);
  ::onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(data_type_of(type.element));
  ::onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  for (const std::int64_t size : type.shape) {
    if (open_size > 0 && size == open_size) {
      shape.add_dim()->set_dim_param("batch");
    } else {
      shape.add_dim()->set_dim_value(size);
    }
  }
}

NodeWriter::NodeWriter(::onnx::GraphProto& graph) : graph_(graph), shared_(std::make_shared<Shared>()) {
  shared_->root = &graph;
}

NodeWriter::NodeWriter(::onnx::GraphProto& body, NodeWriter& outer)
    : graph_(body), shared_(outer.shared_), current_(outer.current_) {}

void NodeWriter::leave_open(std::int64_t size, const std::string& source) {
  shared_->open_size = size;
  shared_->open_source = source;
}

void NodeWriter::write(const Graph& graph, const std::function<void(const Op&, const std::string&)>& refuse) {
  for (const std::unique_ptr<Op>& op : graph.ops) {
    try {
      if (!is_leaf(*op) && !repeats(*op)) write(*op);
    } catch (const NotInOnnx& why) {
      refuse(*op, why.reason);
      for (const std::unique_ptr<Value>& value : op->results) give(value.get(), "?");
    }
  }
}

void NodeWriter::write(const Op& op) {
  current_ = &op;
  const ExportRule* rule = export_rule(op.def->name);
  if (rule == nullptr) throw InternalError(fmt::format("no rule exports '{}'", op.def->name));
  const int before = graph_.node_size();
  const std::string name = (*rule)(*this, op);
  // What the last node gives is the value, and gets its name; but what an operand was before keeps its own.
  const auto is_operand = [&](const Value* operand) {
    const auto whole = names_.find(operand), narrow = narrow_.find(operand);
    return (whole != names_.end() && whole->second == name) || (narrow != narrow_.end() && narrow->second == name);
  };
  if (graph_.node_size() > before && std::none_of(op.inputs.begin(), op.inputs.end(), is_operand)) {
    const ::onnx::NodeProto& node = last_node();
    for (int i = 0; i < node.output_size(); ++i) {
      if (node.output(i) == name) return give_result(i, op.result());
    }
  }
  give(op.result(), name);
}

void NodeWriter::give_result(int index, const Value* value) {
  std::string& name = *last_node().mutable_output(index);
  const auto wanted = shared_->wanted.find(value);
  if (wanted != shared_->wanted.end()) {
    name = wanted->second;
  } else if (!value->name.empty()) {
    name = fresh(value->name);
  }
  give(value, name);
}

bool NodeWriter::repeats(const Op& op) const { return op.def->name == "broadcast" || op.def->name == "iota"; }

Shape NodeWriter::narrow_shape(const Value* value) const {
  if (!repeats(*value->producer)) return value->type.shape;
  const std::vector<std::int64_t> axes = kept_axes(*value->producer);
  if (axes.empty()) return {};
  // Axes before the first are added by the operator.
  Shape shape(value->type.shape.size() - static_cast<std::size_t>(axes[0]), 1);
  for (const std::int64_t axis : axes) {
    shape[static_cast<std::size_t>(axis - axes[0])] = value->type.shape[static_cast<std::size_t>(axis)];
  }
  return shape;
}

std::string NodeWriter::narrow(const Value* value) {
  const Op& op = *value->producer;
  if (!repeats(op)) return of(value);
  const auto known = narrow_.find(value);
  if (known != narrow_.end()) return known->second;
  const Shape shape = narrow_shape(value);
  std::string name;
  if (op.def->name == "iota" || op.inputs[0]->producer->def->name == "constant") {
    Tensor tensor = op.def->name == "iota" ? counted(op) : op.inputs[0]->producer->attributes.get<Tensor>("value");
    tensor.type.shape = shape;
    name = constant(tensor);
  } else if (op.inputs[0]->type.shape == shape) {
    name = of(op.inputs[0]);
  } else {
    const Op* const before = std::exchange(current_, &op);
    const std::vector<std::int64_t> axes = kept_axes(op);
    std::vector<std::int64_t> added;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(shape.size()); ++i) {
      if (std::find(axes.begin(), axes.end(), i + axes[0]) == axes.end()) added.push_back(i);
    }
    name = node("Unsqueeze", {of(op.inputs[0]), integers(added)});
    current_ = before;
  }
  return narrow_[value] = name;
}

std::string NodeWriter::of(const Value* value) {
  const auto known = names_.find(value);
  if (known != names_.end()) return known->second;
  const Op& op = *value->producer;
  if (op.def->name == "constant") return names_[value] = constant(op.attributes.get<Tensor>("value"));
  if (!repeats(op)) throw InternalError(fmt::format("export: '{}' is used before it is written", op.def->name));
  std::string name = narrow(value);
  if (narrow_shape(value) != value->type.shape) {
    const Op* const before = std::exchange(current_, &op);
    name = node("Expand", {name, sizes(value->type.shape)});
    current_ = before;
  }
  return names_[value] = name;
}

std::vector<std::string> NodeWriter::operands(const Op& op) {
  const Shape& whole = op.result()->type.shape;
  Shape joined(whole.size(), 1);
  for (const Value* value : op.inputs) {
    const Shape shape = narrow_shape(value);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      std::int64_t& size = joined[whole.size() - shape.size() + i];
      if (shape[i] != 1) size = shape[i];
    }
  }
  std::vector<std::string> names;
  bool is_whole = joined == whole && std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Value* value) {
                    return narrow_shape(value).size() == whole.size();
                  });
  for (const Value* value : op.inputs) {
    names.push_back(is_whole ? narrow(value) : of(value));
    is_whole = true;
  }
  return names;
}

std::string NodeWriter::unused(std::set<std::string>& given, const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; !given.insert(name).second; ++number) name = fmt::format("{}_{}", wanted, number);
  return name;
}

std::string NodeWriter::fresh(const std::string& wanted) { return unused(shared_->given, wanted); }

std::string NodeWriter::produced(const std::string& name, std::set<std::string>& taken) {
  bool is_here = false;
  for (const ::onnx::NodeProto& node : graph_.node()) {
    is_here = is_here || std::find(node.output().begin(), node.output().end(), name) != node.output().end();
  }
  return is_here && taken.insert(name).second ? name : node("Identity", {name});
}

std::string NodeWriter::constant(const Tensor& tensor) {
  ::onnx::TensorProto proto = write_tensor("", tensor);
  std::string& name = shared_->constants[proto.SerializeAsString()];
  if (!name.empty()) return name;
  name = fresh("constant");
  proto.set_name(name);
  *shared_->root->add_initializer() = std::move(proto);
  return name;
}

std::string NodeWriter::integers(const std::vector<std::int64_t>& values) {
  Tensor tensor = Tensor::zeros({ElementType::I64, {static_cast<std::int64_t>(values.size())}});
  tensor.integers() = values;
  return constant(tensor);
}

std::string NodeWriter::sizes(const Shape& shape) {
  const std::int64_t open = shared_->open_size;
  std::vector<std::string> parts;
  Shape known;
  const auto add_known = [&] {
    if (!known.empty()) parts.push_back(integers(known));
    known.clear();
  };
  for (const std::int64_t size : shape) {
    if (open == 0 || size != open) {
      known.push_back(size);
      continue;
    }
    add_known();
    parts.push_back(node("Shape", {shared_->open_source}, {{"start", std::int64_t{0}}, {"end", std::int64_t{1}}}));
  }
  add_known();
  return parts.size() == 1 ? parts[0]
         : parts.empty()   ? integers({})
                           : node("Concat", parts, {{"axis", std::int64_t{0}}});
}

std::string NodeWriter::node(const std::string& op, const std::vector<std::string>& inputs,
                             const std::vector<Setting>& settings, int results) {
  ::onnx::NodeProto& node = *graph_.add_node();
  std::string path = op;
  if (current_ != nullptr) {
    const Origin& origin = current_->origin;
    std::string place = origin.layer;
    if (!origin.call.empty() && !origin.is_layer) place += (place.empty() ? "" : ".") + origin.call;
    if (!place.empty()) path = place + "/" + op;
  }
  node.set_name(unused(shared_->nodes, path));
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  for (int i = 0; i < results; ++i) node.add_output(fresh(node.name()));
  for (const Setting& setting : settings) set_value(*node.add_attribute(), setting);
  return node.output(results - 1);
}

::onnx::NodeProto& NodeWriter::last_node() { return *graph_.mutable_node(graph_.node_size() - 1); }

std::string NodeWriter::cast(const std::string& x, ElementType from, ElementType to) {
  return from == to ? x : node("Cast", {x}, {{"to", std::int64_t{data_type_of(to)}}});
}

std::string NodeWriter::reshape(const std::string& x, const Shape& from, const Shape& to) {
  if (from == to) return x;
  const auto with_one = [](Shape shape) {
    shape.insert(shape.begin(), 1);
    return shape;
  };
  if (to == with_one(from)) return node("Unsqueeze", {x, integers({0})});
  if (from == with_one(to)) return node("Squeeze", {x, integers({0})});
  if (std::find(to.begin(), to.end(), 0) != to.end()) {
    return node("Reshape", {x, sizes(to)}, {{"allowzero", std::int64_t{1}}});
  }
  // Of a size that is open the operator wants 0, where it stays, or once -1.
  Shape target = to;
  bool is_computed = false;
  for (std::size_t i = 0; i < to.size() && shared_->open_size > 0; ++i) {
    if (to[i] % shared_->open_size != 0 || (is_computed && (i >= from.size() || from[i] != to[i]))) continue;
    target[i] = i < from.size() && from[i] == to[i] ? 0 : -1;
    is_computed = is_computed || target[i] == -1;
  }
  return node("Reshape", {x, integers(target)});
}

std::string NodeWriter::transpose(const std::string& x, const std::vector<std::int64_t>& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  return node("Transpose", {x}, {{"perm", permutation}});
}

}  // namespace nnc::translation
