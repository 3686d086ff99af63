// The normalisations of the prelude against their published formulas, written as loops.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "compiler/passes/passes.h"
#include "tests/elaborate/support.h"

namespace nnc {
namespace {

using Numbers = std::vector<double>;

// `y = x |> operation` for some x of channels, rows and columns, and some parameters.
constexpr std::int64_t kChannels = 6, kRows = 4, kColumns = 5, kPlaces = kRows * kColumns;
struct Outcome {
  Tensor x;
  std::map<std::string, Tensor> states;
  Numbers y;

  explicit Outcome(const std::string& operation) {
    auto program = elaborate_text("model M(x: f32[6, 4, 5]) -> (y: f32[6, 4, 5]) { y = x |> " + operation + " }\n");
    REQUIRE_MESSAGE(program->program.has_value(), program->errors());
    const Graph& graph = program->model().forward;
    states = some_states(graph, 1);
    x = some_tensor({ElementType::F32, {kChannels, kRows, kColumns}}, 3);
    // Neither mean 0 nor variance 1.
    for (double& value : x.floats()) value = 2 * value + 0.75;
    y = evaluate(graph, {{"x", x}}, states).outputs.at("y").floats();
  }
  double state(const std::string& path, std::int64_t i) const { return states.at(path).at(i); }
};

struct Moments {
  double mean = 0;
  double variance = 0;
};
// Of the elements from begin to end.
Moments moments_of(const Numbers& x, std::int64_t begin, std::int64_t end) {
  Moments moments;
  const double count = static_cast<double>(end - begin);
  for (std::int64_t i = begin; i < end; ++i) moments.mean += x[static_cast<std::size_t>(i)] / count;
  for (std::int64_t i = begin; i < end; ++i) {
    moments.variance += std::pow(x[static_cast<std::size_t>(i)] - moments.mean, 2) / count;
  }
  return moments;
}

// Each run of `size` elements standardised, then scaled and shifted by the parameter of the place that `which` says.
template <class Which>
Numbers standardized(const Outcome& outcome, const std::string& name, std::int64_t size, const Which& which) {
  Numbers y;
  for (std::int64_t i = 0; i < kChannels * kPlaces; ++i) {
    const Moments moments = moments_of(outcome.x.floats(), i / size * size, i / size * size + size);
    y.push_back((outcome.x.at(i) - moments.mean) / std::sqrt(moments.variance + 1e-5) *
                    outcome.state(name + ".scale", which(i)) +
                outcome.state(name + ".shift", which(i)));
  }
  return y;
}

TEST_CASE("layer, instance and group normalisation differ in what has mean 0 and variance 1") {
  const auto channel = [](std::int64_t i) { return i / kPlaces; };
  const auto column = [](std::int64_t i) { return i % kColumns; };
  const Outcome layer("layer_norm"), instance("instance_norm"), group("group_norm(2)"), each("group_norm(6)");
  check_close(layer.y, standardized(layer, "layer_norm", kColumns, column));
  check_close(instance.y, standardized(instance, "instance_norm", kPlaces, channel));
  check_close(group.y, standardized(group, "group_norm", 3 * kPlaces, channel));
  // Groups of one channel are instances.
  check_close(each.y, standardized(each, "group_norm", kPlaces, channel));
}

TEST_CASE("rms_norm divides by the root of the mean square of the last axis") {
  const Outcome outcome("rms_norm");
  Numbers expected;
  for (std::int64_t i = 0; i < kChannels * kPlaces; ++i) {
    double squares = 0;
    for (std::int64_t k = 0; k < kColumns; ++k) squares += std::pow(outcome.x.at(i / kColumns * kColumns + k), 2);
    expected.push_back(outcome.x.at(i) / std::sqrt(squares / kColumns + 1e-5) *
                       outcome.state("rms_norm.scale", i % kColumns));
  }
  check_close(outcome.y, expected);
}

TEST_CASE("local response normalisation sums the squares of the nearest channels") {
  for (const std::int64_t size : {1, 3, 4, 5}) {
    CAPTURE(size);
    const Outcome outcome("local_response_norm(size: " + std::to_string(size) + ", k: 1.5, alpha: 0.3, beta: 0.6)");
    Numbers expected;
    for (std::int64_t i = 0; i < kChannels; ++i) {
      for (std::int64_t place = 0; place < kPlaces; ++place) {
        double squares = 0;
        const std::int64_t first = std::max<std::int64_t>(0, i - size / 2);
        const std::int64_t end = std::min(kChannels, i - size / 2 + size);
        for (std::int64_t j = first; j < end; ++j) squares += std::pow(outcome.x.at(j * kPlaces + place), 2);
        expected.push_back(outcome.x.at(i * kPlaces + place) / std::pow(1.5 + 0.3 * squares, 0.6));
      }
    }
    check_close(outcome.y, expected);
  }
}

// A field of channels on three axes, some of size 1, and a window on them.
struct Field {
  std::int64_t channels;
  std::array<std::int64_t, 3> size;
  std::array<std::int64_t, 3> window;

  std::int64_t places() const { return size[0] * size[1] * size[2]; }
  std::array<std::int64_t, 3> position(std::int64_t place) const {
    return {place / (size[1] * size[2]), place / size[2] % size[1], place % size[2]};
  }
  // The mean of value(element) around a place, over all channels, weighed by weight(square of the distance).
  template <class Value, class Weight>
  double around(std::int64_t place, const Weight& weight, const Value& value) const {
    double sum = 0, weights = 0;
    for (std::int64_t other = 0; other < places(); ++other) {
      double distance = 0;
      bool is_inside = true;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const std::int64_t away = position(other)[axis] - position(place)[axis];
        is_inside = is_inside && std::abs(away) <= window[axis] / 2;
        distance += static_cast<double>(away * away);
      }
      for (std::int64_t channel = 0; is_inside && channel < channels; ++channel) {
        sum += weight(distance) * value(channel * places() + other);
        weights += weight(distance);
      }
    }
    return sum / weights;
  }
};

// `y = x |> local_contrast_norm(settings)` of some x of that shape.
template <class Weight>
void check_contrast(const std::string& shape, const std::string& settings, const Field& field, const Weight& weight) {
  CAPTURE(settings);
  auto program = elaborate_text("model M(x: f32" + shape + ") -> (y: f32" + shape +
                                ") { y = x |> local_contrast_norm(" + settings + ") }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Graph& graph = program->model().forward;
  const Tensor x = some_tensor(graph.inputs[0]->type, 3);
  const Numbers y = evaluate(graph, {{"x", x}}, {}).outputs.at("y").floats();

  const std::int64_t count = field.channels * field.places();
  Numbers rest, deviation, expected;
  for (std::int64_t i = 0; i < count; ++i) {
    rest.push_back(x.at(i) - field.around(i % field.places(), weight, [&](std::int64_t k) { return x.at(k); }));
  }
  double mean = 0;
  for (std::int64_t place = 0; place < field.places(); ++place) {
    const auto square = [&](std::int64_t k) { return std::pow(rest[static_cast<std::size_t>(k)], 2); };
    deviation.push_back(std::sqrt(field.around(place, weight, square)));
    mean += deviation.back() / static_cast<double>(field.places());
  }
  std::int64_t below = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double here = deviation[static_cast<std::size_t>(i % field.places())];
    below += here < mean ? 1 : 0;
    expected.push_back(rest[static_cast<std::size_t>(i)] / std::max(here, mean));
  }
  check_close(y, expected);
  // Both cases of the divisor were seen.
  CHECK(below > 0);
  CHECK(below < count);
}

TEST_CASE("local contrast normalisation takes the mean around away and divides by the deviation around") {
  const auto gaussian = [](double std) {
    return [std](double distance) { return std::exp(-distance / (2 * std * std)); };
  };
  check_contrast("[6, 4, 5]", "size: 3", {6, {1, 4, 5}, {1, 3, 3}}, gaussian(0.75));
  check_contrast("[6, 4, 5]", "size: [3, 5], window: gaussian_window(std: 0.8)", {6, {1, 4, 5}, {1, 3, 5}},
                 gaussian(0.8));
  check_contrast("[3, 12]", "size: 5, window: ones", {3, {1, 1, 12}, {1, 1, 5}}, [](double) { return 1.0; });
  check_contrast("[2, 3, 4, 5]", "size: [3, 1, 5], window: gaussian_window(std: 1.5)", {2, {3, 4, 5}, {3, 1, 5}},
                 gaussian(1.5));
}

TEST_CASE("an even image has no contrast") {
  auto program = elaborate_text("model M(x: f32[2, 12, 12]) -> (y: f32[2, 12, 12]) { y = x |> local_contrast_norm }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  const Tensor x = Tensor::filled({ElementType::F32, {2, 12, 12}}, 3);
  const Numbers y = evaluate(program->model().forward, {{"x", x}}, {}).outputs.at("y").floats();
  for (const double value : y) CHECK(std::abs(value) < 1e-6);
}

TEST_CASE("batch_norm keeps the variance of the population, m / (m - 1) times the batch's") {
  constexpr std::int64_t kBatch = 3, kLength = 4, kCount = kBatch * kLength;
  auto program = elaborate_text(
      "model M(x: f32[2, 4]) -> (y: f32[2, 4]) { y = x |> batch_norm(rate: 0.25) }\n"
      "train M { input target: f32[2, 4]; minimize mse(y, target); with sgd(rate: 1); batch 3 }\n");
  REQUIRE_MESSAGE(program->program.has_value(), program->errors());
  Graph step = program->stage().step.clone();
  add_batch(step, kBatch);
  Diagnostics diagnostics;
  differentiate(step, diagnostics);
  const Tensor x = some_tensor({ElementType::F32, {kBatch, 2, kLength}}, 5);
  std::map<std::string, Tensor> inputs{{"x", x}};
  for (const Value* input : step.inputs) {
    inputs.emplace(input->producer->attributes.text("name"), Tensor::zeros(input->type));
  }
  std::map<std::string, Tensor> states = some_states(step, 1);
  const std::map<std::string, Tensor> next = evaluate(step, inputs, states).next_states;
  for (std::int64_t channel = 0; channel < 2; ++channel) {
    Numbers values;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      for (std::int64_t k = 0; k < kLength; ++k) values.push_back(x.at((2 * i + channel) * kLength + k));
    }
    const Moments moments = moments_of(values, 0, kCount);
    const double population = moments.variance * kCount / (kCount - 1);
    const auto moved = [&](const std::string& path, double value) {
      CHECK(next.at(path).at(channel) == doctest::Approx(0.75 * states.at(path).at(channel) + 0.25 * value));
    };
    moved("batch_norm.running_mean", moments.mean);
    moved("batch_norm.running_var", population);
  }
}

}  // namespace
}  // namespace nnc
