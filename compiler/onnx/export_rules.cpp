// How the standard's operators say the primitives: one line of the table a primitive.
//
// Each rule keeps the primitive's meaning exactly, or throws NotInOnnx; where the standard leaves something open (a
// float beyond the integers that it is cast to, the first of several NaN) it is left open.
#include <fmt/format.h>
#include <onnx-ml.pb.h>

#include <algorithm>
#include <numeric>

#include "compiler/onnx/export_windows.h"
#include "compiler/onnx/node_writer.h"
#include "compiler/ops/op.h"

namespace nnc::translation {
namespace {

using Integers = std::vector<std::int64_t>;

ElementType element(const Value* value) { return value->type.element; }
const Shape& shape(const Value* value) { return value->type.shape; }
bool is_small_integer(ElementType type) { return is_integer(type) && size_bytes(type) < 4; }
bool is_unsigned(ElementType type) { return is_integer(type) && lowest(type) == 0; }

// The elements of a value that is known, repeated or not; null: it is none.
const Tensor* known(const Value* value) {
  while (value->producer->def->name == "broadcast" || value->producer->def->name == "reshape") {
    value = value->producer->inputs[0];
  }
  return value->producer->def->name == "constant" ? &value->producer->attributes.get<Tensor>("value") : nullptr;
}

// All elements are known, and the condition holds for each.
template <class Condition>
bool are_known(const Value* value, Condition condition) {
  const Tensor* tensor = known(value);
  if (tensor == nullptr || is_float(tensor->type.element)) return false;
  return std::all_of(tensor->integers().begin(), tensor->integers().end(), condition);
}

std::string number(NodeWriter& w, ElementType type, std::int64_t value) {
  return w.constant(is_float(type) ? Tensor::scalar(type, static_cast<double>(value)) : Tensor::whole(type, value));
}

ExportRule refused(const char* reason) {
  return [reason](NodeWriter&, const Op&) -> std::string { throw NotInOnnx{reason}; };
}

ExportRule elementwise(const char* op) {
  return [op](NodeWriter& w, const Op& from) { return w.node(op, w.operands(from)); };
}

// Of integers: the standard does not say what becomes of results that the type cannot hold, or has no such operator.
ExportRule of_floats(const char* op) {
  return [op](NodeWriter& w, const Op& from) {
    if (!is_float(element(from.result()))) throw NotInOnnx{fmt::format("ONNX has {} of floats only", op)};
    return w.node(op, w.operands(from));
  };
}

// Sums and products of small integers wrap at the end as they would on the way.
ExportRule reduction(const char* op) {
  return [op](NodeWriter& w, const Op& from) {
    const Integers& axes = from.attributes.integers("axes");
    const ElementType type = element(from.result());
    const ElementType wide = is_small_integer(type) || type == ElementType::Bool ? ElementType::I32 : type;
    if (axes.empty()) return w.of(from.inputs[0]);
    const std::string x = w.cast(w.of(from.inputs[0]), type, wide);
    return w.cast(w.node(op, {x, w.integers(axes)}, {{"keepdims", std::int64_t{0}}}), wide, type);
  };
}

std::string negate(NodeWriter& w, const Op& op) {
  const ElementType type = element(op.result());
  if (is_unsigned(type)) return w.node("Sub", {number(w, type, 0), w.of(op.inputs[0])});
  return w.node("Neg", {w.of(op.inputs[0])});
}

std::string not_equal(NodeWriter& w, const Op& op) { return w.node("Not", {w.node("Equal", w.operands(op))}); }

std::string cast(NodeWriter& w, const Op& op) {
  return w.cast(w.of(op.inputs[0]), element(op.inputs[0]), op.attributes.get<ElementType>("to"));
}

std::string same(NodeWriter& w, const Op& op) { return w.of(op.inputs[0]); }

// ---- movement

std::string reshape(NodeWriter& w, const Op& op) {
  return w.reshape(w.of(op.inputs[0]), shape(op.inputs[0]), shape(op.result()));
}

std::string transpose(NodeWriter& w, const Op& op) {
  return w.transpose(w.of(op.inputs[0]), op.attributes.integers("permutation"));
}

std::string concat(NodeWriter& w, const Op& op) {
  std::vector<std::string> parts;
  for (const Value* part : op.inputs) parts.push_back(w.of(part));
  return w.node("Concat", parts, {{"axis", op.attributes.integer("axis")}});
}

std::string slice(NodeWriter& w, const Op& op) {
  const Integers &start = op.attributes.integers("start"), &stop = op.attributes.integers("stop"),
                 &step = op.attributes.integers("step");
  Integers starts, ends, axes, steps;
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (start[i] == 0 && stop[i] == shape(op.inputs[0])[i] && step[i] == 1) continue;
    starts.push_back(start[i]);
    ends.push_back(stop[i]);
    axes.push_back(static_cast<std::int64_t>(i));
    steps.push_back(step[i]);
  }
  const std::string x = w.of(op.inputs[0]);
  if (axes.empty()) return x;
  return w.node("Slice", {x, w.integers(starts), w.integers(ends), w.integers(axes), w.integers(steps)});
}

std::string reverse(NodeWriter& w, const Op& op) {
  const Integers& axes = op.attributes.integers("axes");
  const std::string x = w.of(op.inputs[0]);
  if (axes.empty()) return x;
  const auto each = [&](std::int64_t value) { return w.integers(Integers(axes.size(), value)); };
  return w.node("Slice", {x, each(-1), each(INT64_MIN), w.integers(axes), each(-1)});
}

std::string pad(NodeWriter& w, const Op& op) {
  const Tensor value =
      is_float(element(op.result()))
          ? Tensor::scalar(element(op.result()), op.attributes.get<double>("value"))
          : Tensor::whole(element(op.result()), static_cast<std::int64_t>(op.attributes.get<double>("value")));
  return padded(w, w.of(op.inputs[0]), shape(op.inputs[0]),
                {op.attributes.integers("low"), op.attributes.integers("high"), op.attributes.integers("interior")},
                value);
}

// ---- places known when the network runs

// Brought into 0 … last.
std::string clamped(NodeWriter& w, const Value* index, std::int64_t last) {
  const Op& maker = *index->producer;
  const bool is_class = maker.def->name == "input" && maker.attributes.integer("classes") > 0 &&
                        maker.attributes.integer("classes") <= last + 1;
  // Those of u64 beyond i64 must be brought into range before they are cast.
  const ElementType type = element(index) == ElementType::U64 ? ElementType::U64 : ElementType::I64;
  std::string name = w.cast(w.of(index), element(index), type);
  if (!is_class && !are_known(index, [&](std::int64_t i) { return i >= 0 && i <= last; })) {
    name = w.node("Clip", {name, number(w, type, 0), number(w, type, last)});
  }
  return w.cast(name, type, ElementType::I64);
}

std::string gather(NodeWriter& w, const Op& op) {
  const std::string index = clamped(w, op.inputs[1], shape(op.inputs[0])[0] - 1);
  return w.node("Gather", {w.of(op.inputs[0]), index}, {{"axis", std::int64_t{0}}});
}

Tensor counted(std::int64_t count) {
  check_constant_size(count);
  Tensor numbers = Tensor::zeros({ElementType::I64, {count}});
  std::iota(numbers.integers().begin(), numbers.integers().end(), 0);
  return numbers;
}

// Slice wants its sizes to follow from its inputs; here they are known, so places are gathered axis by axis.
std::string dynamic_slice(NodeWriter& w, const Op& op) {
  const Integers& sizes = op.attributes.integers("sizes");
  std::string x = w.of(op.inputs[0]);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::int64_t last = shape(op.inputs[0])[i] - sizes[i];
    if (last == 0) continue;
    const std::string start = clamped(w, op.inputs[i + 1], last);
    const std::string places = w.node("Add", {start, w.constant(counted(sizes[i]))});
    x = w.node("Gather", {x, places}, {{"axis", static_cast<std::int64_t>(i)}});
  }
  return x;
}

// The rows of `u` written into `x` [N, row] at their indices [n].
std::string scattered(NodeWriter& w, const std::string& x, const std::string& index, const std::string& u,
                      const std::string& by) {
  static const std::map<std::string, std::string> kReductions = {
      {"set", "none"}, {"add", "add"}, {"multiply", "mul"}, {"maximum", "max"}, {"minimum", "min"}};
  const std::string at = w.node("Unsqueeze", {index, w.integers({-1})});
  return w.node("ScatterND", {x, at, u}, {{"reduction", kReductions.at(by)}});
}

// Written among the elements of x in one row.
std::string dynamic_update(NodeWriter& w, const Op& op) {
  const Shape &whole = shape(op.inputs[0]), &part = shape(op.inputs[1]);
  const Shape strides = row_major_strides(whole);
  check_constant_size(element_count(part));
  Tensor offsets = Tensor::zeros({ElementType::I64, {element_count(part)}});
  const Shape part_strides = row_major_strides(part);
  std::string start;
  for (std::size_t axis = 0; axis < whole.size(); ++axis) {
    for (std::size_t i = 0; i < offsets.integers().size(); ++i) {
      offsets.integers()[i] += static_cast<std::int64_t>(i) / part_strides[axis] % part[axis] * strides[axis];
    }
    const std::int64_t last = whole[axis] - part[axis];
    if (last == 0) continue;
    const std::string term =
        w.node("Mul", {clamped(w, op.inputs[axis + 2], last), number(w, ElementType::I64, strides[axis])});
    start = start.empty() ? term : w.node("Add", {start, term});
  }
  if (start.empty()) return w.of(op.inputs[1]);
  const std::string at = w.node("Add", {start, w.constant(offsets)});
  const std::string row = w.reshape(w.of(op.inputs[0]), whole, {element_count(whole)});
  const std::string u = w.reshape(w.of(op.inputs[1]), part, {element_count(part)});
  return w.reshape(scattered(w, row, at, u, "set"), {element_count(whole)}, whole);
}

std::string scatter_into(NodeWriter& w, const Op& op) {
  const std::string index = clamped(w, op.inputs[1], shape(op.inputs[0])[0] - 1);
  return scattered(w, w.of(op.inputs[0]), index, w.of(op.inputs[2]), op.attributes.text("by"));
}

std::string scatter_add(NodeWriter& w, const Op& op) {
  const std::string zeros = w.node("Expand", {number(w, element(op.result()), 0), w.sizes(shape(op.result()))});
  const std::string index = clamped(w, op.inputs[0], op.attributes.integer("size") - 1);
  return scattered(w, zeros, index, w.of(op.inputs[1]), "add");
}

// The places come as the second result.
std::string top_places(NodeWriter& w, const Op& op) {
  const std::string places = w.node("TopK", {w.of(op.inputs[0]), w.integers({op.attributes.integer("count")})},
                                    {{"largest", std::int64_t{op.attributes.flag("largest")}}}, 2);
  return w.cast(places, ElementType::I64, ElementType::I32);
}

std::string argmax(NodeWriter& w, const Op& op) {
  const std::string place =
      w.node("ArgMax", {w.of(op.inputs[0])}, {{"axis", op.attributes.integer("axis")}, {"keepdims", std::int64_t{0}}});
  return w.cast(place, ElementType::I64, ElementType::I32);
}

// ---- integers

// Where the divisor may be 0 or -1 it is 1 for the operator, which could trap, and the result is one of the last two.
template <class Divide>
std::string divided(NodeWriter& w, const Op& op, Divide divide, const std::string& by_zero,
                    const std::string& by_minus_one) {
  const std::string a = w.of(op.inputs[0]), b = w.of(op.inputs[1]);
  const ElementType type = element(op.result());
  if (are_known(op.inputs[1], [](std::int64_t by) { return by != 0 && by != -1; })) return divide(a, b);
  std::string by = b;
  std::vector<std::pair<std::string, std::string>> cases;  // a condition, and the result where it holds
  for (const std::int64_t trap : {0, -1}) {
    if (trap < 0 && is_unsigned(type)) continue;
    cases.emplace_back(w.node("Equal", {b, number(w, type, trap)}), trap == 0 ? by_zero : by_minus_one);
    by = w.node("Where", {cases.back().first, number(w, type, 1), by});
  }
  std::string result = divide(a, by);
  for (const auto& [condition, otherwise] : cases) result = w.node("Where", {condition, otherwise, result});
  return result;
}

std::string remainder(NodeWriter& w, const Op& op) {
  if (is_float(element(op.result()))) {
    // As C's fmod it has the sign of a.
    const std::string b = w.of(op.inputs[1]), zero = number(w, element(op.result()), 0);
    const std::string rest = w.node("Mod", {w.of(op.inputs[0]), b}, {{"fmod", std::int64_t{1}}});
    const std::string is_alike = w.node("Equal", {w.node("Less", {rest, zero}), w.node("Less", {b, zero})});
    const std::string stays = w.node("Or", {is_alike, w.node("Equal", {rest, zero})});
    return w.node("Where", {stays, rest, w.node("Add", {rest, b})});
  }
  const auto rest = [&](const std::string& a, const std::string& b) { return w.node("Mod", {a, b}); };
  return divided(w, op, rest, w.of(op.inputs[0]), number(w, element(op.result()), 0));
}

// The operator rounds toward zero: one less where the remainder, which is rounded down, says so.
std::string floor_divide(NodeWriter& w, const Op& op) {
  const ElementType type = element(op.result());
  const auto divide = [&](const std::string& a, const std::string& b) {
    const std::string quotient = w.node("Div", {a, b});
    if (is_unsigned(type)) return quotient;
    const std::string whole = w.node("Add", {w.node("Mul", {quotient, b}), w.node("Mod", {a, b})});
    const std::string is_above = w.node("Not", {w.node("Equal", {whole, a})});
    return w.node("Sub", {quotient, w.cast(is_above, ElementType::Bool, type)});
  };
  const std::string zero = number(w, type, 0);
  return divided(w, op, divide, zero, w.node("Sub", {zero, w.of(op.inputs[0])}));
}

ExportRule shift(const char* direction) {
  return [direction](NodeWriter& w, const Op& op) {
    const ElementType type = element(op.result());
    if (!is_unsigned(type)) throw NotInOnnx{"ONNX shifts integers without sign only"};
    const std::int64_t bits = 8 * size_bytes(type);
    const std::string a = w.of(op.inputs[0]), b = w.of(op.inputs[1]);
    const std::string shifted = w.node("BitShift", {a, b}, {{"direction", std::string(direction)}});
    if (are_known(op.inputs[1], [&](std::int64_t by) { return by >= 0 && by < bits; })) return shifted;
    const std::string is_within = w.node("Less", {b, number(w, type, bits)});
    return w.node("Where", {is_within, shifted, number(w, type, 0)});
  };
}

// ---- products

// Does MatMul compute it? Leading axes of the first operand alone, or batch axes of both.
bool is_matrix_product(const std::string& a, const std::string& b, const std::string& result) {
  const auto ends = [](const std::string& text, std::size_t count) { return text.substr(text.size() - count); };
  if (a.size() == 1 && b.size() == 1) return a == b && result.empty();
  if (a.size() == 1 && b.size() == 2) return a[0] == b[0] && result == b.substr(1);
  if (a.size() >= 2 && b.size() == 1) return a.back() == b[0] && result == a.substr(0, a.size() - 1);
  if (a.size() < 2 || b.size() < 2 || result.empty()) return false;
  const std::string batch = a.substr(0, a.size() - 2);
  const bool is_last = a.back() == b[b.size() - 2] && result == a.substr(0, a.size() - 1) + ends(b, 1);
  return is_last && (b.size() == 2 || b.substr(0, b.size() - 2) == batch);
}

std::string contraction(NodeWriter& w, const Op& op) {
  const std::string& spec = op.attributes.text("spec");
  const std::size_t comma = spec.find(','), arrow = spec.find("->");
  const ElementType type = element(op.result());
  const ElementType wide = is_small_integer(type) ? ElementType::I32 : type;
  const std::vector<std::string> operands = {w.cast(w.of(op.inputs[0]), type, wide),
                                             w.cast(w.of(op.inputs[1]), type, wide)};
  const bool is_product =
      is_matrix_product(spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1), spec.substr(arrow + 2));
  const std::string result = is_product ? w.node("MatMul", operands) : w.node("Einsum", operands, {{"equation", spec}});
  return w.cast(result, wide, type);
}

// ---- loops

// What is fixed is seen from within by its name outside. A loop without sequences counts along one that nothing reads.
std::string scan(NodeWriter& w, const Op& op) {
  const std::size_t carries = static_cast<std::size_t>(op.attributes.integer("carries"));
  const std::size_t sequences = static_cast<std::size_t>(op.attributes.integer("sequences"));
  const Graph& graph = *op.graphs[0];
  ::onnx::GraphProto proto;
  proto.set_name(w.fresh("body"));
  NodeWriter body(proto, w);
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const std::string outside = w.of(op.inputs[i]);
    if (i >= carries + sequences) {
      body.give(graph.inputs[i], outside);
      continue;
    }
    inputs.push_back(outside);
    const std::string inside = w.fresh(outside + (i < carries ? ".before" : ".at"));
    body.give(graph.inputs[i], inside);
    describe(*proto.add_input(), inside, graph.inputs[i]->type, w.open_size());
  }
  if (sequences == 0) {
    check_constant_size(op.attributes.integer("length"));
    inputs.push_back(w.constant(Tensor::zeros({ElementType::F32, {op.attributes.integer("length")}})));
    describe(*proto.add_input(), w.fresh("turn"), {ElementType::F32, {}});
  }
  body.write(graph, [](const Op&, const std::string& reason) { throw NotInOnnx{reason}; });
  std::set<std::string> taken;
  for (const Output& output : graph.outputs) {
    describe(*proto.add_output(), body.produced(body.of(output.value), taken), output.value->type, w.open_size());
  }
  const std::int64_t count = std::max<std::int64_t>(static_cast<std::int64_t>(sequences), 1);
  std::vector<Setting> settings = {{"num_scan_inputs", count}};
  if (op.attributes.flag("reverse")) {
    settings.push_back({"scan_input_directions", Integers(static_cast<std::size_t>(count), 1)});
    settings.push_back({"scan_output_directions", Integers(graph.outputs.size() - carries, 1)});
  }
  w.node("Scan", inputs, settings, static_cast<int>(op.results.size()));
  ::onnx::AttributeProto& attribute = *w.last_node().add_attribute();
  attribute.set_name("body");
  attribute.set_type(::onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = std::move(proto);
  for (std::size_t i = 1; i < op.results.size(); ++i)
    w.give_result(static_cast<int>(i), op.result(static_cast<int>(i)));
  return w.last_node().output(0);
}

const std::map<std::string, ExportRule>& rules() {
  static const std::map<std::string, ExportRule> all = {
      {"abs", elementwise("Abs")},
      {"add", elementwise("Add")},
      {"argmax", argmax},
      {"atan", elementwise("Atan")},
      {"batch_mean", refused("it mixes the examples of a batch")},
      {"bit_cast", refused("ONNX has no other reading of the same bits")},
      {"bitwise_and", elementwise("BitwiseAnd")},
      {"bitwise_or", elementwise("BitwiseOr")},
      {"bitwise_xor", elementwise("BitwiseXor")},
      {"cast", cast},
      {"concat", concat},
      {"contraction", contraction},
      {"convolution", convolution_nodes},
      {"cos", elementwise("Cos")},
      {"divide", elementwise("Div")},
      {"dynamic_slice", dynamic_slice},
      {"dynamic_update", dynamic_update},
      {"equal", elementwise("Equal")},
      {"erf", elementwise("Erf")},
      {"exp", elementwise("Exp")},
      {"floor", elementwise("Floor")},
      {"floor_divide", floor_divide},
      {"gather", gather},
      {"less", elementwise("Less")},
      {"less_equal", elementwise("LessOrEqual")},
      {"log", elementwise("Log")},
      {"logical_and", elementwise("And")},
      {"logical_not", elementwise("Not")},
      {"logical_or", elementwise("Or")},
      {"maximum", elementwise("Max")},
      {"minimum", elementwise("Min")},
      {"multiply", elementwise("Mul")},
      {"negate", negate},
      {"not_equal", not_equal},
      {"pad", pad},
      {"power", of_floats("Pow")},
      {"reduce_max", reduction("ReduceMax")},
      {"reduce_min", reduction("ReduceMin")},
      {"reduce_product", reduction("ReduceProd")},
      {"reduce_sum", reduction("ReduceSum")},
      {"remainder", remainder},
      {"reshape", reshape},
      {"reverse", reverse},
      {"round", elementwise("Round")},
      {"scan", scan},
      {"scatter_add", scatter_add},
      {"scatter_into", scatter_into},
      {"select", elementwise("Where")},
      {"shard_mean", refused("it mixes the examples of a batch")},
      {"shift_left", shift("LEFT")},
      {"shift_right", shift("RIGHT")},
      {"sign", elementwise("Sign")},
      {"sin", elementwise("Sin")},
      {"slice", slice},
      {"sqrt", elementwise("Sqrt")},
      {"stop_gradient", same},
      {"subtract", elementwise("Sub")},
      {"tanh", elementwise("Tanh")},
      {"top_places", top_places},
      {"transpose", transpose},
      {"uniform", refused("it draws chance, and ONNX's generators draw other numbers")},
      {"window_gather", refused("ONNX has no gradient of max pooling")},
      {"window_max", window_max_nodes},
      {"window_scatter", refused("ONNX has no gradient of max pooling")},
      {"window_sum", window_sum_nodes}};
  return all;
}

}  // namespace

const ExportRule* export_rule(const std::string& primitive) {
  const auto found = rules().find(primitive);
  return found == rules().end() ? nullptr : &found->second;
}

}  // namespace nnc::translation
