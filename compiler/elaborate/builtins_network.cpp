// Convolutions, windows, products, chance, gradients and loops.
#include <algorithm>

#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

constexpr std::int64_t kSamePadding = -1;
constexpr std::int64_t kLargest = std::int64_t{1} << 30;  // of a setting: places of a window stay within 64 bits
constexpr std::size_t kAxesMax = 3;                       // the templates have planes, rows and columns

void check_range(Arguments& arguments, const char* name, const std::vector<std::int64_t>& values, std::int64_t least) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= least && values[i] <= kLargest) continue;
    arguments.evaluator.reporter().fail_with(arguments.evaluator.session.size_notes(arguments.sources(name, i)),
                                             Kind::bad_size, arguments.place(name), values[i],
                                             fmt::format("`{}` is {} to {}", name, least, kLargest));
  }
}

void check_axes(Arguments& arguments, const char* what, std::size_t axes) {
  if (axes > kAxesMax) arguments.evaluator.reporter().fail(Kind::unsupported_axes, arguments.place("x"), what, axes);
}

// How windows lie along the spatial axes of an image [C, S...]: the settings that convolutions and pooling share.
struct Windows {
  std::vector<std::int64_t> stride, dilation, low, high;

  // Cells from the first tap of a window of k taps to its last.
  std::int64_t reach(std::size_t axis, std::int64_t k) const { return (k - 1) * dilation[axis] + 1; }
};

// `pad_end` is `pad` where it is not given. `same` stays to be worked out, and holds for both ends.
Windows windows_of(Arguments& arguments, std::size_t axes) {
  Windows windows{arguments.per_axis("stride", 1, axes),
                  arguments.per_axis("dilation", 1, axes),
                  arguments.per_axis("pad", 0, axes),
                  {}};
  windows.high = arguments.has("pad_end") ? arguments.per_axis("pad_end", 0, axes) : windows.low;
  check_range(arguments, "stride", windows.stride, 1);
  check_range(arguments, "dilation", windows.dilation, 1);
  check_range(arguments, "pad", windows.low, kSamePadding);
  check_range(arguments, "pad_end", windows.high, kSamePadding);
  for (std::size_t i = 0; i < axes; ++i) {
    if ((windows.low[i] == kSamePadding) != (windows.high[i] == kSamePadding)) {
      arguments.evaluator.reporter().fail(Kind::one_end_same, arguments.place("pad_end"));
    }
  }
  return windows;
}

// Works `same` out: ceil(size / stride) cells, the odd cell of padding at the end. k: taps of the window an axis, and
// where they come from; x: the image, whose last axes are spatial. A window must fit.
void fit_windows(Arguments& arguments, Windows& windows, const std::vector<std::int64_t>& k,
                 const std::vector<SizeSources>& k_sources, const Value* x) {
  const Session& session = arguments.evaluator.session;
  const std::size_t first = x->type.shape.size() - k.size();
  for (std::size_t i = 0; i < k.size(); ++i) {
    const std::int64_t size = x->type.shape[first + i], stride = windows.stride[i], reach = windows.reach(i, k[i]);
    if (windows.low[i] == kSamePadding) {
      const std::int64_t cells = (size + stride - 1) / stride;
      const std::int64_t total = std::max<std::int64_t>(0, (cells - 1) * stride + reach - size);
      windows.low[i] = total / 2;
      windows.high[i] = total - windows.low[i];
    }
    const std::int64_t padded = size + windows.low[i] + windows.high[i];
    if (padded >= reach) continue;
    SizeSources sources;
    for (const char* name : {"dilation", "pad", "pad_end"}) add_sources(sources, arguments.sources(name, i));
    add_sources(sources, k_sources[i]);
    std::vector<Note> notes =
        join_notes({session.size_notes(sources), session.size_notes(x, static_cast<std::int64_t>(first + i))});
    arguments.evaluator.reporter().fail_with(notes, Kind::window_too_large, arguments.place("x"), reach, padded,
                                             first + i);
  }
}

// The axis of the channels of an image: before it there may be a batch.
std::size_t channel_axis(const Shape& x, const Shape& w) { return x.size() == w.size() ? 1 : 0; }

// The operands of a convolution over axes that it has kernels for, whose channels meet in `groups`.
std::vector<Value*> image_and_weight(Arguments& arguments, std::int64_t groups) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values =
      evaluator.tensors({&arguments.get("x"), &arguments.get("w")}, {arguments.place("x"), arguments.place("w")});
  evaluator.check_numbers(values[0], "a convolution", arguments.place("x"));
  evaluator.check_numbers(values[1], "a convolution", arguments.place("w"));
  const Shape& x = values[0]->type.shape;
  const Shape& w = values[1]->type.shape;
  const bool ranks_fit = w.size() >= 3 && (w.size() == x.size() + 1 || w.size() == x.size());
  const std::size_t c = channel_axis(x, w);
  if (!ranks_fit || groups < 1 || x[c] % groups != 0 || w[0] % groups != 0 || w[1] != x[c] / groups) {
    const Session& session = evaluator.session;
    evaluator.reporter().fail_with(ranks_fit ? join_notes({session.size_notes(values[0], static_cast<std::int64_t>(c)),
                                                           session.size_notes(values[1], 1)})
                                             : session.shape_notes(values[0]),
                                   Kind::convolution_mismatch, arguments.place("x"), nnc::to_string(x),
                                   nnc::to_string(w));
  }
  check_axes(arguments, "a convolution", w.size() - 2);
  return values;
}

Datum convolution(Arguments& arguments, const std::vector<Value*>& operands, const Windows& windows,
                  const std::vector<std::int64_t>& input_dilation, std::int64_t groups) {
  const std::string letters = std::string("012").substr(0, windows.stride.size());
  const bool has_batch = channel_axis(operands[0]->type.shape, operands[1]->type.shape) == 1;
  const std::string image = (has_batch ? "nc" : "c") + letters;
  arguments.evaluator.at(arguments.span);
  Attributes values = attributes({{"x_axes", image},
                                  {"y_axes", image},
                                  {"w_axes", "oi" + letters},
                                  {"stride", windows.stride},
                                  {"input_dilation", input_dilation},
                                  {"window_dilation", windows.dilation},
                                  {"pad_low", windows.low},
                                  {"pad_high", windows.high},
                                  {"groups", groups},
                                  {"batch_groups", std::int64_t{1}}});
  return Datum::of(arguments.evaluator.session.op("convolution", operands, values));
}

std::vector<std::int64_t> taps_of(const Shape& w) { return {w.begin() + 2, w.end()}; }

Datum convolve(Arguments& arguments) {
  const std::int64_t groups = arguments.integer("groups", 1);
  const std::vector<Value*> operands = image_and_weight(arguments, groups);
  const std::vector<std::int64_t> k = taps_of(operands[1]->type.shape);
  Windows windows = windows_of(arguments, k.size());
  std::vector<SizeSources> sources;
  for (std::size_t i = 0; i < k.size(); ++i) {
    sources.push_back({{{}, k[i], operands[1], static_cast<std::int64_t>(i) + 2}});
  }
  fit_windows(arguments, windows, k, sources, operands[0]);
  return convolution(arguments, operands, windows, std::vector<std::int64_t>(k.size(), 1), groups);
}

// y[o, stride · i + dilation · k - pad] += x[c, i] · w[o, c, k]: a convolution of x, spread out by the stride, with w
// turned round. What `convolve` would pad is left out of the result, and `output_pad` cells come at its end; `same`
// gives size · stride cells.
Datum convolve_transpose(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const std::int64_t groups = arguments.integer("groups", 1);
  const std::vector<Value*> operands = image_and_weight(arguments, groups);
  const std::vector<std::int64_t> k = taps_of(operands[1]->type.shape);
  const Shape& x = operands[0]->type.shape;
  const std::size_t axes = k.size(), first = x.size() - axes;
  Windows windows = windows_of(arguments, axes);
  const std::vector<std::int64_t> more = arguments.per_axis("output_pad", 0, axes);
  check_range(arguments, "output_pad", more, 0);
  const std::vector<std::int64_t> spread = windows.stride;
  std::vector<std::int64_t> spatial;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t reach = windows.reach(i, k[i]);
    if (windows.low[i] == kSamePadding) {
      windows.low[i] = std::max<std::int64_t>(0, reach - spread[i]) / 2;
      windows.high[i] = reach - spread[i] - windows.low[i];
    }
    const std::int64_t cells = (x[first + i] - 1) * spread[i] + reach - windows.low[i] - windows.high[i] + more[i];
    if (cells < 1) {
      evaluator.reporter().fail(Kind::bad_size, arguments.place("pad"), windows.low[i], "it leaves no cell");
    }
    windows.low[i] = reach - 1 - windows.low[i];
    windows.high[i] = reach - 1 - windows.high[i] + more[i];
    windows.stride[i] = 1;
    spatial.push_back(static_cast<std::int64_t>(i) + 2);
  }
  evaluator.at(arguments.span);
  Value* turned = evaluator.session.op("reverse", {operands[1]}, attributes({{"axes", spatial}}));
  return convolution(arguments, {operands[0], turned}, windows, spread, groups);
}

// Windows over all axes but the `leading` first, which hold channels, or examples and channels.
Datum pool(Arguments& arguments, const char* primitive) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> operands = {arguments.tensor("x")};
  if (arguments.has("z")) operands.push_back(arguments.tensor("z"));
  Value* x = operands[0];
  evaluator.check_numbers(x, "pooling", arguments.place("x"));
  const Shape& shape = x->type.shape;
  const std::int64_t leading = arguments.integer("leading", 1);
  if (leading < 0 || static_cast<std::size_t>(leading) >= shape.size()) {
    evaluator.reporter().fail_with(evaluator.session.shape_notes(x), Kind::no_such_axis, arguments.place("x"), leading,
                                   shape.size());
  }
  if (operands.size() > 1 && operands[1]->type != x->type) {
    evaluator.reporter().fail_with(evaluator.session.shape_notes(operands[1]), Kind::shape_mismatch,
                                   arguments.place("z"), "`z`", nnc::to_string(x->type),
                                   nnc::to_string(operands[1]->type));
  }
  const std::size_t first = static_cast<std::size_t>(leading), axes = shape.size() - first;
  std::vector<std::int64_t> size = arguments.per_axis("size", 1, axes);
  check_range(arguments, "size", size, 1);
  Windows windows = windows_of(arguments, axes);
  if (!arguments.has("stride")) windows.stride = size;
  std::vector<SizeSources> sources;
  for (std::size_t i = 0; i < axes; ++i) sources.push_back(arguments.sources("size", i));
  fit_windows(arguments, windows, size, sources, x);
  std::size_t windowed = 0;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t extent = shape[first + i];
    const std::int64_t reach = windows.reach(i, size[i]), padded = extent + windows.low[i] + windows.high[i];
    const std::int64_t last = (padded - reach) / windows.stride[i] * windows.stride[i] - windows.low[i];
    if (windows.low[i] >= reach || last >= extent) {
      evaluator.reporter().fail(Kind::window_of_padding, arguments.place(windows.low[i] >= reach ? "pad" : "pad_end"),
                                size[i], first + i);
    }
    windowed += size[i] != 1 || windows.stride[i] != 1 || windows.low[i] != 0 || windows.high[i] != 0;
  }
  check_axes(arguments, "a window", windowed);
  const auto with_leading = [&](std::vector<std::int64_t> list, std::int64_t value) {
    list.insert(list.begin(), first, value);
    return list;
  };
  evaluator.at(arguments.span);
  Attributes values = attributes({{"window", with_leading(size, 1)},
                                  {"stride", with_leading(windows.stride, 1)},
                                  {"dilation", with_leading(windows.dilation, 1)},
                                  {"pad_low", with_leading(windows.low, 0)},
                                  {"pad_high", with_leading(windows.high, 0)}});
  return Datum::of(evaluator.session.op(primitive, operands, values));
}

Datum uniform(Arguments& arguments) {
  Shape dims = arguments.integers("dims");
  check_range(arguments, "dims", dims, 1);
  arguments.evaluator.at(arguments.span);
  Value* drawn = arguments.evaluator.uniform(dims);
  return Datum::of(arguments.evaluator.session.with_sources(drawn, arguments.all_sources("dims")));
}

Datum batch_mean(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  if (!evaluator.training) evaluator.reporter().fail(Kind::only_in_training, arguments.span, "batch_mean");
  Value* x = arguments.tensor("x");
  if (evaluator.session.region().parent != nullptr) evaluator.reporter().fail(Kind::batch_mean_in_scan, arguments.span);
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.batch_mean(x));
}

Datum stop_gradient(Arguments& arguments) {
  Value* x = arguments.tensor("x");
  if (!is_float(x->type.element)) return Datum::of(x);
  arguments.evaluator.at(arguments.span);
  return Datum::of(arguments.evaluator.session.op("stop_gradient", {x}));
}

Datum gradient(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  Value* y = arguments.tensor("y");
  Value* x = arguments.tensor("x");
  evaluator.at(arguments.span);
  Value* ones = evaluator.session.full(y->type.element, y->type.shape, 1);
  return Datum::of(evaluator.session.op("gradient", {y, ones, x}));
}

}  // namespace

std::vector<Builtin> network_builtins() {
  SignatureParam stride = optional("stride", "ints"), dilation = optional("dilation", "ints"),
                 pad = optional("pad", "ints"), pad_end = optional("pad_end", "ints"),
                 groups = optional("groups", "int");
  SignatureParam leading = optional("leading", "int");
  Signature window = {{input("x"), setting("size", "ints"), stride, dilation, pad, pad_end, leading}};
  Signature window_of_two = {
      {input("x"), input("z"), setting("size", "ints"), stride, dilation, pad, pad_end, leading}};
  Signature loop = {
      {input("xs"), setting("f", "op"), optional_input("length"), optional("carry", "flag")}, false, true};
  return {
      {"convolve", {{input("x"), input("w"), stride, dilation, pad, pad_end, groups}}, convolve},
      {"convolve_transpose",
       {{input("x"), input("w"), stride, dilation, pad, pad_end, optional("output_pad", "ints"), groups}},
       convolve_transpose},
      {"pool_max", window, [](Arguments& arguments) { return pool(arguments, "window_max"); }},
      {"pool_sum", window, [](Arguments& arguments) { return pool(arguments, "window_sum"); }},
      // Of z what stands where x has the largest of each window.
      {"pool_pick", window_of_two, [](Arguments& arguments) { return pool(arguments, "window_gather"); }},
      {"uniform", {{setting("dims", "ints")}}, uniform},
      {"batch_mean", {{input("x")}}, batch_mean},
      {"stop_gradient", {{input("x")}}, stop_gradient},
      {"gradient", {{input("y"), input("x")}}, gradient},
      {"scan", loop, [](Arguments& arguments) { return arguments.evaluator.scan(arguments); }},
      {"repeat",
       {{input("x"), setting("n", "int"), setting("f", "op")}, false, true},
       [](Arguments& arguments) { return arguments.evaluator.repeat(arguments); }},
      {"total",
       {{setting("set", "set"), setting("f", "op")}},
       [](Arguments& arguments) { return arguments.evaluator.total(arguments); }},
      {"fold",
       {{setting("items", "list"), setting("f", "op")}},
       [](Arguments& arguments) { return arguments.evaluator.fold(arguments); }},
  };
}

}  // namespace nnc::semantics
