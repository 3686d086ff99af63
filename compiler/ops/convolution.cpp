// Cross-correlation with stride, input dilation, window dilation, padding (may be negative), groups and axis roles.
// This general form makes the gradients of convolutions convolutions: see convolution_gradient.cpp.
//
// y[n, o, p] = sum over i, k of x[n, i, p stride + k window_dilation - pad_low] w[o, i, k], where x is spread by
// input_dilation and zero outside.
#include "compiler/ops/convolution_roles.h"
#include "compiler/ops/support.h"

namespace nnc::ops {
namespace {

std::string check_roles(const char* what, const std::string& axes, const std::string& letters, std::size_t spatial) {
  for (char letter : axes) {
    if (letters.find(letter) == std::string::npos) return fmt::format("{} '{}': '{}' is no role", what, axes, letter);
    if (std::count(axes.begin(), axes.end(), letter) > 1) return fmt::format("{} '{}': a role twice", what, axes);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if ((axes.find(static_cast<char>('0' + i)) != std::string::npos) != (i < spatial)) {
      return fmt::format("{} '{}' does not have {} spatial axes", what, axes, spatial);
    }
  }
  return "";
}

std::string check_form(const Convolution& c, const Shape& x, const Shape& w) {
  const std::size_t spatial = c.stride.size();
  std::string wrong = check_roles("x_axes", c.x_axes, "nc012", spatial);
  if (wrong.empty()) wrong = check_roles("y_axes", c.y_axes, "nc012", spatial);
  if (wrong.empty()) wrong = check_roles("w_axes", c.w_axes, "Ooi012", spatial);
  if (wrong.empty()) wrong = check_list("stride", c.stride, spatial, 1);
  if (wrong.empty()) wrong = check_list("input_dilation", c.input_dilation, spatial, 1);
  if (wrong.empty()) wrong = check_list("window_dilation", c.window_dilation, spatial, 1);
  if (wrong.empty()) wrong = check_list("pad_low", c.pad_low, spatial);
  if (wrong.empty()) wrong = check_list("pad_high", c.pad_high, spatial);
  if (wrong.empty() && (x.size() != c.x_axes.size() || w.size() != c.w_axes.size())) {
    wrong = fmt::format("roles '{}' and '{}' do not fit {} and {}", c.x_axes, c.w_axes, to_string(x), to_string(w));
  }
  return wrong;
}

std::string check_groups(const Convolution& c, std::int64_t inputs) {
  if (c.groups < 1 || c.batch_groups < 1) return "groups must be at least 1";
  if (c.groups > 1 && c.batch_groups > 1) return "either groups or batch_groups may be above 1";
  if (c.c % c.groups != 0 || inputs != c.c / c.groups) {
    return fmt::format("{} channels in {} groups do not meet {} inputs of the weights", c.c, c.groups, inputs);
  }
  if (c.o % c.groups != 0 || c.o % c.batch_groups != 0 || c.n % c.batch_groups != 0) {
    return "the groups do not divide the channels";
  }
  return "";
}

// Limits as in op.cpp keep the sums and products of extents within 64 bits.
std::string set_extents(Convolution& c, const Shape& x, const Shape& w) {
  c.n = extent_of(c.x_axes, x, 'n');
  c.c = extent_of(c.x_axes, x, 'c');
  c.o = extent_of(c.w_axes, w, 'O') * extent_of(c.w_axes, w, 'o');
  std::string wrong = check_groups(c, extent_of(c.w_axes, w, 'i'));
  for (std::size_t i = 0; i < c.stride.size() && wrong.empty(); ++i) {
    const char letter = static_cast<char>('0' + i);
    c.in.push_back(extent_of(c.x_axes, x, letter));
    c.window.push_back(extent_of(c.w_axes, w, letter));
    const std::int64_t padded = dilated(c.in[i], c.input_dilation[i]) + c.pad_low[i] + c.pad_high[i];
    const std::int64_t span = dilated(c.window[i], c.window_dilation[i]);
    if (span < 1) return "the window is empty";
    if (padded < 0) return fmt::format("padding takes more than the {} places of spatial axis {}", c.in[i], i);
    if (padded < span) {
      return fmt::format("a window of {} does not fit in the {} places of spatial axis {}", span, padded, i);
    }
    c.out.push_back((padded - span) / c.stride[i] + 1);
  }
  return wrong;
}

Inferred infer_convolution(const OpView& op) {
  if (op.type(0).element != op.type(1).element || op.type(0).element == ElementType::Bool) {
    return error(fmt::format("{} and {} cannot be convolved", to_string(op.type(0)), to_string(op.type(1))));
  }
  const Convolution c = read_convolution(op.attributes, op.shape(0), op.shape(1));
  if (!c.error.empty()) return error(c.error);
  return {{{op.type(0).element, c.result_shape}}, ""};
}

struct SampleForm {
  const char *x_axes, *w_axes, *y_axes;
  std::vector<std::int64_t> stride, input_dilation, window_dilation, pad_low, pad_high;
  std::int64_t groups = 1, batch_groups = 1;
};

Sample sample(const char* what, Shape x, Shape w, const SampleForm& form) {
  Attributes attributes;
  attributes.set("x_axes", std::string(form.x_axes));
  attributes.set("w_axes", std::string(form.w_axes));
  attributes.set("y_axes", std::string(form.y_axes));
  attributes.set("stride", form.stride);
  attributes.set("input_dilation", form.input_dilation);
  attributes.set("window_dilation", form.window_dilation);
  attributes.set("pad_low", form.pad_low);
  attributes.set("pad_high", form.pad_high);
  attributes.set("groups", form.groups);
  attributes.set("batch_groups", form.batch_groups);
  return {.what = what, .operands = {f32(std::move(x)), f32(std::move(w))}, .attributes = attributes};
}

std::vector<Sample> samples() {
  return {
      sample("one example", {2, 5, 6}, {3, 2, 3, 3}, {"c01", "oi01", "c01", {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}),
      sample("stride, uneven padding", {2, 2, 7, 6}, {3, 2, 3, 2},
             {"nc01", "oi01", "nc01", {2, 2}, {1, 1}, {1, 1}, {1, 0}, {0, 1}}),
      sample("dilations", {1, 2, 5}, {2, 2, 3}, {"nc0", "oi0", "nc0", {2}, {3}, {2}, {2}, {1}}),
      sample("negative padding", {1, 1, 7}, {2, 1, 2}, {"nc0", "oi0", "nc0", {1}, {1}, {1}, {-1}, {-2}}),
      sample("groups", {2, 4, 5}, {6, 2, 3}, {"nc0", "oi0", "nc0", {1}, {1}, {1}, {1}, {1}, 2}),
      sample("depthwise", {3, 4, 4}, {3, 1, 3, 3}, {"c01", "oi01", "c01", {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 3}),
      sample("batch groups", {4, 3, 4}, {2, 3, 2}, {"nc0", "oi0", "nc0", {1}, {1}, {1}, {0}, {0}, 1, 2}),
      sample("batch groups, spread", {4, 3, 4}, {2, 3, 3}, {"nc0", "oi0", "nc0", {2}, {3}, {1}, {1}, {0}, 1, 2}),
      sample("one place, spread", {2, 1}, {3, 2, 4}, {"c0", "oi0", "c0", {2}, {3}, {1}, {3}, {5}}),
      sample("channels last, packed weights", {1, 4, 4, 2}, {2, 3, 3, 2, 2},
             {"n01c", "O01io", "n01c", {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}),
      sample("absent channels", {5}, {3}, {"0", "0", "0", {1}, {1}, {1}, {1}, {1}}),
      sample("a volume", {2, 3, 4, 5, 3}, {4, 3, 2, 3, 3},
             {"nc012", "oi012", "nc012", {1, 2, 1}, {1, 1, 1}, {2, 1, 1}, {1, 0, 1}, {1, 1, 0}}),
      sample("groups of a volume", {4, 3, 3, 4}, {6, 2, 2, 1, 3},
             {"c012", "oi012", "c012", {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 1}, {1, 0, 1}, 2}),
      sample("a volume depthwise, channels last", {4, 5, 4, 3}, {3, 1, 3, 3, 2},
             {"012c", "oi012", "012c", {2, 1, 1}, {1, 1, 1}, {1, 1, 2}, {1, 1, 1}, {1, 1, 0}, 3}),
      sample("a volume, spread", {2, 3, 2, 3}, {4, 2, 3, 2, 3},
             {"c012", "oi012", "c012", {1, 1, 1}, {2, 3, 2}, {1, 1, 1}, {2, 1, 1}, {1, 1, 2}}),
      sample("a volume, window larger than result", {2, 3, 4, 5, 4}, {2, 4, 3, 4, 3},
             {"cn012", "io012", "nc012", {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 0, 1}, {0, 1, 0}}),
      sample("no spatial axes", {2, 3}, {4, 3}, {"nc", "oi", "nc", {}, {}, {}, {}, {}}),
  };
}

}  // namespace

std::int64_t axis_of(const std::string& axes, char letter) {
  const std::size_t found = axes.find(letter);
  return found == std::string::npos ? -1 : static_cast<std::int64_t>(found);
}

std::int64_t extent_of(const std::string& axes, const Shape& shape, char letter) {
  const std::int64_t axis = axis_of(axes, letter);
  return axis < 0 ? 1 : shape[static_cast<std::size_t>(axis)];
}

std::int64_t dilated(std::int64_t extent, std::int64_t dilation) {
  return extent == 0 ? 0 : (extent - 1) * dilation + 1;
}

Convolution read_convolution(const Attributes& attributes, const Shape& x, const Shape& w) {
  Convolution c;
  c.x_axes = attributes.text("x_axes");
  c.w_axes = attributes.text("w_axes");
  c.y_axes = attributes.text("y_axes");
  c.stride = attributes.integers("stride");
  c.input_dilation = attributes.integers("input_dilation");
  c.window_dilation = attributes.integers("window_dilation");
  c.pad_low = attributes.integers("pad_low");
  c.pad_high = attributes.integers("pad_high");
  c.groups = attributes.integer("groups");
  c.batch_groups = attributes.integer("batch_groups");
  c.error = check_form(c, x, w);
  if (c.error.empty()) c.error = set_extents(c, x, w);
  if (!c.error.empty()) return c;
  const std::int64_t n = c.n / c.batch_groups;
  if ((axis_of(c.y_axes, 'n') < 0 && n != 1) || (axis_of(c.y_axes, 'c') < 0 && c.o != 1)) {
    c.error = "the result has no axis for its batch or channels";
    return c;
  }
  for (char letter : c.y_axes) {
    c.result_shape.push_back(letter == 'n' ? n : letter == 'c' ? c.o : c.out[static_cast<std::size_t>(letter - '0')]);
  }
  return c;
}

OpDef convolution_op() {
  return {
      .name = "convolution",
      .signature = "convolution(x, w)",
      .formula =
          "y[n, o, p] = sum over i, k of x[n, i, p stride + k window_dilation - pad_low] w[o, i, k], x spread by "
          "input_dilation; roles: x and y `n` batch, `c` channels, `0 1 2` spatial, w `o i 0 1 2` and `O`, an outer "
          "block of o; n, c, i, o may be absent",
      .operands_min = 2,
      .operands_max = 2,
      .traits = Sum,
      .attributes = {{"x_axes", AttributeKind::Text, "a role an axis of x"},
                     {"w_axes", AttributeKind::Text, "a role an axis of w"},
                     {"y_axes", AttributeKind::Text, "a role an axis of the result"},
                     {"stride", AttributeKind::Integers, "one a spatial axis"},
                     {"input_dilation", AttributeKind::Integers, "places from one element of x to the next"},
                     {"window_dilation", AttributeKind::Integers, "places from one tap to the next"},
                     {"pad_low", AttributeKind::Integers, "zeros before; may be negative"},
                     {"pad_high", AttributeKind::Integers, "zeros behind; may be negative"},
                     {"groups", AttributeKind::Integer, "group j of c meets group j of o"},
                     {"batch_groups", AttributeKind::Integer, "group j of n meets group j of o, as in XLA"}},
      .infer = infer_convolution,
      .evaluate = evaluate_convolution,
      .gradient = differentiate_convolution,
      .batch = batch_convolution,
      .lower = {.family = Family::Convolve, .flops = 2},
      .samples = samples(),
      .tolerance = {.relative = 1e-6},
  };
}

}  // namespace nnc::ops
