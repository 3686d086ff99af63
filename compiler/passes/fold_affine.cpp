// Folds a per-channel scale and shift that stands next to a convolution or contraction into its weights and bias.
//
// A link of a chain is x * p, x / p, x + p, x - p, p - x or -x, where p depends on parameters and constants alone and
// varies only along axes that the weights have too, however it is spelled. So batch normalisation in inference folds
// into the layer before it, and the normalisation of an input into the layer after it, from the prelude and from ONNX
// alike. The new weights are ordinary operations: constants if the parameters are known, else work for `prepare`.
// Before a convolution that pads with zeros only scales fold: a padded zero would have to be shifted too, so the pass
// stops at the first shift.
//
// Requires: simplify and remove_dead have run (values used once are seen as such).
// Establishes: no such chain next to a product whose weights depend on parameters alone.
//
//   %y = convolution(%x, %w)                          %v = multiply(%w, broadcast(%s))        ; along o
//   %a = multiply(%y, broadcast(%s))          ->      %y = convolution(%x, %v)
//   %z = add(%a, broadcast(%t))                       %z = add(%y, broadcast(%t))
#include <algorithm>

#include "compiler/passes/parameter_values.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

namespace nnc {
namespace {

using Integers = std::vector<std::int64_t>;

std::int64_t axis_of(const std::string& letters, char letter) {
  const std::size_t at = letters.find(letter);
  return at == std::string::npos ? -1 : static_cast<std::int64_t>(at);
}

// A convolution or contraction of data with weights that depend on parameters alone, by letters of axes.
struct Product {
  Op* op = nullptr;
  std::size_t data = 0, weights = 1;  // which operand is which
  std::string x, w, y;                // a letter an axis; equal letters are one axis
  std::int64_t groups = 1;            // input channels are in this many groups
  bool takes_shift = true;            // of its input

  Value* x_value() const { return op->inputs[data]; }
  Value* w_value() const { return op->inputs[weights]; }
  // Axes of `letters` that the weights have.
  Integers shared_axes(const std::string& letters) const {
    Integers axes;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (w.find(letters[i]) != std::string::npos) axes.push_back(static_cast<std::int64_t>(i));
    }
    return axes;
  }
};

// Written with i for the input channels of x, o for the output channels of y.
bool describe_convolution(Op& op, Product& product) {
  const Attributes& a = op.attributes;
  product.w = a.text("w_axes");
  if (a.integer("batch_groups") != 1 || axis_of(product.w, 'O') >= 0) return false;
  product.groups = a.integer("groups");
  auto positive = [](std::int64_t size) { return size > 0; };
  for (const char* pad : {"pad_low", "pad_high"}) {
    const Integers& sizes = a.integers(pad);
    if (std::any_of(sizes.begin(), sizes.end(), positive)) product.takes_shift = false;
  }
  for (std::int64_t dilation : a.integers("input_dilation")) product.takes_shift = product.takes_shift && dilation == 1;
  // Spatial axes of the weights are not those of x and y: capitals keep them apart.
  for (char letter : std::string("012")) {
    std::replace(product.w.begin(), product.w.end(), letter, static_cast<char>('A' + letter - '0'));
  }
  product.x = a.text("x_axes");
  product.y = a.text("y_axes");
  std::replace(product.x.begin(), product.x.end(), 'c', 'i');
  std::replace(product.y.begin(), product.y.end(), 'c', 'o');
  return true;
}

bool describe_contraction(Op& op, const ParameterValues& parameters, Product& product) {
  const std::string& spec = op.attributes.text("spec");
  const std::size_t comma = spec.find(','), arrow = spec.find("->");
  product.x = spec.substr(0, comma);
  product.w = spec.substr(comma + 1, arrow - comma - 1);
  product.y = spec.substr(arrow + 2);
  if (!parameters.contains(op.inputs[1])) {
    std::swap(product.x, product.w);
    std::swap(product.data, product.weights);
  }
  return true;
}

bool describe(Op& op, const ParameterValues& parameters, Product& product) {
  product.op = &op;
  const bool is_known = op.def->name == "convolution"   ? describe_convolution(op, product)
                        : op.def->name == "contraction" ? describe_contraction(op, parameters, product)
                                                        : false;
  return is_known && is_float(op.result()->type.element) && parameters.contains(product.w_value()) &&
         !parameters.contains(product.x_value());
}

// One link: result = affine(operand `data`).
struct Link {
  Op* op;
  std::size_t data;
};

// "conv1.weight" -> "conv1.weight.folded".
std::string folded_name(const std::string& name) {
  return name.empty() || name.ends_with(".folded") ? name : name + ".folded";
}

bool is_shift(const Link& link) { return link.op->def->name == "add" || link.op->def->name == "subtract"; }

class FoldAffine {
 public:
  explicit FoldAffine(Graph& graph)
      : graph_(graph), parameters_(graph), uses_(use_counts(graph)), users_(users(graph)), builder_(graph) {}

  // Folds at the first place where it can; false if there is none.
  bool run() {
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      Product product;
      if (!describe(*graph_.ops[i], parameters_, product)) continue;
      builder_.set_origin(product.op->origin);
      if (fold_after(product) || fold_before(product)) return true;
    }
    return false;
  }

 private:
  bool is_link(Op& op, const Value* data, const Integers& axes, Link& link) {
    if (op.def->name == "negate") {
      link = {&op, 0};
      return true;
    }
    const std::string& name = op.def->name;
    if (name != "add" && name != "subtract" && name != "multiply" && name != "divide") return false;
    const std::size_t at = op.inputs[0] == data ? 0 : 1;
    if (name == "divide" && at == 1) return false;
    link = {&op, at};
    return parameters_.varies_only_along(op.inputs[1 - at], axes);
  }

  // The links in the order in which they are applied, as x * scale + shift over `axes`; null: 1, 0.
  struct Affine {
    Value* scale = nullptr;
    Value* shift = nullptr;
  };
  Affine compose(const std::vector<Link>& links, const Integers& axes) {
    Affine affine;
    for (const Link& link : links) {
      const std::string& name = link.op->def->name;
      if (name == "negate") {
        negate(affine, link.op->result(), axes);
        continue;
      }
      Value* p = extract_axes(builder_, link.op->inputs[1 - link.data], axes);
      if (name == "multiply") {
        affine.scale = affine.scale ? builder_.multiply(affine.scale, p) : p;
        if (affine.shift) affine.shift = builder_.multiply(affine.shift, p);
      } else if (name == "divide") {
        affine.scale = builder_.divide(affine.scale ? affine.scale : builder_.like(p, 1), p);
        if (affine.shift) affine.shift = builder_.divide(affine.shift, p);
      } else if (name == "add") {
        affine.shift = affine.shift ? builder_.add(affine.shift, p) : p;
      } else if (link.data == 0) {
        affine.shift = affine.shift ? builder_.subtract(affine.shift, p) : builder_.negate(p);
      } else {
        negate(affine, link.op->result(), axes);
        affine.shift = affine.shift ? builder_.add(affine.shift, p) : p;
      }
    }
    return affine;
  }

  void negate(Affine& affine, const Value* like, const Integers& axes) {
    Type type{like->type.element, {}};
    for (std::int64_t axis : axes) type.shape.push_back(like->type.shape[static_cast<std::size_t>(axis)]);
    affine.scale = affine.scale ? builder_.negate(affine.scale) : builder_.full(type, -1);
    if (affine.shift) affine.shift = builder_.negate(affine.shift);
  }

  // A value over the axes of `letters` named by `axes`, laid along the weights.
  Value* along_weights(const Product& product, Value* value, const std::string& letters, const Integers& axes) {
    const Shape& shape = product.w_value()->type.shape;
    if (product.groups > 1 && letters == product.x && !axes.empty()) return along_groups(product, value);
    std::vector<std::pair<std::int64_t, std::int64_t>> order;  // axis of the weights, axis of value
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const char letter = letters[static_cast<std::size_t>(axes[i])];
      order.emplace_back(axis_of(product.w, letter), static_cast<std::int64_t>(i));
    }
    std::sort(order.begin(), order.end());
    Integers permutation, to;
    for (const auto& [weight_axis, value_axis] : order) {
      to.push_back(weight_axis);
      permutation.push_back(value_axis);
    }
    return builder_.broadcast(builder_.transpose(value, permutation), shape, to);
  }

  // One value an input channel of a grouped convolution: output channel o sees those of its group.
  Value* along_groups(const Product& product, Value* value) {
    const Shape& shape = product.w_value()->type.shape;
    const std::int64_t o = axis_of(product.w, 'o'), i = axis_of(product.w, 'i');
    const std::int64_t outputs = o < 0 ? 1 : shape[static_cast<std::size_t>(o)];
    const std::int64_t inputs = i < 0 ? 1 : shape[static_cast<std::size_t>(i)];
    Value* split = builder_.reshape(value, {product.groups, inputs});
    Value* repeated = builder_.broadcast(split, {product.groups, outputs / product.groups, inputs}, {0, 2});
    if (i < 0) return builder_.broadcast(builder_.reshape(repeated, {outputs}), shape, {o});
    Value* matrix = builder_.reshape(repeated, {outputs, inputs});
    return o < i ? builder_.broadcast(matrix, shape, {o, i})
                 : builder_.broadcast(builder_.transpose(matrix, {1, 0}), shape, {i, o});
  }

  // The product over other operands, which knows what the user called the links: in the order of the source, those
  // before it first.
  Value* rebuild(const Product& product, Value* x, Value* w, const std::vector<Link>& links, bool are_before) {
    if (w != product.w_value()) w->name = folded_name(source_name(product.w_value()));
    std::vector<Value*> operands(2);
    operands[product.data] = x;
    operands[product.weights] = w;
    Op* op = clone_op(graph_, *product.op, operands);
    std::vector<std::string>& folded = op->origin.folded;
    std::size_t at = are_before ? 0 : folded.size();
    for (const Link& link : links) {
      const std::string& call = link.op->origin.call.empty() ? link.op->def->name : link.op->origin.call;
      const bool is_known = call == op->origin.call || std::find(folded.begin(), folded.end(), call) != folded.end();
      if (!is_known) folded.insert(folded.begin() + static_cast<std::ptrdiff_t>(at++), call);
    }
    return op->result();
  }

  // A shift is a bias, and named like one.
  Value* named_shift(const Product& product, Value* shift) {
    const std::string& layer = product.op->origin.layer;
    if (shift->name.empty() && !is_op(shift, "state") && !layer.empty()) shift->name = layer + ".bias.folded";
    return shift;
  }

  void finish(Value* from, Value* to) {
    if (!from->name.empty()) to->name = from->name;
    graph_.replace_uses(from, to);
    graph_.sort();
    remove_dead(graph_);
  }

  bool fold_after(const Product& product) {
    const Integers axes = product.shared_axes(product.y);
    std::vector<Link> links;
    Value* end = product.op->result();
    int shifts = 0;
    while (uses_[end] == 1 && users_[end].size() == 1) {
      Link link;
      if (!is_link(*users_[end][0], end, axes, link)) break;
      shifts += link.op->def->name == "add" || (link.op->def->name == "subtract" && link.data == 0);
      links.push_back(link);
      end = link.op->result();
    }
    // A lone shift is a bias already.
    if (links.empty() || (links.size() == 1 && shifts == 1)) return false;
    const Affine affine = compose(links, axes);
    Value* w = product.w_value();
    if (affine.scale) w = builder_.multiply(w, along_weights(product, affine.scale, product.y, axes));
    Value* y = rebuild(product, product.x_value(), w, links, false);
    if (affine.shift) {
      y = builder_.add(y, builder_.broadcast(named_shift(product, affine.shift), y->type.shape, axes));
    }
    finish(end, y);
    return true;
  }

  bool fold_before(const Product& product) {
    const Integers axes = product.shared_axes(product.x);
    std::vector<Link> links;
    Value* start = product.x_value();
    while (uses_[start] == 1) {
      Op& op = *start->producer;
      Link link;
      const std::size_t data = !op.inputs.empty() && parameters_.contains(op.inputs[0]) ? 1 : 0;
      if (data >= op.inputs.size() || !is_link(op, op.inputs[data], axes, link)) break;
      if (is_shift(link) && !product.takes_shift) break;
      links.insert(links.begin(), link);
      start = op.inputs[data];
    }
    if (links.empty()) return false;
    const Affine affine = compose(links, axes);
    Value* w = product.w_value();
    if (affine.scale) w = builder_.multiply(w, along_weights(product, affine.scale, product.x, axes));
    Value* y = rebuild(product, start, w, links, true);
    if (affine.shift) y = builder_.add(y, shift_of_result(product, affine.shift, axes));
    finish(product.op->result(), y);
    return true;
  }

  // What the product makes of its input's shift: the shift times the weights, summed over all that y does not have.
  Value* shift_of_result(const Product& product, Value* shift, const Integers& axes) {
    const Shape& shape = product.op->result()->type.shape;
    Value* w = product.w_value();
    Value* products = builder_.multiply(w, along_weights(product, shift, product.x, axes));
    Integers summed, y_axes, permutation;
    std::string kept;
    for (std::size_t i = 0; i < product.w.size(); ++i) {
      if (product.y.find(product.w[i]) == std::string::npos) {
        summed.push_back(static_cast<std::int64_t>(i));
      } else {
        kept.push_back(product.w[i]);
      }
    }
    Value* sum = summed.empty() ? products : builder_.reduce_sum(products, summed);
    for (std::int64_t axis : product.shared_axes(product.y)) {
      y_axes.push_back(axis);
      permutation.push_back(axis_of(kept, product.y[static_cast<std::size_t>(axis)]));
    }
    return builder_.broadcast(named_shift(product, builder_.transpose(sum, permutation)), shape, y_axes);
  }

  Graph& graph_;
  ParameterValues parameters_;
  std::map<const Value*, int> uses_;
  std::map<const Value*, std::vector<Op*>> users_;
  GraphBuilder builder_;
};

}  // namespace

void fold_affine(Graph& graph) {
  for_each_subgraph(graph, fold_affine);
  while (FoldAffine(graph).run()) {
  }
}

}  // namespace nnc
