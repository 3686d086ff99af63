// Convolutions, pooling and padding of the prelude against their definitions, written as loops over three axes; images
// and sequences are volumes whose first axes have one place.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;
using Places = std::array<std::int64_t, 3>;

// [channels, planes, rows, columns]; the same number of a setting for each axis unless given.
struct Volume {
  std::int64_t channels = 1;
  Places size{1, 1, 1};
  Numbers data;

  Volume(std::int64_t channel_count, Places extents, double value = 0)
      : channels(channel_count),
        size(extents),
        data(static_cast<std::size_t>(channel_count * extents[0] * extents[1] * extents[2]), value) {}

  bool holds(const Places& at) const {
    for (std::size_t i = 0; i < 3; ++i) {
      if (at[i] < 0 || at[i] >= size[i]) return false;
    }
    return true;
  }
  double& at(std::int64_t channel, const Places& place) {
    return data[static_cast<std::size_t>(((channel * size[0] + place[0]) * size[1] + place[1]) * size[2] + place[2])];
  }
};

void for_places(const Places& size, const std::function<void(const Places&)>& function) {
  for (std::int64_t a = 0; a < size[0]; ++a) {
    for (std::int64_t b = 0; b < size[1]; ++b) {
      for (std::int64_t c = 0; c < size[2]; ++c) function({a, b, c});
    }
  }
}

Places join(const Places& a, const Places& b, const std::function<std::int64_t(std::int64_t, std::int64_t)>& f) {
  return {f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2])};
}
Places sum(const Places& a, const Places& b) { return join(a, b, std::plus<std::int64_t>()); }
Places product(const Places& a, const Places& b) { return join(a, b, std::multiplies<std::int64_t>()); }
Places difference(const Places& a, const Places& b) { return join(a, b, std::minus<std::int64_t>()); }

struct Form {
  Places k, stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};
  std::int64_t groups = 1;
};

// Calls function(output channel, input channel, place of the weight, tap) for every weight.
void for_weights(const Form& form, std::int64_t outputs, std::int64_t inputs,
                 const std::function<void(std::int64_t, std::int64_t, std::size_t, const Places&)>& function) {
  const std::int64_t group_inputs = inputs / form.groups, group_outputs = outputs / form.groups;
  std::size_t at = 0;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < group_inputs; ++i) {
      for_places(form.k, [&](const Places& tap) { function(o, o / group_outputs * group_inputs + i, at++, tap); });
    }
  }
}

// A program of one model whose only value is `body` of x; its result for some x and parameters (the bias is 0).
struct Outcome {
  Volume x;
  Numbers weight, y;
};
Outcome run(Volume x, const std::string& shape, const std::string& result, const std::string& body) {
  auto program = elaborate_text("model M(x: f32[" + shape + "]) -> (y: f32[" + result + "]) { y = x |> " + body + " }");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  auto states = some_states(graph, 1);
  Numbers weight;
  for (auto& [name, value] : states) {
    if (name.find("weight") != std::string::npos) weight = value.floats();
    if (name.find("bias") != std::string::npos) value = Tensor::zeros(value.type);
  }
  const Tensor input = some_tensor(graph.inputs[0]->type, 5);
  x.data = input.floats();
  return {x, weight, evaluate(graph, {{"x", input}}, states).outputs.at("y").floats()};
}

void check_convolution(Volume x, Volume y, const Form& form, const std::string& shape, const std::string& result,
                       const std::string& body) {
  CAPTURE(body);
  Outcome found = run(x, shape, result, body);
  for_weights(form, y.channels, x.channels, [&](std::int64_t o, std::int64_t i, std::size_t weight, const Places& tap) {
    for_places(y.size, [&](const Places& place) {
      const Places from = difference(sum(product(place, form.stride), product(tap, form.dilation)), form.pad);
      if (found.x.holds(from)) y.at(o, place) += found.weight[weight] * found.x.at(i, from);
    });
  });
  check_close(found.y, y.data);
}

TEST_CASE("convolutions over one, two and three axes") {
  check_convolution({4, {4, 5, 6}}, {6, {4, 3, 4}}, {{3, 2, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 0}, 2}, "4, 4, 5, 6",
                    "6, 4, 3, 4", "conv(6, kernel: [3, 2, 3], stride: [1, 2, 1], pad: [1, 1, 0], groups: 2)");
  check_convolution(
      {2, {5, 4, 4}}, {3, {3, 4, 3}}, {{3, 1, 3}, {2, 1, 1}, {1, 1, 2}, {1, 0, 1}, 1}, "2, 5, 4, 4", "3, 3, 4, 3",
      "conv(3, kernel: [3, 1, 3], stride: [2, 1, 1], dilation: [1, 1, 2], pad: [1, 0, 1], pad_end: [1, 0, "
      "2])");
  check_convolution({3, {3, 4, 5}}, {3, {3, 4, 5}}, {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 3}, "3, 3, 4, 5",
                    "3, 3, 4, 5", "conv(3, kernel: 3, pad: same, groups: 3)");
  check_convolution({2, {1, 1, 7}}, {3, {1, 1, 7}}, {{1, 1, 3}, {1, 1, 1}, {1, 1, 2}, {0, 0, 4}, 1}, "2, 7", "3, 7",
                    "conv(3, kernel: 3, dilation: 2, pad: 4, pad_end: 0)");
}

void check_transposed(Volume x, Volume y, const Form& form, const std::string& shape, const std::string& result,
                      const std::string& body) {
  CAPTURE(body);
  Outcome found = run(x, shape, result, body);
  for_weights(form, y.channels, x.channels, [&](std::int64_t o, std::int64_t i, std::size_t weight, const Places& tap) {
    for_places(x.size, [&](const Places& place) {
      const Places to = difference(sum(product(place, form.stride), product(tap, form.dilation)), form.pad);
      if (y.holds(to)) y.at(o, to) += found.weight[weight] * found.x.at(i, place);
    });
  });
  check_close(found.y, y.data);
}

TEST_CASE("transposed convolutions: padding leaves cells out, output_pad adds some") {
  check_transposed({4, {3, 2, 4}}, {2, {5, 4, 9}}, {{3, 2, 3}, {2, 2, 2}, {1, 1, 1}, {1, 0, 0}, 2}, "4, 3, 2, 4",
                   "2, 5, 4, 9", "conv_transpose(2, kernel: [3, 2, 3], stride: 2, pad: [1, 0, 0], groups: 2)");
  check_transposed({2, {1, 4, 3}}, {3, {1, 8, 9}}, {{1, 3, 3}, {1, 2, 3}, {1, 1, 1}, {0, 1, 1}, 1}, "2, 4, 3",
                   "3, 8, 9", "conv_transpose(3, kernel: 3, stride: [2, 3], pad: 1, output_pad: [1, 2])");
  check_transposed({2, {1, 4, 3}}, {3, {1, 8, 9}}, {{1, 3, 2}, {1, 2, 3}, {1, 1, 1}, {0, 0, 0}, 1}, "2, 4, 3",
                   "3, 8, 9", "conv_transpose(3, kernel: [3, 2], stride: [2, 3], pad: same)");
  check_transposed({2, {1, 1, 5}}, {1, {1, 1, 10}}, {{1, 1, 3}, {1, 1, 2}, {1, 1, 2}, {0, 0, 1}, 1}, "2, 5", "1, 10",
                   "conv_transpose(1, kernel: 3, stride: 2, dilation: 2, pad: 1, pad_end: 2)");
}

// Each result is `combine` of the places that its window holds; padding is left out.
void check_pooling(Volume x, Volume y, const Form& form, const std::string& shape, const std::string& result,
                   const std::string& body, const std::function<double(const Numbers&)>& combine) {
  CAPTURE(body);
  Outcome found = run(x, shape, result, body);
  for (std::int64_t channel = 0; channel < y.channels; ++channel) {
    for_places(y.size, [&](const Places& place) {
      Numbers values;
      for_places(form.k, [&](const Places& tap) {
        const Places from = difference(sum(product(place, form.stride), product(tap, form.dilation)), form.pad);
        if (found.x.holds(from)) values.push_back(found.x.at(channel, from));
      });
      y.at(channel, place) = combine(values);
    });
  }
  check_close(found.y, y.data);
}

double total(const Numbers& values) {
  double result = 0;
  for (double value : values) result += value;
  return result;
}
double mean(const Numbers& values) { return total(values) / static_cast<double>(values.size()); }
double largest(const Numbers& values) { return *std::max_element(values.begin(), values.end()); }

TEST_CASE("pooling with stride, dilation and padding, which a mean counts or not") {
  check_pooling({2, {4, 5, 6}}, {2, {3, 2, 5}}, {{2, 3, 2}, {1, 2, 1}, {1, 1, 1}, {0, 0, 0}, 1}, "2, 4, 5, 6",
                "2, 3, 2, 5", "max_pool([2, 3, 2], stride: [1, 2, 1])", largest);
  check_pooling({2, {1, 7, 6}}, {2, {1, 4, 5}}, {{1, 3, 2}, {1, 2, 1}, {1, 1, 2}, {0, 1, 0}, 1}, "2, 7, 6", "2, 4, 5",
                "max_pool([3, 2], stride: [2, 1], dilation: [1, 2], pad: [1, 0], pad_end: [1, 1])", largest);
  const Form padded{{1, 3, 2}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, 1};
  check_pooling({2, {1, 7, 6}}, {2, {1, 4, 4}}, padded, "2, 7, 6", "2, 4, 4", "avg_pool([3, 2], stride: 2, pad: 1)",
                [](const Numbers& values) { return total(values) / 6; });
  check_pooling({2, {1, 7, 6}}, {2, {1, 4, 4}}, padded, "2, 7, 6", "2, 4, 4",
                "avg_pool([3, 2], stride: 2, pad: 1, count_pad: false)", mean);
  check_pooling({3, {2, 3, 4}}, {3, {1, 1, 1}}, {{2, 3, 4}}, "3, 2, 3, 4", "3", "global_max_pool", largest);
  check_pooling({3, {2, 3, 4}}, {3, {1, 1, 1}}, {{2, 3, 4}}, "3, 2, 3, 4", "3", "global_avg_pool", mean);
}

// Cell i of n covers the places from floor(i N / n) to ceil((i + 1) N / n).
void check_adaptive(Volume x, Volume y, const std::string& shape, const std::string& result, const std::string& size) {
  for (const bool maximum : {false, true}) {
    const std::string body = std::string(maximum ? "adaptive_max_pool(" : "adaptive_avg_pool(") + size + ")";
    CAPTURE(body);
    Outcome found = run(x, shape, result, body);
    for (std::int64_t channel = 0; channel < y.channels; ++channel) {
      for_places(y.size, [&](const Places& cell) {
        Numbers values;
        for_places(x.size, [&](const Places& place) {
          for (std::size_t i = 0; i < 3; ++i) {
            const double width = static_cast<double>(x.size[i]) / static_cast<double>(y.size[i]);
            const double begin = std::floor(static_cast<double>(cell[i]) * width);
            const double end = std::ceil(static_cast<double>(cell[i] + 1) * width);
            const double at = static_cast<double>(place[i]);
            if (at < begin || at >= end) return;
          }
          values.push_back(found.x.at(channel, place));
        });
        y.at(channel, cell) = maximum ? largest(values) : mean(values);
      });
    }
    check_close(found.y, y.data);
  }
}

TEST_CASE("adaptive pooling to a size, that divides or not, smaller or larger") {
  check_adaptive({2, {1, 1, 7}}, {2, {1, 1, 3}}, "2, 7", "2, 3", "3");
  check_adaptive({2, {1, 5, 8}}, {2, {1, 3, 4}}, "2, 5, 8", "2, 3, 4", "[3, 4]");
  check_adaptive({2, {4, 3, 5}}, {2, {3, 1, 8}}, "2, 4, 3, 5", "2, 3, 1, 8", "[3, 1, 8]");
}

// The place that a padded place shows, or -1 for a constant.
using Shown = std::function<std::int64_t(std::int64_t place, std::int64_t size)>;

void check_padding(const std::string& mode, const Shown& shown) {
  CAPTURE(mode);
  Outcome found = run({2, {1, 4, 5}}, "2, 4, 5", "2, 9, 7", "pad_with([0, 3, 0], end: [0, 2, 2], " + mode + ")");
  Volume y(2, {1, 9, 7});
  for (std::int64_t channel = 0; channel < 2; ++channel) {
    for_places(y.size, [&](const Places& place) {
      const Places from{0, shown(place[1] - 3, 4), shown(place[2], 5)};
      y.at(channel, place) = found.x.holds(from) ? found.x.at(channel, from) : 0.25;
    });
  }
  check_close(found.y, y.data);
}

TEST_CASE("what padding shows: a constant, the edge, a mirror, the other end") {
  check_padding("value: 0.25", [](std::int64_t place, std::int64_t) { return place; });
  check_padding("mode: \"edge\"", [](std::int64_t place, std::int64_t size) {
    return std::min(std::max<std::int64_t>(place, 0), size - 1);
  });
  check_padding("mode: \"reflect\"",
                [](std::int64_t place, std::int64_t size) { return size - 1 - std::abs(size - 1 - std::abs(place)); });
  check_padding("mode: \"wrap\"", [](std::int64_t place, std::int64_t size) { return (place + size) % size; });
}

// What PyTorch 2.15 gives for `fingerprint(function(x, w))` in double, where
//
//   def t(*s): return (torch.arange(math.prod(s), dtype=torch.float64) * 37 % 101 / 50 - 1).reshape(s)
//   def fingerprint(y): return (y.flatten() * torch.arange(1, y.numel() + 1)).sum()
//
// x = t(1, *the model's input), and w = t(*our weight); for a transposed convolution, of which PyTorch has the inputs
// before the outputs of a group, w.reshape(groups, outputs, inputs, ...).transpose(1, 2).flatten(0, 1).
void check_figure(const std::string& x, std::int64_t results, const std::string& body, double figure) {
  CAPTURE(body);
  auto program = elaborate_text("model M(x: f32[" + x + "]) -> (y: f32[" + std::to_string(results) + "]) { y = x |> " +
                                body + " |> flatten }");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  const auto numbers = [](const Type& type) {
    Tensor tensor = Tensor::zeros(type);
    for (std::size_t i = 0; i < tensor.floats().size(); ++i) {
      tensor.floats()[i] = static_cast<double>(i * 37 % 101) / 50 - 1;
    }
    return tensor;
  };
  std::map<std::string, Tensor> states;
  for (const State& state : graph.states) states[state.name] = numbers(state.value->type);
  const Tensor y = evaluate(graph, {{"x", numbers(graph.inputs[0]->type)}}, states).outputs.at("y");
  double sum = 0;
  for (std::int64_t i = 0; i < results; ++i) sum += static_cast<double>(i + 1) * y.at(i);
  CHECK(sum == doctest::Approx(figure).epsilon(1e-9));
}

TEST_CASE("the figures of PyTorch") {
  // conv3d(x, w, stride=(1, 2, 1), padding=(1, 0, 2), dilation=(2, 1, 1), groups=2)
  check_figure("4, 5, 6, 7", 6 * 3 * 3 * 9,
               "conv(6, kernel: [3, 2, 3], stride: [1, 2, 1], pad: [1, 0, 2], dilation: [2, 1, 1], groups: 2, "
               "bias: false)",
               -502.2052);
  // conv_transpose2d(x, w, stride=(2, 3), padding=1, output_padding=(1, 2), groups=2)
  check_figure("4, 5, 6", 6 * 10 * 18,
               "conv_transpose(6, kernel: 3, stride: [2, 3], pad: 1, output_pad: [1, 2], groups: 2, bias: false)",
               3127.0844);
  // conv_transpose3d(x, w, stride=2, padding=(0, 1, 1), output_padding=(0, 1, 0), dilation=(2, 1, 1))
  check_figure(
      "4, 5, 6, 7", 3 * 11 * 12 * 12,
      "conv_transpose(3, kernel: [2, 3, 2], stride: 2, dilation: [2, 1, 1], pad: [0, 1, 1], output_pad: [0, 1, "
      "0], bias: false)",
      6124.9296);
  // adaptive_avg_pool3d(x, (3, 4, 5)), adaptive_max_pool2d(x, (3, 4))
  check_figure("4, 5, 6, 7", 4 * 3 * 4 * 5, "adaptive_avg_pool([3, 4, 5])", 98.6316666666665);
  check_figure("4, 7, 5", 4 * 3 * 4, "adaptive_max_pool([3, 4])", 941.16);
  // max_pool3d(x, (2, 3, 3), stride=(1, 2, 2), padding=(1, 1, 1), dilation=(2, 1, 1))
  check_figure("4, 5, 6, 7", 4 * 5 * 3 * 4, "max_pool([2, 3, 3], stride: [1, 2, 2], pad: 1, dilation: [2, 1, 1])",
               25304.14);
  // avg_pool2d(x, 3, stride=2, padding=1), and with count_include_pad=False
  check_figure("4, 7, 5", 4 * 4 * 3, "avg_pool(3, stride: 2, pad: 1)", 9.46888888888889);
  check_figure("4, 7, 5", 4 * 4 * 3, "avg_pool(3, stride: 2, pad: 1, count_pad: false)", 32.7888888888889);
  // pad(x, (2, 1, 0, 3), mode="reflect"), "replicate", "circular"
  check_figure("4, 7, 5", 4 * 10 * 8, "pad_with([0, 0, 2], end: [0, 3, 1], mode: \"reflect\")", 168.68);
  check_figure("4, 7, 5", 4 * 10 * 8, "pad_with([0, 0, 2], end: [0, 3, 1], mode: \"edge\")", 3071.08);
  check_figure("4, 7, 5", 4 * 10 * 8, "pad_with([0, 0, 2], end: [0, 3, 1], mode: \"wrap\")", 1485.84);
}

}  // namespace
}  // namespace nnc
