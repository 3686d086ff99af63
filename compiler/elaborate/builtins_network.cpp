// Convolutions, windows, products, chance, gradients and loops.
#include <algorithm>

#include "compiler/elaborate/builtins.h"

namespace nnc::semantics {
namespace {

constexpr std::int64_t kSamePadding = -1;

// The padding of one axis: `same` gives ceil(size / stride) cells, the odd cell of padding at the end.
void padding(std::int64_t given, std::int64_t size, std::int64_t reach, std::int64_t stride, std::int64_t& low,
             std::int64_t& high) {
  low = high = given;
  if (given != kSamePadding) return;
  std::int64_t cells = (size + stride - 1) / stride;
  std::int64_t total = std::max<std::int64_t>(0, (cells - 1) * stride + reach - size);
  low = total / 2;
  high = total - low;
}

void check_positive(Arguments& arguments, const char* name, const std::vector<std::int64_t>& values,
                    std::int64_t least) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= least) continue;
    arguments.evaluator.reporter().fail_with(arguments.evaluator.session.size_notes(arguments.sources(name, i)),
                                             Kind::bad_size, arguments.place(name), values[i]);
  }
}

// An image and a kernel that do not go together, by these axes of theirs.
[[noreturn]] void convolution_mismatch(Arguments& arguments, const std::vector<Value*>& values) {
  const Session& session = arguments.evaluator.session;
  std::vector<Note> notes = join_notes({session.size_notes(values[0], 0), session.size_notes(values[1], 1)});
  arguments.evaluator.reporter().fail_with(notes, Kind::convolution_mismatch, arguments.place("x"),
                                           nnc::to_string(values[0]->type.shape),
                                           nnc::to_string(values[1]->type.shape));
}

// A window that reaches further than axis `axis` of x and its padding; `sources`: of its size.
[[noreturn]] void window_too_large(Arguments& arguments, std::int64_t reach, std::int64_t size, std::size_t axis,
                                   const Value* x, const SizeSources& sources) {
  const Session& session = arguments.evaluator.session;
  std::vector<Note> notes =
      join_notes({session.size_notes(sources), session.size_notes(x, static_cast<std::int64_t>(axis))});
  arguments.evaluator.reporter().fail_with(notes, Kind::window_too_large, arguments.place("x"), reach, size, axis);
}

// The plan has kernels for one and two axes.
void check_axes(Arguments& arguments, const char* what, std::size_t axes) {
  if (axes > 2) arguments.evaluator.reporter().fail(Kind::unsupported_axes, arguments.place("x"), what, axes);
}

std::string spatial_letters(std::size_t count) { return std::string("0123456789").substr(0, count); }

std::vector<Value*> image_and_weight(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values =
      evaluator.tensors({&arguments.get("x"), &arguments.get("w")}, {arguments.place("x"), arguments.place("w")});
  const Shape& x = values[0]->type.shape;
  const Shape& w = values[1]->type.shape;
  if (x.size() < 2 || w.size() != x.size() + 1 || x.size() > 8) {
    evaluator.reporter().fail_with(evaluator.session.shape_notes(values[0]), Kind::convolution_mismatch,
                                   arguments.place("x"), nnc::to_string(x), nnc::to_string(w));
  }
  check_axes(arguments, "a convolution", x.size() - 1);
  return values;
}

Datum convolve(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values = image_and_weight(arguments);
  const Shape& x = values[0]->type.shape;
  const Shape& w = values[1]->type.shape;
  std::size_t axes = x.size() - 1;
  std::vector<std::int64_t> stride = arguments.per_axis("stride", 1, axes),
                            dilation = arguments.per_axis("dilation", 1, axes),
                            pad = arguments.per_axis("pad", 0, axes), low(axes), high(axes);
  std::int64_t groups = arguments.integer("groups", 1);
  check_positive(arguments, "stride", stride, 1);
  check_positive(arguments, "dilation", dilation, 1);
  check_positive(arguments, "pad", pad, kSamePadding);
  if (groups < 1 || x[0] % groups != 0 || w[0] % groups != 0 || w[1] != x[0] / groups) {
    convolution_mismatch(arguments, values);
  }
  for (std::size_t i = 0; i < axes; ++i) {
    std::int64_t reach = (w[i + 2] - 1) * dilation[i] + 1;
    padding(pad[i], x[i + 1], reach, stride[i], low[i], high[i]);
    if (x[i + 1] + low[i] + high[i] < reach) {
      const std::int64_t axis = static_cast<std::int64_t>(i) + 2;
      SizeSources sources = arguments.sources("dilation", i);
      add_sources(sources, arguments.sources("pad", i));
      add_sources(sources, {{{}, w[i + 2], values[1], axis}});
      window_too_large(arguments, reach, x[i + 1] + low[i] + high[i], i + 1, values[0], sources);
    }
  }
  evaluator.at(arguments.span);
  std::string letters = spatial_letters(axes);
  Attributes attribute_values = attributes({{"x_axes", "c" + letters},
                                            {"y_axes", "c" + letters},
                                            {"w_axes", "oi" + letters},
                                            {"stride", stride},
                                            {"input_dilation", std::vector<std::int64_t>(axes, 1)},
                                            {"window_dilation", dilation},
                                            {"pad_low", low},
                                            {"pad_high", high},
                                            {"groups", groups},
                                            {"batch_groups", std::int64_t{1}}});
  return Datum::of(evaluator.session.op("convolution", values, attribute_values));
}

// y[o, stride · i + k] += x[c, i] · w[o, c, k]: a convolution of x, spread out by the stride, with w turned round.
Datum convolve_transpose(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  std::vector<Value*> values = image_and_weight(arguments);
  const Shape x = values[0]->type.shape;
  const Shape w = values[1]->type.shape;
  std::size_t axes = x.size() - 1;
  std::vector<std::int64_t> stride = arguments.per_axis("stride", 1, axes), border(axes), spatial;
  check_positive(arguments, "stride", stride, 1);
  if (w[1] != x[0]) convolution_mismatch(arguments, values);
  for (std::size_t i = 0; i < axes; ++i) {
    border[i] = w[i + 2] - 1;
    spatial.push_back(static_cast<std::int64_t>(i) + 2);
  }
  evaluator.at(arguments.span);
  std::string letters = spatial_letters(axes);
  std::vector<std::int64_t> ones(axes, 1);
  Value* turned = evaluator.session.op("reverse", {values[1]}, attributes({{"axes", spatial}}));
  Attributes attribute_values = attributes({{"x_axes", "c" + letters},
                                            {"y_axes", "c" + letters},
                                            {"w_axes", "oi" + letters},
                                            {"stride", ones},
                                            {"input_dilation", stride},
                                            {"window_dilation", ones},
                                            {"pad_low", border},
                                            {"pad_high", border},
                                            {"groups", std::int64_t{1}},
                                            {"batch_groups", std::int64_t{1}}});
  return Datum::of(evaluator.session.op("convolution", {values[0], turned}, attribute_values));
}

Datum pool(Arguments& arguments, const char* primitive) {
  Evaluator& evaluator = arguments.evaluator;
  Value* x = arguments.tensor("x");
  const Shape& shape = x->type.shape;
  if (shape.size() < 2) {
    evaluator.reporter().fail_with(evaluator.session.shape_notes(x), Kind::no_such_axis, arguments.place("x"), 1,
                                   shape.size());
  }
  std::size_t axes = shape.size() - 1;
  std::vector<std::int64_t> size = arguments.per_axis("size", 1, axes), pad = arguments.per_axis("pad", 0, axes);
  std::vector<std::int64_t> stride = arguments.has("stride") ? arguments.per_axis("stride", 1, axes) : size;
  check_positive(arguments, "size", size, 1);
  check_positive(arguments, "stride", stride, 1);
  check_positive(arguments, "pad", pad, kSamePadding);
  std::vector<std::int64_t> low(axes), high(axes);
  for (std::size_t i = 0; i < axes; ++i) {
    padding(pad[i], shape[i + 1], size[i], stride[i], low[i], high[i]);
    if (shape[i + 1] + low[i] + high[i] < size[i]) {
      window_too_large(arguments, size[i], shape[i + 1] + low[i] + high[i], i + 1, x, arguments.sources("size", i));
    }
  }
  std::size_t windowed = 0;
  for (std::size_t i = 0; i < axes; ++i) windowed += size[i] != 1 || stride[i] != 1 || low[i] != 0 || high[i] != 0;
  check_axes(arguments, "a window", windowed);
  // The channels are axis 0: untouched.
  size.insert(size.begin(), 1);
  stride.insert(stride.begin(), 1);
  low.insert(low.begin(), 0);
  high.insert(high.begin(), 0);
  evaluator.at(arguments.span);
  Attributes attribute_values = attributes({{"window", size},
                                            {"stride", stride},
                                            {"dilation", std::vector<std::int64_t>(size.size(), 1)},
                                            {"pad_low", low},
                                            {"pad_high", high}});
  return Datum::of(evaluator.session.op(primitive, {x}, attribute_values));
}

Datum contract(Arguments& arguments) {
  Evaluator& evaluator = arguments.evaluator;
  const Datum& spec = arguments.get("spec");
  if (!spec.is(DatumKind::Text)) {
    evaluator.reporter().fail(Kind::wrong_kind, arguments.place("spec"), "contract", "text", "spec",
                              evaluator.describe(spec));
  }
  std::vector<Value*> values =
      evaluator.tensors({&arguments.get("a"), &arguments.get("b")}, {arguments.place("a"), arguments.place("b")});
  evaluator.at(arguments.span);
  return Datum::of(evaluator.session.op("contraction", values, attributes({{"spec", spec.text}})));
}

Datum uniform(Arguments& arguments) {
  Shape dims = arguments.integers("dims");
  check_positive(arguments, "dims", dims, 1);
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
  SignatureParam stride = optional("stride", "ints"), pad = optional("pad", "ints");
  Signature window = {{input("x"), setting("size", "ints"), stride, pad}};
  Signature loop = {
      {input("xs"), setting("f", "op"), optional_input("length"), optional("carry", "flag")}, false, true};
  return {
      {"convolve",
       {{input("x"), input("w"), stride, optional("dilation", "ints"), pad, optional("groups", "int")}},
       convolve},
      {"convolve_transpose", {{input("x"), input("w"), stride}}, convolve_transpose},
      {"pool_max", window, [](Arguments& arguments) { return pool(arguments, "window_max"); }},
      {"pool_sum", window, [](Arguments& arguments) { return pool(arguments, "window_sum"); }},
      {"contract", {{setting("spec", "text"), input("a"), input("b")}}, contract},
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
  };
}

}  // namespace nnc::semantics
