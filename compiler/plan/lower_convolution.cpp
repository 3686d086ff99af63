// Convolutions in their three roles (forward, input gradient, weight gradient) on the templates' channels-last form.
#include <algorithm>
#include <array>

#include "compiler/plan/builder.h"
#include "templates/tiles.h"

namespace nnc {

namespace {

// Extent and stride of an axis, by its letter; 1 and 0 where it is absent.
struct Axes {
  const std::string& letters;
  const View& view;

  std::size_t find(char letter) const { return letters.find(letter); }
  std::int64_t extent(char letter) const { return has(letter) ? view.shape[find(letter)] : 1; }
  std::int64_t stride(char letter) const { return has(letter) ? view.strides[find(letter)] : 0; }
  bool has(char letter) const { return find(letter) != std::string::npos; }
};

std::vector<int> order_of(const std::string& letters, const std::string& wanted) {
  std::vector<int> order;
  for (const char letter : wanted) {
    const std::size_t at = letters.find(letter);
    if (at != std::string::npos) order.push_back(static_cast<int>(at));
  }
  return order;
}

// A number for each spatial axis of the templates: planes, rows, columns. A convolution over fewer has the last ones.
using Triple = std::array<std::int64_t, 3>;

struct Window {
  std::array<char, 3> letter{'-', '-', '-'};  // '-': absent
  Triple stride{1, 1, 1}, dilation{1, 1, 1}, input_dilation{1, 1, 1}, pad_low{0, 0, 0};

  Triple extents(const Axes& axes) const {
    return {axes.extent(letter[0]), axes.extent(letter[1]), axes.extent(letter[2])};
  }
  Triple strides(const Axes& axes) const {
    return {axes.stride(letter[0]), axes.stride(letter[1]), axes.stride(letter[2])};
  }
};

Window window_of(const Op& op) {
  const std::vector<std::int64_t>& stride = op.attributes.integers("stride");
  Window window;
  for (std::size_t i = 0; i < stride.size(); ++i) {
    const std::size_t to = i + 3 - stride.size();
    window.letter[to] = static_cast<char>('0' + i);
    window.stride[to] = stride[i];
    window.dilation[to] = op.attributes.integers("window_dilation")[i];
    // A single place has no neighbour to be spread from.
    const std::size_t axis = op.attributes.text("x_axes").find(window.letter[to]);
    if (op.inputs[0]->type.shape[axis] > 1) window.input_dilation[to] = op.attributes.integers("input_dilation")[i];
    window.pad_low[to] = op.attributes.integers("pad_low")[i];
  }
  return window;
}

// A last axis of one place, where the kernel has one, is none: the axes before it move up, so that tiles lie along the
// one that is long. So it is where a sequence is given as an image of width 1.
void drop_single_axes(Window& window, const Triple& in, const Triple& out, const Triple& k) {
  for (std::size_t last = 2; last > 0 && window.letter[1] != '-'; --last) {
    if (in[last] != 1 || out[last] != 1 || k[last] != 1 || window.pad_low[2] != 0) return;
    std::rotate(window.letter.begin(), window.letter.end() - 1, window.letter.end());
    window.letter[0] = '-';
    for (Triple* values : {&window.stride, &window.dilation, &window.input_dilation, &window.pad_low}) {
      std::rotate(values->begin(), values->end() - 1, values->end());
      (*values)[0] = values == &window.pad_low ? 0 : 1;
    }
  }
}

struct Convolution {
  PlanBuilder& builder;
  const Group& group;
  const Op& op;
  const std::string &x_axes, &w_axes, &y_axes;
  Window window;

  Convolution(PlanBuilder& plan_builder, const Group& of)
      : builder(plan_builder),
        group(of),
        op(*of.root),
        x_axes(op.attributes.text("x_axes")),
        w_axes(op.attributes.text("w_axes")),
        y_axes(op.attributes.text("y_axes")),
        window(window_of(op)) {
    const auto extents = [this](const std::string& axes, const Shape& shape) {
      return window.extents(Axes{axes, contiguous_view(0, shape)});
    };
    drop_single_axes(window, extents(x_axes, op.inputs[0]->type.shape), extents(y_axes, op.result()->type.shape),
                     extents(w_axes, op.inputs[1]->type.shape));
  }

  // A field for each spatial axis; planes are left out where there is but one.
  void add(std::vector<Field>& config, const std::string& name, const Triple& values) const {
    if (window.letter[0] != '-') config.push_back(field(name + "_plane", values[0]));
    config.push_back(field(name + "_0", values[1]));
    config.push_back(field(name + "_1", values[2]));
  }

  std::string about() const { return to_string(op.inputs[0]->type) + " -> " + to_string(op.result()->type); }
  // "3x3, "
  std::string kernel() const {
    std::string text;
    for (std::size_t i = 0; i < w_axes.size(); ++i) {
      if (!std::isdigit(static_cast<unsigned char>(w_axes[i]))) continue;
      text += (text.empty() ? "" : "x") + std::to_string(op.inputs[1]->type.shape[i]);
    }
    return text + ", ";
  }
};

// x spread out by the input dilation, along the axes along which the kernel cannot do that itself: `takes_dilation`, it
// can where there is no stride.
View spread_input(Convolution& c, const View& x, bool takes_dilation) {
  const auto stays = [&](std::size_t i) {
    return c.window.input_dilation[i] == 1 || (takes_dilation && c.window.stride[i] == 1);
  };
  Shape shape = x.shape;
  for (std::size_t i = 0; i < c.window.letter.size(); ++i) {
    if (stays(i)) continue;
    std::int64_t& extent = shape[c.x_axes.find(c.window.letter[i])];
    extent = extent == 0 ? 0 : (extent - 1) * c.window.input_dilation[i] + 1;
  }
  if (shape == x.shape) return x;
  const ElementType element = c.op.inputs[0]->type.element;
  View all = contiguous_view(c.builder.new_buffer("spread", element, element_count(shape), Memory::Scratch), shape);
  const std::vector<int> order = memory_order(x);  // what lies together stays together
  for (std::int64_t i = static_cast<std::int64_t>(order.size()) - 1, stride = 1; i >= 0; --i) {
    const std::size_t axis = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    all.strides[axis] = stride;
    stride *= shape[axis];
  }
  View part = all;
  part.shape = x.shape;
  for (std::size_t i = 0; i < c.window.letter.size(); ++i) {
    if (stays(i)) continue;
    part.strides[c.x_axes.find(c.window.letter[i])] *= c.window.input_dilation[i];
    c.window.input_dilation[i] = 1;
  }
  c.builder.fill(c.op, all, element, 0);
  c.builder.copy(c.op, x, part, element);
  c.builder.complete(c.op.inputs[0], part);
  return all;
}

// Weights whose outputs are cut in blocks (axes O and o), seen with one axis of outputs; `letters` become those of what
// is returned.
View join_outputs(Convolution& c, const View& given, std::string& letters) {
  const std::size_t outer = letters.find('O'), inner = letters.find('o');
  if (outer == std::string::npos) return given;
  View w = given;
  if (inner == std::string::npos) {
    letters[outer] = 'o';
    return w;
  }
  if (w.strides[inner] != 1 || w.strides[outer] != w.shape[inner]) {
    w = c.builder.packed_view(c.op.inputs[1], order_of(letters, "012iOo"));
  }
  w.shape[inner] *= w.shape[outer];
  w.strides[inner] = 1;
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(outer);
  w.shape.erase(w.shape.begin() + at);
  w.strides.erase(w.strides.begin() + at);
  letters.erase(outer, 1);
  return w;
}

// Forward, and the input gradient (input_dilation). Channels of the result fill the lanes.
void lower_forward(Convolution& c) {
  PlanBuilder& builder = c.builder;
  const View x = spread_input(c, builder.memory_view(c.op.inputs[0]), true);
  const Axes xa{c.x_axes, x};
  const std::int64_t groups = c.op.attributes.integer("groups");
  const std::int64_t o_all = c.op.result()->type.shape.empty() ? 1 : [&] {
    const std::size_t at = c.y_axes.find('c');
    return at == std::string::npos ? 1 : c.op.result()->type.shape[at];
  }();
  const std::int64_t o = o_all / groups, i = xa.extent('c') / groups;
  const bool depthwise = groups > 1 && i == 1 && o == 1 && (xa.stride('c') == 1);
  // Weights in plain rows: outputs contiguous. Depthwise: [taps][o].
  const std::string wanted = depthwise || groups == 1 ? "012io" : "o012i";
  std::string w_axes = c.w_axes;
  // As pack_weights makes them.
  const bool is_packed = groups == 1 && w_axes.starts_with("O") && w_axes.ends_with("io");
  View w = builder.memory_view(c.op.inputs[1]);
  if (!is_packed) w = join_outputs(c, w, w_axes);
  const auto lanes_contiguous = [&](const View& view) {
    return Axes{w_axes, view}.extent('o') == 1 || Axes{w_axes, view}.stride('o') == 1;
  };
  if (!lanes_contiguous(w))
    w = builder.packed_view(c.op.inputs[1], is_packed ? order_of(w_axes, "O012io")
                                                      : order_of(w_axes, wanted == "o012i" ? "012io" : wanted));
  const Axes wa{w_axes, w};
  const std::vector<int> order = order_of(c.y_axes, "n012c");
  builder.finish_root(c.group, {order, c.y_axes.find('c') == std::string::npos ? 0 : 1}, [&](const View& y) {
    const Axes ya{c.y_axes, y};
    const Window& window = c.window;
    Step step = builder.new_step(c.op, "convolution", "templates/convolution.h");
    std::vector<Field>& config = step.config;
    const int lanes = builder.lanes(c.op.result()->type.element);
    const Triple out = window.extents(ya), k = window.extents(wa);
    const std::int64_t places = divide_up(out[2], window.input_dilation[2]);
    const int registers = builder.target().registers;
    const TileShape tile = depthwise   ? depthwise_tile_shape(out[2], o_all, lanes, registers)
                           : is_packed ? tile_of_vectors(places, wa.extent('o') / lanes, registers)
                                       : tile_shape(places, o, lanes, registers);
    config = {field("n", xa.extent('n')), field("groups", depthwise ? 1 : groups), field("i", i),
              field("o", depthwise ? o_all : o)};
    c.add(config, "in", window.extents(xa));
    c.add(config, "out", out);
    c.add(config, "k", k);
    c.add(config, "stride", window.stride);
    c.add(config, "dilation", window.dilation);
    c.add(config, "input_dilation", window.input_dilation);
    c.add(config, "pad_low", window.pad_low);
    config.push_back(field("x_n", xa.stride('n')));
    c.add(config, "x", window.strides(xa));
    config.push_back(field("x_i", depthwise ? 0 : xa.stride('c')));
    config.push_back(flag_field("packed", is_packed));
    config.push_back(field("w_group", depthwise || is_packed ? 0 : wa.stride('o') * o));
    config.push_back(field("w_block", is_packed ? wa.stride('O') : 0));
    c.add(config, "w", window.strides(wa));
    config.push_back(field("w_i", depthwise ? 0 : wa.stride('i')));
    config.push_back(field("y_n", ya.stride('n')));
    c.add(config, "y", window.strides(ya));
    config.push_back(field("lanes", lanes));
    config.push_back(field("tile_m", tile.rows));
    config.push_back(field("tile_n", tile.vectors));
    config.push_back(flag_field("depthwise", depthwise));
    builder.pointer(step, "x", x, c.op.inputs[0]->type.element, false);
    builder.pointer(step, "w", w, c.op.inputs[1]->type.element, false);
    builder.pointer(step, "y", y, c.op.result()->type.element, true);
    step.flops = 2.0 * static_cast<double>(element_count(c.op.result()->type.shape)) *
                 static_cast<double>(i * k[0] * k[1] * k[2]);
    step.comments.push_back(c.kernel() + c.about());
    return step;
  });
}

// The weight gradient of a forward convolution F: x is F's input with its channels as `n` and its examples as `c`, w is
// the gradient of F's result with its examples as `i`, and what the window of this convolution spans is F's result.
void lower_weights(Convolution& c) {
  PlanBuilder& builder = c.builder;
  const View x = spread_input(c, builder.memory_view(c.op.inputs[0]), false);
  const Axes xa{c.x_axes, x};
  const std::int64_t groups = c.op.attributes.integer("batch_groups");
  View dy = builder.memory_view(c.op.inputs[1]);
  if (const Axes da{c.w_axes, dy}; da.extent('o') != 1 && da.stride('o') != 1) {
    dy = builder.packed_view(c.op.inputs[1], order_of(c.w_axes, "i012o"));
  }
  const Axes da{c.w_axes, dy};
  const std::int64_t o = da.extent('o') / groups, i = xa.extent('n') / groups;
  const bool depthwise = groups > 1 && i == 1 && o == 1 && xa.stride('n') == 1;
  const std::vector<int> order = order_of(c.y_axes, "012nc");
  // Sums of rows that are not the last wait in dw, as they are.
  const PlanBuilder::ResultForm form = {order, c.y_axes.find('c') == std::string::npos ? 0 : 1, nullptr, false};
  builder.finish_root(c.group, form, [&](const View& dw) {
    const Axes wa{c.y_axes, dw};
    const Window& window = c.window;
    Step step = builder.new_step(c.op, depthwise ? "depthwise_weights" : "convolution_weights",
                                 "templates/convolution_weights.h");
    std::vector<Field>& config = step.config;
    const int lanes = builder.lanes(c.op.result()->type.element), registers = builder.target().registers;
    const Triple in = window.extents(xa), out = window.extents(da), k = window.extents(wa);
    const TileShape tile = depthwise ? depthwise_tile_shape(out[2], o * groups, lanes, registers)
                                     : weight_gradient_tile_shape(i, k[2], o, lanes, registers);
    config = {field("n", xa.extent('c')), field("groups", depthwise ? 1 : groups), field("i", i),
              field("o", depthwise ? groups : o)};
    c.add(config, "in", in);
    c.add(config, "out", out);
    c.add(config, "k", k);
    c.add(config, "stride", window.dilation);
    c.add(config, "dilation", window.stride);
    c.add(config, "input_dilation", {1, 1, 1});
    c.add(config, "pad_low", window.pad_low);
    config.push_back(field("x_n", xa.stride('c')));
    c.add(config, "x", window.strides(xa));
    config.push_back(field("x_i", depthwise ? 0 : xa.stride('n')));
    config.push_back(flag_field("packed", false));
    config.push_back(field("w_group", depthwise ? 0 : o));
    config.push_back(field("w_block", 0));
    c.add(config, "w", window.strides(wa));
    config.push_back(field("w_i", depthwise ? 0 : wa.stride('n')));
    config.push_back(field("y_n", da.stride('i')));
    c.add(config, "y", window.strides(da));
    config.push_back(field("lanes", lanes));
    config.push_back(field("tile_m", tile.rows));
    config.push_back(field("tile_n", tile.vectors));
    config.push_back(
        field("row_block", convolution_row_block(4 * in[2] * xa.extent('n'), 4 * out[2] * da.extent('o'), out[1])));
    config.push_back(flag_field("depthwise", depthwise));
    builder.pointer(step, "x", x, c.op.inputs[0]->type.element, false);
    builder.pointer(step, "dy", dy, c.op.inputs[1]->type.element, false);
    builder.pointer(step, "dw", dw, c.op.result()->type.element, true);
    step.flops = 2.0 * static_cast<double>(element_count(c.op.result()->type.shape)) *
                 static_cast<double>(xa.extent('c') * out[0] * out[1] * out[2]);
    step.comments.push_back("of the weights, " + c.about());
    return step;
  });
}

}  // namespace

void lower_convolution(PlanBuilder& builder, const Group& group) {
  Convolution c(builder, group);
  const View& w = builder.view(c.op.inputs[1]);
  std::int64_t window_cells = 1, result_cells = 1;
  for (std::size_t i = 0; i < c.w_axes.size(); ++i) {
    if (c.w_axes[i] >= '0' && c.w_axes[i] <= '2') window_cells *= w.shape[i];
  }
  for (std::size_t i = 0; i < c.y_axes.size(); ++i) {
    if (c.y_axes[i] >= '0' && c.y_axes[i] <= '2') result_cells *= c.op.result()->type.shape[i];
  }
  // Only the weight gradient's kernel has groups of the batch; it is the faster one where there are many places to sum.
  // A layer's convolution is never taken for one: it sums in the same order whatever its extents.
  const bool is_layer = behind_views(c.op.inputs[1])->producer->def->name == "state";
  const bool is_weight_gradient = c.op.attributes.integer("batch_groups") > 1 ||
                                  (!is_layer && c.op.attributes.integer("groups") == 1 &&
                                   c.window.input_dilation == Triple{1, 1, 1} && window_cells > result_cells);
  if (is_weight_gradient) {
    lower_weights(c);
  } else {
    lower_forward(c);
  }
}

}  // namespace nnc
